-- losses: what is missing, where, and why
--
-- By stream and cause: how many holes, how many bytes, and the position of the first. Those with `tail` 1 lie
-- behind the last byte present. docs/schema.md explains the causes; `capture_loss` is the capture's fault,
-- `network_loss` the network's.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --least N = 1: so many bytes or more
-- --limit N = 20: at most so many rows

WITH told AS MATERIALIZED (
    SELECT stream_id, cause, tail, count(*) AS holes, sum(length) AS bytes, min(position) AS first_position
      FROM gaps
     GROUP BY stream_id, cause, tail
    HAVING sum(length) >= :least
)
SELECT f.flow_id AS flow, iif(t.stream_id & 1, 'server', 'client') AS side, f.client_ip, f.server_ip,
       f.server_port, t.cause, t.tail, t.holes, t.bytes, t.first_position
  FROM told AS t
  JOIN flows AS f ON f.flow_id = t.stream_id >> 1
 WHERE true
   AND f.first_ns >= :since -- if since
   AND f.first_ns < :until -- if until
 ORDER BY t.bytes DESC, t.stream_id, t.cause, t.tail
 LIMIT :limit
