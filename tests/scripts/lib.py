"""lib.py - what the script tests share: running seine, reading cases, telling results.

A test tells each result in a line, `ok NAME`, `not ok NAME: why` or `skip NAME: why`, and ends with
the exit status of finish(): 0, 1 when something was not ok, 77 when all was skipped.
"""
import atexit
import contextlib
import glob
import gzip
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
SEINE = os.environ.get("SEINE") or os.path.join(TOP, "build", "seine")
RELEASE = os.environ.get("SEINE_RELEASE") or SEINE
CRAFT = os.path.join(os.path.dirname(os.path.abspath(RELEASE)), "tests", "craft", "craft")  # makes captures
LONG = bool(os.environ.get("SEINE_LONG"))
TIMEOUT = 60  # seconds, for one call of seine
WORKERS = 2

_lock = threading.Lock()
_told = {"ok": 0, "not ok": 0, "skip": 0}


def tell(result, name, why=""):
    with _lock:
        _told[result] += 1
        print("%s %s%s" % (result, name, ": " + str(why).replace("\n", " | ") if why else ""), flush=True)


def check(name, wrong, figure=""):
    """ok with the figure when nothing is wrong, else not ok with what is."""
    if wrong:
        tell("not ok", name, wrong)
    else:
        tell("ok", name, figure)
    return not wrong


def finish():
    if _told["not ok"]:
        sys.exit(1)
    sys.exit(0 if _told["ok"] else 77)


class Run:
    """A call of seine that has ended."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def wrong(self, *allowed):
        """Why the status is none of those allowed, or None."""
        if self.status == "timeout":
            return "still running after %d s" % TIMEOUT
        if self.status in (allowed or (0,)):
            return None
        how = "signal %d" % -self.status if self.status < 0 else "exit status %d" % self.status
        return "%s, expected %s; %s" % (how, " or ".join(map(str, allowed or (0,))), tail(self.err))


def tail(text, limit=600):
    text = text.decode("utf-8", "replace").strip()
    return text if len(text) <= limit else "..." + text[-limit:]


def seine(*arguments, binary=None, stdin=subprocess.DEVNULL, cwd=None, timeout=TIMEOUT):
    try:
        done = subprocess.run([binary or SEINE, *map(str, arguments)], stdin=stdin, capture_output=True,
                              cwd=cwd, timeout=timeout)
    except subprocess.TimeoutExpired as late:
        return Run("timeout", late.stdout or b"", late.stderr or b"")
    return Run(done.returncode, done.stdout, done.stderr)


def ingest(case, *captures, **how):
    return seine("ingest", "--quiet", "-o", case, *captures, **how)


def rows(case, sql, *values):
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % case, uri=True)) as db:
        return db.execute(sql, values).fetchall()


def one(case, sql, *values):
    return rows(case, sql, *values)[0][0]


def columns(case, table, leave_out=()):
    names = [row[1] for row in rows(case, "pragma table_info(%s)" % table)]
    return [name for name in names if name not in leave_out]


def dump(case, leave_out=("runs",)):
    """Every table but those left out: name -> its rows, in the order of all their columns."""
    tables = [name for name, in rows(
        case, "select cast(name as text) from sqlite_master where type = 'table' and name not like 'sqlite_%'")]
    answer = {}
    for table in sorted(set(tables) - set(leave_out), key=str):
        names = ", ".join('"%s"' % name for name in columns(case, table))
        answer[table] = rows(case, "select %s from %s order by %s" % (names, table, names))
    return answer


def difference(one_dump, other_dump):
    """The first thing in which two dumps differ, as a sentence, or None."""
    if one_dump.keys() != other_dump.keys():
        return "tables %s" % sorted(one_dump.keys() ^ other_dump.keys(), key=str)
    for table in one_dump:
        a, b = one_dump[table], other_dump[table]
        if a != b:
            for x, y in zip(a, b):
                if x != y:
                    return "%s: %s and %s" % (table, brief(x), brief(y))
            return "%s: %d rows and %d" % (table, len(a), len(b))
    return None


def brief(row):
    return "(%s)" % ", ".join(str(v) if not isinstance(v, bytes) or len(v) < 16 else
                              "%d bytes" % len(v) for v in row)


def samples():
    """The captures of sample_pcaps/, smallest first."""
    found = [path for path in glob.glob(os.path.join(TOP, "sample_pcaps", "*.pcap*"))
             if path.endswith((".pcap", ".pcapng", ".gz", ".zst"))]
    return sorted(found, key=lambda path: (os.path.getsize(path), path))


def content(path):
    """What a capture holds, uncompressed; None where there is no program for it."""
    if path.endswith(".gz"):
        return gzip.open(path).read()
    if path.endswith(".zst"):
        if not shutil.which("zstd"):
            return None
        return subprocess.run(["zstd", "-dqc", path], stdout=subprocess.PIPE, check=True).stdout
    with open(path, "rb") as file:
        return file.read()


def each(function, items):
    """Calls the function with each item, two at a time, each call in a folder of its own."""
    def call(item):
        with folder() as place:
            try:
                function(item, place)
            except Exception as error:  # a test that cannot go on is a test that failed
                name = item["path"] if isinstance(item, dict) else os.path.basename(item)
                tell("not ok", name, "%s: %s" % (type(error).__name__, error))
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(call, items))


def folder():
    return tempfile.TemporaryDirectory(prefix="seine-test-")


def preloadable(library):
    """The path of a library as LD_PRELOAD takes it, which ends a path at a blank or a colon."""
    if not re.search(r"[\s:]", library):
        return library
    place = tempfile.mkdtemp(prefix="seine-test-", dir="/tmp")
    atexit.register(shutil.rmtree, place, True)
    link = os.path.join(place, os.path.basename(library))
    os.symlink(library, link)
    return link


def datagrams(count, length):
    """A classic pcap of so many UDP datagrams with so many bytes of payload each, as bytes."""
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    for n in range(count):
        payload = struct.pack(">I", n) * (length // 4)
        udp = struct.pack(">HHHH", 4000, 5000, 8 + len(payload), 0) + payload
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), n & 0xFFFF, 0, 64, 17, 0,
                         bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
        total = sum(struct.unpack(">10H", ip))
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        ip = ip[:10] + struct.pack(">H", 0xFFFF - total) + ip[12:]
        frame = bytes((2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)) + ip + udp
        out.append(struct.pack("<IIII", 1700000000 + n // 1000, n % 1000 * 1000, len(frame), len(frame)))
        out.append(frame)
    return b"".join(out)


def inet_sum(data):
    """The Internet checksum of some bytes."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def conversations(count, segments=20, length=500):
    """A classic pcap of so many TCP conversations at once: some with a hole that was acknowledged, some
    with a retransmission of other bytes, some out of order, some that never close."""
    client, server = bytes((10, 1, 0, 1)), bytes((10, 1, 0, 2))
    syn, fin, ack = 2, 1, 16
    frames = [[] for _ in range(count)]

    def frame(flow, of_client, flags, seq, acked, payload=b""):
        ports = (20000 + flow, 80) if of_client else (80, 20000 + flow)
        ends = (client, server) if of_client else (server, client)
        tcp = struct.pack(">HHIIBBHHH", *ports, seq, acked, 0x50, flags, 65535, 0, 0) + payload
        pseudo = ends[0] + ends[1] + struct.pack(">HH", 6, len(tcp))
        tcp = tcp[:16] + struct.pack(">H", inet_sum(pseudo + tcp)) + tcp[18:]
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, *ends)
        ip = ip[:10] + struct.pack(">H", inet_sum(ip)) + ip[12:]
        frames[flow].append(bytes((2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)) + ip + tcp)

    for flow in range(count):
        frame(flow, True, syn, 1000, 0)
        frame(flow, False, syn | ack, 5000, 1001)
        frame(flow, True, ack, 1001, 5001)
        for n in range(segments):
            payload = struct.pack(">HH", flow, n) * (length // 4)
            at = 1001 + n * len(payload)
            if flow % 4 == 0 and n == 3:
                continue  # lost by the capture: the next acknowledgement covers it
            frame(flow, True, ack, at, 5001, payload)
            if flow % 4 == 1 and n == 5:
                frame(flow, True, ack, at, 5001, payload[:100] + b"other" + payload[105:])
            if flow % 4 == 2 and n % 5 == 4:
                frames[flow][-2:] = reversed(frames[flow][-2:])
            if n % 4 == 3:
                frame(flow, False, ack, 5001, at + len(payload))
        if flow % 3:
            end = 1001 + segments * (length // 4 * 4)
            frame(flow, True, fin | ack, end, 5001)
            frame(flow, False, fin | ack, 5001, end + 1)
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)]
    number = 0
    for turn in range(max(map(len, frames))):
        for one_flow in frames:
            if turn < len(one_flow):
                data = one_flow[turn]
                out.append(struct.pack("<IIII", 1700001000 + number // 1000, number % 1000 * 1000,
                                       len(data), len(data)) + data)
                number += 1
    return b"".join(out)


class NotCut(Exception):
    """A capture cannot be cut into slices, and why."""


def slices(data, count=3):
    """A capture, as bytes, cut at frame boundaries into so many, as a rotated one would be.

    Each slice begins later than the one before it, so that they are read in this order."""
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        head, frames = pcapng_parts(data)
    else:
        head, frames = pcap_parts(data)
    if len(frames) < count:
        raise NotCut("%d frames" % len(frames))
    cuts, first = [0], frames[0][0]
    for n in range(1, count):
        at = max(len(frames) * n // count, cuts[-1] + 1)
        while at < len(frames) and frames[at][0] <= first:
            at += 1
        if at == len(frames):
            raise NotCut("its frames are not in the order of time")
        cuts.append(at)
        first = frames[at][0]
    return [head + b"".join(raw for _, raw in frames[a:b]) for a, b in zip(cuts, cuts[1:] + [None])]


def pcap_parts(data):
    """The file header and (time, record) of each frame of a classic pcap."""
    order = {b"\xa1": ">", b"\xd4": "<", b"\x4d": "<"}.get(data[:1])
    if order is None:
        raise NotCut("neither pcap nor pcapng")
    if struct.unpack(order + "I", data[:4])[0] == 0xA1B2CD34:
        raise NotCut("the Kuznetzov variant")
    frames, at = [], 24
    while at + 16 <= len(data):
        seconds, fraction, captured, _ = struct.unpack(order + "IIII", data[at:at + 16])
        frames.append(((seconds, fraction), data[at:at + 16 + captured]))
        at += 16 + captured
    return data[:24], frames


def pcapng_parts(data):
    """The section header with its interfaces, and (time, blocks) of each frame, of a pcapng."""
    order = "<" if data[8:12] == b"\x4d\x3c\x2b\x1a" else ">"
    head, waiting, frames, at = b"", b"", [], 0
    while at + 12 <= len(data):
        kind, length = struct.unpack(order + "II", data[at:at + 8])
        block = data[at:at + length]
        at += length
        if kind == 0x0A0D0D0A:
            if head:
                raise NotCut("several sections")
            head = block
        elif kind == 1:
            head += block
        elif kind == 6:
            high, low = struct.unpack(order + "II", block[12:20])
            frames.append(((high << 32 | low,), waiting + block))
            waiting = b""
        elif kind in (2, 3):
            raise NotCut("simple or obsolete packet blocks")
        else:
            waiting += block
    if frames:
        frames[-1] = (frames[-1][0], frames[-1][1] + waiting)
    return head, frames
