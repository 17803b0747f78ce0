seine ingest -q -o case.db $SAMPLES/icmp.pcap $SAMPLES/vlan.pcap
seine export case.db --zeek logs; cat logs/conn.log
seine export case.db --eve flows.json; head -2 flows.json; tail -1 flows.json
seine export case.db --csv tables; ls tables; head -2 tables/verdicts.csv | od -c | tail -3
seine export case.db --segments --frames -o decoded.db; sqlite3 decoded.db .schema "SELECT count(*) FROM segments" "SELECT count(*) FROM frames"
seine sql case.db "SELECT * FROM ecs_flow LIMIT 1" --json
seine sql case.db "SELECT * FROM ipfix_flow LIMIT 1" --json
# Never in place of what is there, and nothing left of what could not be.
seine export case.db --zeek logs
seine export case.db --eve flows.json
seine export case.db --eve nowhere/flows.json
seine export case.db --csv nowhere/tables
mkdir tables2.partial; seine export case.db --csv tables2; rmdir tables2.partial
seine export case.db --frames -o decoded.db
seine export case.db --frames -o nowhere/decoded.db
seine export nothing.db --zeek logs2
# What makes no sense.
seine export case.db
seine export case.db --parquet
seine export case.db --zeek a --csv b
seine export case.db --segments
seine export case.db -o a.db
seine export case.db --zeek ''
ls
