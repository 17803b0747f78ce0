# What is in tunnels is told apart by their path, and proven like anything else.
craft -o tunnel.pcap $GOLDEN/tunnel.craft
seine ingest -o case.db tunnel.pcap
seine sql case.db "SELECT verdict, frames FROM verdicts"
seine sql case.db "SELECT flow_id, protocol, client_ip, server_ip, tunnel, client_bytes, client_carried FROM flows"
seine sql case.db "SELECT stream_id, position, length, frame, file_offset FROM segments"
seine follow case.db 6 --as raw
# The datagrams of VXLAN are flows too, a direction each: their frames are also those of what they carry.
seine sql case.db "SELECT flow_id, group_concat(frame) AS frames FROM frames WHERE flow_id IN (1, 2) GROUP BY 1"
seine sql case.db "SELECT DISTINCT f.flow_id, f.client_ip, f.server_ip FROM flows AS f JOIN frames(f.flow_id) AS c WHERE f.client_carried + f.server_carried > 0 AND c.frame IN (SELECT frame FROM frames(2))"
seine follow case.db 1
seine sql case.db "SELECT \"id.orig_h\", \"id.resp_h\", \"id.resp_p\", orig_pkts, orig_bytes, orig_ip_bytes, history FROM zeek_conn"
seine extract case.db 3 -o carried.pcapng && seine ingest carried.pcapng
seine verify case.db | tail -1
