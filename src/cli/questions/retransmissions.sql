-- retransmissions: payload that came again, by path
--
-- Of each pair of client and server, TCP only: the payload bytes that came again each way, and how many to a
-- hundred that were new. A capture that has frames twice shows as retransmission too.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: with this address on either side; 10.0.0.0/8 is a network
-- --limit N = 20: at most so many paths

SELECT client_ip, server_ip, count(*) AS flows, sum(client_retransmitted) AS client_again_bytes,
       round(100.0 * sum(client_retransmitted) / nullif(sum(client_bytes), 0), 2) AS client_percent,
       sum(server_retransmitted) AS server_again_bytes,
       round(100.0 * sum(server_retransmitted) / nullif(sum(server_bytes), 0), 2) AS server_percent
  FROM flows
 WHERE protocol = 'tcp' AND client_retransmitted + server_retransmitted > 0
   AND first_ns >= :since -- if since
   AND first_ns < :until -- if until
   AND (client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
        OR server_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last)) -- if address
 GROUP BY +client_ip, server_ip -- by sorting: the index on it would have every flow read
 ORDER BY sum(client_retransmitted + server_retransmitted) DESC, client_ip, server_ip
 LIMIT :limit
