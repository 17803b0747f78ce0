"""hostile.py - a case that a stranger made does no harm to whoever reads it.

Each row of a table makes a hostile case of a good one, with Python's sqlite3 or by its bytes: schemas
that are not what they seem, values of any type, blobs that lie, pages that were turned over, evidence
that points anywhere. Every command that reads a case then ends within seconds and in bounded memory,
with a status of its own and a sentence where it is 2 or 3, without a report of a sanitizer or an escape
byte, and the case and its folder are as they were.
Every command reads every case with SEINE_LONG, else two of them; HOSTILE is a part of the names of those
that are wanted. The two extensions read them too, in the sqlite3 shell, which hardens nothing: all with
SEINE_LONG, else one of eight. As a slice of a folder, between two good ones, it is read as well; and so are hostile
captures, by the tables that read them without an ingest, and a hostile index of words.
"""
import os
import resource
import shutil
import sqlite3
import struct
import subprocess
import tempfile
import threading
import time

import lib
import slices

SECONDS, MEMORY = 10, 700 << 20  # of one command; the sanitized program needs three times its own
ESCAPES = "\x1b[2J\x1b]0;owned\x07\x00\x9b31m"
HUGE = 2 ** 62
WAL = {"case.db-wal", "case.db-shm"}  # SQLite keeps them beside a case in WAL mode, as a live one is
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
COMMANDS = (
    ("summary", "CASE"), ("summary", "--json", "CASE"), ("flows", "CASE"), ("flows", "--json", "CASE"),
    ("streams", "CASE"), ("follow", "CASE", "1"), ("follow", "--as", "hex", "CASE", "2"),
    ("follow", "--policy", "last", "CASE", "1"),
    ("sql", "CASE", "select * from segments limit 2000"),
    ("sql", "--csv", "CASE", "select f.*, s.* from flows s join frames(s.flow_id) f limit 50"),
    ("sql", "CASE", "select * from evidence, flows, oddities limit 500"),
    ("export", "CASE", "--zeek", "OUT"), ("export", "CASE", "--eve", "-"),
    ("export", "CASE", "--csv", "OUT", "--segments"), ("export", "CASE", "--frames", "-o", "OUT"),
    ("ask", "CASE", "top-talkers"), ("ask", "CASE", "beacons"), ("ask", "CASE", "losses"), ("ask", "CASE", "conflicts"),
    ("ask", "CASE", "clear-text", "--address", "10.0.0.0/8"),
    ("ask", "CASE", "round-trips"), ("ask", "CASE", "spoke-with", "--address", "0.0.0.0/0"), ("ask", "CASE", "scanned-ports"),
    ("status", "CASE"), ("status", "--json", "CASE"), ("sql", "CASE", "select * from zeek_conn, eve_flow limit 100"),
    ("sql", "CASE", "select * from ecs_flow, ipfix_flow limit 100"),
    ("sql", "--files", "CASE", "select count(*), sum(b.length) from streams s join stream_bytes(s.stream_id) b"),
    ("sql", "--files", "CASE", "select count(evidence_bytes(evidence_id, file_offset, captured)) from segments"),
    ("sql", "CASE", "CASE", "select count(*) from flows join streams using (flow_id) join hosts on ip = client_ip"),
    ("sql", "CASE", "CASE", "select * from segments limit 300"),
    ("sql", "--files", "CASE", "CASE",
     "select count(evidence_bytes(evidence_id, file_offset, captured)) from segments"),
    ("sql", "SLICES", "select * from flows, oddities, notes limit 300"), ("sql", "SLICES", "select * from slices"),
    ("sql", "SLICES", "select * from segments order by stream_id desc limit 400"),
    ("sql", "SLICES", "select f.* from flows s join frames(s.flow_id) f limit 200"),
    ("sql", "SLICES", "select * from hosts, evidence, interfaces, verdicts limit 300"),
    ("sql", "SLICES", "select * from flows order by first_ns desc limit 20"),
    ("sql", "--csv", "SLICES", "select * from zeek_conn order by ts desc limit 90"),
    ("sql", "--files", "SLICES", "select count(*), sum(b.length) from streams s join stream_bytes(s.stream_id) b"),
    ("sql", "--files", "SLICES", "select count(evidence_bytes(evidence_id, file_offset, captured)) from frames"),
    ("ask", "SLICES", "clear-text"), ("flows", "SLICES"), ("summary", "SLICES"), ("status", "SLICES"),
    ("follow", "SLICES", str(2 * slices.BLOCK + 1)),
    ("verify", "CASE"), ("verify", "--evidence", ".", "CASE"), ("extract", "CASE", "1", "-o", "OUT"),
    ("search", "--all", "--json", "CASE", "e"), ("search", "--all", "--regex", "--limit", "50", "CASE", "[^e]{3,9}."),
    ("search", "--flow", "1", "CASE", "o"), ("index", "--list", "CASE"),
    ("index", "CASE", "ports", "macs", "hashes"), ("index", "--text", "CASE"),
)
EXTENSION = os.path.join(os.path.dirname(os.path.abspath(lib.RELEASE)), "seine")
QUESTIONS = "".join(line + ";\n" for line in (
    '.load "%s"' % EXTENSION, '.load "%s_files"' % EXTENSION,
    "select count(*), max(length), count(fate) from segments", "select count(*) from frames",
    "select count(*), sum(length) from stream_bytes(2)", "select hex(stream_bytes(3, 0, 40))",
    "select stream_view_sha256(3, 'last')", "select count(*) from hosts_in('0.0.0.0/0')",
    "select length(evidence_bytes(1, 24, 60))", "select count(evidence_bytes(evidence_id, file_offset, captured)) from frames(1)",
)).replace('";\n', '"\n')
SHELL = ("the sqlite3 shell",)
NUMBERS = (-1, -HUGE, HUGE, 2 ** 63 - 1, -(2 ** 63), 2 ** 32)


def script(sql):
    """A row that runs statements. RELAX takes STRICT from all tables."""
    return lambda db, case: db.executescript(sql)


def relax(db):
    """Takes STRICT and NOT NULL from every table, as a stranger's need not have them."""
    db.executescript("""
        pragma writable_schema = on;
        update sqlite_master set sql = replace(replace(replace(sql, ') STRICT, WITHOUT', ') WITHOUT'),
            ') STRICT', ')'), ' NOT NULL', '') where type = 'table';
        pragma writable_schema = reset;""")


def every(table, value):
    """Puts a value into every column of a table that is not in its key, one after another."""
    def make(db, case):
        relax(db)
        for _, name, _, _, _, key in db.execute("pragma table_info(%s)" % table).fetchall():
            if not key:
                db.execute('update %s set "%s" = ?' % (table, name), (value,))
    return make


def changed(table, column, value):
    def make(db, case):
        relax(db)
        db.execute("update or ignore %s set %s = ?" % (table, column), (value,))
    return make


def blobs(table, change):
    """Changes each blob `data` of a table by a function of the bytes."""
    def make(db, case):
        rows = db.execute("select rowid, data from %s" % table).fetchall() if table != "arrivals" and \
            table != "flow_frames" else db.execute("select data, data from %s" % table).fetchall()
        key = "data" if table in ("arrivals", "flow_frames") else "rowid"
        for name, data in rows:
            db.execute("update %s set data = ? where %s = ?" % (table, key), (change(data), name))
    return make


def instead(table, select, more=""):
    """A view in place of a table."""
    return script("alter table %s rename to was_%s; create view %s as %s; %s" % (
        table, table, table, select, more))


def schema(name, sql):
    """Another text in the schema, for what no statement makes."""
    def make(db, case):
        db.execute("pragma writable_schema = on")
        db.execute("update sqlite_master set sql = ? where name = ?", (sql, name))
    return make


def source(path, size=None, hashed=None, kind="pcap"):
    def make(db, case):
        db.execute("update evidence set source = ?, format = ?", (path.replace("CASE", case), kind))
        if size is not None:
            db.execute("update evidence set bytes = ?", (size,))
        if hashed:
            db.execute("update evidence set sha256 = ?, fingerprint = null", (hashed,))
    return make


def bytes_of(change):
    """A row that changes the file as it lies there; `change` gets its bytes in a bytearray."""
    def make(case):
        data = bytearray(open(case, "rb").read())
        with open(case, "wb") as file:
            file.write(change(data) or data)
    return make


def flip(step, mask, begin=100):
    def change(data):
        for at in range(begin, len(data), step):
            data[at] ^= mask
    return bytes_of(change)


def nested(depth):
    """Views upon views: reading the last one doubles with each."""
    views = ["create view v0 as select 1 as stream_id"]
    views += ["create view v%d as select * from v%d union all select * from v%d" % (n, n - 1, n - 1)
              for n in range(1, depth)]
    return ";".join(views) + ";"


def pages(data):
    size = struct.unpack(">H", data[16:18])[0]
    size = 65536 if size == 1 else size
    middle = [bytes(data[at:at + size]) for at in range(size, len(data), size)]
    return bytearray(bytes(data[:size]) + b"".join(reversed(middle)))


def table_of_cases(place):
    fifo, folder = os.path.join(place, "fifo"), os.path.join(place, "folder")
    yield "as it was", script("")
    for name in ("flows", "streams", "stream_data", "evidence", "arrivals", "flow_frames", "runs", "gaps"):
        yield "view for " + name, instead(name, "select * from was_" + name)
        yield "no " + name, script("drop table " + name)
    yield "view that recurses", instead("streams", "with recursive r(n) as (select 1 union all select n + 1 "
                                        "from r) select n as stream_id from r")
    yield "views upon views", script(nested(60) + "drop view chunks; create view chunks as select * from v59;"
                                     "drop view flow_times; create view flow_times as select * from v59;")
    yield "view of itself", schema("chunks", "CREATE VIEW chunks AS SELECT * FROM chunks")
    yield "view with a function", script(
        "drop view chunks; create view chunks as select writefile('harm', 'x'), load_extension('harm.so');")
    yield "triggers", script("".join(
        "create trigger t_%s after %s on %s begin delete from flows; insert into notes values (1, 1, 1, 'comment', "
        "'x'); end;" % (t + v, v, t) for t in ("runs", "evidence", "flows") for v in ("insert", "update", "delete")))
    yield "generated columns", script(
        "create table g(a, b as (zeroblob(100000000)), c as (hex(zeroblob(100000000))) stored);"
        "alter table flows add column bad text generated always as (printf('%.*c', 100000000, 'x')) virtual;"
        "alter table streams add column bad integer generated always as (abs(-9223372036854775807 - 1)) virtual;")
    yield "generated for promised", script(
        "alter table evidence rename to e; create table evidence(evidence_id integer primary key, run_id, source as "
        "(hex(zeroblob(200000000))), kind, format, bytes, sha256, frames, first_ns, last_ns, status, options, "
        "fingerprint); insert into evidence (evidence_id, run_id, kind, format, status, options) "
        "values (1, 1, 'file', 'pcap', 'complete', '{}');")
    yield "index on an expression", script("create index i on flows (abs(first_ns) + 1);")
    for name in ("segments", "frames", "json_each", "pragma_table_info", "sum", "generate_series"):
        yield "table called " + name, script("create table %s (flow_id, stream_id, frame, x);"
                                             "insert into %s values (1, 1, 1, 1);" % (name, name))
    for value in NUMBERS:
        for name in ("flows", "streams", "evidence", "gaps", "conflicts", "refused", "stream_data", "verdicts"):
            yield "%s all %d" % (name, value), every(name, value)
    for text, value in (("text", ESCAPES), ("blob", b"\x1b\x00\xff" * 50), ("null", None), ("real", 1e308),
                        ("long text", "\x1b" * 20000)):
        for name in ("runs", "evidence", "flows", "streams", "gaps", "conflicts", "oddities", "interfaces", "notes",
                     "verdicts", "hosts", "arrivals", "flow_frames", "stream_data"):
            yield "%s all %s" % (name, text), every(name, value)
    for table, column in (("streams", "stream_id"), ("streams", "flow_id"), ("stream_data", "stream_id"),
                          ("arrivals", "stream_id"), ("arrivals", "part"), ("flow_frames", "flow_id"),
                          ("flow_frames", "part"), ("flows", "flow_id"), ("evidence", "evidence_id"),
                          ("gaps", "length"), ("gaps", "position"), ("evidence_blocks", "block")):
        for value in (-1, HUGE, -(2 ** 63), 2 ** 63 - 1):
            yield "%s.%s %d" % (table, column, value), changed(table, column, value)
    for table in ("arrivals", "flow_frames"):
        for name, change in (("empty", lambda d: b""), ("ones", lambda d: b"\xff" * len(d)),
                             ("zeros", lambda d: bytes(len(d))), ("cut", lambda d: d[:len(d) // 2]),
                             ("long", lambda d: d * 5000), ("turned", lambda d: d[::-1]),
                             ("flipped", lambda d: bytes(b ^ 0x41 for b in d)),
                             ("varints", lambda d: b"\xff\xff\xff\xff\xff\xff\xff\xff\x7f" * 40)):
            yield "%s %s" % (table, name), blobs(table, change)
        yield table + " claim rows", script("update %s set %s = %d" % (
            table, "segments" if table == "arrivals" else "frames", HUGE))
        yield table + " of 20 MiB", script("update %s set data = zeroblob(20971520) where part = 0 and %s = 2" % (
            table, "stream_id" if table == "arrivals" else "flow_id"))
    yield "a length of 1 GiB", script("update stream_data set data = zeroblob(134217729) where stream_id = "
                                      "(select min(stream_id) from stream_data)")
    yield "an index that lies", script(
        "create table t2 as select * from flows; pragma writable_schema = on;"
        "update sqlite_master set rootpage = (select rootpage from sqlite_master where name = 'conflicts_place') "
        "where name = 'chunk_data_place';"
        "update sqlite_master set rootpage = (select rootpage from sqlite_master where name = 'flows_first_ns') "
        "where name = 'flows_client_ip';")
    yield "tables that share a root", script(
        "pragma writable_schema = on; update sqlite_master set rootpage = (select rootpage from sqlite_master "
        "where name = 'flows') where name in ('streams', 'arrivals', 'evidence');")
    yield "a root far away", script("pragma writable_schema = on; update sqlite_master set rootpage = 2147483647 "
                                    "where name in ('streams', 'arrivals');")
    yield "schema of nonsense", schema("flows", "CREATE TABLE flows (\x1b[2J")
    yield "table without columns", schema("streams", "CREATE TABLE streams (x)")
    yield "schema that is no table", schema("flows", "DELETE FROM runs")
    yield "names with escapes", script('create table "\x1b[2J" (a); create view "\x1b]0;x" as select 1 as "\x1b[1m";'
                                       'create index "\x1b[3m" on "\x1b[2J" (a);')
    yield "a virtual table", schema("gaps", "CREATE VIRTUAL TABLE gaps USING fts3(x)")
    yield "options that nest", script("update evidence set options = '%s'" % ("[" * 5000 + "]" * 5000))
    yield "options that ask", script("""update evidence set options = '{"policy":["%s"],"merge":true,"filter":"%s"}'"""
                                     % ("x" * 5000, "(" * 3000))
    yield "a budget of all memory", script("update runs set memory = %d" % HUGE)
    yield "status open", script("update evidence set status = 'open'")
    for path, size in (("/dev/zero", None), ("/dev/zero", 0), (fifo, None), (fifo, 0), (folder, 4096),
                       ("/proc/self/mem", 0), ("/proc/kmsg", 0), ("/proc/self/environ", 0), ("/proc/kcore", None),
                       ("/proc/self/fd/0", 0), ("/dev/stdin", 0), ("CASE", None), ("../" * 2000, None), ("", 0),
                       ("\x1b[2J\n", None), ("-", None)):
        yield "source %r %s" % (path.replace(place, ""), size), source(path, size)
        if size == 0:
            yield "source %r, hashed" % path.replace(place, ""), source(path, 0, EMPTY)
            yield "source %r, packed" % path.replace(place, ""), source(path, 0, EMPTY, "pcap.gz")


def table_of_files():
    for part in (1, 15, 16, 99, 100, 1000, 4096, 5000, 20000):
        yield "cut at %d" % part, bytes_of(lambda data, n=part: data[:n])
    yield "half of it", bytes_of(lambda data: data[:len(data) // 2])
    yield "pages turned round", bytes_of(pages)
    for step, mask in ((97, 0x01), (211, 0x80), (1009, 0xff), (4096, 0x0d), (13, 0x40)):
        yield "bits flipped each %d" % step, flip(step, mask)
    yield "page headers", bytes_of(lambda data: [data.__setitem__(at, 0x05) for at in range(4096, len(data), 4096)]
                                   and None)
    yield "page size 65536", bytes_of(lambda data: data.__setitem__(slice(16, 18), b"\0\1"))
    yield "a claim of pages", bytes_of(lambda data: data.__setitem__(slice(28, 32), b"\x7f\xff\xff\xff"))
    yield "a free list", bytes_of(lambda data: data.__setitem__(slice(32, 40), b"\0\0\0\2\0\0\xff\xff"))
    yield "UTF-16", bytes_of(lambda data: data.__setitem__(slice(56, 60), b"\0\0\0\2"))
    yield "WAL", bytes_of(lambda data: data.__setitem__(slice(18, 20), b"\2\2"))
    yield "version 99", bytes_of(lambda data: data.__setitem__(slice(60, 64), b"\0\0\0\x63"))


def run(words, cwd):
    """A command's status, what it wrote, how long it took and how much memory, each with a limit."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen([lib.SEINE, *words], stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd,
                                   preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30)),
                                   env=dict(os.environ, TMPDIR=os.path.join(cwd, "..", "scratch")))
        killer = threading.Timer(SECONDS, process.kill)
        killer.start()
        began = time.monotonic()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        killer.cancel()
        for stream in (out, err):
            stream.seek(0)
        return (process.returncode, out.read(4 << 20), err.read(1 << 20), time.monotonic() - began,
                usage.ru_maxrss * 1024)


def wrong_run(words, cwd):
    status, out, err, seconds, memory = run(words, cwd)
    if seconds >= SECONDS:
        return "still running after %d s" % SECONDS
    if status not in (0, 1, 2, 3):
        return "status %d: %s" % (status, lib.tail(err))
    if b"Sanitizer" in err or b"runtime error" in err:
        return lib.tail(err, 3000)
    if b"\x1b" in out + err or b"\x00" in out + err:
        at = (out + err).replace(b"\0", b"\x1b").index(b"\x1b")
        return "an escape byte: %r" % (out + err)[max(0, at - 60):at + 20]
    if status >= 2 and not (err.startswith(b"seine: ") and len(err.splitlines()) <= 3):
        return "status %d, and no sentence: %s" % (status, lib.tail(err))
    if memory > MEMORY:
        return "%d MiB of memory" % (memory >> 20)
    return None


def wrong_shell(case, cwd, questions=QUESTIONS):
    """The same for the extensions, in the stock shell."""
    try:
        done = subprocess.run(["sqlite3", "-readonly", "-batch", "-init", os.devnull, case], input=questions.encode(),
                              capture_output=True, cwd=cwd, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return "still running after %d s" % SECONDS
    if done.returncode not in (0, 1):
        return "status %d: %s" % (done.returncode, lib.tail(done.stderr))
    return None


def make_hostile(make, case, of_file):
    """A sentence when it cannot be made."""
    if of_file:
        make(case)
        return None
    db = sqlite3.connect(case, isolation_level=None)
    try:
        make(db, case)
    except sqlite3.DatabaseError as error:
        return "cannot be made: %s" % error
    finally:
        db.close()


def harm(commands, make, good, capture, place, of_file, in_shell):
    """What goes wrong with a hostile case, as sentences."""
    here = os.path.join(place, "here")
    for folder in (here, os.path.join(place, "scratch")):
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
    case, out = os.path.join(here, "case.db"), os.path.join(place, "scratch", "out.pcapng")
    shutil.copy(good, case)
    shutil.copy(capture, here)
    wrong = make_hostile(make, case, of_file)
    folder, second = os.path.join(place, "slices"), None
    if not wrong and any("SLICES" in command for command in commands):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(os.path.join(os.path.dirname(good), "slices"), folder)
        second = os.path.join(folder, slices.name(2))
        wrong = make_hostile(make, second, of_file)
    if wrong:
        return [wrong]
    of_slice = second and open(second, "rb").read()
    before, names, wrongs = open(case, "rb").read(), sorted(os.listdir(here)), []
    for command in [*commands, *([SHELL] if in_shell else [])]:
        words = [{"CASE": case, "OUT": out, "SLICES": folder}.get(word, word) for word in command]
        wrong = wrong_shell(case, here) if command is SHELL else wrong_run(words, here)
        if command[0] == "index" and "--list" not in command:  # which is to change the case, or lie beside it
            with open(case, "wb") as file:
                file.write(before)
            for name in set(os.listdir(here)) - set(names):
                os.remove(os.path.join(here, name))
        beside = (set(os.listdir(here)) ^ set(names)) - (WAL if before[18:19] == b"\2" else set())
        if not wrong and beside:
            wrong = "it left %s" % beside
        if not wrong and open(case, "rb").read() != before:
            wrong = "the case was changed"
        if not wrong and second and open(second, "rb").read() != of_slice:
            wrong = "the slice was changed"
        left = set(os.listdir(os.path.join(place, "scratch"))) - {"out.pcapng"}
        if not wrong and left:
            wrong = "it left %s in TMPDIR" % left
        if os.path.isdir(out):
            shutil.rmtree(out)
        elif os.path.exists(out):
            os.remove(out)
        if wrong:
            wrongs.append("%s: %s" % (" ".join(command), wrong))
    return wrongs


def spoilt(data, count):
    """The bytes cut and changed, in as many ways."""
    for n in range(count):
        step, mask = (7, 31, 97, 211, 499, 1009)[n % 6], (0x01, 0x80, 0xff, 0x40)[n % 4]
        turned = bytearray(data[:len(data) * (n % 5 + 1) // 5])
        for at in range(n * 5 % 60, len(turned), step * (1 + n // 6)):
            turned[at] ^= mask
        yield bytes(turned)


def captures(place):
    """A hostile capture, by the tables that read one without an ingest: in seine sql, and in the stock shell."""
    count, wrongs = 60 if lib.LONG else 4, []
    questions = ("select count(*), sum(length), count(dst_port), count(payload) from capture('FILE')",
                 "select * from capture('FILE') where frame between 2 and 40",
                 "select count(*), max(client_ip), sum(server_bytes) from capture_flows('FILE')",
                 "select * from capture_flows('FILE', 30)")
    cwd = os.path.join(place, "captures")
    os.mkdir(cwd)
    os.mkdir(os.path.join(place, "scratch"))
    done = 0
    for sample in ("dns.pcap", "two-interfaces.pcapng", "tls13-secrets.pcapng", "http-v4.pcap.gz", "dns.pcap.zst"):
        with open(os.path.join(lib.TOP, "sample_pcaps", sample), "rb") as file:
            data = file.read()[:60000]
        for n, bytes in enumerate(spoilt(data, count)):
            path = os.path.join(cwd, sample)
            with open(path, "wb") as file:
                file.write(bytes)
            question = questions[(done + n) % len(questions)].replace("FILE", path)
            wrong = wrong_run(("sql", "--csv", "--files", question), cwd)
            if not wrong and n == 0 and shutil.which("sqlite3") and os.path.exists(EXTENSION + "_files.so"):
                wrong = wrong_shell(":memory:", cwd, ".load %s_files\n" % EXTENSION + "".join(
                    "%s;\n" % q.replace("FILE", path) for q in questions))
            if not wrong and (open(path, "rb").read() != bytes or os.listdir(cwd) != [sample]):
                wrong = "it wrote"
            if wrong:
                wrongs.append("%s, %d: %s" % (sample, n, wrong))
            os.remove(path)
        done += count
    lib.check("hostile.captures", "; ".join(wrongs[:3]), "%d of them" % done)


def words(place, good):
    """A hostile index of words beside a case: what it says is read in the case. (index.py turns its bytes over.)"""
    cwd, wrongs = os.path.join(place, "words"), []
    os.mkdir(cwd)
    case = os.path.join(cwd, "case.db")
    shutil.copy(good, case)
    lib.seine("index", "--text", case)
    with open(case + ".text", "rb") as file:
        data = file.read()
    n = 0
    db = sqlite3.connect(case + ".text", isolation_level=None)
    for table, in db.execute("select name from sqlite_master where type = 'table' and sql not like '%VIRTUAL%'").fetchall():
        for column, in db.execute("select name from pragma_table_info(?)", (table,)).fetchall():
            for value in (HUGE, -1, ESCAPES, b"\x1b\xff" * 9):
                db.execute("BEGIN")
                try:
                    db.execute('UPDATE "%s" SET "%s" = ?' % (table, column), (value,))
                    db.execute("COMMIT")
                except sqlite3.Error:
                    db.execute("ROLLBACK")
                    continue
                wrong = wrong_run(("search", "--text", case, "e*"), cwd) if n % 5 == 0 or lib.LONG else None
                n += 1
                if wrong:
                    wrongs.append("%s.%s: %s" % (table, column, wrong))
                db.close()
                with open(case + ".text", "wb") as file:
                    file.write(data)
                db = sqlite3.connect(case + ".text", isolation_level=None)
    db.close()
    lib.check("hostile.words", "; ".join(wrongs[:3]), "%d of them" % n)


def main(place):
    good, capture = os.path.join(place, "good.db"), os.path.join(place, "talk.pcap")
    with open(capture, "wb") as file:
        file.write(lib.conversations(4, 12, 60))
        file.write(lib.datagrams(5, 40)[24:])
    if not lib.check("hostile.undisturbed", lib.ingest(good, capture).wrong(0)):
        return
    slices.make(os.path.join(place, "slices"), good, 3)
    captures(place)
    words(place, good)
    os.mkfifo(os.path.join(place, "fifo"))
    os.mkdir(os.path.join(place, "folder"))
    rows = [(name, make, False) for name, make in table_of_cases(place)]
    rows += [(name, make, True) for name, make in table_of_files()]
    only, count = os.environ.get("HOSTILE"), 0
    work = [row for row in rows if not only or only in row[0]]
    lock = threading.Lock()
    shell = shutil.which("sqlite3") and os.path.exists(EXTENSION + ".so")

    def worker(number):
        nonlocal count
        mine = os.path.join(place, "worker%d" % number)
        os.mkdir(mine)
        while True:
            with lock:
                if not work:
                    return
                name, make, of_file = work.pop(0)
                number = count = count + 1
            some = COMMANDS if lib.LONG or only else [COMMANDS[number % len(COMMANDS)], ("verify", "CASE")]
            wrongs = harm(some, make, good, capture, mine, of_file,
                          shell and (lib.LONG or only or number % 8 == 0))
            if wrongs:
                lib.tell("not ok", "hostile " + name, "; ".join(wrongs[:3]))

    workers = [threading.Thread(target=worker, args=(n,)) for n in range(lib.WORKERS)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    lib.tell("ok", "hostile.cases", "%d of them" % count)


with lib.folder() as where:
    main(where)
lib.finish()
