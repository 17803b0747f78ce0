# What is not there, or is no case, is a sentence and status 3.
mkdir folder
echo hello > text
seine summary nothing.db
seine flows nothing.db
seine follow nothing.db 1
seine extract nothing.db 1 -o x.pcapng
seine sql nothing.db 'SELECT 1'
seine verify nothing.db
seine summary folder
seine summary text
seine ./nothing.pcap
seine ingest folder
seine ingest text
seine ingest -o case.db nothing.pcap
ls
