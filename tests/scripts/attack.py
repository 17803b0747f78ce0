"""attack.py - memory stays within its budget whatever a sender does, and what was given up is told.

Each attack of bench/attacks.py, small, with a budget that it overruns. The limit is the kernel's: a process that
would take more private memory than its budget and 16 MiB gets none, and seine says so and ends, which no case
here does. Then `seine verify` proves the case, under a limit too. With SEINE_LONG, callgrind counts that twice as
much takes twice as many instructions.
"""
import os
import re
import resource
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import lib

sys.path.insert(0, os.path.join(lib.TOP, "bench"))
import attacks

MIB = 1 << 20
SLACK = 16 * MIB
VERIFY = 48 * MIB  # it has no budget: what it takes must not grow with the case
UNPACK = {"zstd_window": 160 * MIB, "long_records": 112 * MIB}  # but for what a capture asks for
NEEDS_MORE = re.compile(rb"reading these captures takes \d+ MiB, .* with --memory (\d+M) it can be done")


def limited(most, *arguments):
    """seine, the release, with at most so many bytes of private memory."""
    def limit():
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    try:
        done = subprocess.run([lib.RELEASE, *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              preexec_fn=limit, timeout=300)
    except subprocess.TimeoutExpired:
        return lib.Run("timeout", b"", b"")
    return lib.Run(done.returncode, done.stdout, done.stderr)


def ingested(case, memory, words):
    """The run; where reading wants more memory than that, with as much as it says."""
    for _ in range(2):
        size = int(memory[:-1]) * MIB
        run = limited(size + SLACK, "ingest", "--quiet", "--memory", memory, *words, "-o", case)
        more = NEEDS_MORE.search(run.err) if run.status == 3 else None
        if not more:
            break
        memory = more[1].decode()
    return run


def oddities(case, kind):
    return lib.one(case, "select coalesce(sum(count), 0) from oddities where kind = ?", kind)


def untold(case):
    """What the case has lost without a word, or None."""
    frames, verdicts = (lib.one(case, sql) for sql in (
        "select sum(frames) from evidence", "select coalesce(sum(frames), 0) from verdicts"))
    if frames != verdicts:
        return "%d frames, %d verdicts" % (frames, verdicts)
    evicted = lib.one(case, "select count(*) from flows where end_reason = 'evicted'")
    if evicted != oddities(case, "flow_evicted"):
        return "%d flows evicted, %d told" % (evicted, oddities(case, "flow_evicted"))
    for reason in "settled", "no_memory", "out_of_window":
        rows = lib.one(case, "select count(*) from refused where reason = ?", reason)
        if rows > oddities(case, reason):
            return "%d refused for %s, %d told" % (rows, reason, oddities(case, reason))
    return None


def flows(case):
    return lib.one(case, "select count(*) from flows")


def segments(case):
    return lib.one(case, "select coalesce(sum(segments), 0) from arrivals")


def given_up(case):
    return oddities(case, "fragments_incomplete") + oddities(case, "fragments_evicted")


# What n units must have left in the case, by what counts them.
LEFT = {
    "hole": (segments, lambda n: n), "holes": (segments, lambda n: n), "scattered": (segments, lambda n: n),
    "bytes_": (segments, lambda n: n), "conflicts": (segments, lambda n: n + 4096),
    "thrash": (segments, lambda n: n + 4096), "outside": (segments, lambda n: n + 1),
    "keepalives": (segments, lambda n: n + 1), "urgent": (segments, lambda n: n),
    "syns": (flows, lambda n: n), "handshakes": (flows, lambda n: n), "reuse": (flows, lambda n: n // 2),
    "open_streams": (segments, lambda n: n), "ports": (segments, lambda n: n), "tunnels": (flows, lambda n: n),
    "carriers": (flows, lambda n: 9 * n),
    "addresses": (flows, lambda n: n),
    "fragments": (given_up, lambda n: n), "tunnelled_fragments": (given_up, lambda n: n),
    "comments": (lambda case: lib.one(case, "select count(*) from notes"), lambda n: n),
    "interfaces": (lambda case: lib.one(case, "select count(*) from interfaces"), lambda n: n + 1),
    "statistics": (lambda case: lib.one(case, "select count(*) from capture_stats"), lambda n: n),
    "secrets": (lambda case: lib.one(case, "select count(*) from secrets"), lambda n: n),
    "long_secrets": (lambda case: lib.one(case, "select sum(length(data)) from secrets"), lambda n: n << 10),
}


def attack(entry, folder):
    """Why it went wrong, or None."""
    name, case = entry.function.__name__, os.path.join(folder, "case.db")
    words = attacks.write(entry.function, folder, entry.small)
    run = ingested(case, "8M", words)
    # A record that no memory is left for is damage, which is told.
    wrong = run.wrong(1) if name == "long_records" else run.wrong()
    if not wrong:
        wrong = untold(case)
    if not wrong and name in LEFT:
        count, expected = LEFT[name]
        left = count(case)
        if left != expected(entry.small):
            wrong = "%d left, expected %d" % (left, expected(entry.small))
    if not wrong:
        wrong = limited(UNPACK.get(name, VERIFY), "verify", case).wrong()
    return wrong


def instructions(entry, n, folder):
    """How many an ingest of n takes."""
    os.makedirs(folder)
    words = attacks.write(entry.function, folder, n)
    out = os.path.join(folder, "callgrind")
    said = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out, lib.RELEASE, "ingest",
                           "--quiet", "--memory", "8M", *words, "-o", os.path.join(folder, "case.db")],
                          stdin=subprocess.DEVNULL, capture_output=True).stderr
    shutil.rmtree(folder)
    return int(re.search(rb"Collected : (\d+)", said)[1])


def linear(entry, folder):
    """Why twice as much is more than twice as dear, or None; a fifth is for logarithms and chance."""
    once, twice = (instructions(entry, n, os.path.join(folder, str(n))) for n in (entry.small, 2 * entry.small))
    return "2n costs %.2f times n" % (twice / once) if twice > 2.4 * once else None


def main():
    for entry in attacks.ATTACKS:
        with lib.folder() as folder:
            lib.check("attack." + entry.function.__name__.strip("_"), attack(entry, folder))
    if lib.LONG and shutil.which("valgrind"):
        for entry in attacks.ATTACKS:
            if getattr(entry.function, "many", False) or getattr(entry.function, "writer", None) is attacks.Whole:
                continue  # few and large: nothing to count
            with lib.folder() as folder:
                lib.check("attack.linear." + entry.function.__name__.strip("_"), linear(entry, folder))
    lib.finish()


main()
