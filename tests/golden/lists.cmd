craft -o variety.pcap $GOLDEN/variety.craft
seine ingest -q -o case.db variety.pcap
seine flows case.db
seine flows case.db --protocol icmp
seine flows case.db --ip 10.0.0.0/29 --limit 2
seine flows case.db --ip 2001:db8:0:0::1 --csv
seine flows case.db --ip 10.0.0.53 --json
seine flows case.db --port 53
seine flows case.db --port 8
seine flows case.db --ip 0.0.0.0/0 --csv | wc -l
seine streams case.db
seine streams case.db --port 8080 --json
seine summary case.db
seine summary case.db --json
seine follow case.db 1
seine follow case.db 3
