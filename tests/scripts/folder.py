"""folder.py - many cases read as one: a folder of slices, and cases that are named.

What the tables of a folder say is compared with one case that holds all of it; how many slices a question
opened, seine says itself (slices.opened).
"""
import contextlib
import csv
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import time

import lib
import slices

SLICES = 1000
BLOCK, HOUR = slices.BLOCK, slices.HOUR

# Something for every table: conflicts, refusals, gaps, oddities, UDP, ICMP-free, a large stream.
TALK = """
at 1700000000
client 10.0.0.1:1001; server 10.0.0.2:80
c SYN; s SYN ACK; c ACK
c @0 "abcdef"
c @2 "cXe"
c @0 "abcdef"
s ack=6 "answer"
s @10 "behind a gap"
c @40000000 "far"
client 10.0.0.3:1002; server 10.0.0.2:443
c SYN; s SYN ACK; c ACK
c @0 "other"
c FIN; s FIN ACK
client [2001:db8::1]:5; server [2001:db8::2]:53
c udp "question"
s udp "reply"
"""

QUESTIONS = [
    "SELECT * FROM flows WHERE flow_id = %d" % (3 * BLOCK + 1),
    "SELECT flow_id FROM flows WHERE client_ip = '10.0.0.3' ORDER BY flow_id DESC",
    "SELECT flow_id, first_ns FROM flows WHERE first_ns BETWEEN 1700003600000000000 AND 1700007300000000000",
    "SELECT count(*), sum(client_bytes), min(flow_id), max(last_ns) FROM flows",
    "SELECT protocol, count(*) FROM flows GROUP BY protocol ORDER BY 1",
    "SELECT s.stream_id, f.client_ip, s.sha256 FROM streams s JOIN flows f USING (flow_id) ORDER BY s.stream_id",
    "SELECT s.stream_id, g.frame, g.fate FROM streams s JOIN segments g USING (stream_id) ORDER BY 1, 2, g.position",
    "SELECT * FROM segments(%d)" % (4 * 2 * BLOCK + 2),
    "SELECT count(*), sum(frame), min(time_ns) FROM frames",
    "SELECT flow_id, count(*) FROM frames GROUP BY flow_id ORDER BY flow_id",
    "SELECT stream_id, position, hex(data) FROM chunks ORDER BY 1, 2",
    "SELECT * FROM chunks WHERE stream_id = %d" % (2 * 2 * BLOCK + 3),
    "SELECT * FROM flow_times ORDER BY flow_id DESC LIMIT 3",
    "SELECT first_ns, flow_id, client_ip FROM flows ORDER BY first_ns, flow_id",
    "SELECT client_port FROM flows ORDER BY first_ns DESC, flow_id DESC LIMIT 9",
    "SELECT first_ns FROM flows WHERE server_port < 500 ORDER BY first_ns DESC",
    "SELECT f.first_ns, s.length FROM flows f JOIN streams s USING (flow_id) ORDER BY f.first_ns, f.flow_id, s.length",
    "SELECT f.flow_id FROM flows f WHERE f.client_ip IN (SELECT ip FROM hosts WHERE addr BETWEEN"
    " x'00000000000000000000ffff0a000000' AND x'00000000000000000000ffff0affffff') ORDER BY 1",
    "SELECT ip, hex(addr), first_ns, last_ns, flows_as_client, flows_as_server FROM hosts ORDER BY addr",
    "SELECT e.evidence_id, e.status, sum(v.frames) FROM evidence e JOIN verdicts v USING (evidence_id) GROUP BY 1",
    "SELECT kind, sum(count) FROM oddities GROUP BY kind ORDER BY 1",
    "SELECT stream_id, position, kept, other FROM conflicts ORDER BY 1, 2",
    "SELECT stream_id, reason, time_ns FROM refused WHERE time_ns > 1700007200000000000 ORDER BY 1, 2",
    "SELECT * FROM gaps WHERE cause = 'unknown' OR position > 3 ORDER BY stream_id, position",
    "SELECT flow_id FROM flows WHERE flow_id = %d OR server_port = 53 ORDER BY 1" % (2 * BLOCK + 1),
    "SELECT flow_id FROM flows WHERE flow_id = '%d'" % (2 * BLOCK + 1),
    "SELECT flow_id FROM flows WHERE flow_id = %d.0" % (2 * BLOCK + 1),
    "SELECT count(*) FROM flows WHERE flow_id = NULL OR client_port = 'x' OR client_ip = 5",
    "SELECT flow_id FROM flows WHERE flow_id IN (%d, %d, 7)" % (BLOCK + 1, 5 * BLOCK + 2),
    "SELECT count(*) FROM flows WHERE flow_id > %d AND flow_id < %d.5" % (2 * BLOCK, 4 * BLOCK),
    "SELECT count(*) FROM flows a JOIN flows b ON a.client_ip = b.server_ip",
    "SELECT DISTINCT stream_id FROM segments ORDER BY stream_id DESC LIMIT 5",
    "SELECT stream_id, stream_view_sha256(stream_id, NULL) = sha256 FROM streams ORDER BY 1",
    "SELECT stream_bytes(%d, 0, 6), stream_bytes(5, 0, 1)" % (3 * 2 * BLOCK + 2),
    "SELECT stream_bytes(%d, 2, 3, 'last')" % (3 * 2 * BLOCK + 2),
    "SELECT position, length, hex(data), cause, tail FROM stream_bytes(%d)" % (3 * 2 * BLOCK + 2),
    "SELECT position, hex(data), cause FROM stream_bytes(%d, 1, 5, 'last')" % (3 * 2 * BLOCK + 2),
    "SELECT position, hex(data), cause FROM stream_bytes(%d, NULL, 3)" % (2 * 2 * BLOCK + 3),
    "SELECT count(*) + 1 FROM stream_bytes(7) JOIN stream_bytes(NULL)",
    "SELECT position FROM stream_bytes(%d) WHERE stream_id > 5.5 AND position >= 0" % (3 * 2 * BLOCK + 2),
    "SELECT s.stream_id, b.position, b.length, b.cause FROM streams s JOIN stream_bytes b USING (stream_id) ORDER BY 1, 2",
    "SELECT flow_id FROM flows WHERE client_ip IN hosts_in('10.0.0.0/8') ORDER BY 1",
    "SELECT ip FROM hosts_in('2001:db8::/32') ORDER BY 1",
]


def say(where, *questions, binary=None, form="--csv"):
    return lib.seine("sql", form, *(where if isinstance(where, list) else [where]), ";".join(questions), binary=binary)


def numbers(run):
    """The last line of an answer, as numbers."""
    lines = run.out.decode().split("\n")
    return [int(x) if x else None for x in lines[-2].split(",")] if len(lines) > 1 else []


def craft(folder, script):
    path = os.path.join(folder, "talk.craft")
    with open(path, "w") as file:
        file.write(script)
    pcap = os.path.join(folder, "talk.pcap")
    subprocess.run([lib.CRAFT, "-o", pcap, path], check=True, capture_output=True)
    return pcap


def one_case(folder, whole):
    """One case that holds all slices of a folder."""
    names = sorted(n for n in os.listdir(folder) if n.startswith("seine-"))
    shutil.copy(os.path.join(folder, names[0]), whole)
    with contextlib.closing(sqlite3.connect(whole, isolation_level=None)) as db:
        tables = [n for n, in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'"
                                         " AND name NOT LIKE 'sqlite_%'")]
        for path in names[1:]:
            db.execute("ATTACH ? AS s", (os.path.join(folder, path),))
            db.execute("BEGIN")
            for table in tables:
                columns = [r[1] for r in db.execute("PRAGMA main.table_info(%s)" % table)]
                loose = {"run_id", "conflict_id", "refused_id", "oddity_id", "note_id", "stat_id", "secret_id",
                         "chunk_id"} & set(columns)
                n = int(path[6:12]) * BLOCK
                values = ["%s + %d" % (c, n) if c in loose else c for c in columns]
                extra = (" WHERE true ON CONFLICT DO UPDATE SET last_ns = excluded.last_ns, flows_as_client ="
                         " flows_as_client + excluded.flows_as_client, flows_as_server ="
                         " flows_as_server + excluded.flows_as_server" if table == "hosts" else "")
                db.execute("INSERT INTO main.%s SELECT %s FROM s.%s%s" % (table, ", ".join(values), table, extra))
            db.execute("COMMIT")
            db.execute("DETACH s")
        # of the first slice, too, what slices may have in common has the slice's number in front in a folder
        for table in tables:
            for column in [r[1] for r in db.execute("PRAGMA table_info(%s)" % table)]:
                if column in ("run_id", "conflict_id", "refused_id", "oddity_id", "note_id", "stat_id", "secret_id",
                              "chunk_id"):
                    db.execute("UPDATE %s SET %s = %s + ? WHERE %s < ?" % (table, column, column, column), (BLOCK, BLOCK))
    return tables


def equality(work, folder):
    whole = os.path.join(work, "whole.db")
    tables = one_case(folder, whole)
    wrong = []
    for table in tables + ["flow_times", "segments", "frames", "chunks"]:
        names = lib.columns(whole, table) if table not in ("segments", "frames") else ["*"]
        order = "1, 2, 3" if table in ("segments", "frames", "chunks") else ", ".join(names)
        question = "SELECT %s FROM %s ORDER BY %s" % (", ".join(names), table, order)
        a, b = say(folder, question), say(whole, question)
        if a.status or a.err or a.out != b.out:
            wrong.append("%s: %s %s" % (table, lib.tail(a.err), "differs" if a.out != b.out else ""))
    lib.check("every table of a folder has the rows of one case that holds all", "; ".join(wrong))
    wrong = []
    for question in QUESTIONS:
        a, b = say(folder, question), say(whole, question)
        if a.status != b.status or a.out != b.out or a.err != b.err or not a.out:
            wrong.append("%s: %s%s, not %s%s" % (question, lib.tail(a.out, 200), lib.tail(a.err, 200),
                                                 lib.tail(b.out, 200), lib.tail(b.err, 200)))
    lib.check("%d questions have the answers of one case" % len(QUESTIONS), "; ".join(wrong))
    wrong = []
    for command in (["flows", "--json", "--ip", "10.0.0.0/8"], ["streams", "--csv", "--port", "53"],
                    ["flows", "-n", "4"]):
        a, b = lib.seine(command[0], folder, *command[1:]), lib.seine(command[0], whole, *command[1:])
        if a.status or a.out != b.out:
            wrong.append("%s: %s, not %s" % (command, lib.tail(a.out + a.err), lib.tail(b.out)))
    a, b = lib.seine("summary", "--json", folder), lib.seine("summary", "--json", whole)
    if a.status or a.out != b.out:
        wrong.append("summary: %s, not %s" % (lib.tail(a.out + a.err), lib.tail(b.out)))
    lib.check("flows, streams and summary of a folder are those of one case", "; ".join(wrong))


def unlike(seed, folder, whole, questions):
    """The first question to which the folder does not answer as the case does; or None."""
    a, b = (say(path, *("SELECT %d AS question; %s" % pair for pair in enumerate(questions))) for path in (folder, whole))
    if not a.status and not a.err and a.out == b.out:
        return None
    for x, y in zip(*(run.out.decode().split("question\n") for run in (a, b))):
        if x != y:
            return "seed %s: %s: %s, not %s" % (seed, questions[int(x.split("\n", 1)[0])], x[:300], y[:300])
    return "seed %s: %s %s" % (seed, lib.tail(a.err), lib.tail(b.err))


def drawn(work, folder):
    """Questions that are drawn: conditions of all kinds, on values of all types, must mean the same."""
    whole = os.path.join(work, "whole.db")
    seed = os.environ.get("SEINE_SEED") or str(int(time.time()))
    draw = random.Random("folder " + seed)
    count = 4000 if lib.LONG else 300
    tables = {t: lib.columns(whole, t) for t in ("flows", "streams", "gaps", "conflicts", "refused", "arrivals", "verdicts",
                                                 "evidence", "hosts", "oddities", "chunk_data", "stream_data",
                                                 "flow_frames")}
    tables["segments"] = ["stream_id", "position", "length", "evidence_id", "frame", "time_ns", "fate"]
    tables["frames"] = ["flow_id", "evidence_id", "frame", "time_ns", "captured"]
    tables["chunks"] = ["stream_id", "position", "length"]
    values = {}
    for table, names in tables.items():
        run = say(whole, *("SELECT DISTINCT quote(%s) AS v FROM %s LIMIT 12" % (name, table) for name in names))
        answers = csv.reader(run.out.decode().split("\n"))
        at = -1
        for row in answers:
            if row == ["v"]:
                at += 1
                values[table, names[at]] = []
            elif row:
                values[table, names[at]].append(row[0])

    def value(table, column):
        v = draw.choice(values[table, column] or ["NULL"]) if draw.random() < 0.85 else draw.choice(
            ["0", "1", "-1", "NULL", "''", "'a'", "x'00'", "1.5", "9223372036854775807", "-9223372036854775808", "1e30",
             "-1e30", str(2 * BLOCK), str(3 * BLOCK + 1), "'%d'" % (2 * BLOCK + 1), "%d.5" % (2 * BLOCK + 1)])
        if len(v) > 120:
            v = "x'00'"
        kind = draw.random()
        is_number = v.lstrip("-").isdigit()
        if kind < 0.08 and is_number:
            return "'%s'" % v
        if kind < 0.12 and is_number:
            return v + ".0"
        if kind < 0.16:
            return "CAST(%s AS TEXT)" % v
        if kind < 0.20:
            return "(SELECT %s)" % v
        return v

    def term(table, alias):
        column = draw.choice(tables[table])
        name = "%s.%s" % (alias, column)
        if draw.random() < 0.3:  # mostly by what says which slice
            for key in ("flow_id", "stream_id", "first_ns", "time_ns", "evidence_id"):
                if key in tables[table] and draw.random() < 0.6:
                    column, name = key, "%s.%s" % (alias, key)
                    break
        kind = draw.random()
        if kind < 0.6:
            return "%s %s %s" % (name, draw.choice(["=", "<", ">", "<=", ">=", "IS", "<>", "=", "="]), value(table, column))
        if kind < 0.75:
            return "%s BETWEEN %s AND %s" % (name, value(table, column), value(table, column))
        if kind < 0.9:
            return "%s IN (%s)" % (name, ", ".join(value(table, column) for _ in range(draw.randint(1, 4))))
        if kind < 0.95:
            return "%s = %s COLLATE NOCASE" % (name, value(table, column))
        return "%s IS %sNULL" % (name, draw.choice(["", "NOT "]))

    def where(table, alias):
        terms = [term(table, alias) for _ in range(draw.randint(1, 3))]
        text = terms[0]
        for t in terms[1:]:
            text = "(%s %s %s)" % (text, draw.choice(["AND", "AND", "OR"]), t)
        return "NOT " + text if draw.random() < 0.1 else text

    questions = []
    for _ in range(count):
        table = draw.choice(list(tables))
        other = draw.choice([t for t in tables if set(tables[t]) & set(tables[table]) & {"flow_id", "stream_id", "evidence_id"}]
                            or [table])
        shared = sorted(set(tables[other]) & set(tables[table]) & {"flow_id", "stream_id", "evidence_id"})
        names = ", ".join("a." + c for c in draw.sample(tables[table], min(len(tables[table]), draw.randint(1, 4))))
        if shared and draw.random() < 0.35:
            questions.append("SELECT count(*), %s FROM %s a %sJOIN %s b USING (%s) WHERE %s GROUP BY %s ORDER BY 1, %s" % (
                names, table, draw.choice(["", "LEFT "]), other, draw.choice(shared), where(table, "a"), names, names))
        elif draw.random() < 0.5:
            questions.append("SELECT %s FROM %s a WHERE %s ORDER BY %s" % (names, table, where(table, "a"), names))
        else:
            key = next((c for c in ("flow_id", "stream_id") if c in tables[table]), None)
            order = "a.%s%s" % (key, draw.choice(["", " DESC"])) if key else names
            questions.append("SELECT DISTINCT %s FROM %s a WHERE %s ORDER BY %s LIMIT 7" % (
                "a." + key if key else names, table, where(table, "a"), order))
    at_once = 200  # what a program is called with has room for so many
    wrong = None
    for first in range(0, len(questions), at_once):
        wrong = wrong or unlike(seed, folder, whole, questions[first:first + at_once])
    lib.check("%d questions that are drawn have the answers of one case" % count, wrong)


def opened(work, case):
    """Of 1,000 slices, how many a question opens."""
    folder = os.path.join(work, "thousand")
    slices.make(folder, case, SLICES)
    base = 1700000000 * 10**9
    questions = {
        "a flow": ("SELECT count(*) FROM flows WHERE flow_id = %d" % (700 * BLOCK + 1), 1, 1),
        "a stream": ("SELECT count(*) FROM streams WHERE stream_id = %d" % (700 * 2 * BLOCK + 2), 1, 1),
        "segments of a stream": ("SELECT count(*)>1 FROM segments(%d)" % (700 * 2 * BLOCK + 2), 1, 1),
        "frames of a flow": ("SELECT count(*)>1 FROM frames WHERE flow_id = %d" % (1000 * BLOCK + 1), 1, 1),
        "payload": ("SELECT min(length(data)) FROM chunks WHERE stream_id = %d" % (5 * 2 * BLOCK + 3), 6, 1),
        "a join by flow": ("SELECT count(*) FROM flows f JOIN streams s USING (flow_id) WHERE f.flow_id = %d"
                           % (500 * BLOCK + 1), 2, 1),
        "an hour": ("SELECT count(*) FROM flows WHERE first_ns >= %d AND first_ns < %d"
                    % (base + 300 * HOUR, base + 301 * HOUR), 3, 2),
        "an hour and what was going on in it": ("SELECT count(*) FROM flows WHERE first_ns < %d AND last_ns >= %d"
                                                % (base + 301 * HOUR - 1, base + 300 * HOUR), 3, 2),
        "an hour's conversations with their streams": (
            "SELECT count(*) FROM flows f JOIN streams s USING (flow_id) WHERE f.first_ns >= %d AND f.first_ns < %d"
            % (base + 300 * HOUR, base + 301 * HOUR), 5, 2),
        "evidence": ("SELECT count(*) FROM evidence WHERE evidence_id = 77", 1, 1),
        "a slice": ("SELECT count(*) FROM flows WHERE slice = 12", 3, 1),
        "a flow that is not there": ("SELECT count(*) FROM flows WHERE flow_id = 5", 0, 0),
        "the newest": ("SELECT count(*) FROM (SELECT flow_id FROM flows ORDER BY flow_id DESC LIMIT 4)", 4, 2),
        "the newest by their time": ("SELECT count(*) FROM (SELECT flow_id FROM flows ORDER BY first_ns DESC LIMIT 4)",
                                     4, 2),
        "the oldest by their time": ("SELECT count(*) FROM (SELECT flow_id, first_ns FROM flows ORDER BY first_ns, flow_id"
                                     " LIMIT 4)", 4, 2),
        "nothing but what is known": ("SELECT count(*) FROM slices", SLICES, 0),
    }
    wrong = []
    for what, (question, answer, most) in questions.items():
        run = say(folder, question, "SELECT sum(opened) FROM slices")
        lines = run.out.decode().split()
        if run.status or run.err or len(lines) != 4 or lines[1] != str(answer) or int(lines[3]) > most:
            wrong.append("%s: %s %s" % (what, lines, lib.tail(run.err)))
    lib.check("of %d slices a question about one flow, stream or hour opens at most two" % SLICES, "; ".join(wrong))
    if shutil.which("strace"):
        log = os.path.join(work, "calls")
        run = subprocess.run(["strace", "-f", "-e", "trace=openat,open", "-o", log, lib.RELEASE, "sql", folder,
                              questions["an hour"][0]], capture_output=True)
        with open(log) as file:
            seen = {line.split('"')[1] for line in file if "/seine-" in line and ".db\"" in line and "= -1" not in line}
        lib.check("the kernel sees at most two slices opened", run.stderr.decode() if run.returncode else
                  "%s" % seen if len(seen) > 2 else "")
    else:
        lib.tell("skip", "the kernel sees at most two slices opened", "no strace")
    run = say(folder, "SELECT count(*) FROM flows", "SELECT sum(opened) FROM slices", binary=lib.RELEASE)
    lines = run.out.decode().split()
    lib.check("all of them are read when all are asked for",
              "" if not run.status and lines[1::2] == [str(3 * SLICES), str(SLICES)] else "%s %s" % (lines, run.err))
    return folder


class Shell:
    """seine sql FOLDER, at its prompt."""

    def __init__(self, folder):
        self.of = subprocess.Popen([lib.SEINE, "sql", "--csv", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE)

    def ask(self, question):
        self.of.stdin.write((question + "; SELECT 'end';\n").encode())
        self.of.stdin.flush()
        lines = []
        while not lines or lines[-1] != "end":
            line = self.of.stdout.readline().decode()
            if not line:
                break
            lines.append(line.strip())
        return lines[:-2]

    def leave(self):
        out, err = self.of.communicate(timeout=30)
        return self.of.returncode, err.decode()


def troubles(work, case):
    folder = os.path.join(work, "troubles")
    slices.make(folder, case, 12)
    path = [None] + [os.path.join(folder, slices.name(n)) for n in range(1, 13)]
    count = "SELECT count(*) AS n FROM flows"

    with open(path[4], "r+b") as file:
        file.write(b"this is no database any more")
    with open(path[6], "r+b") as file:  # a page of a table
        file.seek(4096 * 3)
        file.write(b"\xff" * 4096 * 8)
    run = say(folder, count)
    said = run.err.decode()
    wrong = []
    if run.status != 1 or said.count("\n") != 2 or "seine-000004.db" not in said or "seine-000006.db" not in said:
        wrong.append("%s: %s" % (run.status, said))
    if numbers(run)[0] not in range(30, 34):
        wrong.append("%s rows" % numbers(run))
    run = say(folder, "SELECT client_ip FROM flows WHERE flow_id = %d" % (5 * BLOCK + 1))
    if run.status or run.err:
        wrong.append("a slice that is whole: %s" % run.err)
    lib.check("a broken slice is told, and the others are read", "; ".join(wrong))

    for n in (4, 6):
        os.unlink(path[n])
    run = say(folder, count, "SELECT count(*) FROM slices")
    lib.check("slices that have gone are no trouble",
              "" if run.status == 0 and not run.err and numbers(run) == [10] else "%s %s" % (run.out, run.err))

    shell = Shell(folder)
    first = shell.ask("SELECT count(*) FROM slices")
    os.unlink(path[9])
    second = shell.ask(count)
    status, err = shell.leave()
    lib.check("a slice that goes while others are read is no trouble",
              "" if (first, second, status, err) == (["count(*)", "10"], ["n", "27"], 0, "") else
              "%s %s %s %s" % (first, second, status, err))

    os.rename(path[2], path[9])
    run = say(folder, count)
    lib.check("a slice with the ids of another is left out, and told",
              "" if run.status == 1 and numbers(run) == [24] and b"not the ids of slice 9" in run.err else
              "%s %s %s" % (run.status, run.out, run.err))
    os.unlink(path[9])

    with contextlib.closing(sqlite3.connect(path[3])) as db:
        db.execute("CREATE VIEW Segments AS SELECT 1 AS stream_id, 'never' AS fate")
        db.commit()
    run = say(folder, "SELECT count(*) FROM segments WHERE fate = 'never'")
    lib.check("a slice's own view named segments does not answer",
              "" if run.status == 1 and numbers(run) == [0] and b"named segments" in run.err else
              "%s %s %s" % (run.status, run.out, run.err))

    os.unlink(os.path.join(folder, "slices.db"))
    run = say(folder, "SELECT count(*) FROM flows WHERE first_ns < %d" % (1700000000 * 10**9 + HOUR))
    lib.check("without a catalogue slices are opened, and that is told",
              "" if run.status == 0 and numbers(run) == [3] and b"no catalogue" in run.err else
              "%s %s %s" % (run.status, run.out, run.err))
    with open(os.path.join(folder, "slices.db"), "wb") as file:
        file.write(os.urandom(5000))
    run = say(folder, "SELECT count(*) FROM flows WHERE first_ns < %d" % (1700000000 * 10**9 + HOUR))
    lib.check("a catalogue that is none does no harm",
              "" if run.status == 0 and numbers(run) == [3] and b"slices.db" in run.err else
              "%s %s %s" % (run.status, run.out, run.err))
    run = lib.seine("sql", os.path.join(work), "SELECT 1")
    lib.check("a folder without slices is no folder of slices",
              "" if run.status == 3 and b"without slices" in run.err else "%s %s" % (run.status, run.err))


def stale(work, case):
    """What the catalogue says of a file of another size does not count."""
    folder = os.path.join(work, "stale")
    slices.make(folder, case, 3)
    last = os.path.join(folder, slices.name(3))
    with contextlib.closing(sqlite3.connect(last)) as db:
        db.execute("UPDATE flows SET first_ns = first_ns + ?, last_ns = last_ns + ?", (50 * HOUR, 50 * HOUR))
        db.execute("UPDATE evidence SET last_ns = last_ns + ?", (50 * HOUR,))
        db.execute("CREATE TABLE more AS WITH RECURSIVE c(x) AS (VALUES(1) UNION ALL SELECT x + 1 FROM c WHERE x < 999)"
                   " SELECT x, hex(randomblob(50)) FROM c")
        db.commit()
    run = say(folder, "SELECT count(*) FROM flows WHERE first_ns > %d" % (1700000000 * 10**9 + 40 * HOUR))
    lib.check("a slice of another size than the catalogue says is asked itself",
              "" if run.status == 0 and numbers(run) == [3] else "%s %s" % (run.out, run.err))


def written(work, case):
    """The slice that is being written: rows that are committed are there, and it is not held open."""
    folder = os.path.join(work, "written")
    slices.make(folder, case, 3)
    last = os.path.join(folder, slices.name(3))
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "slices.db"))) as db:
        db.execute("DELETE FROM slices WHERE number = 3")
        db.commit()
    writer = sqlite3.connect(last, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE evidence SET status = 'open'")
    shell = Shell(folder)
    wrong = []

    def see(question, *expected):
        answer = shell.ask(question)[1:]
        if answer != [str(e) for e in expected]:
            wrong.append("%s: %s, not %s" % (question, answer, expected))

    see("SELECT count(*) FROM flows", 9)
    writer.execute("BEGIN")
    writer.execute("UPDATE flows SET flow_id = flow_id + 100 WHERE flow_id = ?", (3 * BLOCK + 1,))
    see("SELECT count(*) FROM flows WHERE flow_id = %d" % (3 * BLOCK + 101), 0)
    writer.execute("COMMIT")
    see("SELECT count(*) FROM flows WHERE flow_id = %d" % (3 * BLOCK + 101), 1)
    see("SELECT count(*) FROM flows WHERE first_ns >= %d" % (1700000000 * 10**9 + 2 * HOUR), 3)
    # whatever is known of its times, it may have rows before them and behind
    for hours, order in (-10, ""), (10, " DESC"):
        writer.execute("UPDATE flows SET first_ns = first_ns + ? WHERE flow_id = ?", (hours * HOUR, 3 * BLOCK + 101))
        see("SELECT flow_id FROM flows ORDER BY first_ns%s LIMIT 1" % order, 3 * BLOCK + 101)
        see("SELECT count(*), min(flow_id) FROM (SELECT flow_id FROM flows ORDER BY first_ns%s)" % order,
            "9,%d" % (BLOCK + 1))
        writer.execute("UPDATE flows SET first_ns = first_ns - ? WHERE flow_id = ?", (hours * HOUR, 3 * BLOCK + 101))
    see("SELECT status FROM evidence WHERE evidence_id = 3", "interrupted")  # nobody holds the writer's lock
    see("SELECT status FROM slices WHERE number = 3", "open")
    mode = writer.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    if mode != "delete":
        wrong.append("the log cannot be ended: %s" % mode)
    see("SELECT count(*) FROM flows", 9)
    status, err = shell.leave()
    writer.close()
    lib.check("the slice that is being written is read, and not held", "; ".join(wrong) or err or (status or ""))


def interrupted(folder):
    """A question that takes for ever is ended by SIGINT, also where a slice is at it."""
    wrong = []
    for question in ("SELECT count(*) FROM flows a, flows b, flows c WHERE a.vlan = b.vlan || c.vlan",
                     "SELECT count(*) FROM flows a, flows b, flows c, flows d WHERE a.client_port + b.client_port > 5"):
        shell = Shell(folder)
        shell.ask("SELECT 1")
        shell.of.stdin.write((question + ";\n").encode())
        shell.of.stdin.flush()
        time.sleep(0.7)
        shell.of.send_signal(signal.SIGINT)
        try:
            status, err = shell.leave()
        except subprocess.TimeoutExpired:
            shell.of.kill()
            status, err = "it goes on", ""
        if status != 3 or "interrupted" not in err:
            wrong.append("%s: %s" % (status, err))
    lib.check("a question to many slices can be interrupted", "; ".join(wrong))


def schema(folder, case):
    runs = [subprocess.run([lib.SEINE, "sql", where], input=b".schema flows\n.schema hosts\n", capture_output=True)
            for where in (folder, case)]
    a, b = ([line for line in run.stdout.decode().split("\n") if "INDEX" not in line] for run in runs)
    run = subprocess.run([lib.SEINE, "sql", folder], input=b".tables\n", capture_output=True)
    missing = [t for t in ("flows", "hosts", "chunks", "flow_times", "segments", "slices") if t not in run.stdout.decode()]
    lib.check("the prompt tells the tables of a folder", "" if a == b and len(a) > 40 and not missing else
              "%s %s %s" % (missing, a[:3], b[:3]))


def descriptors(folder):
    shell = Shell(folder)
    shell.ask("SELECT sum(client_bytes) FROM flows WHERE slice < 60")
    held = [os.readlink("/proc/%d/fd/%s" % (shell.of.pid, fd)) for fd in os.listdir("/proc/%d/fd" % shell.of.pid)]
    status, err = shell.leave()
    files = {path for path in held if "/seine-" in path}
    lib.check("at most eight slices are open", "%d: %s %s" % (len(files), status, err) if len(files) > 8 or status else "")


def follow(work, case):
    folder = os.path.join(work, "follow")
    slices.make(folder, case, 4)
    for n, before, end in (1, None, "capture_end"), (2, BLOCK + 1, "capture_end"), (4, 2 * BLOCK + 1, "fin"):
        with contextlib.closing(sqlite3.connect(os.path.join(folder, slices.name(n)))) as db:
            db.execute("UPDATE flows SET continues_flow_id = ?, end_reason = ? WHERE flow_id = ?",
                       (before, end, n * BLOCK + 1))
            db.commit()
    run = lib.seine("follow", folder, BLOCK + 1)
    heads = [line for line in run.out.decode().split("\n") if line.startswith(("[flow", "[goes"))]
    expected = ["[flow %d, tcp: client 10.0.0.1:1001, server 10.0.0.2:80]" % (n * BLOCK + 1) for n in (1, 2, 4)]
    wrong = [] if heads[::2] == expected and len(heads) == 5 and run.status == 0 else ["%s %s" % (heads, run.err)]
    raw = lib.seine("follow", folder, 2 * BLOCK + 1, "--side", "client", "--as", "raw")
    if raw.out != b"abcdef" * 2:
        wrong.append("raw: %s" % raw.out)
    late = lib.seine("follow", folder, 4 * BLOCK + 1).out.decode().split("\n")[0]
    if late != "[began in an earlier slice, as flow %d]" % (2 * BLOCK + 1):
        wrong.append(late)
    gone = lib.seine("follow", folder, 9)
    if gone.status != 3 or b"no flow 9" not in gone.err:
        wrong.append("%s" % gone.err)
    lib.check("a conversation is followed through the slices in which it went on", "; ".join(wrong))


def named(work, case, folder):
    other = os.path.join(work, "other.db")
    shutil.copy(case, other)
    run = say([case, other, case], "SELECT slice, count(*), min(flow_id), max(evidence_id) FROM flows GROUP BY slice")
    wrong = []
    expected = "".join("%d,3,%d,%d\n" % (i + 1, i * BLOCK + 1, i * BLOCK + 1) for i in range(3))
    if run.status or run.out.decode().split("\n", 1)[1] != expected:
        wrong.append("%s %s" % (run.out, run.err))
    for question in ("SELECT count(*) FROM streams s JOIN flows f USING (flow_id) JOIN evidence USING (evidence_id)"
                     " JOIN runs USING (run_id)",
                     "SELECT sum(stream_view_sha256(stream_id, NULL) = sha256) FROM streams",
                     "SELECT count(DISTINCT conflict_id) + 3 FROM conflicts",
                     "SELECT count(*) FROM segments g JOIN evidence USING (evidence_id)",
                     "SELECT sum(length(b.data)) FROM streams s JOIN stream_bytes b USING (stream_id)"):
        one, three = numbers(say(case, question))[0], numbers(say([case, other, case], question))[0]
        if "+ 3" in question:
            one, three = one - 3, three - 3
        if three != 3 * one:
            wrong.append("%s: %s and %s" % (question, one, three))
    paths = [os.path.join(folder, slices.name(n)) for n in (7, 2)]
    run = say(paths, "SELECT slice, min(flow_id) FROM flows GROUP BY slice")
    if run.out.decode().split("\n", 1)[1] != "1,%d\n2,%d\n" % (7 * BLOCK + 1, 2 * BLOCK + 1):
        wrong.append("slices that are named keep their ids: %s" % run.out)
    for of in (paths, [case, other, case], [case] * 9, [*paths, os.path.join(folder, slices.name(3))]):
        for order in ("flow_id", "flow_id DESC", "first_ns, flow_id", "first_ns DESC, flow_id DESC", "first_ns, flow_id DESC",
                      "first_ns", "first_ns DESC"):
            keys = order.replace(" DESC", "")
            run = say(of, "SELECT %s FROM flows ORDER BY %s" % (keys, order), "SELECT %s FROM flows" % keys)
            rows = [tuple(map(int, line.split(","))) for line in run.out.decode().split() if line != keys.replace(" ", "")]
            half, signs = len(rows) // 2, [-1 if "DESC" in one else 1 for one in order.split(",")]
            if not half or rows[:half] != sorted(rows[half:], key=lambda row: [a * b for a, b in zip(row, signs)]):
                wrong.append("%d cases in the order of %s: %s" % (len(of), order, rows[:half]))
    run = lib.seine("sql", case, folder, "SELECT 1")
    if run.status != 2:
        wrong.append("a folder among cases: %s" % run.status)
    run = lib.seine("sql", case, os.path.join(work, "nothing.db"), "SELECT 1")
    if run.status != 2 or b"not there" not in run.err:
        wrong.append("a case that is not there: %s" % run.err)
    lib.check("several cases are one, with ids that differ", "; ".join(wrong))


ASKED = (("top-talkers",), ("beacons", "--least", "2"), ("long-connections",), ("failed-handshakes",), ("losses",),
             ("clear-text",), ("spoke-with", "--address", "10.0.0.2"))


def questions(work, case):
    """What is asked of a folder is asked of all of its slices: an answer by flow has five times the rows, the sums of
    others are five times as high."""
    folder, wrong = os.path.join(work, "five"), []
    for words in ASKED:
        one, five = lib.seine("ask", case, "--csv", *words), lib.seine("ask", folder, "--csv", *words)
        if one.status or five.status or not five.out.startswith(one.out.split(b"\n")[0]):
            wrong.append("%s: %s %s" % (words[0], lib.tail(one.err), lib.tail(five.err)))
    column = [row.split(",")[1:] for row in lib.seine("ask", folder, "--csv", "top-talkers").out.decode().split()[1:]]
    single = [row.split(",")[1:] for row in lib.seine("ask", case, "--csv", "top-talkers").out.decode().split()[1:]]
    times = [[int(a) == (1 if i == 1 else 5) * int(b) for i, (a, b) in enumerate(zip(*rows))]
             for rows in zip(column, single)]
    if not column or not all(map(all, times)):
        wrong.append("top-talkers: %s and %s" % (column, single))
    lib.check("questions are asked of all slices", "; ".join(wrong))


def one_at_a_time(folder):
    """What takes one case says so of a folder, with the status of usage."""
    wrong = []
    for words in (("search", folder, "x"), ("index", folder, "ports"), ("export", folder, "--eve", "-"), ("verify", folder),
                  ("extract", folder, str(3 * BLOCK + 1), "-o", os.path.join(folder, "x.pcapng"))):
        run = lib.seine(*words)
        what = b"this flow is in %s" % os.path.join(folder, slices.name(3)).encode() if words[0] == "extract" else \
            b"takes one case, such as a slice of it"
        if run.status != 2 or what not in run.err or run.out:
            wrong.append("%s: %s %s" % (words[0], run.status, run.err))
    for question, words in (("SELECT * FROM stream_bytes", b"needs a stream"),
                            ("SELECT * FROM stream_bytes('x')", b"is no whole number"),
                            ("SELECT * FROM stream_bytes(%d, 0, 9, 'nobody')" % (2 * BLOCK + 2), b"there is no policy"),
                            ("SELECT * FROM hosts_in('x')", b"is no network"),
                            ("SELECT * FROM capture('x.pcap')", b"wants --files"),
                            ("SELECT evidence_bytes(1, 2, 3)", b"wants --files")):
        run = lib.seine("sql", folder, question)
        if run.status not in (2, 3) or words not in run.err:
            wrong.append("%s: %s %s" % (question, run.status, run.err))
    lib.check("what takes one case says so of a folder", "; ".join(wrong))


def refusals(folder):
    wrong = []
    for text in ("DELETE FROM flows", "INSERT INTO slices VALUES (1)", "CREATE VIRTUAL TABLE t USING slices_of(flows)",
                 "DROP TABLE flows", "ATTACH 'x.db' AS x", "PRAGMA query_only = OFF", "VACUUM"):
        run = say(folder, text)
        if run.status != 2:
            wrong.append("%s: %s %s" % (text, run.status, run.err))
    lib.check("nothing writes into a folder", "; ".join(wrong))


def main():
    with tempfile.TemporaryDirectory() as work:
        case = os.path.join(work, "case.db")
        pcap = craft(work, TALK)
        made = lib.ingest(case, pcap, binary=lib.RELEASE)
        if made.status:
            lib.tell("not ok", "folder", lib.tail(made.err))
            lib.finish()
        folder = os.path.join(work, "five")
        slices.make(folder, case, 5)
        equality(work, folder)
        drawn(work, folder)
        thousand = opened(work, case)
        descriptors(thousand)
        interrupted(thousand)
        schema(folder, case)
        named(work, case, thousand)
        troubles(work, case)
        stale(work, case)
        written(work, case)
        follow(work, case)
        questions(work, case)
        one_at_a_time(folder)
        refusals(folder)
    lib.finish()


main()
