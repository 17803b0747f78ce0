-- top-talkers: the addresses that moved the most bytes
--
-- For each address, as client and as server alike: its flows, with how many others, and the bytes of the IP
-- packets that it sent and received.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --limit N = 20: at most so many addresses

WITH talk AS (
    SELECT client_ip AS ip, server_ip AS peer, client_ip_bytes AS sent, server_ip_bytes AS received
      FROM flows
     WHERE true
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
     UNION ALL
    SELECT server_ip, client_ip, server_ip_bytes, client_ip_bytes
      FROM flows
     WHERE true
       AND first_ns >= :since -- if since
       AND first_ns < :until -- if until
)
SELECT ip, count(*) AS flows, count(DISTINCT peer) AS peers, sum(sent) AS sent_bytes,
       sum(received) AS received_bytes
  FROM talk
 GROUP BY ip
 ORDER BY sum(sent + received) DESC, ip
 LIMIT :limit
