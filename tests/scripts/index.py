"""index.py - indexes on request leave a case true.

Every index is built, by one call and by many; the rows and the seal stay as they were, verify holds, captures
that are added later are in the indexes, and once all are dropped the schema is the old one. A kill at any
instant leaves the case with an index or without. What is somebody else's is left alone.
"""
import os
import random
import re
import shutil
import sqlite3
import subprocess
import time

import lib

SEED = int(os.environ.get("SEINE_SEED") or time.time_ns() % 1000000)
KILLS = 100 if lib.LONG else 6


def names(case):
    out = lib.seine("index", case, "--list").out.decode()
    return re.findall(r"(?m)^(\S+) +(?:-|there|another) ", out)


def schema(case):
    return lib.rows(case, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY 1, 2")


def sound(case):
    with sqlite3.connect(case) as db:
        answer = db.execute("PRAGMA integrity_check").fetchone()[0]
    return None if answer == "ok" else answer


def verified(case):
    run = lib.seine("verify", case)
    return run.wrong(0) or (b" 0 fail" not in run.out and lib.tail(run.out)) or None


def check_life(place):
    capture, later, case = (os.path.join(place, name) for name in ("a.pcap", "b.pcap", "case.db"))
    with open(capture, "wb") as file:
        file.write(lib.conversations(30, 6, 40))
    with open(later, "wb") as file:
        file.write(lib.datagrams(50, 40))
    lib.ingest(case, capture)
    before, rows = schema(case), lib.dump(case)
    every = names(case)
    lib.check("index.list", len(every) < 5 and every)
    run = lib.seine("index", case, *every)
    lib.check("index.build", run.wrong(0) or run.out.count(b": built, ") != len(every) and lib.tail(run.out))
    lib.check("index.rows", lib.difference(rows, lib.dump(case)))
    lib.check("index.verify", verified(case))
    run = lib.seine("index", case, every[0])
    lib.check("index.again", run.wrong(0) or b"is there already" not in run.out and lib.tail(run.out))
    lib.check("index.addition", lib.ingest(case, later).wrong(0) or sound(case) or verified(case))
    found = lib.one(case, "SELECT count(*) FROM flows INDEXED BY flows_server_port WHERE server_port = 5000")
    lib.check("index.addition.found", found != 1 and "%s flows" % found)
    run = lib.seine("index", case, "--drop", *every)
    lib.check("index.drop", run.wrong(0) or schema(case) != before and "the schema is another one")
    lib.check("index.drop.verify", verified(case))

    with sqlite3.connect(case) as db:
        db.execute("CREATE INDEX flows_state ON flows (state)")
    run = lib.seine("index", case, "states")
    lib.check("index.foreign", run.wrong(3) or b"something else" not in run.err and lib.tail(run.err))
    run = lib.seine("index", case, "states", "--drop")
    lib.check("index.foreign.drop", run.wrong(3) or len(schema(case)) != len(before) + 1 and "it was dropped")
    for words, status in ((("--list", "ports"), 2), ((), 2), (("nothing",), 2), (("ports", "--memory", "1"), 2)):
        lib.check("index.words %s" % " ".join(words), lib.seine("index", case, *words).wrong(status))
    lib.check("index.nothing", lib.seine("index", os.path.join(place, "none.db"), "ports").wrong(3) or
              os.path.exists(os.path.join(place, "none.db")) and "a case was made")


def check_kills(place):
    capture, good, case = (os.path.join(place, name) for name in ("k.pcap", "good.db", "killed.db"))
    with open(capture, "wb") as file:
        file.write(lib.conversations(4000, 1, 8))
    lib.seine("ingest", "-q", "-o", good, capture, binary=lib.RELEASE)
    rows = lib.dump(good)
    shutil.copy(good, case)
    began = time.monotonic()
    lib.seine("index", case, "community-id", "macs", binary=lib.RELEASE)
    seconds, luck, wrong = time.monotonic() - began, random.Random(SEED), None
    for _ in range(KILLS):
        shutil.copy(good, case)
        process = subprocess.Popen([lib.RELEASE, "index", case, "community-id", "macs"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(luck.uniform(0, seconds * 1.2))
        process.kill()
        process.wait()
        run = lib.seine("index", case, "--list")  # the first to open it
        wrong = wrong or run.wrong(0) or sound(case) or lib.difference(rows, lib.dump(case))
        macs = lib.one(case, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'flows_%_mac'")
        wrong = wrong or (macs not in (0, 2) and "%d of two indexes" % macs)
    lib.check("index.kills", wrong, "%d, seed %d" % (KILLS, SEED))


if __name__ == "__main__":
    with lib.folder() as folder:
        check_life(folder)
        check_kills(folder)
    lib.finish()
