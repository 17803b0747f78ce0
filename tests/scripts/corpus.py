"""corpus.py - seine against real captures of other projects: how many streams are right, and does it
survive all of them?

The captures are not part of this project. Where a folder shared/corpus lies beside it, its score.py
is run and the scores are held against tests/corpus-floor.txt: a class that falls below fails; so for
flows, as its score_flows.py compares them with Zeek's. Then
each capture of its inventory is ingested: no crash, no timeout, no corrupt case, and the verdicts of
each add up to its frames. The hostile ones and a third of the others, with SEINE_LONG all of them, are
ingested by the sanitized build, the rest by the released one. The floor's `frames` is how many captures have as
many frames as Wireshark counted. Elsewhere the test says that it skips.
"""
import csv
import os
import re
import subprocess
import sys
import threading

import lib

CORPUS = os.path.join(os.path.dirname(lib.TOP), "shared", "corpus")
FLOOR = os.path.join(lib.TOP, "tests", "corpus-floor.txt")


def floor():
    answer = {}
    with open(FLOOR) as lines:
        for line in lines:
            if line.strip() and not line.startswith("#"):
                name, count = line.split()
                answer[name] = int(count)
    return answer


def scores():
    with lib.folder() as place:
        done = subprocess.run([sys.executable, os.path.join(CORPUS, "score.py"), lib.RELEASE, "--jobs",
                               str(lib.WORKERS), "--failures", os.path.join(place, "failures")],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
    print(done.stdout, end="")
    reached = {name: (int(right), int(all_)) for name, right, all_ in
               re.findall(r"^(\S+) +(\d+) of +(\d+)", done.stdout, re.M)}
    for name, least in floor().items():
        if name == "frames" or name.startswith("flows-"):
            continue
        right, all_ = reached.get(name, (0, 0))
        wrong = "%d of %d right, held was %d" % (right, all_, least) if right < least else None
        lib.check("corpus.score " + name, wrong, "%d of %d right, floor %d" % (right, all_, least))


def flows():
    done = subprocess.run([sys.executable, os.path.join(CORPUS, "score_flows.py"), lib.RELEASE],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    reached = {name: int(right) for name, right in re.findall(r"(\w+) (\d+)", done.stdout)}
    for name, least in floor().items():
        if name.startswith("flows-"):
            right = reached.get(name[len("flows-"):], 0)
            wrong = "%d as Zeek has them, held was %d" % (right, least) if right < least else None
            lib.check("corpus." + name, wrong, "%d of %d, floor %d" % (right, reached.get("of", 0), least))


wrong_captures = []
counting = threading.Lock()  # two captures at a time
counts = {"captures": 0, "sanitized": 0, "cases": 0, "frames": 0, "as counted by Wireshark": 0}


def count(what, more):
    with counting:
        counts[what] += more


def survives(row, place):
    path, case = os.path.join(CORPUS, "captures", row["path"]), os.path.join(place, "case.db")
    run = lib.ingest(case, path, binary=lib.SEINE if row["sanitized"] else lib.RELEASE)
    wrong = run.wrong(0, 1, 3)
    count("sanitized", row["sanitized"])
    count("captures", 1)
    if not wrong and run.status == 3 and os.path.exists(case):
        wrong = "exit status 3, but there is a case"
    if not wrong and run.status != 3:
        frames = lib.one(case, "select coalesce(sum(frames), 0) from evidence")
        verdicts = lib.one(case, "select coalesce(sum(frames), 0) from verdicts")
        whole = lib.one(case, "pragma integrity_check")
        if whole != "ok":
            wrong = "corrupt: %s" % whole
        elif frames != verdicts:
            wrong = "%d frames, the verdicts add up to %d" % (frames, verdicts)
        count("cases", 1)
        count("frames", frames)
        count("as counted by Wireshark", str(frames) == row["packets"])
    if wrong:
        wrong_captures.append(row["path"])
        lib.tell("not ok", "corpus.capture " + row["path"], wrong)


def bounded(row, place):
    """A hostile capture takes the released seine at most 5 s of CPU and 256 MiB."""
    path = os.path.join(CORPUS, "captures", row["path"])
    child = subprocess.Popen([lib.RELEASE, "ingest", "-q", "-o", os.path.join(place, "case.db"), path],
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds, mebibytes = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    with counting:
        most["seconds"], most["MiB"] = max(most["seconds"], seconds), max(most["MiB"], mebibytes)
    if child.returncode not in (0, 1, 3) or seconds > 5 or mebibytes > 256:
        unbounded.append(row["path"])
        lib.tell("not ok", "corpus.hostile " + row["path"], "exit status %d, %.2f s, %d MiB" % (
            child.returncode, seconds, mebibytes))


if not os.path.isdir(CORPUS):
    lib.tell("skip", "corpus", "there is no shared/corpus beside this project")
    lib.finish()
scores()
flows()
with open(os.path.join(CORPUS, "inventory.tsv"), encoding="utf-8", errors="replace") as table:
    inventory = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
with open(os.path.join(CORPUS, "hostile.txt"), encoding="utf-8", errors="replace") as lines:
    hostile = set(lines.read().split("\n"))
for at, line in enumerate(inventory):
    line["sanitized"] = lib.LONG or at % 3 == 0 or line["path"] in hostile
lib.each(survives, [row for row in inventory
                    if os.path.isfile(os.path.join(CORPUS, "captures", row["path"]))])
lib.check("corpus.captures", "%d captures went wrong" % len(wrong_captures) if wrong_captures else None,
          "%(captures)d captures, %(sanitized)d with sanitizers, %(cases)d cases, %(frames)d frames" % counts)
most, unbounded = {"seconds": 0, "MiB": 0}, []
lib.each(bounded, [row for row in inventory if row["path"] in hostile])
lib.check("corpus.hostile", "%d took too much" % len(unbounded) if unbounded else None,
          "%d captures, at most %.2f s of CPU and %d MiB" % (
              sum(row["path"] in hostile for row in inventory), most["seconds"], most["MiB"]))
alike, least = counts["as counted by Wireshark"], floor().get("frames", 0)
lib.check("corpus.frames", "as Wireshark counts in %d captures, held was %d" % (alike, least)
          if alike < least else None,
          "as Wireshark counts in %d of %d captures, floor %d" % (alike, counts["cases"], least))
lib.finish()
