craft -o talk.pcap $GOLDEN/talk.craft
seine ingest -q -o case.db talk.pcap
seine follow case.db 1
seine follow case.db 1 --side server
seine follow case.db 1 --as hex
seine follow case.db 1 --as raw | od -c
seine follow case.db 1 --as raw --side client | wc -c
seine follow case.db 1 --as raw > raw
seine follow case.db 2
seine follow case.db 1 > /dev/full
