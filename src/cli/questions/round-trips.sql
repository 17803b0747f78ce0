-- round-trips: how long handshakes took, by server
--
-- From the SYN to the client's ACK of the SYN-ACK, as the capture saw it: wherever that was made, both ways to
-- both ends count once. Milliseconds. The least is what the path takes; what is far above it waited somewhere.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: with this address on either side; 10.0.0.0/8 is a network
-- --least N = 1: so many handshakes or more
-- --limit N = 20: at most so many servers

SELECT server_ip, server_port, count(*) AS handshakes, round(min(handshake_rtt_ns) / 1e6, 3) AS least_ms,
       round(avg(handshake_rtt_ns) / 1e6, 3) AS mean_ms, round(max(handshake_rtt_ns) / 1e6, 3) AS most_ms
  FROM flows
 WHERE handshake_rtt_ns IS NOT NULL
   AND first_ns >= :since -- if since
   AND first_ns < :until -- if until
   AND (client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
        OR server_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last)) -- if address
 GROUP BY +server_ip, server_port -- by sorting, not along the index
HAVING count(*) >= :least
 ORDER BY avg(handshake_rtt_ns) DESC, server_ip, server_port
 LIMIT :limit
