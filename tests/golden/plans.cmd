# No question that an index can serve walks all of flows; those of `seine index` serve once they are built.
craft -o talk.pcap $GOLDEN/talk.craft
seine ingest -q -o case.db talk.pcap
echo 'seine sql case.db --csv "EXPLAIN QUERY PLAN SELECT $1" | tail -n +2 | cut -d, -f4-' > plan
bash plan "* FROM flows WHERE flow_id = 7"
bash plan "* FROM flows WHERE client_ip = '10.0.0.1' OR server_ip = '10.0.0.1'"
bash plan "* FROM flows WHERE client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN x'00' AND x'01')"
bash plan "* FROM flows WHERE first_ns BETWEEN 1 AND 2"
bash plan "* FROM oddities WHERE flow_id = 7"
bash plan "* FROM chunks WHERE stream_id = 14 AND position < 100"
bash plan "* FROM flows WHERE server_port = 80 OR client_port = 80"
bash plan "* FROM flows WHERE community_id = '1:x'"
seine index case.db ports community-id macs states talkers frames hashes verdicts | sed -E 's/, [0-9.]+ [KM]?i?B in .*/, SIZE in TIME/; s/about .*/about SIZE and TIME/'
bash plan "* FROM flows WHERE flow_id = 7"
bash plan "* FROM flows WHERE client_ip = '10.0.0.1' OR server_ip = '10.0.0.1'"
bash plan "* FROM flows WHERE client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN x'00' AND x'01')"
bash plan "* FROM flows WHERE first_ns BETWEEN 1 AND 2"
bash plan "* FROM flows WHERE server_port = 80 OR client_port = 80"
bash plan "* FROM flows WHERE community_id = '1:x'"
bash plan "* FROM flows WHERE client_mac = '02:00:00:00:00:01' OR server_mac = '02:00:00:00:00:01'"
bash plan "* FROM flows WHERE state = 'rejected'"
bash plan "* FROM flows WHERE evidence_id = 1 AND first_frame = 7"
bash plan "* FROM streams WHERE sha256 = 'aa'"
bash plan "* FROM streams WHERE verdict = 'gap'"
bash plan "client_ip, sum(client_bytes + server_bytes) FROM flows GROUP BY client_ip"
bash plan "server_port, count(*) FROM flows GROUP BY server_port"
