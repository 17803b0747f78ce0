# A frame of 802.11 may hold several packets: each counts, and each byte has its place in the frame.
craft -o aggregate.pcap $GOLDEN/aggregate.craft
seine ingest -q -o case.db aggregate.pcap
seine flows case.db
seine sql case.db "SELECT verdict, frames FROM verdicts"
seine sql case.db "SELECT flow_id, client_packets, server_packets, client_bytes, server_bytes, client_frame_bytes FROM flows"
seine sql case.db "SELECT x.stream_id, x.position, x.length, x.frame, x.file_offset FROM streams AS s, segments(s.stream_id) AS x WHERE frame <> 5"
seine sql case.db "SELECT f.flow_id, x.frame, x.captured FROM flows AS f, frames(f.flow_id) AS x"
seine sql case.db "SELECT flow_id, kind, frame, last_frame, count FROM oddities"
seine follow case.db 1 --side client | head -n 9
seine extract case.db 1 -o flow.pcapng
seine ingest -q -o again.db flow.pcapng
seine sql again.db "SELECT client_packets, server_packets, client_bytes, server_bytes FROM flows" --csv
seine verify case.db
