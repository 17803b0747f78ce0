-- beacons: who comes back to the same server at regular times
--
-- Of each client, server and port, the pauses between the beginnings of its flows. `unrest` is their mean
-- deviation from their mean, as a part of that mean: 0 is a clock, people are near 1. The most regular
-- ones come first.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: flows of this client; 10.0.0.0/8 is a network
-- --least N = 5: series of so many flows or more
-- --limit N = 20: at most so many series

WITH starts AS MATERIALIZED (
    SELECT protocol, client_ip, server_ip, server_port, first_ns, client_bytes, first_ns - lag(first_ns) OVER (
               PARTITION BY +client_ip, server_ip, server_port, protocol ORDER BY first_ns) AS pause_ns
      FROM flows
     WHERE protocol IN ('tcp', 'udp', 'sctp')
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
       AND client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
), series AS MATERIALIZED (
    SELECT protocol, client_ip, server_ip, server_port, count(*) AS flows, avg(pause_ns) AS mean_ns,
           sum(client_bytes) AS client_bytes, min(first_ns) AS first_ns
      FROM starts
     GROUP BY client_ip, server_ip, server_port, protocol
    HAVING count(*) >= :least AND avg(pause_ns) > 0
)
SELECT s.protocol, s.client_ip, s.server_ip, s.server_port, s.flows, round(s.mean_ns / 1e9, 3) AS every_seconds,
       round(avg(abs(t.pause_ns - s.mean_ns)) / s.mean_ns, 3) AS unrest, s.client_bytes,
       strftime('%Y-%m-%d %H:%M:%S', s.first_ns / 1000000000 - (s.first_ns % 1000000000 < 0), 'unixepoch')
           AS first_utc
  FROM series AS s
  JOIN starts AS t USING (client_ip, server_ip, server_port, protocol)
 GROUP BY s.client_ip, s.server_ip, s.server_port, s.protocol
 ORDER BY avg(abs(t.pause_ns - s.mean_ns)) / s.mean_ns, s.flows DESC, s.client_ip, s.server_ip, s.server_port
 LIMIT :limit
