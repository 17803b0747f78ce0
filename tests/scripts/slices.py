"""slices.py - folders of slices for tests, made of one small case.

Each slice is the case once more with its ids and times moved on: ids of flows and streams by 2^40, evidence by
one, times by an hour. So what each slice holds is known without an ingest a slice.
"""
import contextlib
import os
import sqlite3

BLOCK = 1 << 40
HOUR = 3600 * 10**9

FLOW = [("flows", "flow_id"), ("flow_frames", "flow_id"), ("streams", "flow_id"), ("oddities", "flow_id")]
STREAM = [(t, "stream_id") for t in ("streams", "stream_data", "chunk_data", "gaps", "conflicts", "refused", "arrivals")]
EVIDENCE = [(t, "evidence_id") for t in ("evidence", "evidence_blocks", "interfaces", "verdicts", "flows", "refused",
                                         "oddities", "notes", "capture_stats", "secrets")]
EVIDENCE += [("conflicts", "kept_evidence_id"), ("conflicts", "other_evidence_id")]
TIME = [("evidence", "first_ns"), ("evidence", "last_ns"), ("flows", "first_ns"), ("flows", "last_ns"),
        ("hosts", "first_ns"), ("hosts", "last_ns"), ("refused", "time_ns"), ("capture_stats", "time_ns")]


def name(number):
    return "seine-%06d.db" % number


def number_at(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def number(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def moved(data, arrivals, ns):
    """A blob (docs/blobs.md) with the evidence of its first record one higher and its time moved on: the other
    records go on from there."""
    head, at = number_at(data, 0)
    more = data[at] if head & 1 else 0
    out = bytearray(data[:at + 1] if head & 1 else data[:at])
    at = len(out)
    assert more & 1, "the first record of a part names its evidence"
    evidence, at = number_at(data, at)
    out += number(evidence + 1)
    start = at
    skip = bin(more & (2 | 8 | 16)).count("1") if not arrivals else bin(more & (2 | 8)).count("1")
    for _ in range(skip):
        _, at = number_at(data, at)
    if arrivals:
        at += 1 if more & 16 else 0  # the fate
        for flag in ((head & 8), not head & 4):  # position, length
            if flag:
                _, at = number_at(data, at)
    _, at = number_at(data, at)  # the offset
    out += data[start:at]
    step, at = number_at(data, at)
    step = step >> 1 if step & 1 == 0 else -(step >> 1) - 1
    step += ns // 1000 if head & 2 else ns
    out += number(step << 1 if step >= 0 else (-step - 1 << 1) + 1)
    return bytes(out) + data[at:]


def move_on(db, blocks=1):
    """Moves all of a case to the next slice."""
    def add(columns, step):
        for table, column in columns:
            # downwards, so that no key is met on the way
            db.execute("UPDATE %s SET %s = -(%s + ?)" % (table, column, column), (step,))
            db.execute("UPDATE %s SET %s = -%s" % (table, column, column))
    add(FLOW, blocks * BLOCK)
    add(STREAM, 2 * blocks * BLOCK)
    if blocks:
        add(EVIDENCE, 1)
        for table, column in TIME:
            db.execute("UPDATE %s SET %s = %s + ?" % (table, column, column), (HOUR,))
        for table, owner in ("flow_frames", "flow_id"), ("arrivals", "stream_id"):
            for key, part, data in db.execute("SELECT %s, part, data FROM %s" % (owner, table)).fetchall():
                db.execute("UPDATE %s SET data = ? WHERE %s = ? AND part = ?" % (table, owner),
                           (moved(data, table == "arrivals", HOUR), key, part))


def make(folder, case, count, catalogue=True):
    """Fills a folder with `count` slices. Returns the ranges of each, as the catalogue has them."""
    os.makedirs(folder, exist_ok=True)
    rows = []
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        with open(case, "rb") as file:
            db.deserialize(file.read())
        db.execute("PRAGMA journal_mode = OFF")
        # slice 1 has the case's own evidence and times
        for table, column in FLOW:
            db.execute("UPDATE %s SET %s = -(%s + ?)" % (table, column, column), (BLOCK,))
            db.execute("UPDATE %s SET %s = -%s" % (table, column, column))
        for table, column in STREAM:
            db.execute("UPDATE %s SET %s = -(%s + ?)" % (table, column, column), (2 * BLOCK,))
            db.execute("UPDATE %s SET %s = -%s" % (table, column, column))
        for n in range(1, count + 1):
            if n > 1:
                db.execute("BEGIN")
                move_on(db)
                db.execute("COMMIT")
            data = db.serialize()
            with open(os.path.join(folder, name(n)), "wb") as file:
                file.write(data)
            if catalogue:
                rows.append((n, "closed", len(data), *db.execute(
                    "SELECT (SELECT min(first_ns) FROM evidence), (SELECT max(last_ns) FROM evidence),"
                    " (SELECT min(flow_id) FROM flows), (SELECT max(flow_id) FROM flows),"
                    " (SELECT min(evidence_id) FROM evidence), (SELECT max(evidence_id) FROM evidence),"
                    " (SELECT count(*) FROM flows), (SELECT sum(frames) FROM evidence)").fetchone()))
    if catalogue:
        write_catalogue(folder, rows)
    return rows


def write_catalogue(folder, rows):
    with contextlib.closing(sqlite3.connect(os.path.join(folder, "slices.db"))) as db:
        db.executescript("""
            PRAGMA application_id = 0x53454943; PRAGMA user_version = 1;
            CREATE TABLE slices (number INTEGER PRIMARY KEY, status TEXT NOT NULL, bytes INTEGER, first_ns INTEGER,
            last_ns INTEGER, first_flow_id INTEGER, last_flow_id INTEGER, first_evidence_id INTEGER,
            last_evidence_id INTEGER, flows INTEGER, frames INTEGER) STRICT""")
        db.executemany("INSERT INTO slices VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        db.commit()
