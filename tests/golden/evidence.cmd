# Where verify finds the evidence of a case. It is known by size and hash, not by name.
craft -o talk.pcap $GOLDEN/talk.craft
seine ingest -q -o case.db talk.pcap
mkdir beside kept; mv case.db talk.pcap beside
seine verify beside/case.db | grep -e talk.pcap -e not
mv beside/talk.pcap kept/renamed; cp beside/case.db .
seine verify --evidence kept case.db | grep -e evidence -e not
# Another file of that name and size is in the way.
cp kept/renamed beside/talk.pcap; head -c 1500 /dev/zero > talk.pcap; truncate -s $(stat -c %s kept/renamed) talk.pcap
seine verify beside/case.db | grep -e talk.pcap -e not
# It is all that there is: a proof fails, and names the first frame whose payload disagrees.
rm beside/talk.pcap
seine verify beside/case.db | grep -v ^holds
cp kept/renamed talk.pcap; printf '\061' | dd of=talk.pcap bs=1 seek=$(grep -abo 'GET /two' talk.pcap | cut -d: -f1) conv=notrunc status=none
seine verify case.db | grep -v ^holds
cp kept/renamed talk.pcap; printf '\001' | dd of=talk.pcap bs=1 seek=24 conv=notrunc status=none
seine verify case.db | grep -v ^holds
head -c 1000 kept/renamed > talk.pcap
seine verify case.db | grep -v ^holds
# Compressed, and through a pipe.
cp kept/renamed talk.pcap; gzip -nk talk.pcap; zstd -q talk.pcap
seine ingest -q -o gz.db talk.pcap.gz; seine verify gz.db | grep -e rebuilt -e not
seine ingest -q -o zst.db talk.pcap.zst; seine verify zst.db | grep -e rebuilt -e not
seine ingest -q -o pipe.db - < talk.pcap; mkdir alone; cp pipe.db alone; seine verify alone/pipe.db | grep -v ^holds
seine verify --evidence kept alone/pipe.db | grep -e ^holds.*evidence -e rebuilt -e not
head -c 1000 talk.pcap | seine ingest -q -o cut.db -; head -c 1000 talk.pcap > kept/cut
seine verify --evidence kept cut.db | grep -e ^holds.*evidence -e rebuilt -e not
# Beside the case a file may have any name too.
mv talk.pcap other.name; seine verify pipe.db | grep -e ^holds.*evidence.1 -e not; mv other.name talk.pcap
# Several, and one of them is missing.
seine ingest -q -o both.db talk.pcap.gz $SAMPLES/icmp.pcap; rm talk.pcap.gz
seine verify both.db | grep -v ^holds
# Without hashes.
seine ingest -q -o unhashed.db --no-hash talk.pcap
seine verify unhashed.db | grep -v sums
# Where there is no room for an ingest anew.
TMPDIR=/nowhere seine verify pipe.db | grep -v ^holds
# Rows are proved by an ingest anew, whatever the seal says: it can be computed again.
sqlite3 case.db "UPDATE flows SET client_packets = 99; CREATE VIEW mine AS SELECT 1"
sqlite3 case.db "UPDATE runs SET seal = '$(seine verify case.db | sed -n 's/.*seal: \([0-9a-f]*\) now.*/\1/p')'"
seine verify case.db | grep -v ^holds
seine verify --no-rebuild case.db | grep -v sums
sqlite3 case.db "UPDATE runs SET version = '0.0.1'"
seine verify case.db | grep -v ^holds
