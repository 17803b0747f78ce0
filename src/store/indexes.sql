-- indexes.sql - built at the end of a fresh ingest, by sorting; an addition finds them there.
--
-- What stands behind an address is there so that sums by address, by pair of addresses and by service are read
-- off the index. SQLite groups along an index wherever one has the order, and would otherwise look up each flow
-- of a million for it, each on a page of its own. flow_id comes first, so that the flows of an address come in the
-- order in which they lie, as they would without the rest; and what is sorted already is sorted quickly.
CREATE INDEX IF NOT EXISTS flows_client_ip ON flows (client_ip, flow_id, server_ip, client_bytes, server_bytes);
CREATE INDEX IF NOT EXISTS flows_server_ip ON flows (server_ip, flow_id, server_port, client_bytes, server_bytes);
CREATE INDEX IF NOT EXISTS flows_first_ns ON flows (first_ns);
CREATE INDEX IF NOT EXISTS conflicts_place ON conflicts (stream_id, position);
CREATE INDEX IF NOT EXISTS refused_place ON refused (stream_id, position);
CREATE INDEX IF NOT EXISTS oddities_flow ON oddities (flow_id);
