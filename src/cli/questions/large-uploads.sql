-- large-uploads: what clients sent away
--
-- Flows whose client sent much payload, and more than it got. Where `guessed` is 1 no handshake said who the
-- client is.
--
-- --since TIME: flows that began then or later
-- --until TIME: flows that began before then
-- --address ADDRESS: flows of this client; 10.0.0.0/8 is a network
-- --least N = 1000000: so many bytes or more
-- --limit N = 20: at most so many flows

SELECT flow_id AS flow, protocol, client_ip, server_ip, server_port, client_bytes AS sent_bytes,
       server_bytes AS received_bytes, round((last_ns - first_ns) / 1e9, 3) AS seconds, client_guessed AS guessed,
       strftime('%Y-%m-%d %H:%M:%S', first_ns / 1000000000 - (first_ns % 1000000000 < 0), 'unixepoch') AS first_utc
  FROM flows
 WHERE client_bytes >= :least AND client_bytes > server_bytes
   AND first_ns >= :since -- if since
   AND first_ns < :until -- if until
   AND client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN :address_first AND :address_last) -- if address
 ORDER BY client_bytes DESC, flow_id
 LIMIT :limit
