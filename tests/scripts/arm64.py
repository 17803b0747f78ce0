"""arm64.py - seine for arm64, under qemu, says what seine for this machine says.

In a long run scripts/package cross-builds the package, and what is in it is run:
- each of sample_pcaps/ becomes a case with the same rows, bytes of blobs included, and the same seal, on
  one thread and on several; a case made by one proves itself to the other;
- the golden tests of the command line print the same words;
- the unit and property tests, built for arm64, pass.
In a short run, a few samples, if a cross build is there that is no older than the sources.
Live capture does not work under qemu-user, which has no packet sockets: it is tested on the machine's own.
"""
import glob
import os
import shutil
import subprocess
import sys

import lib

PACKAGE = os.path.join(lib.TOP, "build", "package-arm64")
SHORT = 3  # samples of a short run
# The one takes minutes here, and hours on a Raspberry Pi, for what is no machine's matter; under qemu no interface can be
# made for the other, nor a ring had.
LEFT_OUT = "property.view_test|unit.live_test"
MINUTES = 30
# Commands that send a signal to a process of seine, and find qemu there.
NOT_UNDER_QEMU = ("interrupt",)


def qemu():
    return shutil.which("qemu-aarch64-static") or shutil.which("qemu-aarch64")


def built():
    """The cross build that is there, unless a source is younger."""
    binary = os.path.join(PACKAGE, "seine")
    if not os.path.exists(binary):
        return None
    sources = [path for name in ("*.[ch]", "*.sql", "CMakeLists.txt")
               for path in glob.glob(os.path.join(lib.TOP, "src", "**", name), recursive=True)]
    return binary if os.path.getmtime(binary) >= max(map(os.path.getmtime, sources)) else None


def wrapper(binary, place):
    """A program that is the binary under qemu, for who starts seine by its name."""
    path = os.path.join(place, "seine-arm64")
    with open(path, "w") as file:
        file.write('#!/bin/sh\nexec %s %s "$@"\n' % (qemu(), binary))
    os.chmod(path, 0o755)
    return path


def check_sample(item, place):
    path, arm = item["path"], item["arm"]
    name = "arm64.sample " + os.path.relpath(path, os.path.join(lib.TOP, "sample_pcaps"))
    ours, theirs = place + "/amd64.db", place + "/arm64.db"
    wrong = lib.ingest(ours, path, binary=lib.RELEASE).wrong(0, 1)
    for jobs in ((1, 4) if lib.LONG else (1,)):
        if os.path.exists(theirs):
            os.remove(theirs)
        done = lib.seine("ingest", "--quiet", "--jobs", jobs, "-o", theirs, path, binary=arm, timeout=600)
        wrong = wrong or done.wrong(0, 1) or lib.difference(lib.dump(ours), lib.dump(theirs))
        if not wrong and lib.rows(ours, "select seal from runs") != lib.rows(theirs, "select seal from runs"):
            wrong = "the seals differ"
    if not wrong and lib.LONG:
        wrong = lib.seine("verify", ours, binary=arm, timeout=600).wrong(0, 1) or lib.seine("verify", theirs).wrong(0, 1)
    rows = 0 if wrong else sum(len(rows) for rows in lib.dump(theirs).values())
    lib.check(name, wrong, "%d rows are the same" % rows)


def check_golden(arm):
    names = sorted(os.path.splitext(os.path.basename(path))[0]
                   for path in glob.glob(os.path.join(lib.TOP, "tests", "golden", "*.cmd")))
    if not os.path.exists(lib.CRAFT):
        return lib.tell("skip", "arm64.golden", "there is no craft in the release build")
    for name in names:
        if name in NOT_UNDER_QEMU:
            lib.tell("skip", "arm64.golden." + name, "qemu stands between it and the signals")
            continue
        done = subprocess.run([os.path.join(lib.TOP, "tests", "golden", "run"), arm, lib.CRAFT, name],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        lib.check("arm64.golden." + name, lib.tail(done.stdout) if done.returncode else "")


def check_units():
    few = {name: value for name, value in os.environ.items() if name != "SEINE_LONG"}  # the counts of a short run
    done = subprocess.run(["ctest", "-R", r"^(unit|property)\.", "-E", LEFT_OUT, "-j", "2"], cwd=PACKAGE, env=few,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=MINUTES * 60)
    said = [line for line in done.stdout.splitlines() if "tests passed" in line or "Failed" in line or "Timeout" in line]
    lib.check("arm64.units", "; ".join(said) or lib.tail(done.stdout.encode()) if done.returncode else "",
              said[0] if said else "")


def main():
    if lib.LONG:
        made = subprocess.run([os.path.join(lib.TOP, "scripts", "package"), "arm64"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True)
        if not lib.check("arm64.package", made.stderr[-600:] or "no package" if made.returncode else ""):
            return lib.finish()
    elif not qemu() or not built():
        lib.tell("skip", "arm64", "no cross build of these sources is there: scripts/package arm64 makes one")
        return lib.finish()
    with lib.folder() as place:
        binary = built()
        if lib.LONG:  # what is in the package, stripped
            subprocess.run(["dpkg-deb", "-x", made.stdout.splitlines()[-1], place], check=True)
            binary = place + "/usr/bin/seine"
        arm = wrapper(binary, place)
        said, ours = lib.seine("--version", binary=arm), lib.seine("--version", binary=lib.RELEASE)
        lib.check("arm64.version", said.wrong() or ("" if said.out == ours.out else said.out), said.out.decode().strip())
        samples = lib.samples() if lib.LONG else lib.samples()[:SHORT]
        lib.each(check_sample, [{"path": path, "arm": arm} for path in samples])
        if lib.LONG:
            check_golden(arm)
            check_units()
        else:
            lib.tell("skip", "arm64.golden and arm64.units", "a long run has them")
    return lib.finish()


sys.exit(main())
