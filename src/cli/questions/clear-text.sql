-- clear-text: servers that talk in protocols without encryption
--
-- By what the first bytes of a stream are, whatever the port: HTTP, SMTP or FTP, POP3, IMAP, Redis, Telnet, SIP,
-- IRC. Only streams whose beginning is there. Where payload stayed in the capture (ingest --payload reference) it is
-- read there: by `seine ask`, and by other clients with seine.so and seine_files.so.
--
-- Of all flows the payload is walked as it lies; of some of them each stream is looked up.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: with this address on either side; 10.0.0.0/8 is a network
-- --limit N = 20: at most so many rows

WITH chosen AS MATERIALIZED (
    SELECT flow_id
      FROM flows
     WHERE protocol IN ('tcp', 'udp') AND client_bytes + server_bytes > 0
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
       AND (client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
            OR server_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last)) -- if address
), sides (side) AS (
    VALUES (0), (1)
), large (stream_id) AS ( -- the streams that have rows in chunk_data, one look-up each
    SELECT min(stream_id) FROM chunk_data
     UNION ALL
    SELECT (SELECT min(d.stream_id) FROM chunk_data AS d WHERE d.stream_id > large.stream_id)
      FROM large
     WHERE stream_id IS NOT NULL
), opened (flow_id, side, opening) AS (
    SELECT NULL, NULL, NULL WHERE false
     UNION ALL -- if all
    SELECT stream_id >> 1, stream_id & 1, substr(data, 1, 8) FROM stream_data WHERE position = 0 -- if all
     UNION ALL -- if all
    SELECT l.stream_id >> 1, l.stream_id & 1, substr(d.data, 1, 8) -- if all
      FROM large AS l CROSS JOIN chunk_data AS d ON d.stream_id = l.stream_id AND d.position = 0 -- if all
     UNION ALL -- if some
    SELECT c.flow_id, s.side, substr(coalesce( -- if some
               (SELECT data FROM stream_data AS d WHERE d.stream_id = 2 * c.flow_id + s.side AND d.position = 0), -- if some
               (SELECT data FROM chunk_data AS d WHERE d.stream_id = 2 * c.flow_id + s.side AND d.position = 0), -- if some
               (SELECT evidence_bytes(g.evidence_id, g.file_offset, min(g.captured, 8)) -- if reference
                  FROM segments(2 * c.flow_id + s.side) AS g -- if reference
                 WHERE g.position = 0 AND g.captured > 0 AND g.fate IN ('kept', 'provisional', 'conflict') -- if reference
                 LIMIT 1), -- if reference
               NULL), 1, 8) -- if some
      FROM chosen AS c -- if some
     CROSS JOIN sides AS s -- if some
), heard AS MATERIALIZED ( -- what may be one of them
    SELECT flow_id, side, CAST(opening AS TEXT) AS words, hex(opening) AS digits
      FROM opened
     WHERE CAST(substr(opening, 1, 2) AS TEXT) IN (
               'GE', 'PO', 'HE', 'PU', 'DE', 'OP', 'PA', 'CO', 'HT', 'EH', 'Eh', 'eh', 'He', 'he', '22', '+O', '* ', '*1',
               '*2', '*3', '*4', '*5', '*6', '*7', '*8', '*9', 'IN', 'RE', 'SI', 'NI', 'CA', CAST(x'fffb' AS TEXT),
               CAST(x'fffc' AS TEXT), CAST(x'fffd' AS TEXT), CAST(x'fffe' AS TEXT))
), known AS MATERIALIZED (
    SELECT h.flow_id, min(CASE -- 'smtp' before 'smtp or ftp'
           WHEN side = 0 AND substr(words, 1, 4) IN ('GET ', 'POST', 'HEAD', 'PUT ', 'DELE', 'OPTI', 'PATC', 'CONN')
                OR words GLOB 'HTTP/*' THEN 'http'
           WHEN side = 0 AND upper(substr(words, 1, 5)) IN ('EHLO ', 'HELO ') THEN 'smtp'
           WHEN side = 1 AND words GLOB '220[- ]*' THEN CASE f.server_port
                WHEN 21 THEN 'ftp' WHEN 25 THEN 'smtp' WHEN 587 THEN 'smtp' ELSE 'smtp or ftp' END
           WHEN side = 1 AND words GLOB '+OK*' AND f.server_port <> 6379 THEN 'pop3'
           WHEN side = 1 AND words GLOB '[*] OK*' THEN 'imap'
           WHEN side = 0 AND (words GLOB '[*][1-9]' || char(13, 10) || '$*'
                OR words GLOB '[*][1-9][0-9]' || char(13, 10) || '$*') THEN 'redis'
           WHEN digits GLOB 'FFF[B-E][0-3]?' OR digits GLOB 'FFF[B-E][0-3]?FF*' THEN 'telnet'
           WHEN words GLOB 'INVITE *' OR words GLOB 'REGISTER' OR words GLOB 'SIP/2.0*' THEN 'sip'
           WHEN side = 0 AND (words GLOB 'NICK *' OR words GLOB 'CAP LS*') THEN 'irc'
           END) AS says
      FROM heard AS h
     CROSS JOIN flows AS f ON f.flow_id = h.flow_id
     GROUP BY h.flow_id
)
SELECT k.says, f.protocol, f.server_ip, f.server_port, count(*) AS flows, count(DISTINCT f.client_ip) AS clients,
       sum(f.client_bytes + f.server_bytes) AS bytes
  FROM known AS k
 CROSS JOIN flows AS f ON f.flow_id = k.flow_id
 WHERE k.says IS NOT NULL AND f.protocol IN ('tcp', 'udp')
   AND f.first_ns >= :since -- if since
   AND f.first_ns < :until -- if until
   AND (f.client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
        OR f.server_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last)) -- if address
 GROUP BY k.says, f.protocol, f.server_ip, f.server_port
 ORDER BY flows DESC, k.says, f.server_ip, f.server_port
 LIMIT :limit
