-- top-talkers: the addresses that moved the most bytes
--
-- For each address, as client and as server alike: its flows, with how many others, and the bytes of the IP
-- packets that it sent and received. A packet in a tunnel over UDP counts for the tunnel's ends, too.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --limit N = 20: at most so many addresses

WITH pairs AS MATERIALIZED (
    SELECT client_ip, server_ip, count(*) AS flows, sum(client_ip_bytes) AS client_bytes,
           sum(server_ip_bytes) AS server_bytes
      FROM flows
     WHERE true
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
     GROUP BY +client_ip, server_ip -- by sorting, not along the index
), talk AS (
    SELECT client_ip AS ip, server_ip AS peer, flows, client_bytes AS sent, server_bytes AS received FROM pairs
     UNION ALL
    SELECT server_ip, client_ip, flows, server_bytes, client_bytes FROM pairs
)
SELECT ip, sum(flows) AS flows, count(DISTINCT peer) AS peers, sum(sent) AS sent_bytes,
       sum(received) AS received_bytes
  FROM talk
 GROUP BY ip
 ORDER BY sum(sent + received) DESC, ip
 LIMIT :limit
