# A second capture is added to the case; one that is cut off is told.
craft -o talk.pcap $GOLDEN/talk.craft
craft -o variety.pcap $GOLDEN/variety.craft
head -c -10 variety.pcap > cut.pcap
seine ingest -o case.db talk.pcap
seine ingest -o case.db cut.pcap
seine ingest -o case.db talk.pcap cut.pcap
seine summary case.db
seine verify case.db | tail -1
cat talk.pcap | seine ingest --no-hash -o piped.db -
seine ingest -q -f 'tcp and port 80' talk.pcap; seine flows talk.pcap.seine.db
seine ingest -f 'tcp and' talk.pcap
head -c 10 talk.pcap > short.pcap; seine ingest short.pcap
head -c 24 talk.pcap > empty.pcap; seine ingest empty.pcap
ls
