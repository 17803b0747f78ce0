-- scanned-ports: who tried many ports that did not answer
--
-- TCP attempts that nobody answered or that were refused, by client: on how many addresses and how many
-- ports. Many ports of one address are a scan of that host, one port of many addresses is a sweep.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: attempts of this client; 10.0.0.0/8 is a network
-- --least N = 10: so many pairs of address and port or more
-- --limit N = 20: at most so many clients

SELECT client_ip, count(DISTINCT server_ip) AS addresses, count(DISTINCT server_port) AS ports,
       count(*) AS attempts, sum(state = 'attempt') AS unanswered, sum(state = 'rejected') AS refused,
       min(server_port) AS lowest_port, max(server_port) AS highest_port,
       round((max(first_ns) - min(first_ns)) / 1e9, 3) AS seconds
  FROM flows
 WHERE protocol = 'tcp' AND state IN ('attempt', 'rejected')
   AND first_ns >= :since -- if since
   AND first_ns < :until -- if until
   AND client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
 GROUP BY +client_ip -- by sorting: the index on it would have every flow read
HAVING count(DISTINCT server_ip || ' ' || server_port) >= :least
 ORDER BY count(DISTINCT server_ip || ' ' || server_port) DESC, client_ip
 LIMIT :limit
