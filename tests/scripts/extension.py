"""extension.py - seine.so and seine_files.so, loaded into the sqlite3 shell and into Python, say what `seine sql`
says.

It is the released one (beside SEINE_RELEASE): one with sanitizers would want them in the program that loads
it. What segments and frames say of each fate is compared with what a script put into the capture, and
with the bytes of the capture at the offsets that they name.
"""
import contextlib
import csv
import gzip
import io
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import threading

import lib

SO = os.path.join(os.path.dirname(os.path.abspath(lib.RELEASE)), "seine")  # as .load names it
FILES = SO + "_files"
START_NS = 1700000000 * 10**9

# Every fate but no_memory. Frames are 1 ms apart, and numbered in the right margin where they hold payload.
FATES = """
at 1700000000
client 10.0.0.1:1001; server 10.0.0.2:80
c SYN; s SYN ACK; c ACK
c @0 "abcdef"                   # 4
c @0 "abcdef"                   # 5   the same again
c @4 "efgh"                     # 6   in part the same again
c @2 "cXe"                      # 7   differs
c @6 "gYij"                     # 8   differs, and brings more
s ack=10 "ok"                   # 9
c @10 "kl" bad-checksum         # 10
c @40000000 "far"               # 11
c @-3 "123ab"                   # 12  in part before the start
c @-2 "99"                      # 13
c @9 "?" noack                  # 14  a keep-alive with a garbage byte
s ack=10
c ACK
s ack=10
client 10.0.0.1:1002
every bad-checksum
c SYN
every
s SYN ACK
c @0 "wrong" bad-checksum       # 20  until this side shows a right one
c @0 "right"                    # 21
client 10.0.0.1:1003
c SYN; s SYN ACK; c ACK
c @0 "AB"                       # 25
c @2 "CDE" bad-checksum         # 26  and its receiver takes it
s ack=5
c @5 "F"                        # 28
client 10.0.0.1:1004; server 10.0.0.2:53
c udp len=64 frag=24,48         # 29 30 31
c udp len=64 frag=32 order=1,0  # 32 33
c udp len=100 snap=80           # 34
"""

FATES_ROWS = [  # stream, frame, position, bytes on the wire, captured ones, fate
    (2, 4, 0, 6, b"abcdef", "kept"),
    (2, 5, 0, 6, b"abcdef", "duplicate"),
    (2, 6, 4, 4, b"efgh", "kept"),
    (2, 7, 2, 3, b"cXe", "conflict"),
    (2, 8, 6, 4, b"gYij", "conflict"),
    (2, 10, 10, 2, b"kl", "refused: bad_checksum"),
    (2, 11, 40000000, 3, b"far", "refused: out_of_window"),
    (2, 12, -3, 3, b"123", "refused: before_start"),
    (2, 12, 0, 2, b"ab", "duplicate"),
    (2, 13, -2, 2, b"99", "refused: before_start"),
    (2, 14, 9, 1, b"?", "refused: keepalive"),
    (3, 9, 0, 2, b"ok", "kept"),
    (4, 20, 0, 5, b"wrong", "provisional"),
    (4, 21, 0, 5, b"right", "kept"),
    (6, 25, 0, 2, b"AB", "kept"),
    (6, 26, 2, 3, b"CDE", "refused: bad_checksum"),
    (6, 26, 2, 3, b"CDE", "provisional"),
    (6, 28, 5, 1, b"F", "kept"),
    (8, 29, 0, 16, 16, "kept"),  # a datagram in three pieces; the header of UDP is in the first
    (8, 30, 16, 24, 24, "kept"),
    (8, 31, 40, 24, 24, "kept"),
    (8, 33, 64, 24, 24, "kept"),
    (8, 32, 88, 40, 40, "kept"),
    (8, 34, 128, 100, 38, "kept"),
]

# A side has room for 4096 holes; then the lower half is given up.
SETTLED = """
at 1700000000
client 10.0.0.1:1001; server 10.0.0.2:80
c SYN; s SYN ACK; c ACK
c @next+1 len=1 rep=4200
c @2 "xyz"                      # 4204
c @4094 "0123456789"            # 4205  in part above what was given up
"""

# The flow table of 8 MiB has no room for these holes.
NO_MEMORY = "at 1700000000\nstep 0.000001\n" + "".join(
    "client 10.0.1.%d:1001; server 10.0.0.2:80\nc SYN; s SYN ACK; c ACK\nc @next+1 len=1 rep=4000\n" % n
    for n in range(1, 61))


def made(folder, name, script, *options):
    """A capture of the script, and its case."""
    capture, case = os.path.join(folder, name + ".pcap"), os.path.join(folder, name + ".db")
    subprocess.run([lib.CRAFT, "-o", capture, "-"], input=script.encode(), check=True)
    run = lib.ingest(case, *options, capture, binary=lib.RELEASE)
    if run.wrong(0, 1):
        raise RuntimeError(run.wrong(0, 1))
    return capture, case


def shell(database, *lines, prefix=()):
    """What the sqlite3 shell makes of the lines, with the extension loaded: (exit status, rows, sentences)."""
    text = ".load \"%s\"\n.load \"%s\"\n.mode csv\n%s\n" % (SO, FILES, "\n".join(lines))
    done = subprocess.run([*prefix, "sqlite3", "-batch", "-init", os.devnull, database], input=text,
                          capture_output=True, text=True, timeout=120)
    return done.returncode, list(csv.reader(io.StringIO(done.stdout))), done.stderr


def asked(database, *lines):
    status, rows, err = shell(database, *lines)
    if status or err:
        raise RuntimeError("the shell: %s" % err)
    return rows


def seine_sql(case, sql):
    run = lib.seine("sql", case, "--csv", "--files", sql)
    if run.wrong():
        raise RuntimeError(run.wrong())
    return list(csv.reader(io.StringIO(run.out.decode())))[1:]


def records(capture):
    """(time_ns, bytes captured, bytes on the wire, where they begin) of each frame of a pcap."""
    with open(capture, "rb") as file:
        data = file.read()
    at, answer = 24, []
    while at < len(data):
        seconds, micros, captured, wire = struct.unpack("<IIII", data[at:at + 16])
        answer.append((seconds * 10**9 + micros * 1000, captured, wire, at + 16))
        at += 16 + captured
    return data, answer


def payload_begins(data, begin):
    """Where the payload of a frame of Ethernet, IPv4 and TCP begins; nothing of seine is asked."""
    ip = begin + 14
    tcp = ip + (data[ip] & 15) * 4
    return tcp + (data[tcp + 12] >> 4) * 4


def differs(expected, found):
    for a, b in zip(expected, found):
        if a != b:
            return "expected %s, found %s" % (a, b)
    return None if len(expected) == len(found) else "expected %d rows, found %d" % (len(expected), len(found))


SEGMENTS = ("SELECT stream_id, frame, position, length, captured, file_offset, time_ns, fate, evidence_id"
            " FROM segments")


def fates(folder):
    capture, case = made(folder, "fates", FATES)
    data, frames = records(capture)
    rows = [[int(v) if v.lstrip("-").isdigit() else v for v in row] for row in asked(case, SEGMENTS + ";")]
    expected, found = [], []
    for stream, frame, position, length, payload, fate in FATES_ROWS:
        text = payload if isinstance(payload, bytes) else None
        expected.append((stream, frame, position, length, len(text) if text else payload, fate, text,
                         frames[frame - 1][0], 1))
    for stream, frame, position, length, captured, offset, time_ns, fate, evidence in rows:
        found.append((stream, frame, position, length, captured, fate,
                      data[offset:offset + captured] if stream < 8 else None, time_ns, evidence))
    lib.check("extension.fates", differs(expected, found), "%d rows" % len(rows))

    wrong = None
    for stream, frame, position, length, captured, offset, *_ in rows:
        begin = frames[frame - 1][3]
        if stream < 8 and (frame, position) != (12, 0):  # which is the second row of its frame
            if offset != payload_begins(data, begin):
                wrong = "frame %d: %d is not where its payload begins" % (frame, offset)
        elif not begin < offset < offset + captured <= begin + frames[frame - 1][1]:
            wrong = "frame %d: %d is not in it" % (frame, offset)
    for row in asked(case, "SELECT s.frame, s.position, s.captured, s.file_offset,"
                           " hex(stream_bytes(8, s.position, s.captured)) FROM segments(8) s;"):
        offset, captured = int(row[3]), int(row[2])
        if data[offset:offset + captured].hex().upper() != row[4]:
            wrong = "a datagram in pieces: not the bytes of %s" % row
    if data[rows[8][5] - 3:rows[8][5] + 2] != b"123ab":
        wrong = "a segment in two rows: the second one is not behind the first"
    lib.check("extension.offsets", wrong)

    found = asked(case, "SELECT flow_id, frame, file_offset, time_ns, captured, length FROM frames;")
    numbers = sorted(int(row[1]) for row in found)
    wrong = None if numbers == list(range(1, len(frames) + 1)) else "the frames are %s" % numbers
    for _, frame, offset, time_ns, captured, length in (map(int, row) for row in found):
        if frames[frame - 1] != (time_ns, captured, length, offset):
            wrong = "frame %d is at %s" % (frame, frames[frame - 1])
    lib.check("extension.frames", wrong, "%d rows" % len(found))

    with open(capture, "rb") as plain, gzip.open(capture + ".gz", "wb") as packed:
        packed.write(plain.read())
    lib.ingest(case + ".gz.db", capture + ".gz", binary=lib.RELEASE)
    again = asked(case + ".gz.db", SEGMENTS + ";")
    lib.check("extension.compressed", differs(asked(case, SEGMENTS + ";"), again))
    return case


def refusals(folder):
    capture, case = made(folder, "settled", SETTLED)
    data, _ = records(capture)
    sql = (SEGMENTS + " WHERE frame > 4203 ORDER BY rowid;")
    rows = [(int(r[1]), int(r[2]), r[7], data[int(r[5]):int(r[5]) + int(r[4])]) for r in asked(case, sql)]
    expected = [(4204, 2, "refused: settled", b"xyz"), (4205, 4094, "refused: settled", b"012"),
                (4205, 4097, "conflict", b"3456789")]
    lib.check("extension.settled", differs(expected, rows))

    capture, case = made(folder, "no-memory", NO_MEMORY, "--memory", "8M")
    data, frames = records(capture)
    rows = asked(case, "SELECT s.frame, s.file_offset, s.time_ns, hex(r.data) FROM segments s LEFT JOIN refused r"
                       " USING (stream_id, frame, position) WHERE s.fate = 'refused: no_memory';")
    wrong = None if rows else "nothing was refused"
    for frame, offset, time_ns, payload in rows:
        at = payload_begins(data, frames[int(frame) - 1][3])
        if int(offset) != at or int(time_ns) != frames[int(frame) - 1][0] or "%02X" % data[at] != payload:
            wrong = "frame %s" % frame
    count = lib.one(case, "SELECT count(*) FROM refused WHERE reason = 'no_memory'")
    if count != len(rows):
        wrong = "%d segments, %d rows of refused" % (len(rows), count)
    lib.check("extension.no-memory", wrong, "%d rows" % len(rows))


QUESTIONS = [
    "SELECT * FROM segments",
    "SELECT * FROM frames",
    "SELECT * FROM segments(2)",
    "SELECT count(*), sum(captured) FROM segments WHERE stream_id = 3",
    "SELECT stream_id, frame FROM segments ORDER BY time_ns DESC, stream_id, position LIMIT 7 OFFSET 2",
    "SELECT count(*) FROM segments WHERE stream_id = 2 OR (stream_id = 3 AND frame > 5)",
    "SELECT f.client_ip, s.side, g.fate, count(*), sum(g.length) FROM flows f JOIN streams s USING (flow_id)"
    " JOIN segments g USING (stream_id) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    "SELECT flow_id, (SELECT max(frame) FROM frames(f.flow_id)) FROM flows f",
    "SELECT stream_id, stream_view_sha256(stream_id, NULL) = sha256, stream_view_sha256(stream_id, 'last')"
    " FROM streams",
    "SELECT hex(stream_bytes(stream_id, position, captured)) FROM segments WHERE fate = 'kept' LIMIT 40",
    "SELECT s.side, b.position, b.length, hex(b.data), b.cause, b.tail FROM streams s JOIN stream_bytes b"
    " USING (stream_id)",
    "SELECT position, hex(printable(data)) FROM stream_bytes(2, 2, 5, 'last')",
    "SELECT replace(hexdump(data), char(10), '/') FROM stream_bytes(2) LIMIT 3",
    "SELECT ip, ip_scope(ip), ip_net(ip, 24), ip_in(ip, '10.0.0.0/31'), hex(ip_first(ip)), ip_last(ip) = addr"
    " FROM hosts",
    "SELECT flow_id FROM flows WHERE client_ip IN hosts_in('0.0.0.0/1') OR server_ip IN hosts_in('::/0')",
    "SELECT ip FROM hosts WHERE addr BETWEEN ip_first('10.0.0.0/30') AND ip_last('10.0.0.0/30')",
    "SELECT sum(community_id = community_id(protocol, client_ip, client_port, server_ip, server_port)) = count(*),"
    " community_id(protocol, client_ip, client_port, server_ip, server_port, 1) FROM flows",
    "SELECT ns_iso(first_ns), tcp_flags(client_flags), oui('02:00:00:00:00:00') FROM flows",
    "SELECT oui(coalesce(client_mac, '00:00:0c:00:00:00')) FROM flows",
]


def same(folder, fates_case):
    cases = [fates_case]
    for name in ("http-lost.pcap", "dns.pcap"):
        capture = os.path.join(lib.TOP, "sample_pcaps", name)
        if os.path.exists(capture):
            cases.append(os.path.join(folder, name + ".db"))
            lib.ingest(cases[-1], capture, binary=lib.RELEASE)
    for case in cases:
        wrong, rows = None, 0
        for sql in QUESTIONS:
            expected = seine_sql(case, sql)
            rows += len(expected)
            wrong = wrong or differs(expected, asked(case, sql + ";"))
        lib.check("extension.same.%s" % os.path.basename(case), wrong, "%d rows" % rows)
    plans = {
        "SELECT * FROM segments WHERE stream_id = 5": "INDEX 1",
        "SELECT * FROM streams s JOIN segments g USING (stream_id) WHERE s.flow_id = 2": "INDEX 1",
        "SELECT * FROM flows f, frames(f.flow_id) WHERE f.client_ip = '10.0.0.1'": "INDEX 1",
        "SELECT * FROM streams s, segments(s.stream_id, 'main')": "INDEX 3",
        "SELECT * FROM streams s JOIN stream_bytes b USING (stream_id)": "INDEX 1",
        "SELECT * FROM stream_bytes(2, 0, 5)": "INDEX 7",
        "SELECT * FROM capture('x') WHERE frame BETWEEN 5 AND 10 AND time_ns < 8": "INDEX 0:Bft",
        "SELECT * FROM capture('x') WHERE frame = 5": "INDEX 0:e",
    }
    plans = {sql: "VIRTUAL TABLE " + plan for sql, plan in plans.items()}
    plans.update({
        "SELECT * FROM flows WHERE client_ip IN hosts_in('10.0.0.0/8')":
            "SEARCH flows USING INDEX flows_client_ip (client_ip=?)",
        "SELECT * FROM flows WHERE server_ip IN hosts_in('10.0.0.0/8', 'main')":
            "SEARCH flows USING INDEX flows_server_ip (server_ip=?)",
        "SELECT f.* FROM hosts_in('10.0.0.0/8') h JOIN flows f ON f.client_ip = h.ip":
            "SEARCH f USING INDEX flows_client_ip (client_ip=?)",
        "SELECT * FROM hosts WHERE addr BETWEEN ip_first('10.0.0.0/8') AND ip_last('10.0.0.0/8')":
            "SEARCH hosts USING PRIMARY KEY (addr>? AND addr<?)",
    })
    wrong = None
    for sql, plan in plans.items():
        told = str(asked(fates_case, "EXPLAIN QUERY PLAN " + sql + ";"))
        if plan not in told or (plan.startswith("SEARCH") and "SCAN flows" in told):
            wrong = "%s: %s" % (sql, told)
    lib.check("extension.plans", wrong)


def plain(folder, case):
    """The way to have the rows as tables that need nothing, in a file beside the case."""
    out = os.path.join(folder, "decoded.db")
    asked(out, "ATTACH 'file:%s?mode=ro' AS c;" % case,
          "CREATE TABLE segments_plain AS SELECT * FROM segments WHERE schema = 'c';",
          "CREATE TABLE frames_plain AS SELECT * FROM frames WHERE schema = 'c';")
    wrong = None
    for table in ("segments", "frames"):
        text = [[str(v) for v in row] for row in lib.rows(out, "SELECT * FROM %s_plain" % table)]
        wrong = wrong or differs(seine_sql(case, "SELECT * FROM %s" % table), text)
    lib.check("extension.plain-tables", wrong)


def others(folder, case):
    """Databases that are no case, and cases that were made to mislead."""
    no_case = os.path.join(folder, "other.db")
    with contextlib.closing(sqlite3.connect(no_case)) as db:
        db.executescript("CREATE TABLE arrivals (a); CREATE TABLE flow_frames (a);")
    tries = [(":memory:", sql, "the database main is not a case: its application_id is") for sql in (
        "SELECT * FROM segments", "SELECT * FROM frames(1)", "SELECT stream_bytes(1, 2, 3)",
        "SELECT stream_view_sha256(1, NULL)")]
    tries += [
        (no_case, "SELECT * FROM segments(5)", "other.db is not a case: its application_id is"),
        (case, "SELECT * FROM segments(5, 'nowhere')", "unknown database"),
        (case, "SELECT * FROM segments(5, 'temp')", "the database temp is not a case"),
        (case, "SELECT stream_view_sha256(2, 'windoze')", "there is no policy 'windoze'"),
        (case, "DELETE FROM segments", "may not be modified"),
    ]
    for name, change, sentence in (
            ("round", "DROP TABLE arrivals; CREATE VIEW arrivals AS SELECT stream_id, 0 AS part, 1 AS segments,"
                      " 0 AS low, 0 AS high, x'00' AS data FROM segments", "it has no table arrivals"),
            ("endless", "DROP TABLE arrivals; CREATE VIEW arrivals AS WITH RECURSIVE n(stream_id) AS (SELECT 1"
                        " UNION ALL SELECT stream_id + 1 FROM n) SELECT stream_id, 0 AS part, 0 AS segments,"
                        " x'' AS data FROM n", "it has no table arrivals"),
            ("blob", "UPDATE arrivals SET segments = 1, data = x'ffffffff'", "makes no sense"),
            ("counts", "UPDATE arrivals SET segments = 9000000000000000000", "cannot hold as many"),
            ("newer", "PRAGMA user_version = 99", "newer than"),
            ("forged", "DROP TABLE arrivals; CREATE VIRTUAL TABLE arrivals USING fts5(data); PRAGMA writable_schema ="
                       " ON; UPDATE sqlite_master SET rootpage = 2 WHERE name = 'arrivals'", "no table arrivals")):
        bad = os.path.join(folder, name + ".db")
        shutil.copy(case, bad)
        with contextlib.closing(sqlite3.connect(bad)) as db:
            db.executescript(change)
        tries.append((bad, "SELECT * FROM segments", sentence))
    wrong = None
    for database, sql, sentence in tries:
        status, rows, err = shell(database, sql + ";")
        if status != 1 or rows or sentence not in err:
            wrong = "%s: status %d, %d rows, %s" % (sql, status, len(rows), err)
    lib.check("extension.no-case", wrong, "%d sentences" % len(tries))


def attached(folder, case):
    other = os.path.join(folder, "empty.db")
    lines = ["ATTACH '%s' AS \"the \"\"other\";" % case]
    there = "'the \"other'"
    wrong = differs(asked(case, "SELECT * FROM segments;"),
                    asked(other, *lines, "SELECT * FROM segments WHERE schema = %s;" % there))
    wrong = wrong or differs(
        asked(case, "SELECT s.side, g.* FROM streams s, frames(s.flow_id) g;"),
        asked(other, *lines, "SELECT s.side, g.* FROM \"the \"\"other\".streams s, frames(s.flow_id, %s) g;" % there))
    wrong = wrong or differs(
        asked(case, "SELECT stream_view_sha256(stream_id, 'last'), hex(stream_bytes(stream_id, 0, 2)) FROM streams;"),
        asked(other, *lines, "SELECT stream_view_sha256(stream_id, 'last', %s), hex(stream_bytes(stream_id, 0, 2,"
                             " NULL, %s)) FROM \"the \"\"other\".streams;" % (there, there)))
    lib.check("extension.attached", wrong)


FLOW_COLUMNS = ("protocol, client_ip, client_port, server_ip, server_port, vlan, tunnel, client_mac, server_mac,"
                " first_ns, last_ns, first_frame, client_packets, server_packets, client_bytes, server_bytes,"
                " client_ip_bytes, server_ip_bytes, client_frame_bytes, server_frame_bytes, client_retransmitted,"
                " server_retransmitted, client_flags, server_flags, client_min_ttl, server_min_ttl,"
                " handshake_rtt_ns, history, state, end_reason, client_guessed, lossy, community_id, interface_id")


def capture_rows(folder, case):
    """capture() beside what the bytes of the file say, read here, and beside the case."""
    capture = os.path.join(folder, "fates.pcap")
    data, frames = records(capture)
    rows = asked(":memory:", "SELECT frame, time_ns, captured, length, file_offset, hex(data), ip_id, ttl, tcp_seq,"
                             " src_port, payload_offset, payload_length, hex(payload), protocol, verdict, src_mac"
                             " FROM capture('%s');" % capture)
    wrong = None if len(rows) == len(frames) else "%d rows of %d frames" % (len(rows), len(frames))
    for number, (row, (time_ns, captured, length, at)) in enumerate(zip(rows, frames), 1):
        plain = [number, time_ns, captured, length, at, data[at:at + captured].hex().upper()]
        if row[:6] != [str(v) for v in plain]:
            wrong = "frame %d is %s" % (number, row)
        ip = at + 14
        if row[6:8] != [str(int.from_bytes(data[ip + 4:ip + 6], "big")), str(data[ip + 8])]:
            wrong = "frame %d has the id and TTL %s" % (number, row[6:8])
        if row[15] != ":".join("%02x" % b for b in data[at + 6:at + 12]):
            wrong = "frame %d came from %s" % (number, row[15])
        if row[13] == "tcp":
            tcp = ip + (data[ip] & 15) * 4
            begin = payload_begins(data, at)
            end = ip + int.from_bytes(data[ip + 2:ip + 4], "big")
            expected = [int.from_bytes(data[tcp + 4:tcp + 8], "big"), int.from_bytes(data[tcp:tcp + 2], "big"),
                        begin if end > begin else "", end - begin, data[begin:end].hex().upper()]
            if row[8:13] != [str(v) for v in expected]:
                wrong = "frame %d is %s, and not %s" % (number, row[8:13], expected)
    counts = [row for row in asked(case, "SELECT verdict, sum(frames) FROM verdicts WHERE verdict <> 'fragment'"
                                         " AND frames > 0 GROUP BY 1;") if row[0] != "ok"]
    found = asked(case, "SELECT verdict, count(*) FROM capture('%s') WHERE verdict NOT IN ('ok', 'fragment')"
                        " GROUP BY 1;" % capture)
    lib.check("extension.capture", wrong or differs(counts, found), "%d rows" % len(rows))

    bounds = ["frame < 5", "frame <= 5", "frame > 5", "frame >= 5", "frame = 5", "rowid = 5", "frame BETWEEN 3 AND 7",
              "frame < 4.5", "frame > 4.5", "frame >= 4.5", "frame <= 4.5", "frame = 5.0", "frame = 4.5", "frame = '5'",
              "frame > 'a'", "frame < 'a'", "frame = NULL", "frame IN (9, 3, 3, 4)", "frame > 1e300", "frame < 1e300",
              "frame > -1e300", "frame < 0", "frame > 9223372036854775807", "frame < -9223372036854775808",
              "time_ns > 1700000000005000000", "time_ns <= 1700000000005000000", "time_ns = 1700000000005000000",
              "time_ns < 1700000000005000000 AND frame > 2", "frame > 3 AND frame > 5 AND frame < 9 AND frame < 7",
              "frame > (SELECT 4)", "length > 60 AND frame < 9", "frame % 2 = 0 OR frame = 3", "frame <> 4"]
    wrong = None
    for where in bounds:
        text = "SELECT frame FROM %s WHERE %s;"
        wrong = wrong or differs(
            asked(":memory:", "CREATE TABLE t AS SELECT frame, time_ns, length FROM capture('%s');" % capture,
                  text % ("t", where)),
            asked(":memory:", text % ("capture('%s')" % capture, where))) and where
    lib.check("extension.capture-bounds", wrong, "%d bounds" % len(bounds))

    joined = asked(case, "SELECT s.stream_id, s.position, hex(substr(c.data, s.file_offset - c.file_offset + 1,"
                         " s.captured)) FROM segments s JOIN capture('%s') c ON c.frame = s.frame WHERE"
                         " s.stream_id < 8 ORDER BY s.rowid;" % capture)
    expected = [[str(row[0]), str(row[2]), row[4].hex().upper()] for row in FATES_ROWS if row[0] < 8]
    lib.check("extension.capture-joins", differs(sorted(expected), sorted(joined)), "%d rows" % len(joined))


def original_bytes(folder, case):
    """evidence_bytes() gives what the capture has where a row says."""
    data, frames = records(os.path.join(folder, "fates.pcap"))
    sql = "SELECT frame, hex(evidence_bytes(evidence_id, file_offset, captured)) FROM frames ORDER BY 1;"
    expected = [[str(n), data[at:at + captured].hex().upper()] for n, (_, captured, _, at) in enumerate(frames, 1)]
    wrong = differs(expected, asked(case, sql)) or differs(expected, asked(case + ".gz.db", sql))
    expected = [row[4].hex().upper() for row in FATES_ROWS if row[0] < 8]
    found = asked(case, "SELECT hex(evidence_bytes(evidence_id, file_offset, captured)) FROM segments"
                        " WHERE stream_id < 8 ORDER BY rowid;")
    wrong = wrong or differs(sorted(expected), sorted(row[0] for row in found))
    attached = asked(":memory:", "ATTACH '%s' AS c;" % case, "SELECT hex(evidence_bytes(1, 24, 16, 'c'));")
    wrong = wrong or differs([[data[24:40].hex().upper()]], attached)
    moved = os.path.join(folder, "moved")
    os.makedirs(moved)
    shutil.copy(case, moved)
    with contextlib.closing(sqlite3.connect(os.path.join(moved, "fates.db"))) as db:
        db.executescript("UPDATE evidence SET source = '/nowhere/x.pcap';"
                         "CREATE VIEW reads AS SELECT evidence_bytes(1, 0, 4)")
    bad = os.path.join(moved, "fates.db")
    tries = [
        (bad, "SELECT evidence_bytes(1, 0, 4)", "x.pcap is not there"),
        (bad, "SELECT * FROM reads", "unsafe use of evidence_bytes"),
        (bad, "SELECT evidence_bytes(9, 0, 4)", "has no evidence 9"),
        (case, "SELECT evidence_bytes(1, 0, 1000000)", "it ends before"),
        (case, "SELECT evidence_bytes(1, 9000000000000000000, 1)", "it ends before"),
        (case, "SELECT evidence_bytes(1, -1, 1)", "-1 is no offset"),
        (case, "SELECT evidence_bytes(1, 0, 67108865)", "is no length"),
        (case, "SELECT evidence_bytes('one', 0, 1)", "is no number of evidence"),
        (":memory:", "SELECT evidence_bytes(1, 0, 1)", "is not a case"),
    ]
    for database, question, sentence in tries:
        status, rows, err = shell(database, question + ";")
        if status != 1 or rows or sentence not in err:
            wrong = "%s: status %d, %d rows, %s" % (question, status, len(rows), err)
    shutil.copy(os.path.join(folder, "fates.pcap"), os.path.join(moved, "another-name.pcap"))
    for question in ("SELECT hex(evidence_bytes(1, 24, 4)), evidence_bytes(1, NULL, 4) IS NULL",):
        answer = [[data[24:28].hex().upper(), "1"]]
        wrong = wrong or differs(answer, asked(bad, question + ";")) or differs(answer, seine_sql(bad, question))
    with open(os.path.join(moved, "another-name.pcap"), "r+b") as file:
        file.seek(40)
        file.write(b"other")
    status, _, err = shell(bad, "SELECT evidence_bytes(1, 24, 4);")
    if status != 1 or "is not there" not in err:
        wrong = "a capture that was changed: %d, %s" % (status, err)
    lib.check("extension.original-bytes", wrong, "%d sentences" % len(tries))


def capture_flow_rows(folder):
    """capture_flows() says what an ingest of the file says."""
    captures = [os.path.join(folder, "fates.pcap"), os.path.join(folder, "fates.pcap.gz")]
    samples = os.path.join(lib.TOP, "sample_pcaps")
    captures += [os.path.join(samples, name) for name in sorted(os.listdir(samples))
                 if name.endswith((".pcap", ".pcapng", ".zst"))]
    wrong, rows = None, 0
    for number, capture in enumerate(captures):
        case = os.path.join(folder, "flows-%d.db" % number)
        lib.ingest(case, capture, binary=lib.RELEASE)
        order = " ORDER BY first_frame, protocol, client_ip, client_port, history;"
        expected = asked(case, "SELECT " + FLOW_COLUMNS + " FROM flows" + order)
        found = asked(":memory:", "SELECT " + FLOW_COLUMNS + " FROM capture_flows('%s')" % capture + order)
        rows += len(found)
        wrong = wrong or (differs(expected, found) and "%s: %s" % (capture, differs(expected, found)))
    lib.check("extension.capture-flows", wrong, "%d rows of %d captures" % (rows, len(captures)))


def damaged(folder, case):
    """Captures that are cut off or hostile; and cases whose views would open files."""
    capture, cut = os.path.join(folder, "fates.pcap"), os.path.join(folder, "cut.pcap")
    data, frames = records(capture)
    with open(cut, "wb") as file:
        file.write(data[:frames[20][3] + 5])
    pipe, empty, loop = (os.path.join(folder, name) for name in ("pipe", "empty", "loop"))
    os.mkfifo(pipe)
    os.symlink(loop, loop)
    with open(empty, "wb"):
        pass
    bad = os.path.join(folder, "view.db")
    shutil.copy(case, bad)
    with contextlib.closing(sqlite3.connect(bad)) as db:
        db.executescript("CREATE VIEW opens AS SELECT frame FROM capture('%s');"
                         "CREATE VIEW flows_of AS SELECT 1 FROM capture_flows('%s');"
                         "CREATE VIEW bytes AS SELECT data FROM stream_bytes(2);" % (capture, capture))
    tries = [
        ("SELECT count(*) FROM capture('%s')" % cut, "frame 21"),
        ("SELECT max(frame) FROM capture('%s') WHERE frame <= 21" % cut, "frame 21"),
        ("SELECT count(*) FROM capture_flows('%s')" % cut, "frame 21"),
        ("SELECT count(*) FROM capture('%s')" % case, "is not a capture"),
        ("SELECT count(*) FROM capture('%s')" % folder, "is a folder"),
        ("SELECT count(*) FROM capture('/nowhere.pcap')", "cannot be opened"),
        ("SELECT count(*) FROM capture('-')", "is no path"),
        ("SELECT count(*) FROM capture('')", "is no path"),
        ("SELECT count(*) FROM capture(x'00')", "is no path"),
        ("SELECT count(*) FROM capture('%s')" % pipe, "is a pipe or a device"),
        ("SELECT count(*) FROM capture_flows('%s')" % pipe, "is a pipe or a device"),
        ("SELECT count(*) FROM capture('/dev/zero')", "is a pipe or a device"),
        ("SELECT count(*) FROM capture('%s')" % empty, "is empty"),
        ("SELECT count(*) FROM capture_flows('%s')" % empty, "is empty"),
        ("SELECT count(*) FROM capture('%s')" % loop, "cannot be opened"),
        ("SELECT count(*) FROM capture", "needs the path"),
        ("SELECT count(*) FROM capture_flows", "needs the path"),
        ("SELECT count(*) FROM capture_flows('%s', -1)" % cut, "is no number of a frame"),
        ("SELECT count(*) FROM capture_flows('%s', 'x')" % cut, "is no number of a frame"),
        ("DELETE FROM capture", "may not be modified"),
        ("SELECT * FROM opens", "unsafe use of virtual table"),
        ("SELECT * FROM flows_of", "unsafe use of virtual table"),
        ("SELECT * FROM bytes", "unsafe use of virtual table"),
    ]
    wrong = None
    for sql, sentence in tries:
        status, rows, err = shell(bad, sql + ";")
        if status != 1 or rows or sentence not in err:
            wrong = "%s: status %d, %d rows, %s" % (sql, status, len(rows), err)
        run = lib.seine("sql", "--files", bad, sql)  # with sanitizers
        if run.wrong(2, 3) or (sentence not in run.err.decode() and "would write" not in run.err.decode()):
            wrong = "%s: %s" % (sql, run.wrong(2, 3) or run.err)
    run = lib.seine("sql", bad, "SELECT count(*) FROM capture('%s')" % capture)
    if run.wrong(2) or b"no such table: capture: it opens files, which wants --files" not in run.err:
        wrong = "without --files: %s" % (run.wrong(2) or run.err)
    for sql in ("SELECT max(frame) FROM capture('%s') WHERE frame < 21" % cut, "SELECT ip_scope('10.0.0.1')"):
        alone = lib.seine("sql", "--files", "--csv", sql)  # without a case
        beside = lib.seine("sql", "--files", "--csv", bad, sql)
        if alone.wrong() or alone.out != beside.out:
            wrong = "without a case: %s" % (alone.wrong() or alone.out)
    run = lib.seine("sql", "--files", "SELECT * FROM flows")
    if run.wrong(2) or b"no such table: flows" not in run.err:
        wrong = "flows without a case: %s" % run.err
    for sql, answer in (("SELECT max(frame) FROM capture('%s') WHERE frame < 21" % cut, "20"),
                        ("SELECT max(first_frame) FROM capture_flows('%s', 20)" % cut, "18"),
                        ("SELECT count(*) FROM capture(NULL)", "0")):
        found = asked(bad, sql + ";")
        if found != [[answer]]:
            wrong = "%s: %s" % (sql, found)
    lib.check("extension.damaged", wrong, "%d sentences" % len(tries))


def hostile(folder):
    """Captures with bytes changed: whatever is in them, rows or a sentence."""
    source = os.path.join(folder, "fates.pcap")
    with open(source, "rb") as file:
        data = file.read()
    picks = random.Random(6)
    path, wrong, rows = os.path.join(folder, "hostile.pcap"), None, 0
    case = os.path.join(folder, "fates.db")
    sql = "SELECT * FROM capture('%s'); SELECT * FROM capture_flows('%s')" % (path, path)
    for _ in range(200 if os.environ.get("SEINE_LONG") else 12):
        bad = bytearray(data)
        for _ in range(picks.randint(1, 60)):
            bad[picks.randrange(24 if picks.random() < 0.9 else 0, len(bad))] = picks.randrange(256)
        with open(path, "wb") as file:
            file.write(bad)
        run = lib.seine("sql", "--files", "--json", case, sql)
        wrong = wrong or run.wrong(0, 3)
        rows += run.out.count(b"\n")
    lib.check("extension.hostile-captures", wrong, "%d rows" % rows)


def shared_object(so, entry):
    """Only the entry point is visible, and no SQLite comes along."""
    if not shutil.which("nm") or not shutil.which("readelf"):
        lib.tell("skip", "extension.symbols", "no binutils")
        return
    out = [subprocess.run(c, capture_output=True, text=True, check=True).stdout for c in (
        ["nm", "-D", "--defined-only", so + ".so"], ["nm", "-D", "--undefined-only", so + ".so"],
        ["readelf", "-d", so + ".so"])]
    shown = [line.split()[-1] for line in out[0].splitlines()]
    wrong = None if shown == [entry] else "it shows %s" % shown
    if "sqlite3" in out[1] or "sqlite" in out[2]:
        wrong = "it asks for SQLite by itself"
    lib.check("extension.symbols.%s" % os.path.basename(so), wrong)


def valgrind(folder, case):
    if not shutil.which("valgrind"):
        lib.tell("skip", "extension.valgrind", "there is no valgrind")
        return
    status, _, err = shell(
        os.path.join(folder, "empty.db"), "ATTACH '%s' AS c;" % case, *('.load "%s"' % SO,) * 2,
        "SELECT * FROM segments;", "SELECT * FROM segments(5, 'c');", "SELECT count(*) FROM frames WHERE schema = 'c';",
        "SELECT stream_view_sha256(stream_id, 'last', 'c'), hex(stream_bytes(stream_id, 0, 2, NULL, 'c'))"
        " FROM c.streams;",
        "SELECT hex(data) FROM stream_bytes(2, 0, 9, 'last', 'c');", "SELECT * FROM hosts_in('10.0.0.0/8', 'c');",
        "SELECT ip_in(ip, '10.0.0.0/8'), oui('00:00:0c:00:00:00') FROM c.hosts;",
        "SELECT count(*) FROM (SELECT DISTINCT * FROM capture('%s'));" % os.path.join(folder, "fates.pcap.gz"),
        "SELECT * FROM capture_flows('%s') LIMIT 3;" % os.path.join(folder, "fates.pcap"),
        "SELECT count(*) FROM capture_flows('%s');" % os.path.join(folder, "cut.pcap"),
        "SELECT count(evidence_bytes(evidence_id, file_offset, captured, 'c')) FROM frames WHERE schema = 'c';",
        "ATTACH '%s' AS bad;" % os.path.join(folder, "blob.db"), "SELECT * FROM segments WHERE schema = 'bad';",
        prefix=("valgrind", "-q", "--leak-check=full", "--error-exitcode=99"))
    lib.check("extension.valgrind", err if status == 99 or "==" in err else None)


def installed(folder):
    done = subprocess.run(["cmake", "--install", os.path.dirname(SO), "--prefix", os.path.join(folder, "root")],
                          capture_output=True, text=True)
    there = [os.path.join(parent, "seine.so") for parent, _, names in os.walk(os.path.join(folder, "root"))
             if "seine.so" in names and "seine_files.so" in names]
    wrong = None if done.returncode == 0 and len(there) == 1 else done.stderr or "it is in %s" % there
    if not wrong and os.path.basename(os.path.dirname(there[0])) != "seine":
        wrong = "it is in %s" % there
    if not wrong:
        run = subprocess.run(["sqlite3", ":memory:", "SELECT load_extension('%s')" % there[0][:-3],
                              "SELECT count(*) > 0 FROM pragma_module_list WHERE name = 'segments'"],
                             capture_output=True, text=True)
        wrong = None if run.stdout.split() == ["1"] else run.stderr + run.stdout
    lib.check("extension.installed", wrong)


def python_with_extensions():
    """This Python, or the system's: many are built without loadable extensions."""
    for program in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(program) and subprocess.run(
                [program, "-c", "import sqlite3; sqlite3.connect(':memory:').enable_load_extension(True)"],
                capture_output=True).returncode == 0:
            return program
    return None


def python(folder, case):
    program = python_with_extensions()
    if not program:
        lib.tell("skip", "extension.python", "this Python was built without loadable extensions")
        return
    expected = seine_sql(case, "SELECT count(*), sum(captured), sum(file_offset) FROM segments")[0]
    frames = len(records(case.replace(".db", ".pcap"))[1])
    done = subprocess.run([program, os.path.abspath(__file__), "--inside", case, str(frames), *expected],
                          capture_output=True, text=True, timeout=120)
    lib.check("extension.python", None if done.returncode == 0 else lib.tail((done.stdout + done.stderr).encode()))


def inside(case, frames, *expected):
    """In a Python that can: several connections, threads, and statements that run while it is loaded."""
    expected = tuple(map(int, expected))
    question = "SELECT count(*), sum(captured), sum(file_offset) FROM segments"

    def connect():
        return sqlite3.connect("file:%s?mode=ro" % case, uri=True)

    def load(db):
        db.enable_load_extension(True)
        db.load_extension(SO)
        db.load_extension(FILES)

    first, second = connect(), connect()
    load(first)
    assert first.execute(question).fetchone() == expected
    running = second.execute("SELECT stream_id FROM streams ORDER BY stream_id")
    streams = [running.fetchone()]
    load(second)  # while a statement runs
    streams += running.fetchall()
    assert len(streams) == second.execute("SELECT count(*) FROM streams").fetchone()[0]
    assert second.execute(question).fetchone() == expected
    running = second.execute("SELECT frame, stream_bytes(stream_id, position, 1) FROM segments")
    rows = [running.fetchone()]
    with contextlib.suppress(sqlite3.OperationalError):  # SQLite will not replace a function at work
        load(second)
    rows += running.fetchall()
    assert len(rows) == expected[0], len(rows)
    assert second.execute(question).fetchone() == expected
    capture = case.replace(".db", ".pcap")
    assert first.execute("SELECT count(*), sum(captured) FROM capture(?)", (capture,)).fetchone()[0] == int(frames)
    walks = [first.execute("SELECT frame FROM capture(?)", (capture,)) for _ in range(3)]  # at once
    for row in zip(*walks):
        assert len(set(row)) == 1, row
    flows = first.execute("SELECT count(*) FROM flows").fetchone()
    assert first.execute("SELECT count(*) FROM capture_flows(?)", (capture,)).fetchone() == flows
    assert first.execute("SELECT ip_scope(?), ns_iso(?)", ("10.0.0.1", 0)).fetchone() == (
        "private", "1970-01-01T00:00:00.000000000Z")
    second.close()
    assert first.execute(question).fetchone() == expected
    third = connect()
    try:
        third.execute(question)
        raise AssertionError("a connection has it that did not load it")
    except sqlite3.OperationalError as error:
        assert "no such table: segments" in str(error), error
    wrong = []

    def worker():
        try:
            for _ in range(5):
                db = connect()
                load(db)
                assert db.execute(question).fetchone() == expected
                equal = db.execute("SELECT min(stream_view_sha256(stream_id, NULL) = sha256) FROM streams")
                assert equal.fetchone() == (1,)
                db.close()
        except Exception as error:  # told by the main thread
            wrong.append(error)

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong


def main():
    if len(sys.argv) > 2 and sys.argv[1] == "--inside":
        inside(*sys.argv[2:])
        return
    for needed in (SO + ".so", FILES + ".so", lib.CRAFT):
        if not os.path.exists(needed):
            lib.tell("skip", "extension", "%s is not there" % needed)
            lib.finish()
    if not shutil.which("sqlite3"):
        lib.tell("skip", "extension", "there is no sqlite3 shell")
        lib.finish()
    with lib.folder() as folder:
        shared_object(SO, "sqlite3_seine_init")
        shared_object(FILES, "sqlite3_seinefiles_init")
        case = fates(folder)
        refusals(folder)
        same(folder, case)
        plain(folder, case)
        others(folder, case)
        attached(folder, case)
        capture_rows(folder, case)
        original_bytes(folder, case)
        capture_flow_rows(folder)
        damaged(folder, case)
        hostile(folder)
        python(folder, case)
        valgrind(folder, case)
        installed(folder)
    lib.finish()


main()
