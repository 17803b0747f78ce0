"""kills.py - a kill at any instant leaves no case that is half true.

An ingest of datagrams and of TCP streams, with conflicts and gaps, is killed at a random instant. A
fresh case is then not there, or whole; an addition is not there, or whole; the case that is there opens,
in seine or in SQLite, whichever is first, says that none of its evidence is open, and the next ingest of
the same capture gives the case that an undisturbed one gives. A verification, with its ingest anew, is
killed likewise, and leaves the case as it was. Some kills as a rule, many with SEINE_LONG. The seed is
printed; SEINE_SEED sets it.
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


def checked(case):
    """Opens the case as a writer would, so that SQLite undoes what was not finished."""
    db = sqlite3.connect(case)
    answer = db.execute("pragma integrity_check").fetchone()[0]
    db.close()
    return None if answer == "ok" else "corrupt: %s" % answer


def opened(case):
    """Opens the case as its readers do."""
    run = lib.seine("summary", case)
    wrong = run.wrong(0)
    if not wrong and (b"interrupted" in run.out or b"being written" in run.out):
        wrong = "its summary says that something is open"
    return wrong


def wrong_case(case, seine_first, may_be):
    """What is wrong with a case that was left by a kill, and that may hold one of these things."""
    for look in (opened, checked) if seine_first else (checked, opened):
        wrong = look(case)
        if wrong:
            return wrong
    now = lib.dump(case)
    if now not in may_be:
        return "half of it is there: %s" % lib.difference(may_be[0], now)
    if lib.one(case, "select count(*) from evidence where status <> 'complete'"):
        return "evidence is not complete"
    return None


def kill_after(seconds, *arguments, **environment):
    """Whether the process was still alive after so many seconds, and so was killed."""
    process = subprocess.Popen([lib.SEINE, *arguments], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=dict(os.environ, **environment))
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


def kills(name, place, before, captures, reference, seconds, luck):
    """Kills ingests of the captures into a copy of the case `before`, or into none."""
    case, killed, there, whole = os.path.join(place, "killed.db"), 0, 0, lib.dump(reference)
    may_be = [whole] + ([lib.dump(before)] if before else [])
    for number in range(KILLS):
        for left in os.listdir(place):
            if left.startswith("killed.db"):
                os.remove(os.path.join(place, left))
        if before:
            shutil.copy(before, case)
        instant = luck.random() * seconds
        killed += kill_after(instant, "ingest", "--quiet", "-o", case, *captures)
        wrong = wrong_case(case, number % 2 == 0, may_be) if os.path.exists(case) else None
        if not wrong and before and not os.path.exists(case):
            wrong = "the case is gone"
        if not wrong:
            there += os.path.exists(case) and lib.dump(case) == whole
            wrong = lib.ingest(case, *captures).wrong(0) or lib.difference(whole, lib.dump(case))
        beside = [n for n in os.listdir(place) if n.startswith("killed.db") and n != "killed.db"]
        if not wrong and beside:
            wrong = "the repeated ingest left %s beside the case" % ", ".join(beside)
        if wrong:
            return lib.tell("not ok", "kills." + name, "seed %d, after %.4f s: %s" % (SEED, instant, wrong))
    return lib.tell("ok", "kills." + name, "%d of %d ingests killed, seed %d; %d were whole by then" % (
        killed, KILLS, SEED, there))


def verifications(place, case, seconds, luck):
    """Kills verifications of a case: they write nothing to it, and nothing beside it."""
    scratch, killed = os.path.join(place, "scratch"), 0
    before, folder = open(case, "rb").read(), sorted(os.listdir(place) + ["scratch"])
    for _ in range(KILLS):
        os.mkdir(scratch)
        instant = luck.random() * seconds
        killed += kill_after(instant, "verify", case, TMPDIR=scratch)
        wrong = None
        if open(case, "rb").read() != before:
            wrong = "the case was changed"
        elif sorted(os.listdir(place)) != folder:
            wrong = "the folder holds %s" % sorted(os.listdir(place))
        shutil.rmtree(scratch)
        if wrong:
            return lib.tell("not ok", "kills.verify", "seed %d, after %.4f s: %s" % (SEED, instant, wrong))
    return lib.check("kills.verify", lib.seine("verify", case).wrong(0),
                     "%d of %d verifications killed, seed %d" % (killed, KILLS, SEED))


def main(place):
    luck = random.Random(SEED)
    small, large, talks = (os.path.join(place, n) for n in ("small.pcap", "large.pcap", "talks.pcap"))
    for path, data in ((small, lib.datagrams(300, 100)), (large, lib.datagrams(3000, 1000)),
                       (talks, lib.conversations(120))):
        with open(path, "wb") as file:
            file.write(data)
    first, fresh, added = (os.path.join(place, name) for name in ("first.db", "fresh.db", "added.db"))
    began = time.monotonic()
    wrong = lib.ingest(fresh, large, talks).wrong(0)
    seconds = time.monotonic() - began
    wrong = wrong or lib.ingest(first, small).wrong(0)
    if not wrong:
        for table in ("streams where sha256 is not null", "conflicts", "gaps"):
            if not lib.one(fresh, "select count(*) from " + table):
                wrong = "the captures make no %s" % table
    if not wrong:
        shutil.copy(first, added)
        wrong = lib.ingest(added, large, talks).wrong(0)
    if wrong:
        return lib.tell("not ok", "kills", wrong)
    kills("fresh", place, None, (large, talks), fresh, seconds * 1.1, luck)
    kills("adding", place, first, (large, talks), added, seconds * 1.1, luck)
    began = time.monotonic()
    if lib.check("kills.verify undisturbed", lib.seine("verify", fresh).wrong(0)):
        verifications(place, fresh, (time.monotonic() - began) * 1.1, luck)
    return None


with lib.folder() as where:
    main(where)
lib.finish()
