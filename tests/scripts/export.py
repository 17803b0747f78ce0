"""export.py - what seine export writes, read back by the rules of who reads it.

conn.log by those of zeek-cut, EVE by a JSON parser, CSV by RFC 4180, the plain tables by SQLite; each holds what
the tables of the case say. Then texts that would break each format, a disk that is full, and files that are
there already. And the questions of seine ask: each runs, and none walks all flows where an index serves.
"""
import csv
import io
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess

import lib

HOSTILE = "a\tb\nc,\"d\"\\e\r\x1b[2J\u2028\x7f"
QUESTIONS = ("top-talkers", "beacons", "long-connections", "large-uploads", "scanned-ports", "failed-handshakes",
             "retransmissions", "round-trips", "conflicts", "losses", "clear-text", "spoke-with")


def zeek_read(path):
    """The rows of a log of Zeek's as dicts, by its own header: what zeek-cut goes by."""
    separator, rows = None, []
    with open(path, "rb") as file:
        data = file.read()
    if not data.endswith(b"\n"):
        raise ValueError("no line end behind the last line")
    for line in data[:-1].split(b"\n"):
        line = line.decode("utf-8")
        if line.startswith("#separator "):
            separator = line.split(" ", 1)[1].encode().decode("unicode_escape")
        elif line.startswith("#"):
            words = line[1:].split(separator)
            if words[0] == "fields":
                names = words[1:]
            elif words[0] == "types":
                types = words[1:]
            elif words[0] == "unset_field":
                unset = words[1]
            elif words[0] == "empty_field":
                empty = words[1]
        else:
            words = line.split(separator)
            if len(words) != len(names) or len(names) != len(types):
                raise ValueError("%d fields, not %d: %r" % (len(words), len(names), line))
            rows.append({n: None if w == unset else "" if w == empty else
                         re.sub(r"\\x([0-9a-f]{2})", lambda m: chr(int(m.group(1), 16)), w)
                         for n, w in zip(names, words)})
    if not line.startswith("#close" + separator):
        raise ValueError("the last line is %r" % line)
    return rows, dict(zip(names, types))


def zeek_says(value, kind):
    if value is None:
        return None
    return "%.6f" % value if kind in ("time", "interval") else str(value)


def wrong_zeek(case, folder):
    rows, types = zeek_read(os.path.join(folder, "conn.log"))
    db = sqlite3.connect(case)
    names = [row[1] for row in db.execute("pragma table_info(zeek_conn)")]
    if names != list(types) + ["flow_id"]:
        return "fields %s, the view has %s" % (list(types), names)
    says = [{n: zeek_says(v, types[n]) for n, v in zip(names, row) if n != "flow_id"}
            for row in db.execute("select * from zeek_conn order by flow_id")]
    if len(rows) != len(says):
        return "%d rows, not %d" % (len(rows), len(says))
    for one, other in zip(rows, says):
        if one != other:
            return "%s instead of %s" % (one, other)
    return None


def nested(names, row):
    """What an EVE object of a row is: no NULL, and a point in a name is a member of a member."""
    result = {}
    for name, value in zip(names, row):
        if value is None:
            continue
        at = result
        if "." in name:
            outer, name = name.split(".")
            at = result.setdefault(outer, {})
            if outer == "tcp" and isinstance(value, int):
                value = bool(value)
        at[name] = json.loads(value) if name == "vlan" else value
    return result


def wrong_eve(case, text):
    if not text.endswith(b"\n"):
        return "no line end behind the last line"
    objects = [json.loads(line) for line in text.decode("utf-8").splitlines()]
    db = sqlite3.connect(case)
    cursor = db.execute("select * from eve_flow order by flow_id")
    names = [d[0] for d in cursor.description]
    says = [nested(names, row) for row in cursor]
    for one, other in zip(objects, says):
        if one != other:
            return "%s instead of %s" % (one, other)
        for time in (one["timestamp"], one["flow"]["start"], one["flow"]["end"]):
            if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+0000", time):
                return "a time of another form than Suricata's: %s" % time
    return None if len(objects) == len(says) else "%d objects, not %d" % (len(objects), len(says))


def plain(value):
    return "" if value is None else value.hex() if isinstance(value, bytes) else str(value)


def wrong_csv(db, path, table):
    with open(path, "rb") as file:
        data = file.read()
    if data.count(b"\n") != data.count(b"\r\n") or not data.endswith(b"\r\n"):
        return "%s: a line does not end in CRLF" % table
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    cursor = db.execute('select * from "%s"' % table)
    names, says = [d[0] for d in cursor.description], [[plain(v) for v in row] for row in cursor]
    if rows[:1] != [names]:
        return "%s: %s instead of %s" % (table, rows[:1], names)
    if len(rows) - 1 != len(says):
        return "%s: %d rows, not %d" % (table, len(rows) - 1, len(says))
    for one, other in zip(rows[1:], says):
        if one != [v.replace("\\", "\\\\") for v in other]:
            return "%s: %s instead of %s" % (table, one, other)
    return None


def formats(place, case):
    zeek, eve, folder, file = (os.path.join(place, name) for name in ("zeek", "eve.json", "csv", "plain.db"))
    done = lib.seine("export", case, "--zeek", zeek)
    lib.check("export.zeek", done.wrong(0) or wrong_zeek(case, zeek))
    done = lib.seine("export", case, "--eve", eve)
    lib.check("export.eve", done.wrong(0) or wrong_eve(case, open(eve, "rb").read()))
    out = lib.seine("export", case, "--eve", "-")
    lib.check("export.eve_to_stdout", out.wrong(0) or (out.out != open(eve, "rb").read() and "differs from the file"))

    done = lib.seine("export", case, "-o", file, "--segments", "--frames")
    db, wrong = sqlite3.connect(file), done.wrong(0)
    for table, key in (("segments", "stream_id"), ("frames", "flow_id")):
        said = lib.seine("sql", "--json", case, "select * from %s order by 1, 2, 3, 4, 5" % table)
        rows = [tuple(json.loads(line).values()) for line in said.out.decode().splitlines()]
        if not wrong and sorted(db.execute("select * from " + table), key=repr) != sorted(rows, key=repr):
            wrong = "%s differs from the virtual table" % table
        plan = db.execute("explain query plan select * from %s where %s = 2" % (table, key)).fetchone()[3]
        if not wrong and "USING INDEX" not in plan:
            wrong = plan
    lib.check("export.plain_tables", wrong)

    done = lib.seine("export", case, "--csv", folder, "--segments", "--frames")
    wrong, seen = done.wrong(0), sqlite3.connect(case)
    for name in sorted(os.listdir(folder)):
        table = name[:-4]
        wrong = wrong or wrong_csv(db if table in ("segments", "frames") else seen, os.path.join(folder, name), table)
    lib.check("export.csv", wrong, "%d files" % len(os.listdir(folder)))


def in_place_of_nothing(place, case):
    """What is there stays, whatever it is."""
    wrong = None
    for words, name in ((("--zeek",), "zeek"), (("--eve",), "eve.json"), (("--csv",), "csv"),
                        (("--segments", "-o"), "plain.db")):
        path = os.path.join(place, name)
        before = sorted(os.listdir(path)) if os.path.isdir(path) else open(path, "rb").read()
        done = lib.seine("export", case, *words, path)
        after = sorted(os.listdir(path)) if os.path.isdir(path) else open(path, "rb").read()
        wrong = wrong or done.wrong(3) or (before != after and "%s was changed" % name)
        wrong = wrong or (b"exists already" not in done.err and lib.tail(done.err))
        wrong = wrong or (os.path.exists(path + ".partial") and "%s.partial is left" % name)
    lib.check("export.never_over_another", wrong)


def fill_disk():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))


def on_a_full_disk(place, case):
    """Each ends in a sentence, and leaves nothing. A limit on the size of files stands for the disk."""
    wrong = None
    for words, name in ((("--zeek",), "full-zeek"), (("--eve",), "full.json"), (("--csv",), "full-csv"),
                        (("--frames", "-o"), "full.db")):
        path = os.path.join(place, name)
        done = subprocess.run([lib.SEINE, "export", case, *words, path], capture_output=True, timeout=lib.TIMEOUT,
                              preexec_fn=fill_disk)
        lines = done.stderr.splitlines()
        if done.returncode != 3 or len(lines) != 1 or not lines[0].startswith(b"seine: "):
            wrong = wrong or "%s: status %s, %s" % (name, done.returncode, lib.tail(done.stderr))
        if os.path.exists(path) or os.path.exists(path + ".partial"):
            wrong = wrong or "%s is left" % name
    lib.check("export.full_disk", wrong)


def hostile_texts(place, good):
    """Texts of a stranger's case in every column that may hold one: lines stay rows, and fields fields."""
    case = os.path.join(place, "hostile.db")
    with open(good, "rb") as one, open(case, "wb") as other:
        other.write(one.read())
    db = sqlite3.connect(case)
    for column in ("client_ip", "server_ip", "protocol", "vlan", "tunnel", "client_mac", "server_mac", "history",
                   "state", "end_reason", "community_id"):
        db.execute("update flows set %s = ? where flow_id = 1" % column, (HOSTILE,))
        db.execute("update flows set %s = cast(x'ff00fe2d' as text) where flow_id = 2" % column)
        db.execute("update flows set %s = '-' where flow_id = 3" % column)
        db.execute("update flows set %s = '' where flow_id = 4" % column)
        db.execute("update flows set %s = '(empty)' where flow_id = 5" % column)
    db.execute("drop view zeek_conn")
    db.execute("create view zeek_conn as select 'never' as ts")
    db.commit()
    db.close()
    zeek, eve, folder = (os.path.join(place, name) for name in ("hostile-zeek", "hostile.json", "hostile-csv"))
    wrong = lib.seine("export", case, "--zeek", zeek).wrong(0)
    if not wrong:
        rows, _ = zeek_read(os.path.join(zeek, "conn.log"))
        texts = [row["community_id"] for row in rows[:5]]
        expected = [HOSTILE, "\xff\x00\xfe-", "-", "", "(empty)"]
        wrong = texts != expected and "%r instead of %r" % (texts, expected)
    lib.check("export.hostile_zeek", wrong)
    wrong = lib.seine("export", case, "--eve", eve).wrong(0)
    if not wrong:
        lines = open(eve, "rb").read().split(b"\n")[:-1]
        objects = [json.loads(line) for line in lines]
        texts = [o["community_id"] for o in objects[:5]]
        wrong = texts[0] != HOSTILE and repr(texts)
        wrong = wrong or texts[1:5] != ["\ufffd\0\ufffd-", "-", "", "(empty)"] and repr(texts)
        wrong = wrong or objects[0]["vlan"] != "[%s]" % HOSTILE and repr(objects[0]["vlan"])
    lib.check("export.hostile_eve", wrong)
    wrong = lib.seine("export", case, "--csv", folder).wrong(0)
    if not wrong:
        data = open(os.path.join(folder, "flows.csv"), "rb").read().decode("utf-8")
        rows = list(csv.reader(io.StringIO(data, newline=""), strict=True))
        wrong = len({len(row) for row in rows}) != 1 and "rows of different lengths"
        wrong = wrong or (len(rows) != len(data.split("\r\n")) - 1) and "a row is not a line"
    lib.check("export.hostile_csv", wrong)
    db = sqlite3.connect(case)
    db.execute("create table segments (x)")
    db.commit()
    done = lib.seine("export", case, "--segments", "-o", os.path.join(place, "hostile-plain.db"))
    wrong = done.wrong(3) or (b"of its own" not in done.err and lib.tail(done.err))
    lib.check("export.segments_of_a_stranger", wrong or (os.path.exists(os.path.join(place, "hostile-plain.db"))
                                                         and "a file is left"))


def documented(case):
    """docs/schema.md has the columns of the tables and of these views, in their order."""
    text = open(os.path.join(lib.TOP, "docs", "schema.md"), encoding="utf-8").read()
    db, wrong = sqlite3.connect(case), None
    tables = [row[0] for row in db.execute("select name from sqlite_master where type = 'table'")]
    for view in ("zeek_conn", "eve_flow", "ecs_flow", "ipfix_flow", *tables):
        part = re.search(r"### `%s`.*?\n(\|.*?)\n\n" % view, text, re.S)
        told = re.findall(r"^\| `([^`]+)`", part.group(1), re.M) if part else []
        names = [row[1] for row in db.execute("pragma table_info(%s)" % view)]
        if told != names:
            wrong = wrong or "%s: docs/schema.md has %s, the view %s" % (view, told, names)
    lib.check("export.columns_are_documented", wrong)


def questions(case):
    """Each runs, with every parameter; where one bounds the flows, no plan walks them all."""
    said = lib.seine("ask", case).out.decode().splitlines()
    lib.check("ask.lists", [line.split()[0] for line in said if not line.startswith(" ")] != list(QUESTIONS) and said)
    db = sqlite3.connect(case)
    for name in QUESTIONS:
        wrong = None
        free = said[[line.split()[0] for line in said].index(name) + 1]
        bounds = [["--since", "2024-01-01"], ["--until", "2024-01-01"], ["--since", "2024-01-01T00:00:00.5Z", "--until", "2024-01-01 00:01"]]
        if "--address" in free:
            bounds.append(["--address", "10.0.0.0/30"])
            bounds.append(["--address", "10.0.0.1", "--since", "2023-11-14"])
        for bound in bounds:
            if name == "spoke-with" and "--address" not in bound:
                bound = bound + ["--address", "10.0.0.1"]
            done = lib.seine("ask", case, name, *bound, "--json")
            sql = lib.seine("ask", case, name, *bound, "--sql")
            wrong = wrong or done.wrong(0) or sql.wrong(0)
            rows = db.execute(sql.out.decode()).fetchall()
            if [list(json.loads(line).values()) for line in done.out.decode().splitlines()] != [list(r) for r in rows]:
                wrong = wrong or "--sql gives other rows"
            plan = [row[3] for row in db.execute("explain query plan " + sql.out.decode())]
            scans = [line for line in plan if re.fullmatch(r"SCAN (flows|f)( .*)?", line)]
            wrong = wrong or scans and "%s: %s" % (bound, plan)
        lib.check("ask." + name, wrong)


def main(place):
    case, capture = os.path.join(place, "case.db"), os.path.join(place, "talk.pcap")
    with open(capture, "wb") as file:
        file.write(lib.conversations(6, 12, 60))
        file.write(lib.datagrams(5, 40)[24:])
    samples = [os.path.join(lib.TOP, "sample_pcaps", name)
               for name in ("vlan.pcap", "icmp.pcap", "http-lost.pcap", "two-interfaces.pcapng")]
    if not lib.check("export.case", lib.ingest(case, capture, *samples).wrong(0)):
        return
    formats(place, case)
    in_place_of_nothing(place, case)
    on_a_full_disk(place, case)
    hostile_texts(place, case)
    documented(case)
    questions(case)


with lib.folder() as where:
    main(where)
lib.finish()
