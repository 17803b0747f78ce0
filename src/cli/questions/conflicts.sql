-- conflicts: conversations in which the same position came with different bytes
--
-- By stream: how many ranges, how many bytes, and the two frames of the first. What each of them said is in
-- `conflicts`; `seine follow --policy` shows what other receivers would have taken.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --limit N = 20: at most so many streams

WITH told AS MATERIALIZED (
    SELECT stream_id, count(*) AS ranges, sum(length) AS bytes, min(conflict_id) AS first_id
      FROM conflicts
     GROUP BY stream_id
)
SELECT f.flow_id AS flow, iif(t.stream_id & 1, 'server', 'client') AS side, f.client_ip, f.server_ip,
       f.server_port, t.ranges, t.bytes, c.position AS first_position, c.kept_frame, c.other_frame
  FROM told AS t
  JOIN flows AS f ON f.flow_id = t.stream_id >> 1
  JOIN conflicts AS c ON c.conflict_id = t.first_id
 WHERE true
   AND f.first_ns >= :since -- if since
   AND f.first_ns < :until -- if until
 ORDER BY t.bytes DESC, t.stream_id
 LIMIT :limit
