"""flips.py - `seine verify` finds a flipped bit anywhere: in the evidence, in each column of each row of
the case, in the bytes of its file.

Small cases that hold every kind of row are made from scripts and samples. In a copy of one, one thing is
changed, and verify must say a line that fails:

  evidence   one bit of a capture. Where it lies in the payload of a segment, verify names its frame.
  row        another number, letter, bit or NULL in one column of one row; a row gone, there twice, or
             its content exchanged with another's. The seal shows any of these; but whoever changes a case
             can have the seal computed again. So something besides the seal must fail as well, for all
             but what no capture knows: see SEAL_ALONE. And something besides the ingest anew.
  raw        one bit of the case's file. Verify fails, or the case says the same as before: pages that are
             free, bytes that nobody uses.

`runs` is left out: it says who made the case and when, and is not under the seal.
"""
import os
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import lib

SEED = int(os.environ.get("SEINE_SEED") or random.randrange(1 << 32))
EVIDENCE_FLIPS, RAW_FLIPS = (300, 500) if lib.LONG else (8, 8)  # a case
ROWS_A_TABLE = 8 if lib.LONG else 1  # in the short form: in some case, not in each

# What no capture knows, so that only the seal has it: where the capture lay, and (a fingerprint, or none)
# whether it came through a pipe.
SEAL_ALONE = {("evidence", "source"), ("evidence", "fingerprint")}
# And what neither the seal nor any other proof than the ingest anew shows: how the chunks of a stream are
# numbered, and from where on its arrivals were searched while it was written.
REBUILT_ALONE = {("chunk_data", "chunk_id"), ("chunk_data", "part"), ("chunk_data", "exchanged")}

# Where the seal has hashes in the place of bytes, or, where none were taken, nothing: both ways are tried.
PAYLOAD = {"stream_data", "chunk_data"}

# Every kind of row: gaps of all causes, conflicts (three versions, queued and delivered), refusals, bytes
# taken over from a wrong checksum, truncated ones, fragments, tunnels, datagrams, ICMP.
MANY = r"""
at 1700000000.5
client 10.0.0.1:40000; server 10.0.0.2:80
c SYN mss=1460; s SYN ACK; c
c "GET /one HTTP/1.1\r\nHost: "
c @next+9 "org\r\n\r\n" vlan=10,20
s ack=46
s "HTTP/1.1 200 OK\r\n\r\nfirst"
s @40 "behind the gap\n"
c ack=55
c @3 "/two"
c @4 "zzz"
c @0 "GET /one"
c "bad" bad-checksum
c @0 "G" bad-checksum
c @next+9000000 "far away"
c @next-1 "k"
s @0 "HTTP/1.0"
s @next+30 "never acknowledged"
c "tail" snap=56
c FIN; s FIN; c
client 10.0.0.3:40000; server 10.0.0.2:80
c SYN; s SYN ACK; c
c "provisional bytes" bad-checksum
c @0 "PROVIsional BYTES"
c @0 "provisional bytes"
c @next+20 "cut off by snap length" snap=60
s ack=60
client 10.0.0.7:40002; server 10.0.0.8:23
c SYN; s RST ACK
client 10.0.0.1:5353; server 10.0.0.53:53
c udp "who?"; s udp "me"
c udp "a datagram in fragments, so long" frag=8,24 order=2,0,1
client [2001:db8::1]:40001; server [2001:db8::2]:8080
c SYN; s SYN ACK; c
c "abcdef"; c @0 "abXdef"; s ack=6
c "in fragments, over IPv6" frag=16
client 10.0.0.1:1; server 10.0.0.9:1
c icmp echo=1,1 "ping"; s icmp reply=1,1 "ping"
tunnel vxlan 192.0.2.1 192.0.2.2 7
client 10.0.0.1:40000; server 10.0.0.2:80
isn client 77 server 88
c SYN; s SYN ACK; c
c "in seven"; s "yes"
tunnel gre 192.0.2.1 192.0.2.2
c udp "a datagram in GRE"
tunnel none
c ip proto=50 hex:0000000100000001
"""

# Chunks in rows of their own, with holes and retransmissions among them.
LONG = """
client 10.1.0.1:50000; server 10.1.0.2:443
isn client 4294960000 server 1
c SYN; s SYN ACK; c
""" + "".join("c @%d len=1400\n" % (1400 * n) for n in range(9) if n != 5) + """
c @2000 len=3000
c @2100 "differs from what was there"
s ack=12600 "answer"
c FIN; s FIN; c
"""

OVERLAP = open(os.path.join(lib.TOP, "tests", "golden", "overlap.craft"), encoding="utf-8").read()
PIECES = open(os.path.join(lib.TOP, "tests", "golden", "pieces.craft"), encoding="utf-8").read()

failures = []
lock = threading.Lock()


class Case:
    """A case, the folder of its evidence, and what lies where in that."""

    def __init__(self, name, place, runs):
        self.name = name
        self.evidence = os.path.join(place, name)
        self.path = os.path.join(place, name + ".db")
        for command, captures in runs:
            done = lib.seine("ingest", "--quiet", "-o", self.path, *command, *captures)
            if done.wrong(0, 1):
                raise RuntimeError("%s: %s" % (name, done.wrong(0, 1)))
        self.files = [row[0] for row in lib.rows(self.path, "select source from evidence order by 1")]
        self.hashed = lib.one(self.path, "select count(*) from evidence where sha256 is null") == 0
        self.said = verify(self.path, self.evidence, lib.SEINE)
        self.content = content(self.path)
        self.payload_rows = self.payload()

    @staticmethod
    def binary(rng):
        """The sanitized build takes several times as long: it gets every tenth call."""
        return lib.SEINE if rng.random() < 0.1 else lib.RELEASE

    def payload(self):
        """(capture, offset, length, frame) of each segment, where the capture is not compressed."""
        done = lib.seine("sql", self.path, "--csv",
                         "SELECT e.source, s.file_offset, s.captured, s.frame FROM streams t, "
                         "segments(t.stream_id) s JOIN evidence e USING (evidence_id) "
                         "WHERE e.format IN ('pcap', 'pcapng') AND s.captured > 0")
        return [(name, int(offset), int(length), int(frame)) for name, offset, length, frame in
                (line.split(",") for line in done.out.decode().split()[1:])]


def craft(path, script, *options):
    subprocess.run([lib.CRAFT, *options, "-o", path], input=script, text=True, check=True)
    return path


def pcapng(path, classic):
    """A classic pcap as a pcapng with comments, names and statistics."""
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))

    def option(code, text):
        return struct.pack("<HH", code, len(text)) + text + bytes(-len(text) % 4)
    with open(classic, "rb") as file:
        _, frames = lib.pcap_parts(file.read())
    end = struct.pack("<HH", 0, 0)
    out = [block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + option(1, b"of the capture") +
                 option(3, b"an operating system") + end),
           block(1, struct.pack("<HHI", 1, 0, 0) + option(2, b"eth0") + option(3, b"an interface") + end)]
    for number, ((seconds, micros), record) in enumerate(frames):
        when = seconds * 1000000 + micros
        captured, wire = struct.unpack("<II", record[8:16])
        data = record[16:] + bytes(-captured % 4)
        comment = option(1, b"frame %d" % number) + end if number % 5 == 0 else b""
        out.append(block(6, struct.pack("<IIIII", 0, when >> 32, when & 0xFFFFFFFF, captured, wire) +
                         data + comment))
    out.append(block(10, struct.pack("<II", 0x544C534B, 16) + b"CLIENT_RANDOM 00"))
    out.append(block(5, struct.pack("<III", 0, when >> 32, when & 0xFFFFFFFF) +
                     struct.pack("<HHQ", 4, 8, 1000) + struct.pack("<HHQ", 5, 8, 3) + end))
    with open(path, "wb") as file:
        file.write(b"".join(out))
    return path


def cases(place):
    """Everything that a case can hold, in cases that are small."""
    def made(name):
        os.mkdir(os.path.join(place, name))
        return lambda file: os.path.join(place, name, file)
    answer = []
    at = made("many")
    answer.append(Case("many", place, [([], [craft(at("many.pcap"), MANY)])]))
    at = made("long")
    answer.append(Case("long", place, [([], [craft(at("long.pcap"), LONG, "-b", "-n")])]))
    at = made("policy")
    answer.append(Case("policy", place, [(["--policy", "bsd", "--policy", "10.0.0.0/24=linux"],
                                          [craft(at("overlap.pcap"), OVERLAP)])]))
    at = made("unhashed")
    answer.append(Case("unhashed", place, [(["--no-hash"], [craft(at("many.pcap"), MANY)])]))
    # A rotated capture, one slice compressed and one a pcapng; then, under other options, an addition.
    at = made("several")
    whole = craft(at("whole"), MANY)
    with open(whole, "rb") as file:
        cut = lib.slices(file.read())
    os.remove(whole)
    for number, data in enumerate(cut):
        with open(at("%d.pcap" % number), "wb") as file:
            file.write(data)
    subprocess.run(["gzip", "-n", at("1.pcap")], check=True)
    pcapng(at("2.pcapng"), at("2.pcap"))
    os.remove(at("2.pcap"))
    pieces = craft(at("pieces.pcap"), PIECES)
    with open(pieces, "ab") as file:
        file.write(b"cut off")
    answer.append(Case("several", place, [
        ([], [at("0.pcap"), at("1.pcap.gz"), at("2.pcapng")]),
        (["--frag-policy", "last", "--merge", "-f", "udp or ip"], [pieces, at("0.pcap")])]))
    return answer


def verify(case, evidence, binary):
    return lib.seine("verify", "--evidence", evidence, case, binary=binary)


def content(case):
    """All that a case says, but for `runs` and what indexes are called; None when it cannot be read."""
    try:
        return lib.dump(case), lib.rows(
            case, "select type, name, sql from sqlite_master where type <> 'index' order by 1, 2")
    except (sqlite3.Error, UnicodeDecodeError, OverflowError):
        return None


def fails(said):
    """The lines of verify that say that a proof fails."""
    return [line for line in said.out.decode("utf-8", "replace").splitlines() if line.startswith("FAILS: ")]


def why_wrong(said):
    """None where verify found something and said so."""
    if said.status == 3 and said.err:
        return None  # so much is wrong that the case cannot be read; a sentence says it
    if said.status != 1:
        return said.wrong(1)
    return None if fails(said) else "it says no line that fails"


def not_found(case, what, why):
    with lock:
        failures.append("%s: %s: %s" % (case.name, what, why))


# ---- evidence ----

def flip_evidence(case, rng, place):
    """One bit of a capture."""
    copy = os.path.join(place, "evidence")
    shutil.copytree(case.evidence, copy)
    path = rng.choice(case.files)
    where = [row for row in case.payload_rows if row[0] == path]
    aim = rng.choice(where) if where and rng.random() < 0.6 else None
    offset = aim[1] + rng.randrange(aim[2]) if aim else rng.randrange(os.path.getsize(path))
    with open(os.path.join(copy, os.path.basename(path)), "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << rng.randrange(8)]))
    db = os.path.join(place, "case.db")
    shutil.copyfile(case.path, db)
    with sqlite3.connect(db) as open_db:  # the captures that it was made from are elsewhere now
        open_db.execute("update evidence set source = replace(source, ?, ?)", (case.evidence, copy))
    open_db.close()
    said = verify(db, copy, case.binary(rng))
    what = "%s at %d" % (os.path.basename(path), offset)
    told = [line for line in fails(said) if not line.startswith("FAILS: seal")]
    if why_wrong(said) or not any(line.startswith("FAILS: evidence ") for line in told):
        return not_found(case, what, why_wrong(said) or "the evidence does not fail")
    if case.hashed and not any("SHA-256 differs; the first change is in the 16 MiB from offset 0" in line
                               for line in told):
        not_found(case, what, "no block is named: " + told[0])
    owners = {frame for _, at, length, frame in where if at <= offset < at + length}
    named = [int(n) for n in re.findall(r"frame (\d+) is the first whose payload", "\n".join(told))]
    if owners and (set(named) != owners or len(named) > len(owners) * case.files.count(path)):
        not_found(case, what, "it is of frame %s, named is %s" % (sorted(owners), named))
    if not owners and where and named:
        not_found(case, what, "it is of no frame's payload, named is %s" % named)


# ---- rows ----

def other_value(value, declared, nullable, rng):
    """Another value that the column may have."""
    if value is None:
        return 1 if declared == "INTEGER" else b"\1" if declared == "BLOB" else "x"
    if nullable and rng.random() < 0.1:
        return None
    if isinstance(value, int):
        return rng.choice([value + 1, value - 1, value ^ 1 << rng.randrange(40), value + 1000000007])
    if isinstance(value, str):
        if not value:
            return "x"
        at = rng.randrange(len(value))
        return value[:at] + chr(ord(value[at]) ^ 1 << rng.randrange(3)) + value[at + 1:]
    if not value:
        return b"\0"
    at = rng.randrange(len(value))
    return value[:at] + bytes([value[at] ^ 1 << rng.randrange(8)]) + value[at + 1:]


def changes(case, rng):
    """(what, table, column, statements) of every change to try in this case."""
    answer = []
    for table in sorted(case.content[0]):
        info = lib.rows(case.path, "pragma table_info(%s)" % table)
        names = [column[1] for column in info]
        keys = [column[1] for column in sorted(info, key=lambda c: c[5]) if column[5]]
        found = case.content[0][table]
        for row in rng.sample(found, min(len(found), ROWS_A_TABLE)):
            values = dict(zip(names, row))
            here = " and ".join("%s is ?" % key for key in keys)
            key = [values[name] for name in keys]
            shown = "%s (%s)" % (table, ", ".join(map(lib.brief, [key])))
            for _, name, declared, not_null, _, is_key in info:
                value = other_value(values[name], declared, not not_null and not is_key, rng)
                answer.append(("%s.%s of %s" % (table, name, shown), table, name,
                               [("update %s set %s = ? where %s" % (table, name, here), [value, *key])]))
            answer.append(("%s deleted" % shown, table, "deleted",
                           [("delete from %s where %s" % (table, here), key)]))
            twin = dict(values)
            number = next((name for name in reversed(keys) if isinstance(values[name], int)), None)
            if number:
                twin[number] = 1 + max(dict(zip(names, other))[number] for other in found)
            else:
                twin[keys[0]] = other_value(twin[keys[0]], "", False, rng)
            answer.append(("%s twice" % shown, table, "twice",
                           [("insert into %s values (%s)" % (table, ", ".join("?" * len(names))),
                             [twin[name] for name in names])]))
            other = dict(zip(names, rng.choice(found)))
            rest = [name for name in names if name not in keys]
            if rest and any(values[name] != other[name] for name in rest):
                put = "update %s set %s where %s" % (table, ", ".join("%s = ?" % n for n in rest), here)
                answer.append(("%s exchanged" % shown, table, "exchanged", [
                    (put, [other[n] for n in rest] + key),
                    (put, [values[n] for n in rest] + [other[name] for name in keys])]))
    return answer


found_by = Counter()
alone = {"seal": Counter(), "rebuilt": Counter()}


def flip_row(case, change, rng, place):
    """One change of one row."""
    what, table, column, statements = change
    db = os.path.join(place, "case.db")
    shutil.copyfile(case.path, db)
    open_db = sqlite3.connect(db)
    try:
        open_db.execute("pragma synchronous = off")
        for sql, values in statements:
            open_db.execute(sql, values)
        open_db.commit()
    except (sqlite3.IntegrityError, OverflowError):
        return  # the database would not have it
    finally:
        open_db.close()
    said = verify(db, case.evidence, case.binary(rng))
    if why_wrong(said):
        return not_found(case, what, why_wrong(said))
    by = {re.match(r"FAILS: (\w+)", line).group(1) for line in fails(said)}
    with lock:
        found_by["all"] += 1
        for word in by:
            found_by[word] += 1
    if said.status == 3:
        return
    if by == {"seal"} and (table, column) not in SEAL_ALONE:
        not_found(case, what, "only the seal shows it")
    if by == {"seal"}:
        with lock:
            alone["seal"][table, column] += 1
    if by == {"rebuilt"} and (table, column) not in REBUILT_ALONE:
        not_found(case, what, "without an ingest anew it is not found")
    if by == {"seal", "rebuilt"}:
        with lock:
            alone["rebuilt"][table] += 1


# ---- raw bytes ----

def flip_raw(case, rng, place):
    """One bit of the case's file."""
    db = os.path.join(place, "case.db")
    shutil.copyfile(case.path, db)
    offset, bit = rng.randrange(os.path.getsize(db)), rng.randrange(8)
    with open(db, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1 << bit]))
    said = verify(db, case.evidence, case.binary(rng))
    if said.status == 0 or not case.hashed and said.status == 1 and not fails(said):
        now = content(db)
        if now != case.content:
            not_found(case, "bit %d of byte %d" % (bit, offset),
                      "verify holds, but " + (lib.difference(case.content[0], now[0]) or "the schema differs"
                                              if now else "it cannot be read"))
        with lock:
            found_by["raw, the same"] += 1
    elif why_wrong(said):
        not_found(case, "bit %d of byte %d" % (bit, offset), why_wrong(said))
    else:
        with lock:
            found_by["raw"] += 1


# ---- all of it ----

def run(name, jobs):
    """Does all the jobs, each in a folder of its own and with chance of its own."""
    def call(numbered):
        number, (function, *arguments) = numbered
        with lib.folder() as place:
            try:
                function(*arguments, random.Random("%d %s %d" % (SEED, name, number)), place)
            except Exception as error:  # a test that cannot go on is a test that failed
                not_found(arguments[0], name, "%s: %s" % (type(error).__name__, error))
    failures.clear()
    with ThreadPoolExecutor(lib.WORKERS) as pool:
        list(pool.map(call, enumerate(jobs)))
    if not failures:
        return None
    return "%d of %d not found, seed %d; %s" % (len(failures), len(jobs), SEED, " | ".join(failures[:12]))


def main():
    if not os.access(lib.CRAFT, os.X_OK):
        lib.tell("skip", "flips", "craft is not built")
        return
    with lib.folder() as place:
        made = cases(place)
        for case in made:
            wrong = [line for line in case.said.out.decode().splitlines()[:-1]
                     if not line.startswith("holds: ") and not (
                         not case.hashed and line.endswith(": it was not hashed"))]
            lib.check("flips.whole " + case.name, wrong[:3] or case.said.wrong(0 if case.hashed else 1))
        tables = {table for case in made for table, found in case.content[0].items() if found}
        empty = {table for case in made for table in case.content[0]} - tables
        lib.check("flips.tables", "no case has rows of %s" % sorted(empty) if empty else None,
                  "%d tables have rows" % len(tables))
        jobs = [(flip_evidence, case) for case in made for _ in range(EVIDENCE_FLIPS)]
        lib.check("flips.evidence", run("evidence", jobs), "%d bits found, seed %d" % (len(jobs), SEED))
        rng = random.Random(SEED)
        jobs = [(flip_row, case, change) for case in made for change in changes(case, rng)]
        if not lib.LONG:  # one for each column of each table, from some case; payload also without hashes
            rng.shuffle(jobs)
            jobs = list({(job[2][1:3], job[1].hashed or job[2][1] not in PAYLOAD): job for job in jobs}.values())
        wrong = run("rows", jobs)
        lib.check("flips.rows", wrong, "%d changes found, seed %d; %d by the seal, %d by the ingest anew, "
                  "%d by streams, %d by sums; besides the seal only by the ingest anew %d" % (
                      found_by["all"], SEED, found_by["seal"], found_by["rebuilt"], found_by["stream"],
                      found_by["sums"], sum(alone["rebuilt"].values())))
        jobs = [(flip_raw, case) for case in made for _ in range(RAW_FLIPS)]
        wrong = run("raw", jobs)
        lib.check("flips.raw", wrong, "%d bits, seed %d: %d found, %d change nothing that the case says" % (
            len(jobs), SEED, found_by["raw"], found_by["raw, the same"]))


if __name__ == "__main__":
    main()
    lib.finish()
