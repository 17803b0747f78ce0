# Associations of SCTP are flows: counted, with every frame, and their payload is not kept.
craft -o sctp.pcap $GOLDEN/sctp.craft
seine ingest -o case.db sctp.pcap
seine flows case.db --protocol sctp
seine sql case.db "SELECT flow_id, client_bytes, server_bytes, history, end_reason, client_guessed, community_id FROM flows"
seine sql case.db "SELECT flow_id, kind, frame, count FROM oddities"
seine sql case.db "SELECT f.flow_id, count(*) AS frames, max(frame) AS last FROM flows AS f, frames(f.flow_id) GROUP BY f.flow_id"
seine extract case.db 1 -o flow.pcapng
seine follow case.db 1
seine follow case.db 1 --as raw
seine ingest -q -o filtered.db -f 'sctp and port 2905' sctp.pcap
seine sql filtered.db "SELECT count(*) AS flows FROM flows"
seine verify case.db | tail -n 1
