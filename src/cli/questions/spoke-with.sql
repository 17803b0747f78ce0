-- spoke-with: who spoke with this address
--
-- Each other end and port of the address's flows, which side the address was, and the payload each way.
--
-- --address ADDRESS needed: the address; 10.0.0.0/8 is a network
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --limit N = 100: at most so many rows

WITH ours (ip) AS MATERIALIZED (
    SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last
), talk AS (
    SELECT client_ip AS ip, 'client' AS was, server_ip AS peer, protocol, server_port, client_bytes AS sent,
           server_bytes AS received, first_ns, last_ns
      FROM flows
     WHERE client_ip IN ours
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
     UNION ALL
    SELECT server_ip, 'server', client_ip, protocol, server_port, server_bytes, client_bytes, first_ns, last_ns
      FROM flows
     WHERE server_ip IN ours
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
)
SELECT ip, was, peer, protocol, server_port, count(*) AS flows, sum(sent) AS sent_bytes,
       sum(received) AS received_bytes,
       strftime('%Y-%m-%d %H:%M:%S', min(first_ns) / 1000000000 - (min(first_ns) % 1000000000 < 0), 'unixepoch')
           AS first_utc,
       strftime('%Y-%m-%d %H:%M:%S', max(last_ns) / 1000000000 - (max(last_ns) % 1000000000 < 0), 'unixepoch')
           AS last_utc
  FROM talk
 GROUP BY ip, was, peer, protocol, server_port
 ORDER BY flows DESC, ip, peer, server_port, protocol, was
 LIMIT :limit
