"""jobs.py - the rows of a case do not depend on how many threads made it.

--jobs 1, 2, 4 and 5 give equal rows in every table but `runs`, and the same exit status: on sample_pcaps/, on
small captures of bench/make_capture, and on the attacks of bench/attacks.py with --memory 16M, where flows are
evicted: as many units as tests/scripts/attack.py takes, some more of those that fill the flow table. With
SEINE_LONG the attacks are larger, and the captures of shared/corpus come in too, where it lies beside this
project.
"""
import glob
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import lib

sys.path.insert(0, os.path.join(lib.TOP, "bench"))
import attacks

JOBS = ("1", "2", "4", "5")
CORPUS = os.path.join(os.path.dirname(lib.TOP), "shared", "corpus", "captures")
MAKER = os.path.join(os.path.dirname(lib.RELEASE), "bench", "make_capture")
MADE = {
    "long": ("long", "64", "6000000"),
    "lossy": ("lossy", "16", "6000000"),
    "short": ("short", "1500"),
    "million": ("million", "3000"),
}
FILL = {"syns": 40000, "handshakes": 20000, "ports": 40000}  # more than 16 MiB have room for


def differ(place, words):
    """In what the cases of the captures differ, or None. The first case stays, as 1.db."""
    dumps, status = {}, None
    for jobs in JOBS:
        case = os.path.join(place, jobs + ".db")
        run = lib.seine("ingest", "--quiet", "--jobs", jobs, *words, "-o", case, binary=lib.RELEASE, timeout=300)
        if run.status == "timeout" or run.status < 0:
            return "--jobs %s: %s" % (jobs, run.wrong())
        if status is not None and run.status != status:
            return "exit status %s with --jobs %s, %s with 1; %s" % (run.status, jobs, status, lib.tail(run.err))
        status = run.status
        dumps[jobs] = lib.dump(case) if os.path.exists(case) else {}
        if jobs != "1":
            where = lib.difference(dumps["1"], dumps.pop(jobs))
            if where:
                return "--jobs 1 and %s: %s" % (jobs, where)
            if os.path.exists(case):
                os.remove(case)
    return None


def file(path, place):
    lib.check("jobs " + os.path.relpath(path, CORPUS if path.startswith(CORPUS) else lib.TOP), differ(place, [path]))


def made(name, place):
    path = os.path.join(place, name + ".pcap")
    with open(path, "wb") as out:
        subprocess.run([MAKER, *MADE[name]], stdout=out, check=True)
    lib.check("jobs.made " + name, differ(place, [path]))


def attack(number, place):
    entry = attacks.ATTACKS[int(number)]
    name = entry.function.__name__.strip("_")
    n = min(entry.full, 4 * entry.small) if lib.LONG else min(entry.small, 20000)
    n = FILL.get(name, n)
    words = attacks.write(entry.function, place, n)
    wrong = differ(place, ["--memory", "16M", *words])
    case = os.path.join(place, "1.db")
    if not wrong and name in FILL and not lib.one(
            case, "select count(*) from flows where end_reason = 'evicted'"):
        wrong = "nothing was evicted: this proves nothing"
    lib.check("jobs.attack " + name, wrong)


lib.each(file, lib.samples())
if os.access(MAKER, os.X_OK):
    lib.each(made, MADE)
else:
    lib.tell("skip", "jobs.made", "no %s" % MAKER)
lib.each(attack, map(str, range(len(attacks.ATTACKS))))
if lib.LONG and os.path.isdir(CORPUS):
    lib.each(file, sorted(path for path in glob.glob(os.path.join(CORPUS, "**"), recursive=True)
                          if os.path.isfile(path)))
elif lib.LONG:
    lib.tell("skip", "jobs.corpus", "no shared/corpus beside this project")
lib.finish()
