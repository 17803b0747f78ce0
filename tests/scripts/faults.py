"""faults.py - what the world does wrong is said in one sentence, and leaves nothing false behind.

A damaged capture gives a case with all that stood before the damage, and exit status 1. Files that are
no capture, a case that is none, a full disk and a folder that cannot be written give exit status 3, one
line that begins with `seine: `, and a folder as it was before. Disks are small ones in memory, mounted
in a name space of this test's own.
"""
import os
import shutil
import sqlite3
import subprocess
import sys

import lib

SMALL = lib.datagrams(40, 400)
LARGE = lib.datagrams(8000, 1200)


def write(place, name, data):
    path = os.path.join(place, name)
    with open(path, "wb") as file:
        file.write(data)
    return path


def listing(place):
    """Every file of a folder with what is in it."""
    answer = {}
    for name in sorted(os.listdir(place)):
        path = os.path.join(place, name)
        answer[name] = open(path, "rb").read() if os.path.isfile(path) else None
    return answer


def one_sentence(run):
    lines = run.err.decode("utf-8", "replace").splitlines()
    if len(lines) != 1 or not lines[0].startswith("seine: "):
        return "expected one line that begins 'seine: ', got %d: %s" % (len(lines), lib.tail(run.err))
    return None


def refused(name, place, *arguments, cwd=None):
    """seine with these arguments fails with status 3 and a sentence, and the folder stays as it was."""
    before = listing(place)
    run = lib.seine(*arguments, cwd=cwd)
    wrong = run.wrong(3) or one_sentence(run)
    after = listing(place)
    if not wrong and after != before:
        changed = [n for n in sorted(after.keys() | before.keys()) if after.get(n) != before.get(n)]
        wrong = "the folder is not as it was: %s" % ", ".join(changed)
    lib.check("faults." + name, wrong, lib.tail(run.err))


def truncated(place):
    case = os.path.join(place, "truncated.db")
    path = write(place, "truncated.pcap", SMALL[:-100])
    run = lib.seine("ingest", "-o", case, path)
    wrong = run.wrong(1) or one_sentence(run)
    said = run.err.decode("utf-8", "replace")
    if not wrong and ("frame 40" not in said or "offset" not in said):
        wrong = "it does not name frame 40 and its offset: %s" % said
    if not wrong:
        row = lib.rows(case, "select status, frames from evidence")
        if row != [("partial", 39)]:
            wrong = "evidence says %s, expected partial and 39 frames" % row
    if not wrong and not lib.one(case, "select count(*) from oddities"):
        wrong = "no oddity tells of it"
    lib.check("faults.truncated", wrong, lib.tail(run.err))
    for name in os.listdir(place):
        if name.endswith(".partial"):
            lib.tell("not ok", "faults.truncated", "%s is left" % name)


def no_captures(place):
    case = os.path.join(place, "case.db")
    folder = os.path.join(place, "folder")
    os.mkdir(folder)
    refused("text", place, "ingest", "-o", case, write(place, "text.pcap", b"This is no capture.\n" * 9))
    refused("empty", place, "ingest", "-o", case, write(place, "empty.pcap", b""))
    refused("half a header", place, "ingest", "-o", case, write(place, "half.pcap", SMALL[:15]))
    refused("directory", place, "ingest", "-o", case, folder)
    refused("nothing there", place, "ingest", "-o", case, os.path.join(place, "missing.pcap"))


def no_cases(place):
    capture = write(place, "small.pcap", SMALL)
    text = write(place, "text.db", b"This is no case.\n" * 99)
    other = os.path.join(place, "other.db")
    db = sqlite3.connect(other)
    db.execute("create table t (x)")
    db.commit()
    db.close()
    refused("ingest into a text file", place, "ingest", "-o", text, capture)
    refused("ingest into another database", place, "ingest", "-o", other, capture)
    refused("read a text file as a case", place, "flows", text)
    refused("read another database as a case", place, "flows", other)
    refused("read a case that is not there", place, "flows", os.path.join(place, "missing.db"))


def mounted(place):
    """Runs in a name space of its own, where the test may mount."""
    capture, large = write(place, "small.pcap", SMALL), write(place, "large.pcap", LARGE)
    disk = os.path.join(place, "disk")
    os.mkdir(disk)

    def mount(*options):
        subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", disk], check=True)

    def unmount():
        subprocess.run(["umount", disk], check=True)

    case = os.path.join(disk, "case.db")
    mount("size=1m")
    refused("full disk", disk, "ingest", "-o", case, large)
    unmount()

    mount("size=4m")
    if lib.check("faults.ingest before the disk is full", lib.ingest(case, capture).wrong(0)):
        before = lib.dump(case)
        run = lib.seine("ingest", "-o", case, large)
        wrong = run.wrong(3) or one_sentence(run) or lib.difference(before, lib.dump(case))
        if not wrong and os.listdir(disk) != ["case.db"]:
            wrong = "left on the disk: %s" % ", ".join(sorted(os.listdir(disk)))
        lib.check("faults.full disk while adding", wrong, lib.tail(run.err))
    unmount()

    mount("size=1m")
    shutil.copy(capture, disk)
    subprocess.run(["mount", "-o", "remount,bind,ro", disk], check=True)
    refused("read-only folder", disk, "ingest", "-o", case, capture)
    refused("read-only current folder", disk, "small.pcap", cwd=disk)
    unmount()
    lib.finish()


def in_name_space():
    """Runs mounted() where mounting is allowed: as root, or as root of a user name space."""
    how = ["unshare", "--mount"] + ([] if os.getuid() == 0 else ["--map-root-user"])
    try_ = how + ["sh", "-c", "mount -t tmpfs tmpfs /mnt"]
    if not shutil.which("unshare") or subprocess.run(try_, capture_output=True).returncode:
        for name in ("full disk", "full disk while adding", "read-only folder"):
            lib.tell("skip", "faults." + name, "nothing can be mounted here")
        return
    with lib.folder() as place:
        done = subprocess.run(how + [sys.executable, os.path.abspath(__file__), place])
        if done.returncode not in (0, 1):
            lib.tell("not ok", "faults.mounted", "exit status %d" % done.returncode)
        elif done.returncode == 1:
            sys.exit(1)


if len(sys.argv) > 1:
    mounted(sys.argv[1])
for test in (truncated, no_captures, no_cases):
    with lib.folder() as where:
        test(where)
in_name_space()
lib.finish()
