-- clear-text: servers that talk in protocols without encryption
--
-- By what the first bytes of a stream are, whatever the port: HTTP, SMTP or FTP, POP3, IMAP, Redis, Telnet, SIP,
-- IRC. Where payload stayed in the capture (ingest --payload reference) that is read there: by `seine ask`, and by
-- other clients with seine.so and seine_files.so.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: with this address on either side; 10.0.0.0/8 is a network
-- --limit N = 20: at most so many rows

WITH chosen AS MATERIALIZED (
    SELECT flow_id, protocol, client_ip, server_ip, server_port, client_bytes + server_bytes AS bytes
      FROM flows
     WHERE protocol IN ('tcp', 'udp') AND client_bytes + server_bytes > 0
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
       AND (client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
            OR server_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last)) -- if address
), sides (side) AS (
    VALUES (0), (1)
), opened AS MATERIALIZED (
    SELECT c.*, s.side, CAST(substr(coalesce(
               (SELECT data FROM stream_data AS d WHERE d.stream_id = 2 * c.flow_id + s.side AND d.position = 0),
               (SELECT data FROM chunk_data AS d WHERE d.stream_id = 2 * c.flow_id + s.side AND d.position = 0),
               (SELECT evidence_bytes(g.evidence_id, g.file_offset, min(g.captured, 4)) -- if reference
                  FROM segments(2 * c.flow_id + s.side) AS g -- if reference
                 WHERE g.position = 0 AND g.captured > 0 AND g.fate IN ('kept', 'provisional', 'conflict') -- if reference
                 LIMIT 1), -- if reference
               NULL), 1, 4) AS BLOB) AS opening
      FROM chosen AS c
      JOIN sides AS s
), known AS (
    SELECT DISTINCT flow_id, protocol, client_ip, server_ip, server_port, bytes, CASE
           WHEN side = 0 AND CAST(opening AS TEXT) IN ('GET ', 'POST', 'HEAD', 'PUT ', 'DELE', 'OPTI', 'PATC', 'CONN')
                OR CAST(opening AS TEXT) = 'HTTP' THEN 'http'
           WHEN side = 0 AND upper(CAST(opening AS TEXT)) IN ('EHLO', 'HELO') THEN 'smtp'
           WHEN side = 1 AND CAST(opening AS TEXT) IN ('220 ', '220-') THEN CASE server_port WHEN 21 THEN 'ftp' WHEN 25 THEN 'smtp' WHEN 587 THEN 'smtp' ELSE 'smtp or ftp' END
           WHEN side = 1 AND substr(CAST(opening AS TEXT), 1, 3) = '+OK' AND server_port <> 6379 THEN 'pop3'
           WHEN side = 1 AND CAST(opening AS TEXT) = '* OK' THEN 'imap'
           WHEN side = 0 AND CAST(opening AS TEXT) GLOB '[*][0-9]*' THEN 'redis'
           WHEN hex(opening) GLOB 'FF[F][B-E]*' THEN 'telnet'
           WHEN CAST(opening AS TEXT) IN ('INVI', 'REGI', 'SIP/') THEN 'sip'
           WHEN side = 0 AND CAST(opening AS TEXT) IN ('NICK', 'CAP ') THEN 'irc'
           END AS says
      FROM opened
     WHERE opening IS NOT NULL
)
SELECT says, protocol, server_ip, server_port, count(*) AS flows, count(DISTINCT client_ip) AS clients,
       sum(bytes) AS bytes
  FROM known
 WHERE says IS NOT NULL
 GROUP BY says, protocol, server_ip, server_port
 ORDER BY flows DESC, says, server_ip, server_port
 LIMIT :limit
