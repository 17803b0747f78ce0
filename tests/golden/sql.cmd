craft -o talk.pcap $GOLDEN/talk.craft
seine ingest -q -o case.db talk.pcap
sha256sum < case.db > before
seine sql case.db 'SELECT flow_id, client_ip, state FROM flows'
seine sql case.db 'SELECT 1 AS one; SELECT NULL AS none, 2.5 AS half, '"x'00ff' AS bytes, 'a,\"b' AS text" --csv
seine sql case.db "SELECT 1 AS one, NULL AS none, 'é' || char(27) AS text" --json
seine sql case.db 'SELECT position, length, frame, fate FROM segments(2)'
seine sql case.db 'SELECT count(*) FROM frames(1)'
seine sql case.db "SELECT ip, ip_scope(ip), ip_net(ip, 24) FROM hosts_in('10.0.0.0/8')"
seine sql case.db "SELECT stream_id, position, length, printable(substr(data, 1, 16)) AS bytes, cause FROM stream_bytes(2)"
seine sql --csv case.db "EXPLAIN QUERY PLAN SELECT * FROM flows WHERE client_ip IN hosts_in('10.0.0.0/8')" | cut -d, -f4
# Files are opened with --files alone.
seine sql case.db "SELECT count(*) FROM capture('talk.pcap')"
seine sql --files case.db "SELECT frame, src_ip, tcp_flags(tcp_flags) AS flags, payload_length FROM capture('talk.pcap') WHERE frame < 5"
seine sql --files case.db "SELECT protocol, client_ip, state, client_bytes FROM capture_flows('talk.pcap')"
seine sql --files case.db "SELECT count(*) FROM capture('case.db')"
# Nothing writes, whatever it says.
seine sql case.db 'DELETE FROM flows'
seine sql case.db 'CREATE TEMP TABLE t (a)'
seine sql case.db "ATTACH 'other.db' AS other"
seine sql case.db "VACUUM INTO 'other.db'"
seine sql case.db 'PRAGMA query_only = OFF'
seine sql case.db 'PRAGMA writable_schema = ON'
seine sql case.db "UPDATE sqlite_master SET sql = ''"
seine sql case.db 'BEGIN IMMEDIATE'
seine sql case.db "SELECT load_extension('x')"
# What makes no sense.
seine sql case.db 'SELEC 1'
seine sql case.db 'SELECT nothing FROM flows'
seine sql case.db ''
# From standard input.
printf 'SELECT 1;\n\n.schema hosts\nSELECT\n2' | seine sql case.db
printf '.tables\n.quit\nSELECT 1;\n' | seine sql case.db | grep -c table
printf '.nothing\nSELECT 1;\n' | seine sql case.db
# The words with a dot on the command line, too.
seine sql case.db '.schema verdicts'
seine sql case.db .nothing
printf 'SELECT 1;\nSELEC;\nSELECT 2;\n' | seine sql case.db
sha256sum < case.db | cmp - before; ls
# What somebody added under the name of what is decoded.
sqlite3 case.db "CREATE VIEW Segments AS SELECT 2 AS stream_id, 'never' AS fate"
seine sql case.db 'SELECT fate FROM segments WHERE stream_id = 2'
