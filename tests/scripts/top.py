"""top.py - seine top on a terminal, and seine status: what they show, and that the terminal is given back.

A small terminal is played here: it knows the sequences that curses sends for TERM=vt100, and fails on any other,
so that a byte of the wire which got through would be seen.
"""
import contextlib
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import termios
import time

import lib
import slices

BLOCK = slices.BLOCK
FUTURE = int(time.time()) + 3600  # so that it does not become long ago while the test runs
HOSTILE = "\x1b[2Jow\x07ned\x1b]0;title\x07\u202e\x9b31m"

TALK = """
at 1700000000
client 10.0.0.1:1001; server 10.0.0.2:80
c SYN; s SYN ACK; c ACK
c @0 "abcdef"
s ack=6 "a long answer, the longest of all of them"
client 10.0.0.3:1002; server 10.0.0.2:443
c SYN; s SYN ACK; c ACK
c @0 "other"
"""


class Terminal:
    """seine top on a terminal of so many rows and columns."""

    def __init__(self, *arguments, rows=24, columns=120, binary=None):
        self.rows, self.columns = rows, columns
        self.master, slave = pty.openpty()
        self.resize(rows, columns, tell=False)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.of = subprocess.Popen([binary or lib.SEINE, "top", *map(str, arguments)], stdin=slave, stdout=slave,
                                   stderr=subprocess.PIPE, env={**os.environ, "TERM": "vt100", "LC_ALL": "C.UTF-8"},
                                   start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.cells = {}
        self.row = self.column = 0
        self.all = b""
        self.rest = ""
        self.strange = []

    def resize(self, rows, columns, tell=True):
        self.rows, self.columns = rows, columns
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.of.send_signal(signal.SIGWINCH)

    def read(self, seconds):
        """What comes within so many seconds is drawn."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.master], [], [], left)[0]:
                break
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            self.all += data
            self.draw(data.decode("utf-8", "replace"))

    SEQUENCE = re.compile(r"\x1b(\[\??([0-9;]*)([A-Za-z])|[()][A-Z0-9]|[=>78M])")

    def draw(self, text):
        text = self.rest + text
        self.rest = ""
        at = 0
        while at < len(text):
            c = text[at]
            if c == "\x1b":
                m = self.SEQUENCE.match(text, at)
                if not m:
                    if len(text) - at < 12:
                        self.rest = text[at:]
                        return
                    self.strange.append(text[at:at + 12])
                    at += 1
                    continue
                at = m.end()
                if m.group(3):
                    self.act(m.group(3), [int(n) if n else 0 for n in m.group(2).split(";")])
                elif m.group(1) == "M":
                    self.row -= 1
                continue
            at += 1
            if c == "\r":
                self.column = 0
            elif c == "\n":
                self.row += 1
            elif c == "\b":
                self.column -= 1
            elif c == "\t":
                self.column = self.column // 8 * 8 + 8
            elif c in "\x0e\x0f\x00":
                pass
            elif ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2066":
                self.strange.append(repr(c))
            else:
                self.cells[self.row, self.column] = c
                self.column += 1

    def act(self, letter, numbers):
        n = numbers[0] or 1
        if letter in "Hf":
            self.row, self.column = n - 1, (numbers[1] if len(numbers) > 1 else 1) - 1
        elif letter == "J":
            self.cells = {p: c for p, c in self.cells.items() if numbers[0] == 0 and p < (self.row, self.column)}
        elif letter == "K":
            self.cells = {p: c for p, c in self.cells.items() if p[0] != self.row or
                          (p[1] < self.column if numbers[0] == 0 else p[1] > self.column)}
        elif letter in "ABCD":
            self.row += {"A": -n, "B": n}.get(letter, 0)
            self.column += {"C": n, "D": -n}.get(letter, 0)
        elif letter not in "mhlr":
            self.strange.append("CSI " + letter)

    def lines(self):
        return ["".join(self.cells.get((r, c), " ") for c in range(self.columns)).rstrip() for r in range(self.rows)]

    def until(self, test, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.read(0.1)
            if test(self.lines()):
                return True
        return False

    def type(self, text):
        os.write(self.master, text)

    def end(self):
        """The exit status, and whether the terminal is as it was."""
        try:
            status = self.of.wait(20)
        except subprocess.TimeoutExpired:
            self.of.kill()
            status = "it does not end"
        self.read(0.2)
        same = termios.tcgetattr(self.slave) == self.before
        error = self.of.stderr.read().decode()
        self.of.stderr.close()
        os.close(self.master)
        os.close(self.slave)
        return status, same, error


def ids(lines):
    """The flows of the upper table."""
    found = []
    for line in lines:
        if line.startswith("newest"):
            break
        m = re.match(r" *(\d+) (tcp|udp)", line)
        if m:
            found.append(int(m.group(1)) % BLOCK)
    return found


def make_live(path):
    """A case as if a capture were going on: counters of two interfaces, one of which is named badly."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        have = [r[1] for r in db.execute("PRAGMA table_info(capture_stats)")]
        for column in "freezes", "dropped_by_backlog", "shed":
            if column not in have:
                db.execute("ALTER TABLE capture_stats ADD COLUMN %s INTEGER" % column)
        if "detail" not in have:
            db.execute("ALTER TABLE capture_stats ADD COLUMN detail TEXT")
        db.execute("UPDATE evidence SET status = 'open', kind = 'live', source = 'eth0'")
        db.execute("INSERT INTO evidence SELECT evidence_id + 1, run_id, ?, kind, format, bytes, sha256, frames,"
                   " first_ns, last_ns, status, options, fingerprint FROM evidence", (HOSTILE,))
        db.execute("UPDATE interfaces SET name = NULL")
        evidence = [e for e, in db.execute("SELECT evidence_id FROM evidence ORDER BY 1")]
        stat = 1
        for second in range(30):
            for n, e in enumerate(evidence):
                db.execute("INSERT INTO capture_stats (stat_id, evidence_id, interface_id, time_ns, received,"
                           " dropped_by_interface, dropped_by_system, freezes, dropped_by_backlog, shed)"
                           " VALUES (?, ?, 0, ?, ?, 0, ?, 0, ?, 0)",
                           (stat, e, (FUTURE + second) * 10**9, 1000 * second * (n + 1), 3 * second, 2 * second))
                stat += 1
        db.execute("INSERT INTO capture_stats (stat_id, evidence_id, interface_id, time_ns, detail) VALUES (?, ?, 0, ?, ?)",
                   (stat, evidence[0], (FUTURE + 29) * 10**9, "payload is kept no more" + HOSTILE))
        db.execute("UPDATE flows SET client_ip = ? WHERE flow_id = (SELECT max(flow_id) FROM flows)", (HOSTILE,))
        db.execute("UPDATE flows SET state = ? WHERE flow_id = (SELECT max(flow_id) FROM flows)", (HOSTILE,))
        db.commit()


@contextlib.contextmanager
def writer_of(path):
    """Somebody who holds the writer's lock."""
    fd = os.open(path, os.O_RDWR)
    lock = struct.pack("hhqqi", fcntl.F_WRLCK, os.SEEK_SET, 0x40000000 + 4096, 1, 0)
    fcntl.fcntl(fd, 37, lock)  # F_OFD_SETLK
    try:
        yield
    finally:
        os.close(fd)


def status(live, folder, case):
    run = lib.seine("status", live)
    said = run.out.decode()
    wrong = []
    if run.status != 1 or "interrupted" not in said:
        wrong.append("without a writer: %s %s" % (run.status, said))
    with writer_of(live):
        run = lib.seine("status", live)
        said = run.out.decode()
        for words in ("being written", "eth0  received 29,000 (1000/s), 87 dropped by the socket (30 lately)",
                      "58 dropped by the backlog (20 lately)", "load    payload is kept no more\\x1b"):
            if words not in said:
                wrong.append("no '%s' in %s" % (words, said))
        if run.status or "\x1b" in said or "\x07" in said or "\x9b" in said:
            wrong.append("%s %r" % (run.status, said))
        metrics = lib.seine("status", "--prometheus", live)
        old = live + ".old"
        shutil.copy(live, old)
        with contextlib.closing(sqlite3.connect(old)) as db:
            db.execute("UPDATE capture_stats SET time_ns = time_ns - ?", (7200 * 10**9,))
            db.commit()
        with writer_of(old):
            said = lib.seine("status", old).out.decode()
        if "received 29,000 (0/s), 87 dropped by the socket, " not in said:
            wrong.append("nothing has come for an hour: %s" % said)
    text = metrics.out.decode()
    values, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            types[line.split()[2]] = line.split()[3]
            continue
        m = re.fullmatch(r'([a-z_]+)((?:\{(?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+\})?) (-?[0-9.]+)', line)
        if not m or m.group(1) not in types:
            wrong.append("no metric: %r" % line)
        else:
            values[m.group(1) + m.group(2)] = m.group(3)
    for key, value in (("seine_writing", "1"), ('seine_frames_received_total{interface="eth0",evidence="1"}', "29000"),
                       ('seine_frames_dropped_total{interface="eth0",evidence="1",by="socket"}', "87"),
                       ("seine_flows", "2"), ("seine_last_time_seconds", "%d.000000000" % (FUTURE + 29))):
        if values.get(key) != value:
            wrong.append("%s is %s" % (key, values.get(key)))
    if types.get("seine_frames_received_total") != "counter" or "\x1b" in text:
        wrong.append(text)
    lib.check("status says how a capture is doing, and Prometheus can read it", "; ".join(wrong))

    run = lib.seine("status", folder)
    wrong = [] if not run.status and b"30 slices, the newest is 30" in run.out and b"flows   60," in run.out else [
        "%s %s" % (run.out, run.err)]
    os.unlink(os.path.join(folder, "slices.db"))
    run = lib.seine("status", folder)
    if b"29 of the slices are not known" not in run.out:
        wrong.append("without a catalogue: %s" % run.out)
    run = lib.seine("status", "--rebuild", folder)
    if run.status or b"flows   60," not in run.out:
        wrong.append("rebuilt: %s %s" % (run.out, run.err))
    run = lib.seine("status", "--rebuild", case)
    if run.status != 2:
        wrong.append("--rebuild of a case: %s" % run.status)
    lib.check("status of a folder counts what the catalogue knows, and makes it anew", "; ".join(wrong))


def top(live, folder):
    wrong = []
    with writer_of(live):
        t = Terminal(live)
        if not t.until(lambda lines: any(line.startswith("newest") for line in lines)):
            wrong.append("nothing is drawn: %s" % t.lines())
        lines = t.lines()
        for words in ("being written", "frames 3000/s", "lost 80 lately", "eth0", "received 29,000", "10.0.0.1:1001",
                      "\\x1b[2Jow"):
            if not any(words in line for line in lines):
                wrong.append("no '%s' in %s" % (words, lines))
        if ids(lines) != [1, 2]:
            wrong.append("by bytes: %s" % ids(lines))
        t.type(b"n")
        if not t.until(lambda lines: ids(lines) == [2, 1]):
            wrong.append("by number: %s" % t.lines())
        t.type(b"p")
        if not t.until(lambda lines: ids(lines) == [1, 2] and any("packets*" in line for line in lines)):
            wrong.append("by packets: %s" % t.lines())
        t.resize(10, 80)
        if not t.until(lambda lines: "q quits" in lines[9] or "sort by" in lines[9]):
            wrong.append("in a small terminal: %s" % t.lines())
        t.resize(3, 20)
        t.read(0.3)
        t.resize(1, 1)
        t.read(0.3)
        t.resize(40, 140)
        if not t.until(lambda lines: "sort by" in lines[39] and "being written" in lines[0]):
            wrong.append("in a large terminal: %s" % t.lines())
        with contextlib.closing(sqlite3.connect(live)) as db:  # a new conversation comes
            names = [r[1] for r in db.execute("PRAGMA table_info(flows)")][1:]
            db.execute("INSERT INTO flows SELECT 9, %s FROM flows WHERE flow_id = 1" % ", ".join(names))
            db.execute("UPDATE flows SET client_bytes = 5000000 WHERE flow_id = 9")
            db.commit()
        t.type(b"b")
        if not t.until(lambda lines: ids(lines)[:1] == [9]):
            wrong.append("a new conversation: %s" % t.lines())
        t.type(b"q")
        status, same, error = t.end()
        if status != 0 or not same or error or t.strange:
            wrong.append("at its end: %s, %s, %s, %s" % (status, same, error, t.strange[:5]))
        if b"\x1b]" in t.all or b"\x07" in t.all:
            wrong.append("bytes of the wire reached the terminal")
    lib.check("top draws, sorts, is resized, sees what is new, and gives the terminal back", "; ".join(wrong))

    wrong = []
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        t = Terminal(folder)
        if not t.until(lambda lines: ids(lines) and "slice 30 of 30" in lines[0]):
            wrong.append("a folder: %s" % t.lines())
        t.of.send_signal(number)
        status, same, error = t.end()
        if status != -number or not same or error or t.strange:
            wrong.append("after signal %d: %s, %s, %s, %s" % (number, status, same, error, t.strange[:5]))
    lib.check("a signal ends top, and the terminal is given back", "; ".join(wrong))

    run = lib.seine("top")
    if run.status != 2:
        lib.tell("not ok", "top of nothing", "%s" % run.err)
    run = lib.seine("top", folder)
    wrong = [] if run.status == 3 and b"no terminal" in run.err else ["%s %s" % (run.status, run.err)]
    run = lib.seine("top", os.path.join(folder, "nothing.db"))
    if run.status != 3:
        wrong.append("a case that is not there: %s" % run.status)
    lib.check("without a terminal, or a case, top says so", "; ".join(wrong))


def capture(work):
    """top -i: a capture of its own, of which nothing stays."""
    name = "top -i captures while it is looked at, and keeps nothing"
    if lib.seine("help", "live").status:
        return lib.tell("skip", name, "this seine does not capture")
    place = os.path.join(work, "tmp")
    os.mkdir(place)
    os.environ["TMPDIR"] = place
    probe = lib.seine("top", "-i", "no-such-interface", cwd=work)
    wrong = [] if probe.status == 3 and probe.err and not os.listdir(place) else [
        "no interface: %s %s %s" % (probe.status, probe.err, os.listdir(place))]
    if b"no terminal" in probe.err or b"ermitted" in probe.err or b"ermission" in probe.err:
        return lib.tell("skip", name, lib.tail(probe.err))
    try:
        socket.socket(socket.AF_PACKET, socket.SOCK_RAW).close()
    except OSError as error:
        return lib.tell("skip", name, "who runs this may not capture: %s" % error)
    t = Terminal("-i", "lo")
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def seen(lines):
        udp.sendto(b"x" * 100, ("127.0.0.1", 9))
        return any(":9 " in line for line in lines) and "being written" in lines[0]

    if not t.until(seen):
        wrong.append("nothing is seen: %s %s" % (t.lines(), t.of.poll()))
    t.type(b"q")
    status, same, error = t.end()
    udp.close()
    if status != 0 or not same or error or os.listdir(place):
        wrong.append("at its end: %s, %s, %s, %s" % (status, same, error, os.listdir(place)))
    lib.check(name, "; ".join(wrong))


def main():
    with tempfile.TemporaryDirectory() as work:
        script, pcap, case = (os.path.join(work, n) for n in ("talk.craft", "talk.pcap", "case.db"))
        with open(script, "w") as file:
            file.write(TALK)
        subprocess.run([lib.CRAFT, "-o", pcap, script], check=True, capture_output=True)
        made = lib.ingest(case, pcap, binary=lib.RELEASE)
        if made.status:
            lib.tell("not ok", "top", lib.tail(made.err))
            lib.finish()
        folder, live = os.path.join(work, "folder"), os.path.join(work, "live.db")
        slices.make(folder, case, 30)
        shutil.copy(case, live)
        make_live(live)
        status(live, folder, case)
        top(live, folder)
        capture(work)
    lib.finish()


main()
