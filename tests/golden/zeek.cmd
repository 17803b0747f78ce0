# Each state and letter of Zeek's conn.log, by the view.
craft -o zeek.pcap $GOLDEN/zeek.craft
seine ingest -o case.db -q zeek.pcap
seine sql case.db "SELECT proto, \"id.orig_h\" AS orig_h, \"id.orig_p\" AS orig_p, \"id.resp_p\" AS resp_p, conn_state, history, orig_pkts, resp_pkts, orig_bytes, resp_bytes, missed_bytes FROM zeek_conn ORDER BY ts"
