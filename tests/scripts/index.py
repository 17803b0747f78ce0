"""index.py - indexes on request leave a case true.

Every index is built, by one call and by many; the rows and the seal stay as they were, verify holds, captures
that are added later are in the indexes, and once all are dropped the schema is the old one. A kill at any
instant leaves the case with an index or without. What is somebody else's is left alone.
"""
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import time

import lib


# Words over segments; a gap; characters of two bytes, cut; words between bytes that are none.
WORDS = """
c SYN; s SYN ACK; c
c @0 "the need"
c @8 "le is here"
c @40 "beyond the gap"
s ack=19 hex:00ff01 "binary words" hex:0001 "abc" hex:00 "Caf" hex:c3
s @25 hex:a9 " Hausboot"
c ack=33
"""

SEED = int(os.environ.get("SEINE_SEED") or time.time_ns() % 1000000)
KILLS = 100 if lib.LONG else 6


def names(case):
    out = lib.seine("index", case, "--list").out.decode()
    return re.findall(r"(?m)^([a-z]\S+) +(?:-|there|another) ", out)


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
    for words, status in ((("--list", "ports"), 2), ((), 0), (("--drop",), 2), (("nothing",), 2), (("ports", "--memory", "1"), 2)):
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


def words_of(case, *query):
    run = lib.seine("search", "--json", "--text", case, *query)
    return run, [json.loads(line) for line in run.out.splitlines()]


def check_text(place):
    """The index of words: a file beside the case, which stays as it is."""
    capture, case, twin = (os.path.join(place, name) for name in ("w.pcap", "words.db", "reference.db"))
    script = os.path.join(place, "w.craft")
    with open(script, "w") as file:
        file.write(WORDS)
    subprocess.run([lib.CRAFT, "-o", capture, script], check=True)
    lib.ingest(case, capture)
    lib.ingest(twin, capture, "--payload", "reference")
    text, before = case + ".text", open(case, "rb").read()
    run, _ = words_of(case, "needle")
    lib.check("text.none", run.wrong(3) or b"no index of words" not in run.err and lib.tail(run.err))
    for made in (case, twin):
        name = "text." + os.path.basename(made)[:-3]
        run = lib.seine("index", made, "--text")
        lib.check(name + ".build", run.wrong(0) or run.out.count(b"text: ") != 2 and lib.tail(run.out))
        run, hits = words_of(made, "NEEDLE")
        lib.check(name + ".found", run.wrong(0) or
                  [(hit["side"], hit["position"], hit["frame"]) for hit in hits] != [("client", 0, 4)] and hits)
        run, hits = words_of(made, "beyond")
        lib.check(name + ".gap", [(hit["position"], hit["excerpt"][:6]) for hit in hits] != [(40, "beyond")] and hits)
        run, hits = words_of(made, "cafe AND haus*")
        lib.check(name + ".unicode", len(hits) != 1 and lib.tail(run.err))
        run, hits = words_of(made, "binary")
        lib.check(name + ".runs", [hit["position"] for hit in hits] != [3] and hits)
        run, hits = words_of(made, "nothing")
        lib.check(name + ".nothing", run.wrong(1))
        run, hits = words_of(made, '"')
        lib.check(name + ".question", run.wrong(3) or b"asking" not in run.err and lib.tail(run.err))
    lib.check("text.case", open(case, "rb").read() != before and "the case was changed")
    lib.check("text.verify", verified(case))
    listed = lib.rows(text, "SELECT count(*) FROM words WHERE words MATCH 'needle'")
    lib.check("text.stock", listed != [(1,)] and listed)

    other = os.path.join(place, "other.pcap")
    with open(other, "wb") as file:
        file.write(lib.datagrams(3, 40))
    lib.ingest(case, other)
    run, _ = words_of(case, "needle")
    lib.check("text.stale", run.wrong(3) or b"added to" not in run.err and lib.tail(run.err))
    lib.check("text.again", lib.seine("index", case, "--text").wrong(0) or len(words_of(case, "needle")[1]) != 1)
    good = open(text, "rb").read()
    wrong = None
    for at in range(100, len(good), max(1, len(good) // 40)):  # what lies beside a case may be anybody's
        with open(text, "wb") as file:
            file.write(good[:at] + bytes([good[at] ^ 0x55]) + good[at + 1:])
        run, _ = words_of(case, "needle OR beyond")
        wrong = wrong or run.wrong(0, 1, 3) or b"Sanitizer" in run.err and lib.tail(run.err)
    lib.check("text.hostile", wrong)
    with open(text, "wb") as file:
        file.write(b"a letter to somebody\n" * 100)
    lib.check("text.stranger", lib.seine("index", case, "--text").wrong(3) or
              lib.seine("index", case, "--text", "--drop").wrong(3) or
              open(text, "rb").read()[:8] != b"a letter" and "it was overwritten")
    with open(text, "wb") as file:
        file.write(good)
    lib.check("text.drop", lib.seine("index", case, "--text", "--drop").wrong(0) or os.path.exists(text) and "there")
    os.remove(capture)
    lib.check("text.away", lib.seine("index", twin, "--text").wrong(1))
    run, _ = words_of(twin, "needle")
    lib.check("text.lacking", run.wrong(1) or b"the index lacks 2 streams" not in run.err and lib.tail(run.err))


def check_text_kills(place):
    capture, case = os.path.join(place, "t.pcap"), os.path.join(place, "t.db")
    with open(capture, "wb") as file:
        file.write(lib.conversations(300, 10, 400))
    lib.seine("ingest", "-q", "-o", case, capture, binary=lib.RELEASE)
    began = time.monotonic()
    lib.seine("index", case, "--text", binary=lib.RELEASE)
    seconds, luck, wrong = time.monotonic() - began, random.Random(SEED), None
    for _ in range(KILLS // 2):
        process = subprocess.Popen([lib.RELEASE, "index", case, "--text"], stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        time.sleep(luck.uniform(0, seconds))
        process.kill()
        process.wait()
        run = lib.seine("search", case, "--text", "a*", binary=lib.RELEASE)
        wrong = wrong or run.wrong(0, 1, 3) or lib.seine("index", case, "--list", binary=lib.RELEASE).wrong(0)
    run = lib.seine("index", case, "--text", binary=lib.RELEASE)
    lib.check("text.kills", wrong or run.wrong(0), "seed %d" % SEED)


if __name__ == "__main__":
    with lib.folder() as folder:
        check_text(folder)
        check_text_kills(folder)
        check_life(folder)
        check_kills(folder)
    lib.finish()
