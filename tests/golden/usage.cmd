# Nothing that makes no sense gets as far as a file.
seine
seine sumary case.db
seine help nothing
seine help --completion ksh
seine ingest
seine ingest --nonsense x.pcap
seine ingest -z x.pcap
seine ingest x.pcap -o
seine ingest -o a -o b x.pcap
seine ingest -o '' x.pcap
seine ingest --memory 5 x.pcap
seine ingest --memory lots x.pcap
seine ingest --jobs 0 x.pcap
seine ingest --payload none x.pcap
seine ingest --policy nobody x.pcap
seine ingest --policy 10.0.0.0/33=bsd x.pcap
seine ingest --frag-policy vista x.pcap
seine ingest --merge=yes x.pcap
seine flows
seine flows a b
seine flows --ip nowhere a
seine flows --ip 10.0.0.0/33 a
seine flows --port 65536 a
seine flows --limit -1 a
seine flows --json --csv a
seine follow a
seine follow a one
seine follow a -- -1
seine follow --as song a 1
seine follow --side left a 1
seine follow --policy nobody a 1
seine extract a 1
seine extract a one -o x.pcapng
seine verify --seal abc a
seine verify --seal "$(printf '\033[2J')" a
ls
