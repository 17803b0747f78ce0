# A signal ends an ingest in good order, even one that waits for a pipe.
craft -o talk.pcap $GOLDEN/talk.craft
(head -c 600 talk.pcap; sleep 2) | timeout --preserve-status -s TERM 1 seine ingest -o case.db -
(head -c 600 talk.pcap; sleep 2) | timeout --preserve-status -s INT 1 seine -
# A reader that goes away ends it quietly.
seine ingest -q -o case.db talk.pcap
seine sql case.db 'WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 100000) SELECT x FROM c' --csv | head -1
ls
