-- round-trips: how long handshakes took, by server
--
-- From the SYN to the client's ACK of the SYN-ACK, as the capture saw it: wherever that was made, both ways to
-- both ends count once. Milliseconds; the slowest median comes first.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: with this address on either side; 10.0.0.0/8 is a network
-- --least N = 1: so many handshakes or more
-- --limit N = 20: at most so many servers

WITH ranked AS (
    SELECT server_ip, server_port, handshake_rtt_ns AS rtt_ns,
           row_number() OVER (PARTITION BY +server_ip, server_port ORDER BY handshake_rtt_ns) AS place,
           count(*) OVER (PARTITION BY +server_ip, server_port) AS places
      FROM flows
     WHERE handshake_rtt_ns IS NOT NULL
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
       AND (client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
            OR server_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last)) -- if address
)
SELECT server_ip, server_port, count(*) AS handshakes, round(min(rtt_ns) / 1e6, 3) AS least_ms,
       round(avg(CASE WHEN place IN ((places + 1) / 2, (places + 2) / 2) THEN rtt_ns END) / 1e6, 3) AS median_ms,
       round(avg(rtt_ns) / 1e6, 3) AS mean_ms, round(max(rtt_ns) / 1e6, 3) AS most_ms
  FROM ranked
 GROUP BY server_ip, server_port
HAVING count(*) >= :least
 ORDER BY 5 DESC, server_ip, server_port
 LIMIT :limit
