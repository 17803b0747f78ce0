"""injected.py - any call to the disk or for memory may fail, and nothing false is left behind.

A library (tests/faults) that is preloaded into the released program counts the calls that change the
disk, and the allocations, and makes the k-th of them fail. For each k: seine ends with status 3 and one
line that begins `seine: `, the folder is as it was, and an existing case holds what it held; or it ends
as if nothing had failed, and then what it made or printed is what an undisturbed run gives. Every k
with SEINE_LONG, else some drawn with SEINE_SEED; with SEINE_ONLY=TEXT only the tests whose name has the
text. A capture that is cut short while it is mapped is tested here too: the cut happens before a chosen
write to the case.
"""
import os
import random
import shutil
import sqlite3
import subprocess
import time

import lib
import slices

FAULTS = os.path.join(os.path.dirname(os.path.abspath(lib.RELEASE)), "tests", "faults", "faults.so")
PRELOAD = lib.preloadable(FAULTS)
SEED = int(os.environ.get("SEINE_SEED") or time.time_ns() % 1000000)
ONLY = os.environ.get("SEINE_ONLY") or ""
SOME = 60  # of the calls of one kind, when not all of them are tried
LARGE_FRAMES, LARGE_LEN = 60000, 1200  # some 72 MiB: more than one window


def run_with(place, arguments, **settings):
    """A call of seine with the library; its result, and how many calls it counted (None: it died)."""
    report = os.path.join(place, "report")
    environment = dict(os.environ, LD_PRELOAD=PRELOAD, FAULTS_REPORT=report)
    environment.update({"FAULTS_" + name: str(value) for name, value in settings.items()})
    if os.path.exists(report):
        os.remove(report)
    try:
        done = subprocess.run([lib.RELEASE, *map(str, arguments)], stdin=subprocess.DEVNULL,
                              capture_output=True, env=environment, timeout=lib.TIMEOUT)
    except subprocess.TimeoutExpired as late:
        return lib.Run("timeout", b"", late.stderr or b""), None
    text = open(report).read() if os.path.exists(report) else ""
    count = int(text) if text else None
    return lib.Run(done.returncode, done.stdout, done.stderr), count


def sentence(run):
    lines = run.err.decode("utf-8", "replace").splitlines()
    if len(lines) != 1 or not lines[0].startswith("seine: "):
        return "expected one line that begins 'seine: ', got %d: %s" % (len(lines), lib.tail(run.err))
    return None


def case_dump(path):
    """What a case holds, once SQLite has undone what was not finished."""
    db = sqlite3.connect(path)
    answer = db.execute("pragma integrity_check").fetchone()[0]
    db.close()
    if answer != "ok":
        raise ValueError("corrupt: %s" % answer)
    return lib.dump(path)


def chosen(count):
    if lib.LONG or count <= SOME:
        return range(1, count + 1)
    luck = random.Random(SEED)
    return sorted(set(range(1, 9)) | {count - 2, count - 1, count} | set(luck.sample(range(1, count + 1), SOME)))


def ingest_wrong(run, out, before, whole, is_disk, journal_may_stay):
    """What is not as it should be after an ingest into out/case.db with a fault."""
    wrong = run.wrong(0, 1, 3)
    if wrong:
        return wrong
    names, expected = sorted(os.listdir(out)), ["case.db"]
    if run.status != 3 and is_disk and not before:
        names = [name for name in names if name != "case.db.partial"]  # its removal is what failed
    if run.status == 3:
        wrong = sentence(run)
        expected = ["case.db"] if before else []
        if journal_may_stay and before:
            names = [name for name in names if name != "case.db-journal"]
    if not wrong and names != expected:
        wrong = "the folder holds %s" % (names or "nothing")
    if not wrong and run.status == 0 and "case.db" in names and lib.one(
            os.path.join(out, "case.db"), "select count(*) from oddities where kind = 'no_memory'"):
        return None  # a frame for which there was no memory: the case says so
    if not wrong and expected:
        try:
            wrong = lib.difference(before if run.status == 3 else whole,
                                   case_dump(os.path.join(out, "case.db")))
        except (sqlite3.Error, ValueError) as error:
            wrong = str(error)
    return "status %s: %s" % (run.status, wrong) if wrong else None


def ingests(name, place, first, capture, **settings):
    """Every fault of one kind in an ingest of `capture` into a copy of `first`, or into no case."""
    if ONLY not in name:
        return None
    out = os.path.join(place, "out")
    case, failures, failed = os.path.join(out, "case.db"), [], 0

    def prepare():
        shutil.rmtree(out, ignore_errors=True)
        os.mkdir(out)
        if first:
            shutil.copy(first, case)

    arguments = ("ingest", "--quiet", "-o", case, capture)
    settings["FOLDER"] = out
    prepare()
    run, count = run_with(place, arguments, AT=0, **settings)
    if run.wrong(0) or not count:
        return lib.tell("not ok", name, run.wrong(0) or "no calls were counted")
    whole, before = case_dump(case), case_dump(first) if first else None
    tried = chosen(count)
    for number in tried:
        prepare()
        run, _ = run_with(place, arguments, AT=number, **settings)
        failed += run.status == 3
        wrong = ingest_wrong(run, out, before, whole, settings["KIND"] == "disk",
                             "LASTS" in settings or settings.get("HOW") == "short")
        if wrong:
            failures.append("call %d: %s" % (number, wrong))
    return lib.check(name, "%d of %d: %s" % (len(failures), len(tried), "; ".join(failures[:4]))
                     if failures else None,
                     "%d of %d calls, %d of them fatal, seed %d" % (len(tried), count, failed, SEED))


def reads(name, place, case, *arguments, out=None):
    """Every failing allocation of a command that only reads; `out` is a file that it makes."""
    if ONLY not in name:
        return None
    before, failures, failed = open(case, "rb").read(), [], 0

    def made():
        data = open(out, "rb").read() if out and os.path.exists(out) else None
        for left in [out, out + ".partial"] if out else []:
            if os.path.exists(left):
                os.remove(left)
        return data

    whole, count = run_with(place, arguments, KIND="memory", AT=0)
    if whole.wrong(0, 1) or not count:
        return lib.tell("not ok", name, whole.wrong(0, 1) or "no calls were counted")
    file = made()
    tried = chosen(count)
    for number in tried:
        run, _ = run_with(place, arguments, KIND="memory", AT=number)
        left = bool(out) and os.path.exists(out + ".partial")
        answer, wrong = made(), run.wrong(whole.status, 3)
        failed += run.status == 3
        if not wrong and run.status == 3:
            wrong = sentence(run) or ("a file was made" if answer is not None else None)
        elif not wrong and (run.out, answer) != (whole.out, file):
            wrong = "status %d, but it says something else: %s" % (run.status, lib.tail(run.out, 200))
        if left:
            wrong = "a .partial is left"
        if not wrong and open(case, "rb").read() != before:
            wrong = "the case was changed"
        if wrong:
            failures.append("call %d: %s" % (number, wrong))
    return lib.check(name, "%d of %d: %s" % (len(failures), len(tried), "; ".join(failures[:4]))
                     if failures else None,
                     "%d of %d calls, %d of them fatal, seed %d" % (len(tried), count, failed, SEED))


def shrinks(place):
    """The capture is cut before the n-th write to the case: early, late, inside a page, to nothing."""
    if ONLY not in "injected.shrinks":
        return None
    large, victim = os.path.join(place, "large.pcap"), os.path.join(place, "victim.pcap")
    out = os.path.join(place, "out")
    shutil.rmtree(out, ignore_errors=True)
    os.mkdir(out)
    with open(large, "wb") as file:
        file.write(lib.datagrams(LARGE_FRAMES, LARGE_LEN))
    size, case = os.path.getsize(large), os.path.join(out, "case.db")
    arguments = ("ingest", "--quiet", "-o", case, victim)
    shutil.copy(large, victim)
    run, count = run_with(place, arguments, KIND="shrink", AT=0, FOLDER=out)
    if run.wrong(0) or not count:
        return lib.tell("not ok", "injected.shrinks", run.wrong(0) or "no calls were counted")
    for name, at, left in (("to nothing", count // 3, 0), ("to half", count // 4, size // 2),
                           ("inside its last page", count // 2, size - 100),
                           ("behind the reader", count // 2, 4096 * 5 + 7)):
        if os.path.exists(case):
            os.remove(case)
        shutil.copy(large, victim)
        run, _ = run_with(place, arguments, KIND="shrink", AT=at, FOLDER=out, VICTIM=victim, SIZE=left)
        wrong = run.wrong(1, 3) or sentence(run)
        if not wrong and run.status == 3 and os.listdir(out):
            wrong = "status 3, and it left %s" % os.listdir(out)
        if not wrong and run.status == 1:
            status, frames = lib.rows(case, "select status, frames from evidence")[0]
            if status != "partial" or frames > LARGE_FRAMES:
                wrong = "the evidence is %s, with %d frames" % (status, frames)
            good = lib.one(case, "select count(*) from flows where client_ip <> '10.0.0.1' "
                                 "or server_ip <> '10.0.0.2'")
            wrong = wrong or ("%d flows were made of nothing" % good if good else None)
        lib.check("injected.shrinks %s" % name, wrong, lib.tail(run.err))
    return None


def main(place):
    talk, few = os.path.join(place, "talk.pcap"), os.path.join(place, "few.pcap")
    script = os.path.join(lib.TOP, "tests", "golden", "talk.craft")
    subprocess.run([lib.CRAFT, "-o", talk, script], check=True)
    with open(few, "wb") as file:
        file.write(lib.datagrams(20, 400))
    first = os.path.join(place, "first.db")
    if not lib.check("injected.undisturbed", lib.ingest(first, few, binary=lib.RELEASE).wrong(0)):
        return
    for into, before in (("fresh", None), ("adding", first)):
        for how in ("ENOSPC", "EIO", "short"):
            ingests("injected.disk %s %s" % (into, how), place, before, talk, KIND="disk", HOW=how)
        ingests("injected.disk %s full" % into, place, before, talk, KIND="disk", LASTS=1)
        ingests("injected.memory %s" % into, place, before, talk, KIND="memory")
        ingests("injected.memory %s none left" % into, place, before, talk, KIND="memory", LASTS=1)
    case, pcapng = os.path.join(place, "talk.db"), os.path.join(place, "flow.pcapng")
    lib.ingest(case, talk, binary=lib.RELEASE)
    reads("injected.memory flows", place, case, "flows", case)
    reads("injected.memory follow", place, case, "follow", case, 1)
    referred = os.path.join(place, "referred.db")
    lib.ingest(referred, "--payload", "reference", talk, binary=lib.RELEASE)
    reads("injected.memory follow by reference", place, referred, "follow", referred, 1)
    reads("injected.memory sql", place, case, "sql", case, "select * from segments order by 1, 2, 6")
    reads("injected.memory verify", place, case, "verify", case)
    reads("injected.memory search", place, case, "search", "--all", "--json", case, "e")
    reads("injected.memory search regex", place, case, "search", "--regex", case, "[a-z]+e.")
    reads("injected.memory search by reference", place, referred, "search", "--library", "pcre2", referred, "e")
    reads("injected.memory index", place, case, "index", "--list", case)
    reads("injected.memory summary", place, case, "summary", case)
    slice_folder = os.path.join(place, "slices")
    slices.make(slice_folder, case, 3)
    reads("injected.memory sql of a folder", place, case, "sql", "--csv", slice_folder,
          "select * from segments s join flows f on f.flow_id = s.stream_id / 2 where f.first_ns > 0 order by 1, 2, 6;"
          " select * from hosts; select stream_view_sha256(stream_id, null) from streams;"
          " select flow_id from flows order by first_ns desc limit 5")
    reads("injected.memory status of a folder", place, case, "status", "--prometheus", slice_folder)
    reads("injected.memory follow in a folder", place, case, "follow", slice_folder, 2 * slices.BLOCK + 1)
    reads("injected.memory extract", place, case, "extract", case, 1, "-o", pcapng, out=pcapng)
    shrinks(place)


if not os.path.exists(FAULTS) or not os.path.exists(lib.CRAFT):
    lib.tell("skip", "injected", "the released program was built without tests/faults")
else:
    with lib.folder() as where:
        main(where)
lib.finish()
