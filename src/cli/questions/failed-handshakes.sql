-- failed-handshakes: connections that never came about
--
-- TCP and SCTP by client, server and port: `attempt` had no answer, `handshake` an answer that was not taken,
-- `rejected` was refused.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: with this address on either side; 10.0.0.0/8 is a network
-- --limit N = 20: at most so many rows

SELECT protocol, client_ip, server_ip, server_port, state, count(*) AS flows,
       sum(client_packets) AS client_packets, sum(server_packets) AS server_packets,
       strftime('%Y-%m-%d %H:%M:%S', min(first_ns) / 1000000000 - (min(first_ns) % 1000000000 < 0), 'unixepoch')
           AS first_utc,
       strftime('%Y-%m-%d %H:%M:%S', max(last_ns) / 1000000000 - (max(last_ns) % 1000000000 < 0), 'unixepoch')
           AS last_utc
  FROM flows
 WHERE state IN ('attempt', 'handshake', 'rejected')
   AND first_ns >= :since -- if since
   AND first_ns < :until -- if until
   AND (client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
        OR server_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last)) -- if address
 GROUP BY +client_ip, server_ip, server_port, protocol, state -- by sorting, not along the index
 ORDER BY flows DESC, client_ip, server_ip, server_port, state
 LIMIT :limit
