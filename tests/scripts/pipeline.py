"""pipeline.py - captures in, a case out, frames back, and the proof of it, through the seine binary.

What is made here is random traffic with all that makes reassembly hard: segments out of order, again,
with other bytes, with wrong checksums, cut by the snap length, never seen; datagrams in fragments; VLANs;
ICMP errors. Of it, and of sample_pcaps/: slices and interleaved directions give the case of the whole; a
flow that is extracted and ingested again is the same flow; verify holds, and finds each change of case and
capture. The seed is printed; SEINE_SEED sets it.
"""
import contextlib
import gzip
import hashlib
import os
import random
import shutil
import sqlite3
import struct
import subprocess
import time

import lib

SEED = int(os.environ.get("SEINE_SEED") or time.time_ns() % 1000000)
ROUNDS = 20 if lib.LONG else 3
TESTS = []


class Wrong(Exception):
    pass


def test(function):
    """A test: called with a folder of its own; raises Wrong when something is."""
    TESTS.append(function)
    return function


def must(true, why, *more):
    if not true:
        raise Wrong(" ".join(map(str, (why,) + more)))


def same(one, other, what):
    if one != other:
        raise Wrong("%s: %s, not %s" % (what, short(one), short(other)))


def short(value):
    text = repr(value)
    return text if len(text) < 300 else text[:300] + "..."


def luck_of(name):
    return random.Random("%d %s" % (SEED, name))


# ---- captures ----

def write(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def craft(path, script, *options):
    done = subprocess.run([lib.CRAFT, *options, "-o", path], input=script.encode(), capture_output=True)
    if done.returncode:
        raise Wrong("craft: %s" % done.stderr.decode())
    return path


class Pair:
    """The two ends of a conversation, and how far each has come."""

    def __init__(self, n, luck):
        self.setting = "client 10.0.%d.1:%d; server 10.0.%d.2:%d" % (n % 7, 40000 + n, n % 3, 80 + n % 2)
        if n % 5 == 4:
            self.setting = "client [2001:db8::%x]:%d; server [2001:db8::1]:443" % (n + 2, 40000 + n)
        self.v6 = n % 5 == 4
        self.next = {"c": 0, "s": 0}
        self.begun = False
        self.luck = luck
        self.wrong_at_first = n % 6 == 3


def segment(pair, plain):
    """A line of one TCP segment, of an open conversation."""
    luck = pair.luck
    who = luck.choice("cs")
    there = pair.next[who]
    length = luck.choice((1, 8, 100, 700, 1400, 2000))
    kind = luck.random()
    fragments = ""
    if luck.random() < 0.15 and length > 100:
        cuts = sorted(luck.sample(range(8, length - 8, 8), luck.choice((1, 2))))
        fragments = " frag=%s" % ",".join(map(str, cuts))
        if luck.random() < 0.4:
            order = list(range(len(cuts) + 1))
            luck.shuffle(order)
            fragments += " order=%s" % ",".join(map(str, order))
    if not plain and pair.wrong_at_first and luck.random() < 0.5:
        if luck.random() < 0.3:
            at = max(0, there - luck.randrange(1, 50))
            pair.next[who] = max(there, at + 5)
            return '%s @%d "wrong" bad-checksum' % (who, at)
        pair.next[who] = there + length
        return "%s len=%d bad-checksum%s" % (who, length, fragments)
    if kind < 0.6 or there < 10:
        pair.next[who] = there + length
        return "%s len=%d%s" % (who, length, fragments)
    if kind < 0.7:  # again, perhaps with something new
        at = luck.randrange(max(0, there - 3000), there)
        pair.next[who] = max(there, at + length)
        return "%s @%d len=%d%s" % (who, at, length, fragments)
    if kind < 0.78:  # out of order
        gap = luck.choice((1, 50, 1400))
        pair.next[who] = there + gap + length
        if luck.random() < 0.3:
            return "%s @%d len=%d" % (who, there + gap, length)
        return "%s @%d len=%d%s\n%s @%d len=%d" % (who, there + gap, length, fragments, who, there, gap)
    if plain or kind < 0.84:
        return "%s ACK" % who
    if kind < 0.9:  # something else
        at = luck.randrange(max(0, there - 2000), there)
        pair.next[who] = max(there, at + 9)
        return '%s @%d "lost%05d"%s' % (who, at, luck.randrange(100000), luck.choice(("", " offload")))
    if kind < 0.94:
        return "%s @%d len=%d bad-checksum" % (who, max(0, there - 5), length)
    if kind < 0.97:
        pair.next[who] = there + length
        return "%s len=%d snap=%d" % (who, length, luck.randrange(60, 200))
    return "%s ACK\n%s icmp unreachable" % (who, "s" if who == "c" else "c") if not pair.v6 else "%s ACK" % who


def traffic(luck, lines, plain=False):
    """A script of so many lines, about. `plain`: nothing that slices or directions would see otherwise."""
    pairs = [Pair(n, luck) for n in range(luck.choice((2, 6, 12)))]
    out = ["at 1700000000.25", "step 0.0011"]
    for number in range(lines):
        pair = luck.choice(pairs)
        out.append(pair.setting)
        if luck.random() < 0.1:
            out.append("every vlan=%s" % luck.choice(("7", "7,20")) if luck.random() < 0.5 else "every")
        if not pair.begun and luck.random() < 0.8:
            out.append("c SYN mss=1460 ws=7; s SYN ACK; c ACK")
            pair.begun = True
            continue
        pair.begun = True
        if luck.random() < 0.08:
            length = luck.choice((40, 1000, 3000))
            out.append("c udp len=%d%s" % (length, " frag=16,104" if length > 900 else ""))
        elif luck.random() < 0.03:
            out.append('c icmp echo=%d,%d "ping"' % (number, number))
        else:
            out.append(segment(pair, plain))
        if luck.random() < 0.01:
            out.append("c FIN; s FIN; c ACK" if luck.random() < 0.6 else "s RST ACK")
    return "\n".join(out) + "\n"


def pcap(path):
    """The file header and (time, record) of each frame."""
    return lib.pcap_parts(read(path))


def cut_at_random(luck, path, place, count):
    """Slices of a capture, some perhaps empty, each later than the one before it."""
    head, frames = pcap(path)
    cuts = sorted(luck.randrange(len(frames) + 1) for _ in range(count - 1))
    paths = []
    for number, (a, b) in enumerate(zip([0] + cuts, cuts + [len(frames)])):
        paths.append(write(os.path.join(place, "slice%d.pcap" % number),
                           head + b"".join(raw for _, raw in frames[a:b])))
    return paths


# ---- cases ----

def ingest(case, *arguments, **how):
    allowed = how.pop("allowed", (0,))
    run = lib.ingest(case, *arguments, **how)
    must(not run.wrong(*allowed), run.wrong(*allowed))
    return run


def change(case, *statements):
    with contextlib.closing(sqlite3.connect(case)) as db:
        for statement in statements:
            if isinstance(statement, str):
                statement = (statement, ())
            cursor = db.execute(*statement)
            must(cursor.rowcount != 0, "changes nothing:", statement[0])
        db.commit()


class Proof:
    def __init__(self, case, *arguments):
        run = lib.seine("verify", case, *arguments)
        must(run.status in (0, 1), run.wrong(0, 1))
        self.status = run.status
        lines = run.out.decode().splitlines()
        self.holds = [line[7:] for line in lines if line.startswith("holds: ")]
        self.fails = [line[7:] for line in lines if line.startswith("FAILS: ")]
        self.unknown = [line[14:] for line in lines if line.startswith("not provable: ")]
        same(lines[-1], "%s hold, %s fail, %s not provable" % tuple(
            "{:,}".format(len(x)) for x in (self.holds, self.fails, self.unknown)), "the last line")


def proved(case, *arguments):
    proof = Proof(case, *arguments)
    must(not proof.fails, "verify fails:", "; ".join(proof.fails[:3]))
    must(not proof.unknown, "verify does not know:", "; ".join(proof.unknown[:3]))
    same(proof.status, 0, "exit status of verify")
    return proof


def finds(case, words, *arguments):
    """verify fails, and one of the reasons other than the seal has these words."""
    proof = Proof(case, *arguments)
    same(proof.status, 1, "exit status of verify")
    reasons = [line for line in proof.fails if not line.startswith("seal:")] or proof.fails
    must(any(all(word in line for word in words) for line in reasons),
         "no reason has", words, "in", proof.fails, proof.unknown)
    return proof


# What slices, interleaved captures and what was extracted must have in common with the whole.
WHERE = ("evidence_id", "first_frame", "continues_flow_id")


def told(case):
    flows = ", ".join(lib.columns(case, "flows", WHERE + ("interface_id",)))
    conflicts = "stream_id, position, length, kept, other"
    return {
        "flows": lib.rows(case, "select %s from flows order by flow_id" % flows),
        "streams": lib.rows(case, "select * from streams order by stream_id"),
        "gaps": lib.rows(case, "select * from gaps order by stream_id, position"),
        "conflicts": lib.rows(case, "select %s from conflicts order by conflict_id" % conflicts),
        "refused": lib.rows(case, "select stream_id, position, length, reason, data from refused"),
        "segments": segments(case),
        "oddities": lib.rows(case, "select flow_id, kind, sum(count) from oddities where kind <> "
                                   "'capture_damaged' group by flow_id, kind"),
    }


def segments(case):
    run = lib.seine("sql", case, "--csv", "select stream_id, position, length, captured, time_ns, fate "
                                          "from segments")
    must(not run.wrong(0), run.wrong(0))
    return run.out.decode().splitlines()


def alike(one, other):
    why = lib.difference(one, other)
    must(why is None, why)


def sums(case):
    wrong = lib.rows(case, "select evidence_id, frames, (select sum(frames) from verdicts v where "
                           "v.evidence_id = e.evidence_id) as told from evidence e "
                           "where frames <> coalesce(told, 0)")
    must(not wrong, "verdicts do not add up:", wrong)


# ---- one after the other, and interleaved ----

@test
def slices_in_any_order_give_the_case_of_the_whole(place):
    for number in range(ROUNDS):
        luck = luck_of("slices %d" % number)
        whole_path = craft(os.path.join(place, "whole.pcap"), traffic(luck, 300))
        whole, cut = (os.path.join(place, "%s%d.db" % (name, number)) for name in ("whole", "cut"))
        ingest(whole, whole_path)
        proved(whole)
        sums(whole)
        paths = cut_at_random(luck, whole_path, place, luck.choice((2, 3, 7)))
        luck.shuffle(paths)
        ingest(cut, *paths)
        alike(told(whole), told(cut))
        proved(cut)
        sums(cut)
        same(lib.one(cut, "select sum(frames) from evidence"),
             lib.one(whole, "select sum(frames) from evidence"), "frames")


@test
def the_two_ports_of_a_tap_interleaved_give_the_case_of_one_capture(place):
    for number in range(ROUNDS):
        luck = luck_of("tap %d" % number)
        script = traffic(luck, 300)
        whole_path = craft(os.path.join(place, "whole.pcap"), script)
        head, frames = pcap(whole_path)
        ports = ([], [])
        for _, raw in frames:
            ports[luck.random() < 0.5].append(raw)
        paths = [write(os.path.join(place, "port%d.pcap" % n), head + b"".join(port))
                 for n, port in enumerate(ports)]
        whole, tap = (os.path.join(place, "%s%d.db" % (name, number)) for name in ("whole", "tap"))
        ingest(whole, whole_path)
        luck.shuffle(paths)
        ingest(tap, "--merge", *paths)
        alike(told(whole), told(tap))
        proved(tap)
        sums(tap)


@test
def several_pipes_and_files_are_one_run(place):
    luck = luck_of("pipes")
    whole_path = craft(os.path.join(place, "whole.pcap"), traffic(luck, 300))
    paths = cut_at_random(luck, whole_path, place, 3)
    whole, piped = os.path.join(place, "whole.db"), os.path.join(place, "piped.db")
    ingest(whole, whole_path)
    with open(paths[0], "rb") as first:  # pipes are read in the order of the arguments, before files
        second = subprocess.Popen(["cat", paths[1]], stdout=subprocess.PIPE)
        run = subprocess.run([lib.SEINE, "ingest", "-q", "-o", piped, paths[2], "-",
                              "/dev/fd/%d" % second.stdout.fileno()],
                             stdin=first, capture_output=True, pass_fds=[second.stdout.fileno()])
        second.stdout.close()
        second.wait()
    must(run.returncode == 0, run.stderr)
    alike(told(whole), told(piped))
    same([row[0] for row in lib.rows(piped, "select sha256 from evidence order by evidence_id")],
         [hashlib.sha256(read(path)).hexdigest() for path in paths], "hashes")
    proved(piped, "--evidence", place)


@test
def standard_input_cannot_be_read_twice(place):
    path = craft(os.path.join(place, "a.pcap"), traffic(luck_of("twice"), 20))
    with open(path, "rb") as file:
        run = lib.ingest(os.path.join(place, "case.db"), "-", "-", stdin=file)
    must(not run.wrong(3), run.wrong(3))
    must(run.err.startswith(b"seine: "), run.err)
    same(os.listdir(place), ["a.pcap"], "what is left")


@test
def an_empty_capture_changes_nothing_wherever_it_stands(place):
    path = craft(os.path.join(place, "a.pcap"), traffic(luck_of("empty"), 60))
    empty = write(os.path.join(place, "empty.pcap"), read(path)[:24])
    alone = os.path.join(place, "alone.db")
    ingest(alone, path)
    for arguments in ([empty, path], [path, empty], ["--merge", empty, path]):
        case = os.path.join(place, "%d.db" % len(os.listdir(place)))
        ingest(case, *arguments)
        alike(told(alone), told(case))
        same(lib.rows(case, "select status, frames from evidence order by frames"),
             [("complete", 0), ("complete", len(pcap(path)[1]))], "evidence")
        proved(case)


# ---- known captures ----

@test
def a_capture_is_never_counted_twice(place):
    luck = luck_of("known")
    one = craft(os.path.join(place, "one.pcap"), traffic(luck, 60))
    two = craft(os.path.join(place, "two.pcap"), traffic(luck, 60))
    copy = shutil.copy(one, os.path.join(place, "copy.pcap"))
    case = os.path.join(place, "case.db")
    run = ingest(case, one, two, copy, one)
    same(run.err.count(b"it is skipped"), 2, "skipped")
    once = lib.dump(case)
    same(len(once["evidence"]), 2, "evidence")
    for arguments in ([one], [copy, two], ["--no-hash", copy]):
        run = ingest(case, *arguments)
        must(b"it is skipped" in run.err, "says nothing:", run.err)
        alike(once, lib.dump(case))
    with open(one, "rb") as file:  # the same through a pipe, with what is not known
        three = craft(os.path.join(place, "three.pcap"), traffic(luck, 60))
        run = ingest(case, "-", three, stdin=file)
        must(b"- is in the case already; it is skipped" in run.err, run.err)
    other = os.path.join(place, "other.db")
    ingest(other, one, two)
    ingest(other, three)
    alike(lib.dump(other), lib.dump(case))
    proved(case)


@test
def what_came_through_a_pipe_is_known_as_a_file(place):
    luck = luck_of("piped")
    one = craft(os.path.join(place, "one.pcap"), traffic(luck, 60))
    two = craft(os.path.join(place, "two.pcap"), traffic(luck, 60))
    case = os.path.join(place, "case.db")
    with open(one, "rb") as file:
        ingest(case, "-", stdin=file)
    once = lib.dump(case)
    must(b"it is skipped" in ingest(case, one).err, "says nothing")
    alike(once, lib.dump(case))
    with open(one, "rb") as file:
        ingest(case, "-", stdin=file)
    alike(once, lib.dump(case))
    ingest(case, two, one)
    same(lib.one(case, "select count(*) from evidence"), 2, "evidence")
    both = os.path.join(place, "both.db")
    with open(one, "rb") as file:
        run = ingest(both, one, two, "-", stdin=file)
    must(b"one.pcap is in the case already; it is skipped" in run.err, run.err)
    same(lib.one(both, "select count(*) from evidence"), 2, "evidence")
    proved(both, "--evidence", place)


@test
def a_file_that_only_looks_the_same_is_read(place):
    data = bytearray(lib.datagrams(3000, 1000))
    must(len(data) > 3 << 20, "too short")
    one = write(os.path.join(place, "one.pcap"), data)
    data[len(data) // 2] ^= 1
    two = write(os.path.join(place, "two.pcap"), data)
    case = os.path.join(place, "case.db")
    ingest(case, one)
    must(b"skipped" not in ingest(case, two).err, "skipped")
    same(lib.one(case, "select count(distinct fingerprint) || count(distinct sha256) from evidence"),
         "12", "fingerprints and hashes")
    both = os.path.join(place, "both.db")
    ingest(both, one, two)
    same(lib.one(both, "select count(*) from evidence"), 2, "evidence")
    proved(both)
    # With --no-hash the size, the first and the last MiB are all that is compared.
    quick = os.path.join(place, "quick.db")
    must(b"skipped" in ingest(quick, "--no-hash", one, two).err, "not skipped")


@test
def another_filter_is_another_reading(place):
    path = craft(os.path.join(place, "a.pcap"), traffic(luck_of("filter"), 100) + "\nevery\nc udp \"one\"\nc \"two\"\n")
    case = os.path.join(place, "case.db")
    ingest(case, "-f", "udp", path)
    frames = len(pcap(path)[1])
    filtered = lib.one(case, "select frames from verdicts where verdict = 'filtered'")
    must(0 < filtered < frames, filtered, "of", frames)
    same(lib.one(case, "select sum(frames) from verdicts"), frames, "frames")
    same(lib.rows(case, "select distinct protocol from flows"), [("udp",)], "protocols")
    must(b"skipped" in ingest(case, "-f", "udp", path).err, "not skipped")
    must(b"skipped" not in ingest(case, "-f", "tcp", path).err, "skipped")
    must(b"skipped" not in ingest(case, path).err, "skipped")
    same(lib.one(case, "select count(*) from evidence"), 3, "evidence")
    proved(case)
    sums(case)


@test
def a_filter_says_once_what_it_cannot_see(place):
    path = craft(os.path.join(place, "a.pcap"),
                 "c udp len=3000 frag=800,1600 rep=3\nc udp len=9 vlan=7 rep=3\n")
    run = ingest(os.path.join(place, "case.db"), "-f", "port 80", path)
    lines = run.err.decode().splitlines()
    same((len(lines), len(set(lines))), (2, 2), "sentences in %s" % lines)
    must("fragment" in run.err.decode() and "VLAN" in run.err.decode(), run.err)


# ---- damage ----

def damaged(place, name, data, frames, *arguments):
    """A damaged capture gives the case of all that stands before, and says where it ends."""
    path = write(os.path.join(place, name), data)
    case = os.path.join(place, name + ".db")
    run = ingest(case, *arguments, path, allowed=(1,))
    must(b"frame %d" % (frames + 1) in run.err, "no frame number in", run.err)
    same(lib.rows(case, "select status, frames, bytes, sha256 from evidence"),
         [("partial", frames, len(data), hashlib.sha256(data).hexdigest())], name)
    same(lib.rows(case, "select frame, count from oddities where kind = 'capture_damaged'"),
         [(frames + 1, 1)], name)
    must(b"frame" in lib.one(case, "select detail from oddities where kind = 'capture_damaged'").encode(),
         "no detail")
    sums(case)
    proved(case)
    return case


@test
def all_that_stands_before_the_damage_is_there(place):
    luck = luck_of("damage")
    path = craft(os.path.join(place, "whole.pcap"), traffic(luck, 100))
    head, frames = pcap(path)
    data = read(path)
    for number in range(ROUNDS):
        keep = luck.randrange(1, len(frames))
        before = head + b"".join(raw for _, raw in frames[:keep])
        intact = os.path.join(place, "intact%d.db" % number)
        ingest(intact, write(os.path.join(place, "intact.pcap"), before))
        cut = before + frames[keep][1][:luck.randrange(1, len(frames[keep][1]))]
        alike(told(intact), told(damaged(place, "cut%d.pcap" % number, cut, keep)))
        record = bytearray(frames[keep][1])
        record[8:12] = struct.pack("<I", 0xFFFFFFF0)
        broken = before + bytes(record) + data[len(before) + len(record):]
        alike(told(intact), told(damaged(place, "broken%d.pcap" % number, broken, keep)))
        os.remove(os.path.join(place, "intact.pcap"))


@test
def damage_to_one_slice_leaves_the_others_whole(place):
    luck = luck_of("slice damage")
    path = craft(os.path.join(place, "whole.pcap"), traffic(luck, 200))
    head, frames = pcap(path)
    third = len(frames) // 3
    parts = [frames[:third], frames[third:2 * third], frames[2 * third:]]
    slices = [head + b"".join(raw for _, raw in part) for part in parts]
    slices[1] = slices[1][:-3]
    paths = [write(os.path.join(place, "s%d.pcap" % n), data) for n, data in enumerate(slices)]
    for arguments in (paths, ["--merge"] + paths):
        case = os.path.join(place, "%d.db" % len(arguments))
        ingest(case, *arguments, allowed=(1,))
        same(lib.rows(case, "select status, frames from evidence order by evidence_id"),
             [("complete", third), ("partial", third - 1), ("complete", len(parts[2]))], "evidence")
        same(lib.rows(case, "select evidence_id, frame from oddities where kind = 'capture_damaged'"),
             [(2, third)], "oddity")
        sums(case)
        proved(case)


@test
def a_compressed_capture_that_is_cut_off_gives_what_could_be_unpacked(place):
    data = gzip.compress(read(craft(os.path.join(place, "a.pcap"), traffic(luck_of("gz"), 300))))
    path = write(os.path.join(place, "cut.pcap.gz"), data[:len(data) * 2 // 3])
    case = os.path.join(place, "case.db")
    ingest(case, path, allowed=(1,))
    frames = lib.one(case, "select frames from evidence where status = 'partial'")
    must(frames > 10, frames, "frames")
    same(lib.rows(case, "select frame from oddities where kind = 'capture_damaged'"), [(frames + 1,)],
         "oddity")
    sums(case)
    proved(case)


# ---- the same again ----

def many_flows(rounds, length):
    """TCP without a SYN, with right checksums, as a pcap: a segment of each of `flows`, for each (turn, flows)."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    number = 0
    for turn, flows in rounds:
        payload = bytes((turn + n) & 255 for n in range(length))
        body_sum = sum(struct.unpack(">%dH" % (length // 2), payload))
        for flow in flows:
            source, port = struct.pack(">BBBB", 10, 1, flow >> 8 & 255, flow & 255), 1024 + flow % 60000
            destination = bytes((10, 2, 0, 1))
            tcp = struct.pack(">HHIIBBHHH", port, 80, 1000 + turn * length, 1, 0x50, 0x18, 65535, 0, 0)
            total = (sum(struct.unpack(">10H", tcp)) + body_sum + 6 + 20 + length
                     + sum(struct.unpack(">2H", source)) + sum(struct.unpack(">2H", destination)))
            while total >> 16:
                total = (total & 0xFFFF) + (total >> 16)
            tcp = tcp[:16] + struct.pack(">H", 0xFFFF - total) + tcp[18:]
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 40 + length, number & 0xFFFF, 0, 64, 6, 0, source,
                             destination)
            total = sum(struct.unpack(">10H", ip))
            while total >> 16:
                total = (total & 0xFFFF) + (total >> 16)
            ip = ip[:10] + struct.pack(">H", 0xFFFF - total) + ip[12:]
            frame = bytes((2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)) + ip + tcp + payload
            out.append(struct.pack("<IIII", 1700000000 + number // 10000, number % 10000 * 100, len(frame),
                                   len(frame)) + frame)
            number += 1
    return b"".join(out)


@test
def two_runs_give_equal_cases_also_with_little_memory(place):
    blocks = [range(first, first + 2000) for first in range(0, 16000, 2000)]
    rounds = [(turn, block) for block in blocks for turn in (0, 1)] + [(2, blocks[0])]
    path = write(os.path.join(place, "many.pcap"), many_flows(rounds, 60))
    cases = {}
    for name, arguments in (("least", ["--memory", "8M"]), ("again", ["--memory", "8M"]),
                            ("jobs", ["--memory", "8M", "--jobs", "4"]), ("much", ["--memory", "256M"])):
        cases[name] = os.path.join(place, name + ".db")
        ingest(cases[name], *arguments, path)
        sums(cases[name])
    least = lib.dump(cases["least"])
    alike(least, lib.dump(cases["again"]))
    alike(least, lib.dump(cases["jobs"]))
    evicted = lib.one(cases["least"], "select count(*) from flows where end_reason = 'evicted'")
    must(evicted > 0, "nothing was evicted")
    same(lib.one(cases["much"], "select count(*) from flows where end_reason = 'evicted'"), 0, "evicted")
    continued = lib.one(cases["least"], "select count(*) from (select 1 from flows group by client_ip, "
                                        "client_port having count(*) > 1)")
    must(0 < continued < 4000, continued, "flows came again after they were evicted")
    hashes = ("select client_ip, client_port, side, sha256 from flows join streams using (flow_id) "
              "group by client_ip, client_port having count(*) = 1 order by 1, 2")
    some, all_of_them = lib.rows(cases["least"], hashes), set(lib.rows(cases["much"], hashes))
    must(len(some) > 12000, len(some), "streams to compare")
    must(set(some) <= all_of_them, len(set(some) - all_of_them), "streams differ")
    proved(cases["least"])
    proved(cases["much"])


@test
def many_streams_at_once_are_written_early_and_come_out_the_same(place):
    path = write(os.path.join(place, "wide.pcap"), many_flows([(turn, range(1500)) for turn in range(12)], 1200))
    least, again, much = (os.path.join(place, name) for name in ("least.db", "again.db", "much.db"))
    ingest(least, "--memory", "8M", path)
    ingest(again, "--memory", "8M", path)
    ingest(much, path)
    alike(lib.dump(least), lib.dump(again))
    hashes = "select sha256 from streams order by stream_id"
    same(lib.rows(least, hashes), lib.rows(much, hashes), "hashes")
    proved(least)


# ---- extract ----

def flow_alone(place, case, flow_id, number, *arguments):
    """A flow, extracted and ingested again, is the same flow."""
    out, again = os.path.join(place, "flow%d.pcapng" % number), os.path.join(place, "flow%d.db" % number)
    run = lib.seine("extract", *arguments, "-o", out, case, flow_id)
    must(not run.wrong(0), run.wrong(0))
    frames = lib.seine("sql", case, "--csv", "select distinct evidence_id, frame, time_ns, captured, "
                       "length from frames(%d) order by evidence_id, frame" % flow_id)
    must(not frames.wrong(0), frames.wrong(0))
    expected = frames.out.decode().splitlines()[1:]
    must(b"%d frame" % len(expected) in run.out.replace(b",", b""), run.out, "for", len(expected))
    ingest(again, out)
    same(lib.one(again, "select frames from evidence"), len(expected), "frames of flow %d" % flow_id)
    key = lib.rows(case, "select protocol, client_ip, client_port, server_ip, server_port, first_ns, vlan, "
                         "tunnel from flows where flow_id = ?", flow_id)[0]
    found = lib.rows(again, "select flow_id from flows where protocol = ? and client_ip = ? and client_port = "
                            "? and server_ip = ? and server_port = ? and first_ns = ? and vlan is ? and "
                            "tunnel is ?", *key)
    same(len(found), 1, "flow %d, %s" % (flow_id, key))
    for table in ("flows", "streams", "gaps", "conflicts", "refused"):
        rows = []
        for file, id_there in ((case, flow_id), (again, found[0][0])):
            names = lib.columns(file, table, WHERE + ("interface_id",) + (
                "flow_id", "stream_id", "end_reason", "state", "conflict_id", "refused_id", "kept_evidence_id",
                "kept_frame", "other_evidence_id", "other_frame", "frame", "file_offset"))
            where = "flow_id = ?" if table in ("flows", "streams") else "stream_id / 2 = ?"
            names = (["stream_id % 2"] if table != "flows" else []) + names
            rows.append(lib.rows(file, "select %s from %s where %s order by %s" % (
                ", ".join(names), table, where, ", ".join(str(n + 1) for n in range(len(names)))), id_there))
        same(rows[1], rows[0], "%s of flow %d" % (table, flow_id))
    proved(again)
    os.remove(again)
    os.remove(out)


def flows_alone(place, case, luck, most, *arguments):
    flows = [row[0] for row in lib.rows(case, "select flow_id from flows")]
    for number, flow_id in enumerate(luck.sample(flows, min(most, len(flows)))):
        flow_alone(place, case, flow_id, number, *arguments)


@test
def a_flow_that_is_extracted_is_the_same_flow_again(place):
    for number in range(ROUNDS):
        luck = luck_of("extract %d" % number)
        path = craft(os.path.join(place, "a.pcap"), traffic(luck, 400), *luck.choice(([], ["-n"], ["-b", "-n"])))
        case = os.path.join(place, "case.db")
        ingest(case, path)
        flows_alone(place, case, luck, 12)
        os.remove(case)


@test
def flows_are_extracted_from_interleaved_sliced_and_compressed_captures(place):
    luck = luck_of("extract from many")
    path = craft(os.path.join(place, "a.pcap"), traffic(luck, 300))
    head, frames = pcap(path)
    ports = [write(os.path.join(place, "port%d.pcap" % n),
                   head + b"".join(raw for k, (_, raw) in enumerate(frames) if k % 2 == n)) for n in (0, 1)]
    packed = write(os.path.join(place, "a.pcap.gz"), gzip.compress(read(path)))
    for name, arguments in (("merged", ["--merge"] + ports), ("packed", [packed]),
                            ("sliced", cut_at_random(luck, path, place, 4))):
        case = os.path.join(place, name + ".db")
        ingest(case, *arguments)
        flows_alone(place, case, luck, 6)


@test
def the_flows_of_the_samples_are_extracted_whole(place):
    luck = luck_of("samples")
    for path in lib.samples():
        if path.endswith(".zst") and not shutil.which("zstd"):
            continue
        case = os.path.join(place, os.path.basename(path) + ".db")
        ingest(case, path, allowed=(0, 1))
        proved(case)
        flows_alone(place, case, luck, 1000 if lib.LONG else 3)


@test
def a_frame_that_came_long_after_its_first_fragment_is_put_in_its_place(place):
    script = ["c udp len=1000 frag=504 order=0 id=7"]
    script += ["c udp len=10 rep=%d" % 40000]
    script += ["c udp len=1000 frag=504 order=1 id=7"]
    path = craft(os.path.join(place, "a.pcap"), "step 0.0001\n" + "\n".join(script))
    case, out = os.path.join(place, "case.db"), os.path.join(place, "out.pcapng")
    ingest(case, path)
    same(lib.one(case, "select count(*) from flows"), 1, "flows")
    must(not lib.seine("extract", "-o", out, case, 1).wrong(0), "extract fails")
    _, frames = lib.pcapng_parts(read(out))
    same(len(frames), 40002, "frames")
    order = [when for when, _ in frames]
    wrong = sum(1 for a, b in zip(order, order[1:]) if a > b)
    must(wrong <= 1, wrong, "frames stand before earlier ones")


@test
def extract_writes_over_nothing_and_says_what_is_missing(place):
    path = craft(os.path.join(place, "a.pcap"), traffic(luck_of("nothing"), 60))
    case, out = os.path.join(place, "case.db"), os.path.join(place, "out.pcapng")
    ingest(case, path)

    def fails(words, *arguments):
        before = sorted(os.listdir(place))
        run = lib.seine("extract", *arguments)
        must(not run.wrong(3), run.wrong(3))
        must(all(word in run.err.decode() for word in words), "no", words, "in", run.err)
        same(sorted(os.listdir(place)), before, "files")

    must(not lib.seine("extract", "-o", out, case, 1).wrong(0), "extract fails")
    same(lib.seine("extract", "-o", "-", case, 1).out, read(out), "what goes to standard output")
    write(out, b"precious")
    fails(["out.pcapng exists already"], "-o", out, case, 1)
    same(read(out), b"precious", "the file that was there")
    os.remove(out)
    os.symlink("nowhere", out)
    fails(["exists already"], "-o", out, case, 1)
    must(os.path.islink(out), "the link is gone")
    os.remove(out)
    write(out + ".partial", b"precious")
    fails(["out.pcapng.partial"], "-o", out, case, 1)
    same(read(out + ".partial"), b"precious", "the file that was there")
    os.remove(out + ".partial")
    fails(["has no flow 99999"], "-o", out, case, 99999)
    fails(["missing/out.pcapng"], "-o", os.path.join(place, "missing", "out.pcapng"), case, 1)
    os.rename(path, os.path.join(place, "b.bin"))
    flow_alone(place, case, 1, 1)  # beside the case, under another name
    away = os.path.join(place, "away")
    os.mkdir(away)
    os.rename(os.path.join(place, "b.bin"), os.path.join(away, "b.bin"))
    fails(["a.pcap", "--evidence FOLDER"], "-o", out, case, 1)
    flow_alone(place, case, 1, 2, "--evidence", away)
    data = bytearray(read(os.path.join(away, "b.bin")))
    data[-1] ^= 1
    write(path, data)
    fails(["a.pcap is not the file"], "-o", out, case, 1)


# ---- evidence, found again ----

@test
def evidence_is_found_where_it_was_beside_the_case_and_in_a_folder(place):
    names = [os.path.join(place, name) for name in ("in", "case", "far")]
    for name in names:
        os.mkdir(name)
    came, beside, far = names
    path = craft(os.path.join(came, "a.pcap"), traffic(luck_of("found"), 60))
    case, piped = os.path.join(beside, "case.db"), os.path.join(beside, "piped.db")
    ingest(case, path)
    with open(path, "rb") as file:
        ingest(piped, "-", stdin=file)
    proved(case)
    must(any("is not there" in line for line in Proof(piped).unknown), "a pipe was found")
    proved(piped, "--evidence", came)
    os.rename(path, os.path.join(beside, "a.pcap"))
    proved(case)
    run = lib.seine("verify", "case.db", cwd=beside)
    must(not run.wrong(0), run.wrong(0))
    os.rename(os.path.join(beside, "a.pcap"), os.path.join(far, "other name.bin"))
    proof = Proof(case)
    must(not proof.fails and any("the file is not there" in line for line in proof.unknown),
         proof.unknown)
    same(proof.status, 1, "exit status")
    proved(case, "--evidence", far)
    proved(piped, "--evidence", far)
    write(os.path.join(far, "another.pcap"), b"x" * 100)
    os.mkfifo(os.path.join(far, "fifo"))
    proved(case, "--evidence", far)
    # A changed one is told from one that is not there, also in the folder; a fifo there stops nobody.
    data = bytearray(read(os.path.join(far, "other name.bin")))
    os.remove(os.path.join(far, "other name.bin"))
    data[70] ^= 1
    write(os.path.join(far, "a.pcap"), data)
    finds(case, ["evidence 1", "a.pcap", "SHA-256 differs"], "--evidence", far)
    os.mkfifo(path)
    must(not Proof(case).fails, "fails though it is not there")


# ---- verify ----

def rich(place):
    """A case with all kinds of rows, proved; and its capture."""
    script = """
at 1700000000
c SYN; s SYN ACK; c ACK
c len=30000 frag=8192,16384,24576
c len=1000
c @500 "other bytes than those" ; c @100 len=50
c @32000 len=700
c @33000 len=10
c @33010 "bad" bad-checksum
s ACK
s len=12000 rep=20
s len=1000 snap=300
s ACK
client 10.0.0.3:41000
c "provisional" bad-checksum
c @5 "XYZZY" bad-checksum
c @0 "right"
c @11 " and on"
c @2 "GHTpro" bad-checksum
c udp len=3000 frag=1000
s icmp unreachable
"""
    path = craft(os.path.join(place, "rich.pcap"), script)
    case = os.path.join(place, "rich.db")
    ingest(case, path)
    proved(case)
    return case, path


@test
def verify_finds_whatever_was_changed_in_the_case(place):
    good, _ = rich(place)
    case = os.path.join(place, "case.db")
    flip = "cast(substr(%s, 1, %d) || char(%d) || substr(%s, %d) as blob)"

    def changed(words, *statements):
        shutil.copy(good, case)
        change(case, *statements)
        finds(case, words)

    def flipped(column, at, value):
        return flip % (column, at, value, column, at + 2)

    for table in ("stream_data", "chunk_data", "gaps", "conflicts", "refused", "arrivals", "oddities"):
        must(lib.one(good, "select count(*) from %s" % table) > 0, "no rows in", table)
    stream = lib.one(good, "select stream_id from stream_data limit 1")
    position = lib.one(good, "select position + 3 from stream_data limit 1")
    blob = bytearray(lib.one(good, "select data from stream_data limit 1"))
    blob[3] ^= 1
    wrong = ("update stream_data set data = ? where stream_id = ?", (bytes(blob), stream))
    changed(["stream %d" % stream, "do not have its SHA-256"], wrong)
    changed(["stream %d" % stream, "position %d" % position, "frame"], wrong)
    chunk, stream, position, blob = lib.rows(good, "select chunk_id, stream_id, position + 9, data from "
                                                   "chunk_data order by chunk_id desc limit 1")[0]
    blob = bytearray(blob)
    blob[9] ^= 128
    wrong = ("update chunk_data set data = ? where chunk_id = ?", (bytes(blob), chunk))
    changed(["stream %d" % stream, "do not have its SHA-256"], wrong)
    changed(["stream %d" % stream, "position %d" % position, "frame"], wrong)
    changed(["stream %d" % stream], ("delete from chunk_data where chunk_id = ?", (chunk,)))
    changed(["neither in chunks nor in gaps"], "delete from gaps where cause <> 'truncated' and tail = 0")
    changed(["neither in chunks nor in gaps"], "update gaps set length = length - 1 where tail = 0")
    changed(["stream"], "update gaps set length = length + 1 where tail = 0")
    changed(["do not add up"], "update gaps set cause = 'unknown' where cause = 'truncated'")
    changed(["rebuilt: table flows: it is none"], "alter table flows add column more text")
    changed(["rebuilt: table more: it is none"], "create table more (client_ip text)")
    shutil.copy(good, case)
    columns = lib.rows(case, "select name, type, \"notnull\", pk from pragma_table_info('capture_stats')")[:-1]
    older = "CREATE TABLE capture_stats (%s) STRICT" % ", ".join(  # before it had its last column, and these comments
        " ".join((name, kind) + ("primary key",) * key + ("not null",) * needed) for name, kind, needed, key in columns)
    change(case, "pragma writable_schema = 1", ("update sqlite_master set sql = ? where name = 'capture_stats'", (older,)))
    same(lib.one(case, "select count(*) from pragma_table_info('capture_stats')"), len(columns), "columns")
    proof = Proof(case)
    must(all(line.startswith("seal:") for line in proof.fails), "a column that a case has not yet fails:", proof.fails)
    changed(["rebuilt: gaps", "its cause is 'evicted'"], "update gaps set cause = 'evicted' where cause <> 'truncated'")
    changed(["do not add up"], "update streams set start = start + 1")
    changed(["do not add up"], "update streams set stored = stored - 1, missing = missing + 1")
    changed(["rebuilt: streams", "its verdict is 'complete'"],
            "update streams set verdict = 'complete' where verdict <> 'complete'")
    changed(["SHA-256"], "update streams set sha256 = lower(hex(zeroblob(32)))")
    last = "(select max(conflict_id) from conflicts where kept_frame < other_frame and length > 4)"
    for column in ("other", "kept"):
        blob = bytearray(lib.one(good, "select %s from conflicts where conflict_id = %s" % (column, last)))
        for at in (0, len(blob) - 1):
            blob[at] ^= 32
            changed(["conflict"], ("update conflicts set %s = ? where conflict_id = %s" % (column, last),
                                   (bytes(blob),)))
    taken = lib.rows(good, "select conflict_id, kept from conflicts where kept_frame > other_frame")
    must(taken, "nothing was taken over")
    for conflict, kept in taken:
        changed(["kept bytes of conflicts"],
                ("update conflicts set kept = ? where conflict_id = ?", (kept[:-1] + b"?", conflict)))
    changed(["conflict"], "update conflicts set position = position + 1")
    changed(["conflict"], "update conflicts set other_frame = other_frame - 1")
    changed(["conflict"], "update conflicts set length = length + 1")
    changed(["the conflicts of each stream add up"], "delete from conflicts where conflict_id = 1")
    changed(["refused"], "update refused set data = %s" % flipped("data", 0, 63))
    changed(["refused"], "update refused set frame = frame + 1")
    changed(["refused"], "update refused set position = position + 1")
    changed(["rebuilt: refused", "is not in the case"], "delete from refused")
    changed(["verdicts of each evidence"], "update verdicts set frames = frames + 1")
    changed(["verdicts of each evidence"], "delete from verdicts")
    changed(["rebuilt: flows 1", "'10.6.6.6'"], "update flows set client_ip = '10.6.6.6' where flow_id = 1")
    changed(["rebuilt: oddities 1", "its count is"], "update oddities set count = count + 1")
    changed(["every packet of a flow has its frames"], "delete from flow_frames")
    changed(["no stream"], "insert into stream_data values (9998, 0, x'00')")
    changed(["no stream"], "insert into chunk_data values (NULL, 9999, 0, 1, 0, x'00')")


@test
def a_stream_under_a_policy_is_proved(place):
    first, path = rich(place)
    case, good = os.path.join(place, "case.db"), os.path.join(place, "last.db")
    hashes = {}
    for policy in ("last", "bsd", "linux", "solaris", "vista"):
        made = os.path.join(place, policy + ".db")
        ingest(made, path, "--policy", policy)
        proved(made)
        hashes[policy] = lib.rows(made, "select stream_id, sha256 from streams")
        for _, sha256 in hashes[policy]:
            must(len(sha256) == 64, "no hash under", policy)
        for of, under in ((first, policy), (made, "first"), (made, policy)):
            wanted = hashes[policy] if under == policy else lib.rows(first, "select stream_id, sha256 from streams")
            for stream, sha256 in wanted:
                view = lib.seine("sql", "--csv", of, "select stream_view_sha256(%d, '%s')" % (stream, under))
                same(view.out.decode().split()[-1], sha256, "a view under " + under)
    must(hashes["last"] != hashes["vista"], "no policy makes a difference")

    def changed(words, *statements):
        shutil.copy(good, case)
        change(case, *statements)
        finds(case, words)

    stream = lib.one(good, "select stream_id from streams where conflicted > 0 order by stored desc limit 1")
    this = " where stream_id = %d" % stream
    changed(["stream %d" % stream, "policy bsd", "SHA-256"], "update streams set policy = 'bsd'" + this)
    changed(["policy that is not known"], "update streams set policy = 'nobody'" + this)
    changed(["policy last", "SHA-256"], "update streams set sha256 = lower(hex(zeroblob(32)))" + this)
    chunks = lib.rows(good, "select chunk_id, data from chunk_data where stream_id = ?", stream)
    for chunk, blob in chunks[:3]:
        for at in range(0, len(blob), 397):
            flipped = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1:]
            changed(["stream %d" % stream],
                    ("update chunk_data set data = ? where chunk_id = ?", (flipped, chunk)))


@test
def verify_finds_an_arrival_that_was_changed(place):
    good, _ = rich(place)
    case = os.path.join(place, "case.db")
    luck = luck_of("arrivals")
    parts = lib.rows(good, "select stream_id, part, data from arrivals")
    missed = 0
    for _ in range(10 * ROUNDS):
        stream, part, data = luck.choice(parts)
        blob = bytearray(data)
        blob[luck.randrange(len(blob))] ^= 1 << luck.randrange(8)
        shutil.copy(good, case)
        change(case, ("update arrivals set data = ? where stream_id = ? and part = ?",
                      (bytes(blob), stream, part)))
        proof = Proof(case)
        must(any(line.startswith("seal:") for line in proof.fails), "not even the seal fails")
        must(any(line.startswith("rebuilt: arrivals") for line in proof.fails), "the captures give these")
        missed += not any(line.startswith("stream %d:" % stream) for line in proof.fails)
    must(missed < 8 * ROUNDS, missed, "of", 10 * ROUNDS, "changes are not seen by the stream's proofs")


@test
def verify_finds_a_byte_that_was_changed_in_the_evidence(place):
    case, path = rich(place)
    data = read(path)
    run = lib.seine("sql", case, "--csv", "select file_offset, frame, stream_id, position from segments where "
                                          "fate = 'kept' and captured > 20")
    rows = [tuple(map(int, line.split(","))) for line in run.out.decode().splitlines()[1:]]
    for offset, frame, stream, position in rows[:3] + rows[-3:]:
        wrong = bytearray(data)
        wrong[offset + 7] ^= 4
        write(path, wrong)
        finds(case, ["SHA-256 differs", "offset 0"])
        finds(case, ["stream %d:" % stream, "position %d" % (position + 7), "frame %d" % frame])
    write(path, data)
    proved(case)
    write(path, data + b"more")
    finds(case, ["SHA-256 differs"])
    write(path, data[:-40])
    finds(case, ["SHA-256 differs"])


@test
def verify_names_the_block_of_16_mib_that_was_changed(place):
    data = bytearray(lib.datagrams(34000, 1000))
    must(len(data) > 33 << 20, "too short")
    path = write(os.path.join(place, "long.pcap"), data)
    case, again = os.path.join(place, "case.db"), os.path.join(place, "again.db")
    ingest(case, path)
    same(lib.rows(case, "select evidence_id, block from evidence_blocks order by block"),
         [(1, 0), (1, 1), (1, 2)], "blocks")
    with open(path, "rb") as file:
        ingest(again, "-", stdin=file)
    same(lib.rows(case, "select * from evidence_blocks order by block"),
         lib.rows(again, "select * from evidence_blocks order by block"), "blocks of a pipe")
    proved(case)
    for at, block in ((12 << 20, 0), (17 << 20, 1), ((32 << 20) + 9, 2)):
        with open(path, "r+b", buffering=0) as file:
            file.seek(at)
            file.write(bytes([data[at] ^ 255]))
            finds(case, ["SHA-256 differs", "offset %d" % (block << 24)])
            file.seek(at)
            file.write(bytes([data[at]]))
    proved(case)


@test
def verify_compares_the_seal(place):
    path = craft(os.path.join(place, "a.pcap"), traffic(luck_of("seal"), 60))
    case = os.path.join(place, "case.db")
    seal = lib.seine("ingest", "-o", case, path).out.decode().split()[-1]
    same(seal, lib.one(case, "select seal from runs"), "seal")
    proved(case, "--seal", seal)
    proved(case, "--seal", seal.upper())
    proof = finds(case, ["seal: is not the one that was given"], "--seal", "%064x" % 1)
    same(len(proof.fails), 1, "fails")
    other = craft(os.path.join(place, "b.pcap"), traffic(luck_of("seal 2"), 20))
    ingest(case, other)
    proved(case)
    finds(case, ["seal: is not the one that was given"], "--seal", seal)


@test
def verify_says_what_it_cannot_know(place):
    path = craft(os.path.join(place, "a.pcap"), traffic(luck_of("no hash"), 100))
    case = os.path.join(place, "case.db")
    ingest(case, "--no-hash", path)
    proof = Proof(case)
    same((proof.status, proof.fails), (1, []), "status and failures")
    must(any("evidence 1" in line and "not hashed" in line for line in proof.unknown), proof.unknown)
    must(any("stream" in line and "not hashed" in line for line in proof.unknown), proof.unknown)
    must(any("segments of the capture rebuild it" in line for line in proof.holds), proof.holds)
    data = bytearray(read(path))
    data[-1] ^= 1
    write(path, data)
    finds(case, ["evidence 1", "has changed"])


@test
def verify_holds_for_streams_of_every_shape(place):
    shapes = {
        "bytes before the first one seen": "c @5000 len=100\nc @3000 len=500\nc @2900 len=200\ns ACK\n",
        "a hole before the first one": "c SYN; s SYN ACK; c ACK\nc @1000 len=50\ns ACK\n",
        "a hole of half a gigabyte": "c SYN ws=14; s SYN ACK ws=14; c ACK\ns ACK win=65535\nc len=10\n"
                                     "c @500000000 len=10\ns ACK\n",
        "nothing but cut bytes": "c len=100 snap=54\n",
        "cut, then whole": "c len=100 snap=80\nc @0 len=100\n",
        "taken over, byte by byte": 'c "abcdefghij" bad-checksum\nc @0 "aXcXeXgXiX"\nc @0 "abcdefghij"\n',
        "taken over in pieces": 'c "abcdef" bad-checksum\nc "ghijkl" bad-checksum\nc @2 "CDEFGHIJ"\n',
        "taken over out of order": 'c @6 "ghijkl" bad-checksum\nc @0 "abcdef" bad-checksum\nc @2 "CDEFGHIJ"\n',
        "taken over by fragments": 'c len=400 bad-checksum\nc @20 "%s" frag=64,128\n' % ("Q" * 200),
        "a wrong one that conflicts and goes on": 'c "abcdef" bad-checksum\nc @3 "XYZnew" bad-checksum\n'
                                                  'c @0 "abcdefnew"\n',
        "offload between": 'c "abcdef" bad-checksum\nc @0 "uvwxyz" offload\nc @0 "ABCDEF"\n',
        "never a right one": "c len=100 bad-checksum rep=50\nc @50 \"other\" bad-checksum\n",
        "in reverse": "c SYN; s SYN ACK\n" + "".join("c @%d len=10\n" % at for at in range(9990, -1, -10)),
        "three versions in fragments": 'c len=300\nc @0 "%s" frag=64,128\nc @0 "%s" frag=160 order=1,0\n'
                                       % ("Q" * 300, "R" * 300),
        "wrapping": "isn client 4294967000\nc SYN; s SYN ACK; c ACK\nc len=200 rep=4\nc @100 \"other\"\n",
    }
    for name, script in shapes.items():
        path = craft(os.path.join(place, "a.pcap"), script)
        case = os.path.join(place, "case.db")
        ingest(case, path)
        try:
            proved(case)
            flows_alone(place, case, luck_of(name), 9)
        except Wrong as wrong:
            raise Wrong("%s: %s" % (name, wrong))
        os.remove(case)


@test
def verify_holds_however_segments_contradict_each_other(place):
    for number in range(8 * ROUNDS):
        luck = luck_of("contradictions %d" % number)
        lines = ["c SYN; s SYN ACK; c ACK"] if luck.random() < 0.5 else []
        trust = luck.choice((0.1, 0.4, 0.8))
        for _ in range(luck.randrange(5, 60)):
            length = luck.choice((1, 3, 20, 90))
            data = luck.choice(("len=%d" % length, '"%s"' % "".join(luck.choice("ab") for _ in range(length))))
            checksum = "" if luck.random() < trust else luck.choice((" bad-checksum", " offload"))
            cut = " frag=32,56" if length == 90 and luck.random() < 0.5 else ""
            cut += luck.choice((" order=2,0,1", " order=0,1,2,1", "")) if cut else ""
            snap = " snap=%d" % luck.randrange(56, 110) if not cut and luck.random() < 0.1 else ""
            lines.append("c @%d %s%s%s%s" % (luck.randrange(200), data, checksum, cut, snap))
            if luck.random() < 0.15:  # what was refused may be believed now
                lines.append("s ACK ack=%d" % luck.randrange(300))
        path = craft(os.path.join(place, "a.pcap"), "\n".join(lines))
        head, frames = pcap(path)
        ports = [write(os.path.join(place, "p%d.pcap" % n), head + b"".join(
            raw for k, (_, raw) in enumerate(frames) if k % 3 // 2 == n)) for n in (0, 1)]
        case = os.path.join(place, "case.db")
        for arguments in ([path], ["--merge"] + ports):
            ingest(case, *arguments)
            try:
                proved(case)
                if number % 4 == 0:
                    flows_alone(place, case, luck, 1)
            except Wrong as wrong:
                raise Wrong("%d %s: %s" % (number, arguments[0], wrong))
            os.remove(case)


@test
def verify_takes_no_longer_for_each_of_many(place):
    def conflicts(count):
        return ["c len=1000 rep=%d" % (count // 10)] + [
            'c @%d "%s"' % (n * 37 % (count * 90), "Xy"[n % 2] * 3) for n in range(count)]

    def refused(count):
        return (["c len=100"] + ["c @%d len=3 bad-checksum" % (n * 3) for n in range(count)] +
                ["s ack=100"])

    def in_reverse(count):
        return ["c @%d len=2" % (2 * n) for n in reversed(range(2 * count))]

    for shape, table in ((conflicts, "conflicts"), (refused, "refused"), (in_reverse, None)):
        seconds = []
        for count in (5000, 20000):
            lines = ["c SYN; s SYN ACK; c ACK"] + shape(count)
            path = craft(os.path.join(place, "a.pcap"), "\n".join(lines))
            case = os.path.join(place, "case.db")
            ingest(case, path)
            must(not table or lib.one(case, "select count(*) from %s" % table) >= count, "too few", table)
            began = time.monotonic()
            proved(case)
            seconds.append(time.monotonic() - began)
            os.remove(case)
        must(seconds[1] < 8 * seconds[0] + 1, shape.__name__, "%.2f s for 5000, %.2f s for 20000" % tuple(seconds))


# ---- the end ----

def run_one(function):
    name = "pipeline." + function.__name__
    began = time.monotonic()
    with lib.folder() as place:
        try:
            function(place)
        except Wrong as wrong:
            lib.tell("not ok", name, "seed %d: %s" % (SEED, wrong))
        except Exception as error:  # a test that cannot go on is a test that failed
            lib.tell("not ok", name, "seed %d: %s: %s" % (SEED, type(error).__name__, error))
        else:
            lib.tell("ok", name, "%.1f s" % (time.monotonic() - began) if lib.LONG else "")


def main():
    wanted = os.environ.get("SEINE_ONLY", "")
    print("pipeline: seed %d" % SEED)
    with lib.ThreadPoolExecutor(lib.WORKERS) as pool:
        list(pool.map(run_one, [function for function in TESTS if wanted in function.__name__]))
    lib.finish()


if not os.access(lib.CRAFT, os.X_OK):
    lib.tell("skip", "pipeline", "no craft at %s" % lib.CRAFT)
    lib.finish()
main()
