# What is in tunnels is told apart by their path, and proven like anything else.
craft -o tunnel.pcap $GOLDEN/tunnel.craft
seine ingest -o case.db tunnel.pcap
seine sql case.db "SELECT verdict, frames FROM verdicts"
seine sql case.db "SELECT flow_id, protocol, client_ip, server_ip, tunnel, client_bytes FROM flows"
seine sql case.db "SELECT stream_id, position, length, frame, file_offset FROM segments"
seine follow case.db 4 --as raw
seine verify case.db | tail -1
