"""edge.py - seine live with a quarter of one core and 128 MiB: nothing is lost, and memory stays what it is.

In a cgroup, of either version, which is made and removed here; without root's rights, or where there is none, it is
skipped. The kernel does not charge a ring to whoever has it, so what the cgroup may have is less by the ring. The
traffic is that of sample_pcaps/, at 2,000 frames a second for ten minutes (a few seconds in a short run), and then a
burst of 60,000 as fast as they come.
"""
import contextlib
import os
import subprocess
import sys
import tempfile
import time

import lib
import live
import rotate
import wire

ALL, RING = 128 << 20, 16 << 20
PERIOD_US, QUARTER_US = 100000, 25000
RATE, BURST = 2000, 60000
ROUNDS = 32          # of the samples between other hosts, before the first come again: a minute or two
SETTLE = 200         # seconds until as many flows live as ever will: datagrams are waited for three minutes
SLACK_KIB = 2048
DISK = "/var/tmp"    # what is written into memory is charged, and never goes


class Cgroup:
    """A quarter of one core, and so many bytes."""
    ROOT = "/sys/fs/cgroup"

    def __init__(self, memory):
        self.memory, self.folders = memory, {}

    @staticmethod
    def write(folder, name, value):
        with open(os.path.join(folder, name), "w") as file:
            file.write(str(value))

    def read(self, controller, name):
        with open(os.path.join(self.folders[controller], name)) as file:
            return file.read()

    def __enter__(self):
        name = "seine-test-%d" % os.getpid()
        try:
            if os.path.isdir(os.path.join(self.ROOT, "memory")) and os.path.isdir(os.path.join(self.ROOT, "cpu")):
                self.make({of: os.path.join(self.ROOT, of, name) for of in ("cpu", "memory")})
                self.write(self.folders["cpu"], "cpu.cfs_period_us", PERIOD_US)
                self.write(self.folders["cpu"], "cpu.cfs_quota_us", QUARTER_US)
                self.write(self.folders["memory"], "memory.limit_in_bytes", self.memory)
            else:
                self.write(self.ROOT, "cgroup.subtree_control", "+cpu +memory")
                self.make(dict.fromkeys(("cpu", "memory"), os.path.join(self.ROOT, name)))
                self.write(self.folders["cpu"], "cpu.max", "%d %d" % (QUARTER_US, PERIOD_US))
                self.write(self.folders["memory"], "memory.max", self.memory)
        except OSError:
            self.__exit__()
            raise
        return self

    def make(self, folders):
        for of, folder in folders.items():
            if folder not in self.folders.values():
                os.mkdir(folder)
            self.folders[of] = folder

    def __exit__(self, *_):
        for folder in set(self.folders.values()):
            for _ in range(50):  # the kernel lets go of who was in it a little later
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
                    break
                time.sleep(0.1)

    def join(self):
        for folder in set(self.folders.values()):
            self.write(folder, "cgroup.procs", os.getpid())

    def holds(self, pid):
        return all(str(pid) in self.read(of, "cgroup.procs").split() for of in self.folders)

    def killed(self):
        """How often the kernel ended something for want of memory."""
        for name in "memory.events", "memory.oom_control":
            with contextlib.suppress(OSError):
                for line in self.read("memory", name).splitlines():
                    if line.split()[0] == "oom_kill":
                        return int(line.split()[1])
        return 0

    def throttled(self):
        found = dict(line.split() for line in self.read("cpu", "cpu.stat").splitlines())
        return int(found.get("nr_throttled", 0))


def send(cable, seine, *what):
    """How many frames were sent, and what seine had of memory meanwhile, again and again."""
    frames = cable.start(cable.far, sys.executable, wire.__file__, "wire0", *what, stdout=subprocess.PIPE, text=True)
    seen = []
    while frames.poll() is None:
        time.sleep(0.25)
        if seine.poll() is not None:
            raise RuntimeError("seine ended: exit status %d" % seine.returncode)
        seen.append(rotate.anonymous(seine.pid))
    return int(frames.stdout.read().split()[0]), seen


def lost(folder, sent):
    """What is not there of what was sent; or None."""
    paths = [path for _, path in rotate.slices(folder)]

    def total(sql):
        return sum(lib.one(path, sql) for path in paths)

    frames = total("select coalesce(sum(frames), 0) from evidence")
    if frames != sent:
        return "%d of %d frames are there" % (frames, sent)
    for what in ("dropped_by_system", "freezes", "shed"):  # others count what is not of this interface, or not lost
        count = total("select coalesce(sum(%s), 0) from capture_stats" % what)
        if count:
            return "%s: %d" % (what, count)
    detail = [row[0] for path in paths for row in lib.rows(path, "select detail from capture_stats where detail <> ''")]
    return "it says: %s" % detail[0] if detail else None


def attempt(place):
    """What is wrong, or None, and the figures."""
    seconds = 600 if lib.LONG else 4
    folder = os.path.join(place, "edge")
    with Cgroup(ALL - RING) as cgroup, live.Cable() as cable:
        run = live.Live(cable, folder, "--memory", "64M", "--ring", "16M", "--rotate", "64M",
                        binary=lib.RELEASE, preexec_fn=cgroup.join)
        sent, seen = send(cable, run.process, "samples", RATE, seconds, ROUNDS)
        time.sleep(1)
        more, _ = send(cable, run.process, "burst", BURST)
        time.sleep(3)  # of a quarter of a core it needs some for what lies in the ring
        inside, killed, throttled = cgroup.holds(run.process.pid), cgroup.killed(), cgroup.throttled()
        wrong = run.stop()
    if not inside:
        wrong = "it was not in its cgroup"
    if killed:
        wrong = "it had more than it may have, and was killed"
    begun = int(len(seen) * SETTLE / seconds) if lib.LONG else len(seen)
    middle = (begun + len(seen)) // 2
    if not wrong and middle < len(seen) and max(seen[middle:]) > max(seen[begun:middle]) + SLACK_KIB:
        wrong = "memory grew from %d KiB to %d" % (max(seen[begun:middle]), max(seen[middle:]))
    wrong = wrong or lost(folder, sent + more)
    wrong = wrong or next(filter(None, (rotate.broken(*slice) for slice in rotate.slices(folder))), None)
    return wrong, "%d frames and %d, %d slices, %d KiB at most, %d at the end, held back %d times" % (
        sent, more, len(rotate.slices(folder)), max(seen), seen[-1], throttled)


def main():
    name = "a quarter of a core and 128 MiB lose nothing of 2,000 frames a second, nor of a burst"
    try:
        with Cgroup(ALL - RING), live.Cable():
            pass
    except OSError as error:
        lib.tell("skip", name, "there are no cgroups, or no network namespaces, to be made here: %s" % error)
        lib.finish()
    for repeated in range(1 if lib.LONG else 3):  # others have the machine as well, in a short run
        with tempfile.TemporaryDirectory(prefix="seine-test-", dir=DISK) as place:
            wrong, figures = attempt(place)
        if not wrong:
            break
    lib.check(name, wrong, "%s, repeated %d times" % (figures, repeated))
    lib.finish()


main()
