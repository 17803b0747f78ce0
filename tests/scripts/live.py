"""live.py - seine live: what it makes of traffic is what tcpdump and an ingest make of it, whatever happens.

Two network namespaces with a cable between them are made and removed here, which takes root's rights; without them
all is skipped. The traffic is this script's own, which runs itself in the namespaces as --serve and --talk, and that of
programs of others (services.py), where they are there.
"""
import contextlib
import hashlib
import os
import random
import re
import resource
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

import lib
import services

HERE = os.path.abspath(__file__)
CLIENT, SERVER, PORT = "10.77.0.1", "10.77.0.2", 7700
PATIENCE = 20  # seconds that anything may take that ought to take none


# ---- the traffic ----

def take(connection, count):
    data = b""
    while len(data) < count:
        more = connection.recv(min(65536, count - len(data)))
        if not more:
            raise EOFError
        data += more
    return data


def answer(connection):
    """A request is two lengths and a pause: so many bytes follow, and so many are to come, in two halves."""
    with contextlib.suppress(OSError, EOFError), connection:
        while True:
            length, wanted, pause = struct.unpack(">III", take(connection, 12))
            take(connection, length)
            data = random.randbytes(wanted)
            connection.sendall(data[:wanted // 2])
            if pause:
                time.sleep(pause / 1000)
            connection.sendall(data[wanted // 2:])


def serve():
    listener = socket.create_server((SERVER, PORT), backlog=64)
    echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    echo.bind((SERVER, PORT))

    def echo_all():
        while True:
            data, whence = echo.recvfrom(65536)
            echo.sendto(data[::-1], whence)

    threading.Thread(target=echo_all, daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def converse(rng):
    with socket.create_connection((SERVER, PORT)) as connection:
        for _ in range(rng.choice((1, 1, 1, 2, 3))):
            length, wanted = rng.choice((0, 1, 700, 30000)), rng.choice((1, 600, 5000, 90000, 400000))
            pause = rng.choice((0, 0, 0, 400, 1100))
            connection.sendall(struct.pack(">III", length, wanted, pause) + rng.randbytes(length))
            take(connection, wanted)


def talk(seed, count):
    """So many connections, four at a time, and datagrams beside them."""
    rng = random.Random(seed)
    seeds = [rng.random() for _ in range(count)]
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                if not seeds:
                    return
                mine = seeds.pop()
            converse(random.Random(mine))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        for n in range(50):
            datagrams.sendto(rng.randbytes(rng.choice((1, 100, 1400, 4000))), (SERVER, PORT))
            time.sleep(0.01)
    for worker in workers:
        worker.join()


def drip():
    """A datagram every ten milliseconds, and a connection that never ends, until it is killed."""
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with socket.create_connection((SERVER, PORT)) as connection:
        while True:
            connection.sendall(struct.pack(">III", 200, 3000, 0) + bytes(200))
            take(connection, 3000)
            datagrams.sendto(b"drip", (SERVER, PORT))
            time.sleep(0.01)


def trickle(flows, wanted):
    """Connections that each bring so much once a second, until it is killed."""
    connections = [socket.create_connection((SERVER, PORT)) for _ in range(flows)]
    due = time.monotonic()
    while True:
        for connection in connections:
            connection.sendall(struct.pack(">III", 188, wanted, 0) + bytes(188))
        for connection in connections:
            take(connection, wanted)
        due += 1
        time.sleep(max(0, due - time.monotonic()))


# ---- the place ----

class Cable:
    """Two namespaces and the cable between them. No frame comes out of it that was not put in."""
    made = 0

    def __init__(self):
        Cable.made += 1
        self.near, self.far = ("seine-%d-%d-%s" % (os.getpid(), Cable.made, end) for end in ("near", "far"))
        self.processes = []

    def ip(self, *words):
        done = subprocess.run(["ip", *words], capture_output=True, text=True)
        if done.returncode:
            raise OSError("ip %s: %s" % (" ".join(words), done.stderr.strip()))

    def __enter__(self):
        try:
            for name in (self.near, self.far):
                self.ip("netns", "add", name)
            self.ip("link", "add", "wire0", "netns", self.near, "type", "veth", "peer", "name", "wire0",
                    "netns", self.far)
            self.begin()
        except OSError:
            self.__exit__()
            raise
        return self

    def begin(self):
        for name in (self.near, self.far):
            self.start(name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1").wait()
            self.ip("-n", name, "link", "set", "wire0", "up")

    def __exit__(self, *_):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        for name in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def start(self, name, *words, **how):
        process = subprocess.Popen(["ip", "netns", "exec", name, *map(str, words)], stdin=subprocess.DEVNULL, **how)
        self.processes.append(process)
        return process


class Net(Cable):
    """A cable with hosts at its ends, of which the far one serves."""

    def begin(self):
        for name, address in ((self.near, CLIENT), (self.far, SERVER)):
            self.ip("-n", name, "addr", "add", address + "/24", "dev", "wire0")
            for link in ("lo", "wire0"):
                self.ip("-n", name, "link", "set", link, "up")
        server = self.start(self.far, sys.executable, HERE, "--serve", stdout=subprocess.PIPE)
        if server.stdout.readline() != b"ready\n":
            raise OSError("the server does not start")

    def disturb(self):
        """Frames get lost, late and out of order. False where the kernel cannot do that."""
        return all(subprocess.run(["ip", "netns", "exec", name, "tc", "qdisc", "add", "dev", "wire0", "root", "netem",
                                   "delay", "1ms", "1ms", "loss", "1%"], capture_output=True).returncode == 0
                   for name in (self.near, self.far))

    def talk(self, seed, count):
        self.start(self.near, sys.executable, HERE, "--talk", seed, count).wait(timeout=120)

    def rest(self):
        """Until no connection is open any more, so that no frame comes."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if not any(subprocess.run(["ip", "netns", "exec", name, "ss", "-Htan", "state", "connected", "exclude",
                                       "time-wait"], capture_output=True).stdout for name in (self.near, self.far)):
                break
            time.sleep(0.05)


class Live:
    """A seine live that runs."""

    def __init__(self, net, case, *options, binary=None, **how):
        self.case = case
        self.process = net.start(net.near, binary or lib.SEINE, "live", "-i", "wire0", "-o", case, *options,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how)
        first = b""
        while b"capturing" not in first:
            first = self.process.stderr.readline()
            if not first:
                raise OSError("seine live: exit status %s" % self.process.wait())

    def stop(self):
        """Ends it in good order: why it did not, or None."""
        self.process.send_signal(signal.SIGTERM)
        try:
            out, err = self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            return "it does not end"
        return lib.Run(self.process.returncode, out, err).wrong(0, 1)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Tcpdump:
    def __init__(self, net, path):
        self.path = path
        self.process = net.start(net.near, "tcpdump", "-i", "wire0", "-B", "65536", "-U", "-w", path,
                                 stderr=subprocess.PIPE)
        while b"listening" not in self.process.stderr.readline():
            if self.process.poll() is not None:
                raise OSError("tcpdump does not start")

    def stop(self):
        """Ends it: how many frames it lost."""
        time.sleep(1.2)  # what lies in its ring is written a second later
        self.process.send_signal(signal.SIGTERM)
        told = self.process.communicate(timeout=PATIENCE)[1].decode()
        found = re.search(r"(\d+) packets? dropped by kernel", told)
        return int(found.group(1)) if found else 0


def streams(case):
    return sorted(lib.rows(case, """
        select protocol, client_ip, client_port, server_ip, server_port, side, start, length, stored, missing,
               missing_tail, s.verdict, sha256, client_packets, server_packets, state, history
          from streams as s join flows using (flow_id) where protocol in ('tcp', 'udp')"""))


def lost(case):
    return lib.one(case, "select coalesce(max(dropped_by_system), 0) + coalesce(max(shed), 0) from capture_stats")


def incoherent(case):
    """What in a case does not fit together, whenever it is looked at; or None."""
    questions = {
        "a row of %s without its flow" % table: "select count(*) from %s where %s not in (select flow_id from flows)"
        % (table, column) for table, column in (
            ("streams", "flow_id"), ("flow_frames", "flow_id"), ("arrivals", "stream_id / 2"),
            ("chunk_data", "stream_id / 2"), ("stream_data", "stream_id / 2"), ("gaps", "stream_id / 2"))}
    questions["payload without its stream"] = \
        "select count(*) from chunks where stream_id not in (select stream_id from streams)"
    questions["frames without a verdict"] = \
        "select (select sum(frames) from evidence) <> (select coalesce(sum(frames), 0) from verdicts)"
    questions["an address without its host"] = \
        "select count(*) from flows where client_ip not in (select ip from hosts)"
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % case, uri=True, timeout=PATIENCE)) as db:
        db.execute("begin")
        for what, sql in questions.items():
            if db.execute(sql).fetchone()[0]:
                return what
    return None


def unproved(case):
    """A stream that is said to have ended and whose bytes have another hash, or another length; or None."""
    for stream, stored, sha256 in lib.rows(case, "select stream_id, stored, sha256 from streams"):
        data = b"".join(row[0] for row in lib.rows(
            case, "select data from chunks where stream_id = ? order by position", stream))
        if len(data) != stored or hashlib.sha256(data).hexdigest() != sha256:
            return "stream %d: %d bytes, %d said" % (stream, len(data), stored)
    return None


# ---- the tests ----

def check_equal(turn, disturbed):
    """One run beside tcpdump; a run in which either loses a frame says nothing, and is repeated."""
    repeated = 0
    name = "the streams of a live case are those of tcpdump's capture, turn %d" % turn
    while repeated < 5:
        with lib.folder() as place, Net() as net:
            case, capture, ingested = (os.path.join(place, name) for name in ("live.db", "t.pcap", "offline.db"))
            noisy = disturbed and net.disturb()
            others = services.Services(net, place, SERVER)
            dump = Tcpdump(net, capture)
            live = Live(net, case)
            talker = threading.Thread(target=net.talk, args=(turn, 40))
            talker.start()
            failed = others.talk(turn)
            talker.join()
            net.rest()
            wrong = live.stop() or failed  # at once: nothing that came may be lost
            if dump.stop() + lost(case) > 0:
                repeated += 1
                continue
            wrong = wrong or lib.ingest(ingested, capture).wrong() or incoherent(case)
            mine, theirs = ([], []) if wrong else (streams(case), streams(ingested))
            if not wrong and mine != theirs:
                wrong = "%d streams and %d: %s" % (len(mine), len(theirs), next(
                    ("%s and %s" % pair for pair in zip(mine, theirs) if pair[0] != pair[1]), "some are missing"))
            if not wrong and lib.one(case, "pragma journal_mode") != "delete":
                wrong = "it is not one file"
            lib.check(name, wrong, "%d streams%s, repeated %d times; %s" % (
                len(mine), ", with netem" if noisy else "", repeated, others.said()))
            return
    lib.tell("skip", name, "frames were lost each time: this machine is too slow")


def check_row_in_time(net, place):
    case = os.path.join(place, "soon.db")
    live = Live(net, case)
    worst = 0
    for n in range(3):
        time.sleep(0.37 * n)
        began = time.monotonic()
        net.start(net.near, sys.executable, "-c", "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
                  "s.bind(('%s', %d)); s.sendto(b'x', ('%s', %d))" % (CLIENT, 30000 + n, SERVER, PORT)).wait()
        while not lib.rows(case, "select 1 from flows where client_port = ? or server_port = ?", 30000 + n, 30000 + n):
            if time.monotonic() - began > PATIENCE:
                break
            time.sleep(0.02)
        worst = max(worst, time.monotonic() - began)
    wrong = live.stop()
    used, budget = lib.one(case, "select max(memory) from capture_stats"), lib.one(case, "select memory from runs")
    if not wrong and not 1 << 20 < (used or 0) < 8 * budget:  # a sanitizer takes more than the budget
        wrong = "its memory is said to be %s" % used
    lib.check("a flow has a row within two seconds of its first frame",
              wrong or ("after %.2f s" % worst if worst > 2 else None), "%.2f s at most" % worst)


def open_rows(path):
    return lib.one(path, """select (select count(*) from flows where end_reason = 'open') +
        (select count(*) from streams where verdict = 'open') + (select count(*) from evidence where status = 'open')""")


def check_kill(net, place, turn):
    """A kill at any instant: what is there opens and holds together, and the next run makes it whole. Every other
    time of a folder that gets a slice a second."""
    rng = random.Random(turn)
    many = turn % 2 == 1
    output = os.path.join(place, "kill%d" % turn)
    options = ("--rotate", "1s") if many else ()
    cases = lambda: slices(output) if many else [output]
    wrong = None
    drips = net.start(net.near, sys.executable, HERE, "--drip")
    for _ in range(2):  # the second into what the first one left
        live = Live(net, output, *options)
        time.sleep(rng.uniform(0.05, 3))
        killed_ns = time.time_ns()
        live.kill()
        for case in cases():
            with contextlib.closing(sqlite3.connect(case)) as db:  # may write: it rolls back what closing had begun
                if db.execute("pragma integrity_check").fetchone()[0] != "ok":
                    wrong = wrong or "integrity_check"
            wrong = wrong or incoherent(case)
        begun = [case for case in cases() if lib.rows(case, "select 1 from runs")]  # else it has its tables, and no more
        last = cases()[-1]
        told = lib.seine("summary", last)
        if not wrong and (told.status != 1 or
                          (b"wire0 is interrupted" if last in begun else b"run is interrupted") not in told.out):
            wrong = "summary of %s does not say interrupted, exit status %s (turn %d)" % (os.path.basename(last), told.status, turn)
        last = max(lib.one(case, "select coalesce(max(last_ns), 0) from evidence") for case in begun)
        began = max(lib.one(case, "select max(started_ns) from runs") for case in begun)
        if not wrong and killed_ns - max(last, began) > 2_000_000_000:
            wrong = "%.2f s of traffic are missing" % ((killed_ns - max(last, began)) / 1e9)
    drips.kill()
    live = Live(net, output, *options)
    wrong = live.stop() or wrong
    statuses = []
    for case in cases():
        wrong = wrong or incoherent(case) or unproved(case)
        if not wrong and open_rows(case):
            wrong = "%d rows say open for ever" % open_rows(case)
        statuses += [status for status, in lib.rows(case, "select status from evidence")] or ["interrupted"]
    # A kill between two slices may leave both interrupted, the older one for nothing.
    if not wrong and (not 2 <= statuses.count("interrupted") <= 4 or statuses[-1] != "complete"):
        wrong = "the runs are said to be %s" % statuses
    return wrong


def check_kills(net, place, count):
    wrong = next(filter(None, (check_kill(net, place, turn) for turn in range(count))), None)
    lib.check("a kill at any instant leaves a case that is whole", wrong, "%d kills" % (2 * count))


def check_mended_beside(_, place, count):
    """What a killed run left open in a case is mended while the next one stores what comes, not before."""
    case, crowd = os.path.join(place, "beside.db"), os.path.join(os.path.dirname(HERE), "wire.py")
    with Cable() as cable:
        send = lambda: cable.start(cable.far, sys.executable, crowd, "wire0", "crowd", count, stdout=subprocess.DEVNULL).wait()
        first = Live(cable, case)
        send()
        time.sleep(2)
        first.kill()
        old = lib.one(case, "select max(flow_id) from flows")
        run = Live(cable, case)
        sender = threading.Thread(target=send)
        sender.start()
        began, beside, left = time.monotonic(), 0, old
        while left and time.monotonic() - began < 3 * PATIENCE:
            left, come = lib.rows(case, """select count(*) filter (where end_reason = 'open' and flow_id <= ?1),
                                          count(*) filter (where flow_id > ?1) from flows""", old)[0]
            beside = max(beside, min(left, come))
            time.sleep(0.05)
        took = time.monotonic() - began
        sender.join()
        wrong = run.stop()
    if left or not beside:
        wrong = wrong or "of %d flows %d stay open, and at most %d are there beside" % (old, left, beside)
    statuses = [status for status, in lib.rows(case, "select status from evidence order by evidence_id")]
    if not wrong and (statuses != ["interrupted", "complete"] or open_rows(case)):
        wrong = "its evidence is said to be %s, and %d rows say open for ever" % (statuses, open_rows(case))
    stored = lib.one(case, "select count(*) from flows join streams using (flow_id) where stored = 100")
    if not wrong and (lost(case) or stored != old + count):
        wrong = "%d frames are lost, and of %d flows %d have payload" % (lost(case), old + count, stored)
    lib.check("what a killed run left open is mended while the next one writes", wrong or incoherent(case),
              "%d flows in %.1f s" % (old, took))


def check_readers(net, place, seconds):
    """Readers in loops, and one that stays in its transaction: none is refused, and no row is lost."""
    case, capture, ingested = (os.path.join(place, name) for name in ("read.db", "r.pcap", "r.db"))
    trouble, reads, ended, log = [], [0], threading.Event(), 0

    def read(n):
        while not ended.is_set():
            if n % 4 == 0:
                run = lib.seine("sql", case, "select count(*), sum(client_bytes) from flows")
                wrong = run.wrong()
            elif n % 4 == 1:
                wrong = lib.seine("summary", case).wrong()
            else:
                try:
                    wrong = incoherent(case)
                except sqlite3.Error as error:
                    wrong = str(error)
            reads[0] += 1
            if wrong:
                trouble.append(wrong)
                return

    dump = Tcpdump(net, capture)
    live = Live(net, case)
    readers = [threading.Thread(target=read, args=(n,)) for n in range(8 if lib.LONG else 3)]
    for reader in readers:
        reader.start()
    until = time.monotonic() + seconds
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % case, uri=True, isolation_level=None)) as stays:
        stays.execute("begin")
        before = stays.execute("select count(*) from flows").fetchone()
        turn = 0
        while time.monotonic() < until:
            net.talk(1000 + turn, 30)
            turn += 1
            log = max(log, os.stat(case + "-wal").st_size)
        said = lib.rows(case, "select detail from capture_stats where detail like 'the write-ahead log has%'")
        if log > 68 << 20 and len(said) != 1:
            trouble.append("the log had %d bytes, and %d rows say so" % (log, len(said)))
        if stays.execute("select count(*) from flows").fetchone() != before:
            trouble.append("a snapshot changed")
    ended.set()
    for reader in readers:
        reader.join()
    time.sleep(2.5)
    if log > 68 << 20 and os.stat(case + "-wal").st_size > 68 << 20:
        trouble.append("the log is as long as it was when nobody reads any more")
    wrong = live.stop() or (trouble[0] if trouble else None)
    if dump.stop() + lost(case) > 0 and not wrong:
        lib.tell("skip", "readers", "frames were lost: this machine is too slow")
        return
    wrong = wrong or lib.ingest(ingested, capture).wrong()
    if not wrong and streams(case) != streams(ingested):
        wrong = "a stream is missing, or another"
    lib.check("readers in loops, and one that stays, are never refused and cost no row", wrong,
              "%d reads, a log of %d MiB" % (reads[0], log >> 20))


def slices(folder):
    return sorted(os.path.join(folder, name) for name in os.listdir(folder)
                  if name.startswith("seine-") and name.endswith(".db"))


def put_together(folder):
    """Of each conversation in a folder what all its slices have: payload by side, and four counts; and what is wrong."""
    payload, counts, ids, names = {}, {}, set(), []
    for path in slices(folder):
        wrong = incoherent(path) or unproved(path)
        if not wrong and lib.one(path, "pragma journal_mode") != "delete":
            wrong = "it is not one file"
        if wrong:
            return None, None, "%s: %s" % (os.path.basename(path), wrong)
        for row in lib.rows(path, """select protocol, client_ip, client_port, server_ip, server_port, client_bytes,
                                    server_bytes, client_packets, server_packets, flow_id, continues_flow_id
                                    from flows where protocol in ('tcp', 'udp')"""):
            counts[row[:5]] = tuple(map(sum, zip(counts.get(row[:5], (0, 0, 0, 0)), row[5:9])))
            ids.add(row[9])
            names += [row[10]] if row[10] else []
            for side in 0, 1:
                payload.setdefault((row[:5], side), []).extend(lib.rows(
                    path, "select position, data from chunks where stream_id = ?", 2 * row[9] + side))
    lost_names = set(names) - ids
    return {key: b"".join(data for _, data in sorted(of)) for key, of in payload.items()}, counts, \
        "a flow continues one that is not there" if lost_names else None if names else "no flow goes on"


def check_wear(net, place):
    """What is written to the disk for a byte of payload by all of a run, for 50 flows that are slow. Frames have their
    headers: what they are long is not the case's."""
    name = "what is written for a byte of payload is bounded"
    by_reference = ("--pcap", "--payload", "reference")
    seconds = 60 if lib.LONG else 8
    told, wrong = [], None
    for wanted, options, most in ((6000, (), 2.42), (3000, (), 2.65), (3000, by_reference, 0.45)) if lib.LONG else (
            (6000, (), 2.8), (3000, by_reference, 0.65)):
        where = os.path.join(place, "wear-%d-%d" % (wanted, len(options)))
        case = os.path.join(where, "case.db")
        os.mkdir(where)
        run = Live(net, case, *options, binary=lib.RELEASE)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock
        trickles = net.start(net.near, sys.executable, HERE, "--trickle", "50", str(wanted))
        time.sleep(seconds)
        wrong = run.stop() or wrong
        written = (resource.getrusage(resource.RUSAGE_CHILDREN).ru_oublock - before) * 512
        trickles.kill()
        trickles.wait()
        if not written:
            lib.tell("skip", name, "nothing here is written to a disk")
            return
        payload = lib.one(case, "select sum(stored) from streams")
        frames = sum(os.path.getsize(os.path.join(where, n)) for n in os.listdir(where) if n.endswith(".pcapng"))
        told.append("%.2f%s" % ((written - frames) / payload, " and frames of %.2f" % (frames / payload) if frames else ""))
        if (written - frames) / payload > most:
            wrong = wrong or "%s for %s" % (told[-1], (wanted, *options))
    lib.check(name, wrong, ", ".join(told))


def check_slices(net, place):
    """A case a second, each whole by itself, and together what tcpdump has seen."""
    name = "slices of a folder are whole, and together what tcpdump has"
    folder, capture, ingested = (os.path.join(place, name) for name in ("folder", "s.pcap", "s.db"))
    dump = Tcpdump(net, capture)
    live = Live(net, folder, "--rotate", "1s")
    net.talk(77, 40)
    wrong = live.stop()
    if dump.stop() + max(lost(path) for path in slices(folder)) > 0 and not wrong:
        lib.tell("skip", name, "frames were lost: this machine is too slow")
        return
    wrong = wrong or lib.ingest(ingested, capture).wrong()
    mine, counts, broken = put_together(folder)
    count = len(slices(folder))
    if not (wrong or broken):
        whole = lib.folder()
        with whole as one:
            os.link(ingested, os.path.join(one, "seine-000001.db"))
            theirs, their_counts, _ = put_together(one)
        wrong = "the payload differs" if mine != theirs else "the counts differ" if counts != their_counts else None
    wrong = wrong or broken
    if not wrong and count < 3:
        wrong = "there are %d" % count
    lib.check(name, wrong, "%d slices" % count)


def main():
    try:
        with Net():
            pass
    except OSError as error:
        lib.tell("skip", "live", "no network namespaces can be made here: %s" % error)
        lib.finish()
    turns = 20 if lib.LONG else 2
    for turn in range(turns):
        check_equal(turn, turn % 2 == 1)
    with lib.folder() as place, Net() as net:
        check_row_in_time(net, place)
        check_wear(net, place)
        check_slices(net, place)
        check_kills(net, place, 50 if lib.LONG else 2)
        check_mended_beside(net, place, 10000 if lib.LONG else 600)
        check_readers(net, place, 120 if lib.LONG else 2)
    lib.finish()


if __name__ != "__main__":
    pass  # rotate.py has its network from here
elif sys.argv[1:2] == ["--serve"]:
    serve()
elif sys.argv[1:2] == ["--talk"]:
    talk(int(sys.argv[2]), int(sys.argv[3]))
elif sys.argv[1:2] == ["--drip"]:
    drip()
elif sys.argv[1:2] == ["--trickle"]:
    trickle(int(sys.argv[2]), int(sys.argv[3]))
else:
    main()
