seine ingest -q -o case.db $SAMPLES/http-lost.pcap $SAMPLES/ftp.pcap $SAMPLES/dns.pcap $SAMPLES/icmp.pcap $SAMPLES/smtp.pcap $SAMPLES/redis.pcap
seine ask case.db
seine ask case.db top-talkers
seine ask case.db top-talkers --since 2026-11-23T19:47:30 --limit 1
seine ask case.db beacons --limit 3
seine ask case.db long-connections --limit 3
seine ask case.db large-uploads --least 10000 --limit 3
seine ask case.db failed-handshakes
seine ask case.db retransmissions
seine ask case.db round-trips --limit 3
seine ask case.db losses --limit 4
seine ask case.db clear-text
seine ask case.db spoke-with --address 2001:db8::/32 --limit 3 --csv
seine ask case.db conflicts --json
# Ports that were scanned, and two versions of the same bytes: crafted.
craft -o overlap.pcap $GOLDEN/overlap.craft; seine ingest -q -o overlap.db overlap.pcap; seine ask overlap.db conflicts
craft -o clear.pcap $GOLDEN/clear.craft; seine ingest -q -o clear.db clear.pcap; seine ask clear.db clear-text
seine ingest -q --payload reference -o stays.db clear.pcap; seine ask stays.db clear-text --limit 2; rm clear.pcap; seine ask stays.db clear-text
craft -o scan.pcap $GOLDEN/scan.craft; seine ingest -q -o scan.db scan.pcap; seine ask scan.db scanned-ports
seine ask scan.db beacons
seine ask case.db scanned-ports --address 192.0.2.0/24 --since 2026-11-23 --sql
# What makes no sense.
seine ask case.db nothing
seine ask case.db spoke-with
seine ask case.db spoke-with --address nowhere
seine ask case.db top-talkers --address 10.0.0.1
seine ask case.db top-talkers --since yesterday
seine ask case.db top-talkers --since 2026-02-30
seine ask case.db top-talkers --limit -1
seine ask case.db top-talkers --json --csv
seine ask nothing.db
