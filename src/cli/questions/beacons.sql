-- beacons: who comes back to the same server at regular times
--
-- Of each client, server and port, the pauses between the beginnings of its flows. `unrest` is their variance by
-- the square of their mean: 0 is a clock, and what comes by chance is near 1 or above. The most regular ones
-- come first.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: flows of this client; 10.0.0.0/8 is a network
-- --least N = 5: series of so many flows or more
-- --limit N = 20: at most so many series

WITH starts AS (
    SELECT protocol, client_ip, server_ip, server_port, first_ns, client_bytes, first_ns - lag(first_ns) OVER (
               PARTITION BY +client_ip, server_ip, server_port, protocol ORDER BY first_ns) AS pause_ns
      FROM flows
     WHERE protocol IN ('tcp', 'udp', 'sctp')
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
       AND client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
), series AS (
    SELECT protocol, client_ip, server_ip, server_port, count(*) AS flows, avg(pause_ns) AS mean_ns,
           max(avg(1.0 * pause_ns * pause_ns) / (avg(pause_ns) * avg(pause_ns)) - 1, 0) AS unrest,
           sum(client_bytes) AS client_bytes, min(first_ns) AS first_ns
      FROM starts
     GROUP BY client_ip, server_ip, server_port, protocol
    HAVING count(*) >= :least AND avg(pause_ns) > 0
)
SELECT protocol, client_ip, server_ip, server_port, flows, round(mean_ns / 1e9, 3) AS every_seconds,
       round(unrest, 3) AS unrest, client_bytes,
       strftime('%Y-%m-%d %H:%M:%S', first_ns / 1000000000 - (first_ns % 1000000000 < 0), 'unixepoch') AS first_utc
  FROM series
 ORDER BY series.unrest, flows DESC, client_ip, server_ip, server_port, protocol
 LIMIT :limit
