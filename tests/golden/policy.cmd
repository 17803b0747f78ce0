# Two versions of what a hole hides, under several policies.
craft -o overlap.pcap $GOLDEN/overlap.craft
seine ingest -q -o first.db overlap.pcap
seine follow first.db 1
seine follow first.db 1 --policy linux
seine follow first.db 1 --policy solaris
seine follow first.db 1 --policy last --as raw
seine sql first.db "SELECT stream_id, conflicted, policy, sha256 FROM streams" --json
seine sql first.db "SELECT p.column1 AS policy, CAST(stream_bytes(2, 0, 15, p.column1) AS TEXT) AS bytes FROM (VALUES ('first'), ('last'), ('bsd'), ('linux'), ('old-linux'), ('vista'), ('solaris')) p" --csv
seine sql first.db "SELECT stream_view_sha256(2, 'linux'), stream_bytes(2, 0, 16), stream_bytes(2, 0, 1, 'nobody')"
seine ingest -q -o linux.db --policy bsd --policy 10.0.0.0/24=linux overlap.pcap
seine sql linux.db "SELECT stream_id, policy, sha256 FROM streams" --json
seine sql linux.db "SELECT options FROM evidence" --csv
seine follow linux.db 1
seine verify linux.db
seine verify first.db | grep stream
# Fragments have policies of their own, fixed at ingest.
craft -o pieces.pcap $GOLDEN/pieces.craft
seine ingest -q -o pieces.db --frag-policy last pieces.pcap
seine follow pieces.db 1
seine sql pieces.db "SELECT kind, detail FROM oddities" --csv
seine verify pieces.db
seine ingest -q -o pieces.db --frag-policy bsd pieces.pcap
