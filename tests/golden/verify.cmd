craft -o talk.pcap $GOLDEN/talk.craft
seine ingest -o case.db talk.pcap | grep -o '[0-9a-f]\{64\}' > hash
seine verify case.db
seine verify case.db --seal "$(cat hash)" | tail -1
seine verify case.db --seal "$(tr 0-9a-f f0-9a-e < hash)" | grep -c FAILS
mkdir away; mv talk.pcap away
seine verify case.db
seine verify case.db --evidence away | tail -1
# What was changed fails: in the case, then in the capture.
cp case.db other.db; sqlite3 other.db "UPDATE flows SET client_ip = '10.6.6.6'"
seine verify other.db --evidence away | grep FAILS
seine verify other.db --evidence away --seal "$(cat hash)" > lines; echo $?
