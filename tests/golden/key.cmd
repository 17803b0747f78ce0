# What belongs to a flow's key beside its five-tuple is the user's choice.
craft -o key.pcap $GOLDEN/key.craft
seine ingest -q -o default.db key.pcap
seine sql default.db "SELECT flow_id, protocol, vlan, tunnel, interface_id, client_packets, server_packets FROM flows"
seine sql default.db "SELECT options FROM evidence" --csv
seine ingest -q -o vlan.db --key vlan,tunnel key.pcap
seine sql vlan.db "SELECT flow_id, protocol, vlan, tunnel, interface_id, client_packets, server_packets FROM flows"
seine sql vlan.db "SELECT options FROM evidence" --csv
seine ingest -q -o none.db --key none key.pcap
seine sql none.db "SELECT flow_id, protocol, vlan, tunnel, interface_id, client_packets, server_packets FROM flows"
seine verify none.db | tail -n 1
# The default in words is the default. A case may hold captures of several keys, each only once.
craft -o other.pcap $GOLDEN/tunnel.craft
seine ingest -q -o default.db --key tunnel key.pcap
seine ingest -q -o default.db --key none key.pcap other.pcap
seine sql default.db "SELECT evidence_id, options, count(flow_id) AS flows FROM evidence JOIN flows USING (evidence_id) GROUP BY 1" --csv
seine ingest -o wrong.db --key vlan,port key.pcap
