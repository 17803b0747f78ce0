# Frames that come through TZSP are those of a tunnel, and its datagrams a flow that carries them.
craft -o tzsp.pcap $GOLDEN/tzsp.craft
seine ingest -q -o case.db tzsp.pcap
seine sql case.db "SELECT flow_id, client_ip, client_port, server_ip, server_port, tunnel, client_packets, server_packets, client_bytes, client_carried FROM flows"
seine sql case.db "SELECT f.flow_id, group_concat(x.frame) AS frames FROM flows AS f, frames(f.flow_id) AS x GROUP BY 1"
seine follow case.db 2
seine verify case.db | tail -n 1
