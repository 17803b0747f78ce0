"""kills.py - a kill at any instant leaves no case that is half true.

An ingest is killed at a random instant. A fresh case is then not there, or whole; an addition is not
there, or whole; and the next ingest of the same capture gives the case that an undisturbed one gives.
Some kills as a rule, many with SEINE_LONG. The seed is printed; SEINE_SEED sets it.
"""
import os
import random
import shutil
import sqlite3
import subprocess
import time

import lib

KILLS = 200 if lib.LONG else 12
SEED = int(os.environ.get("SEINE_SEED") or time.time_ns() % 1000000)


def rolled_back(case):
    """Opens the case as a writer would, so that SQLite undoes what was not finished."""
    db = sqlite3.connect(case)
    answer = db.execute("pragma integrity_check").fetchone()[0]
    db.close()
    return None if answer == "ok" else "corrupt: %s" % answer


def kill_after(seconds, case, capture):
    """Whether the process was still alive after so many seconds, and so was killed."""
    process = subprocess.Popen([lib.SEINE, "ingest", "--quiet", "-o", case, capture],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


def kills(name, place, before, capture, reference, seconds, luck):
    """Kills ingests of `capture` into a copy of the case `before`, or into none."""
    case, killed, there, whole = os.path.join(place, "killed.db"), 0, 0, lib.dump(reference)
    old = lib.dump(before) if before else None
    for _ in range(KILLS):
        for left in os.listdir(place):
            if left.startswith("killed.db"):
                os.remove(os.path.join(place, left))
        if before:
            shutil.copy(before, case)
        instant = luck.random() * seconds
        killed += kill_after(instant, case, capture)
        wrong = rolled_back(case) if os.path.exists(case) else None
        if not wrong and os.path.exists(case):
            now = lib.dump(case)
            there += now == whole
            if now not in (whole, old):
                wrong = "half of it is there: %s" % lib.difference(whole, now)
        if not wrong:
            wrong = lib.ingest(case, capture).wrong(0) or lib.difference(whole, lib.dump(case))
        if wrong:
            return lib.tell("not ok", "kills." + name, "seed %d, after %.4f s: %s" % (SEED, instant, wrong))
    return lib.tell("ok", "kills." + name, "%d of %d ingests killed, seed %d; %d were whole by then" % (
        killed, KILLS, SEED, there))


def main(place):
    luck = random.Random(SEED)
    small, large = os.path.join(place, "small.pcap"), os.path.join(place, "large.pcap")
    with open(small, "wb") as file:
        file.write(lib.datagrams(300, 100))
    with open(large, "wb") as file:
        file.write(lib.datagrams(6000, 1000))
    first, fresh, added = (os.path.join(place, name) for name in ("first.db", "fresh.db", "added.db"))
    began = time.monotonic()
    wrong = lib.ingest(fresh, large).wrong(0)
    seconds = time.monotonic() - began
    wrong = wrong or lib.ingest(first, small).wrong(0)
    if not wrong:
        shutil.copy(first, added)
        wrong = lib.ingest(added, large).wrong(0)
    if wrong:
        return lib.tell("not ok", "kills", wrong)
    kills("fresh", place, None, large, fresh, seconds * 1.1, luck)
    kills("adding", place, first, large, added, seconds * 1.1, luck)
    return None


with lib.folder() as where:
    main(where)
lib.finish()
