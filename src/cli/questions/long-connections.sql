-- long-connections: the flows that lasted longest
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: flows with this address on either side; 10.0.0.0/8 is a network
-- --least N = 0: of so many seconds or more
-- --limit N = 20: at most so many flows

SELECT flow_id AS flow, protocol, client_ip, client_port, server_ip, server_port,
       round((last_ns - first_ns) / 1e9, 3) AS seconds, client_bytes, server_bytes, state,
       strftime('%Y-%m-%d %H:%M:%S', first_ns / 1000000000 - (first_ns % 1000000000 < 0), 'unixepoch') AS first_utc
  FROM flows
 WHERE last_ns - first_ns >= :least * 1000000000
   AND first_ns >= :since -- if since
   AND first_ns < :until -- if until
   AND (client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
        OR server_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last)) -- if address
 ORDER BY last_ns - first_ns DESC, flow_id
 LIMIT :limit
