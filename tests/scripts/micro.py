"""micro.py - no stage takes more instructions a frame than bench/baseline.json says, but for 5%.

Callgrind counts what bench/micro of the release does inside run_stage(), without SHA-256. The counts repeat to
less than 1% (the flow table's hash is seeded at random), as long as compiler, valgrind and SQLite are the same:
where one of them is another, the test says so and skips. `tests/scripts/micro.sh --renew` writes the
baseline anew; the commit that does so says what grew, and why.
"""
import json
import os
import platform
import re
import shutil
import sqlite3
import subprocess
import sys

import lib

BASELINE = os.path.join(lib.TOP, "bench", "baseline.json")
MICRO = os.path.join(os.path.dirname(lib.RELEASE), "bench", "micro")
STAGES = ("read", "dissect", "flow", "reassemble", "store")
FRAMES = 9000
MOST = 1.05


def first_line(*command):
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()[0]


def tools():
    """What the counts depend on beside the sources."""
    return {"compiler": first_line("cc", "--version"), "valgrind": first_line("valgrind", "--version"),
            "sqlite": sqlite3.sqlite_version, "libc": " ".join(platform.libc_ver()), "machine": platform.machine()}


def per_frame(stage):
    done = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
                           "--toggle-collect=run_stage", MICRO, "--stage", stage, "--frames", str(FRAMES)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    counted = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not counted or int(counted[1]) == 0:
        raise RuntimeError("%s: %s" % (stage, done.stderr[-300:]))
    return round(int(counted[1]) / FRAMES, 1)


def renew():
    with open(BASELINE, "w") as file:
        json.dump({"tools": tools(), "frames": FRAMES,
                   "instructions_per_frame": {stage: per_frame(stage) for stage in STAGES}}, file, indent=4)
        file.write("\n")


def compare():
    if not shutil.which("valgrind") or not os.access(MICRO, os.X_OK):
        return lib.tell("skip", "micro", "no valgrind, or no %s" % MICRO)
    with open(BASELINE) as file:
        baseline = json.load(file)
    others = ["%s is %s, not %s" % (name, have, baseline["tools"].get(name))
              for name, have in tools().items() if have != baseline["tools"].get(name)]
    if others:
        return lib.tell("skip", "micro", "counted with other tools: " + "; ".join(others))
    for stage in STAGES:
        was, now = baseline["instructions_per_frame"][stage], per_frame(stage)
        figure = "%.1f instructions a frame, %.1f in the baseline (%+.1f%%)" % (now, was, 100 * (now / was - 1))
        lib.check("micro." + stage, figure if now > MOST * was else None, figure)


if "--renew" in sys.argv:
    renew()
else:
    compare()
    lib.finish()
