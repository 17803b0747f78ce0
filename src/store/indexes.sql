-- indexes.sql - built at the end of a fresh ingest, by sorting; an addition finds them there.
CREATE INDEX IF NOT EXISTS flows_client_ip ON flows (client_ip);
CREATE INDEX IF NOT EXISTS flows_server_ip ON flows (server_ip);
CREATE INDEX IF NOT EXISTS flows_first_ns ON flows (first_ns);
CREATE INDEX IF NOT EXISTS conflicts_place ON conflicts (stream_id, position);
CREATE INDEX IF NOT EXISTS refused_place ON refused (stream_id, position);
CREATE INDEX IF NOT EXISTS oddities_flow ON oddities (flow_id);
