seine ingest -q -o case.db $SAMPLES/dns.pcap
# The plans: what bounds the flows is looked up.
for q in top-talkers beacons long-connections large-uploads scanned-ports failed-handshakes retransmissions round-trips conflicts losses clear-text; do echo $q; seine sql case.db "EXPLAIN QUERY PLAN $(seine ask case.db $q --since 2026-11-23T19:47:30 --sql)" --json | sed -n 's/.*"detail":"\(.*\b\(flows\|hosts\|f\)\b.*\)"}/    \1/p'; done
for q in beacons long-connections large-uploads scanned-ports failed-handshakes retransmissions round-trips clear-text spoke-with; do echo $q; seine sql case.db "EXPLAIN QUERY PLAN $(seine ask case.db $q --address 10.0.0.0/8 --sql)" --json | sed -n 's/.*"detail":"\(.*\b\(flows\|hosts\|f\)\b.*\)"}/    \1/p'; done
