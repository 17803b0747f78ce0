craft -o talk.pcap $GOLDEN/talk.craft
seine ingest -q -o case.db talk.pcap
seine extract case.db 1 -o flow1.pcapng
seine extract case.db 1 -o flow1.pcapng
seine extract case.db 9 -o flow9.pcapng
seine ingest -q -o again.db flow1.pcapng; seine sql again.db 'SELECT client_bytes, server_bytes FROM flows'
seine extract case.db 1 -o - | cmp - flow1.pcapng
mkdir away; mv talk.pcap away
seine extract case.db 1 -o other.pcapng
seine extract case.db 1 -o other.pcapng --evidence away; cmp other.pcapng flow1.pcapng
ls
