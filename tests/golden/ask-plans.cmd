seine ingest -q -o case.db $SAMPLES/dns.pcap
# The plans: what bounds the flows is looked up.
for q in top-talkers beacons long-connections large-uploads scanned-ports failed-handshakes retransmissions round-trips conflicts losses clear-text; do echo $q; seine sql case.db "EXPLAIN QUERY PLAN $(seine ask case.db $q --since 2026-11-23T19:47:30 --sql)" --json | sed -n 's/.*"detail":"\(.*\b\(flows\|hosts\|f\)\b.*\)"}/    \1/p'; done
for q in beacons long-connections large-uploads scanned-ports failed-handshakes retransmissions round-trips clear-text spoke-with; do echo $q; seine sql case.db "EXPLAIN QUERY PLAN $(seine ask case.db $q --address 10.0.0.0/8 --sql)" --json | sed -n 's/.*"detail":"\(.*\b\(flows\|hosts\|f\)\b.*\)"}/    \1/p'; done
# Through the views too.
for q in "SELECT uid FROM zeek_conn WHERE \"id.orig_h\" = '192.0.2.10'" "SELECT \"source.ip\" FROM ecs_flow WHERE \"destination.ip\" = '192.0.2.80'" "SELECT flow_id FROM eve_flow WHERE src_ip IN ('192.0.2.10', '192.0.2.80')" "SELECT flowId FROM ipfix_flow WHERE flowStartNanoseconds BETWEEN 5 AND 10" "SELECT history FROM zeek_conn WHERE flow_id = 3"; do echo "$q"; seine sql case.db "EXPLAIN QUERY PLAN $q" --json | sed -n 's/.*"detail":"\(.*\)"}/    \1/p'; done
# Of all flows what is kept is walked, and of large streams each is looked up once.
seine sql case.db "EXPLAIN QUERY PLAN $(seine ask case.db clear-text --sql)" --json | sed -n 's/.*"detail":"\(.*\)"}/    \1/p'
