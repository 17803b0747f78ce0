"""sandbox.py - every command gives up what it does not need, tried in seine itself.

A library (tests/intruder) that is preloaded into the released program does one thing from within that no
command ever does, when the first database is opened, or on a thread that started later. What must fail
must fail in each command; where the kernel ends the process, it ends by SIGSYS. The shipped and the
sanitized program are then looked at from outside: the kernel says that every thread has the filter, gains no
privileges, and has no capability but those about files. Then, what must go on working: captures that come
through named pipes, a case read while its folder is not to be written, the prompt on a terminal.
"""
import errno
import os
import pty
import select
import shutil
import signal
import sqlite3
import subprocess
import time

import lib

INTRUDER = os.path.join(os.path.dirname(os.path.abspath(lib.RELEASE)), "tests", "intruder", "intruder.so")
PRELOAD = lib.preloadable(INTRUDER)
CAPTURE = os.path.join(lib.TOP, "sample_pcaps", "http-v4.pcap")
FILE_CAPABILITIES = 0b1111  # chown, dac_override, dac_read_search, fowner
KILLED = "killed"


def commands(place):
    """Each command as words, and whether it may read everything, since its captures may be anywhere."""
    case = os.path.join(place, "case.db")
    return {
        "ingest": (["ingest", "-q", "-o", os.path.join(place, "new.db"), CAPTURE], False),
        "summary": (["summary", case], False),
        "flows": (["flows", case], False),
        "streams": (["streams", case], False),
        "sql": (["sql", case, "select 1"], False),
        "follow": (["follow", case, "1"], True),
        "extract": (["extract", case, "1", "-o", os.path.join(place, "flow.pcapng")], True),
        "verify": (["verify", case], True),
    }


def intrude(words, act, path="", where="open", **settings):
    """What became of it: an errno, 0 where it was done, or KILLED."""
    environment = dict(os.environ, LD_PRELOAD=PRELOAD, INTRUDER_ACT=act, INTRUDER_PATH=path,
                       INTRUDER_WHERE=where, **settings)
    done = subprocess.run([lib.RELEASE, *words], stdin=subprocess.DEVNULL, capture_output=True,
                          env=environment, timeout=lib.TIMEOUT)
    if done.returncode == -signal.SIGSYS:
        return KILLED
    for line in done.stderr.decode("utf-8", "replace").splitlines():
        if line.startswith("intruder: "):
            return int(line.split()[1])
    return "exit status %d, %s" % (done.returncode, lib.tail(done.stderr))


def lacking(place):
    """The words of seine for what this kernel has not."""
    done = subprocess.run([lib.RELEASE, "flows", os.path.join(place, "case.db")], capture_output=True,
                          env=dict(os.environ, SEINE_SANDBOX="tell"), check=False)
    return done.stderr.decode()


def acts(place, away, lacks):
    """(act, path, which commands it concerns, what must become of it)."""
    theirs, folder = os.path.join(away, "theirs"), away
    if "Landlock" not in lacks:
        yield "read", theirs, "confined", errno.EACCES
        yield "read", "/etc/passwd", "confined", errno.EACCES
        yield "list", folder, "confined", errno.EACCES
        yield "write", theirs, "all", errno.EACCES
        yield "write", os.path.join(away, "new"), "all", errno.EACCES
        yield "remove", theirs, "all", errno.EACCES
        yield "write", os.path.join(place, "new"), "readers", errno.EACCES
        yield "remove", os.path.join(place, "case.db"), "readers", errno.EACCES
    if "filter" not in lacks:
        yield "run", "", "all", KILLED
        yield "trace", "", "all", KILLED
        yield "rights", "", "all", KILLED
        yield "socket", "", "all", errno.EACCES
        yield "signal", "", "all", errno.ENOSYS
        yield "code", "", "all", errno.ENOSYS


def test_intruder(place, away, lacks):
    for name, (words, reads_all) in commands(place).items():
        wrong, tried = [], 0
        for act, path, which, expected in acts(place, away, lacks):
            if which == "confined" and reads_all or which == "readers" and name in ("ingest", "extract"):
                continue
            tried += 1
            became = intrude(words, act, path)
            if became != expected:
                wrong.append("%s %s: %s, expected %s" % (act, path, became, expected))
        if name == "ingest" and not lacks:
            for act, path, expected in (("read", "/etc/passwd", errno.EACCES), ("run", "", KILLED)):
                tried += 1
                became = intrude([*words, "--jobs", "2"], act, path, where="thread")
                if became != expected:
                    wrong.append("on a thread: %s: %s, expected %s" % (act, became, expected))
        lib.check("sandbox.%s" % name, "; ".join(wrong), "%d attempts failed" % tried)
    # The same attempts are done where nothing was given up: it is the sandbox that stops them.
    words = commands(place)["flows"][0]
    became = [intrude(words, "read", os.path.join(away, "theirs"), SEINE_SANDBOX="off"),
              intrude(words, "socket", SEINE_SANDBOX="off")]
    lib.check("sandbox.off", "" if became == [0, 0] else "became %s" % became)


def test_from_outside(place, lacks, binary, name):
    """What the kernel says of a run that waits for a pipe."""
    out = os.path.join(place, name + ".db")
    process = subprocess.Popen([binary, "ingest", "-q", "-o", out, "-"], stdin=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    data = open(CAPTURE, "rb").read()
    process.stdin.write(data[:len(data) // 2])
    process.stdin.flush()
    tasks, wrong = "/proc/%d/task" % process.pid, "no thread started"
    for _ in range(200):
        if len(os.listdir(tasks)) > 1:
            wrong = ""
            break
        time.sleep(0.02)
    for task in os.listdir(tasks):
        status = dict(line.rstrip("\n").split(":", 1)
                      for line in open(os.path.join(tasks, task, "status"), encoding="utf-8"))
        if status["Seccomp"].strip() != "2" and "filter" not in lacks:
            wrong = wrong or "thread %s has no filter" % task
        if status["NoNewPrivs"].strip() != "1":
            wrong = wrong or "thread %s may gain privileges" % task
        if int(status["CapEff"], 16) & ~FILE_CAPABILITIES or int(status["CapPrm"], 16) & ~FILE_CAPABILITIES:
            wrong = wrong or "thread %s has the capabilities %s" % (task, status["CapPrm"].strip())
    process.stdin.write(data[len(data) // 2:])
    process.stdin.close()
    said = process.stderr.read()
    if process.wait(lib.TIMEOUT) != 0:
        wrong = wrong or lib.tail(said)
    lib.check("sandbox.threads %s" % name, wrong)


def test_named_pipe(place):
    """Captures by way of /dev/fd, as the shell's <(...) gives them, and of a named pipe."""
    fifo = os.path.join(place, "fifo")
    os.mkfifo(fifo)
    feeder = subprocess.Popen(["sh", "-c", 'cat "$1" > "$2"', "sh", CAPTURE, fifo])
    run = lib.seine("ingest", "-q", "-o", os.path.join(place, "fifo.db"), fifo)
    feeder.wait()
    wrong = run.wrong(0)
    read, write = os.pipe()
    feeder = subprocess.Popen(["cat", CAPTURE], stdout=write)
    os.close(write)
    done = subprocess.run([lib.SEINE, "ingest", "-q", "-o", os.path.join(place, "fd.db"), "/dev/fd/%d" % read],
                          pass_fds=[read], capture_output=True, timeout=lib.TIMEOUT)
    os.close(read)
    feeder.wait()
    lib.check("sandbox.pipes", wrong or (lib.tail(done.stderr) if done.returncode else ""))


def test_link(place, away):
    """A case that is a link: what is written lies where the link leads to."""
    real, link = os.path.join(away, "real.db"), os.path.join(place, "link.db")
    wrong = lib.seine("ingest", "-q", "-o", real, CAPTURE).wrong(0)
    os.symlink(real, link)
    other = os.path.join(lib.TOP, "sample_pcaps", "dns.pcap")
    wrong = wrong or lib.seine("ingest", "-q", "-o", link, other).wrong(0) or lib.seine("flows", link).wrong(0)
    lib.check("sandbox.link", wrong)


def test_log(place):
    """A case in WAL mode, as a live run has it, is read whether or not its log and its index are there."""
    case = os.path.join(place, "log.db")
    shutil.copy(os.path.join(place, "case.db"), case)
    writer = sqlite3.connect(case)
    writer.execute("pragma journal_mode = wal")
    wrong = lib.seine("flows", case).wrong(0)
    writer.execute("update runs set host = 'elsewhere'")
    writer.commit()
    answer = lib.seine("sql", case, "select host from runs", "--csv")
    wrong = wrong or answer.wrong(0)
    if not wrong and b"elsewhere" not in answer.out:
        wrong = "it does not see what was committed: %r" % answer.out
    writer.close()
    wrong = wrong or lib.seine("summary", case).wrong(0)
    lib.check("sandbox.log", wrong)


def test_names(place):
    """Names in a filter are those of the system's files; the network is not asked."""
    local = lib.seine("ingest", "-q", "-f", "host localhost or port http", "-o",
                      os.path.join(place, "names.db"), CAPTURE)
    far = lib.seine("ingest", "-q", "-f", "host seine.example", "-o", os.path.join(place, "far.db"), CAPTURE)
    wrong = local.wrong(0) or far.wrong(2)
    if not wrong and b"seine.example" not in far.err:
        wrong = lib.tail(far.err)
    lib.check("sandbox.names", wrong)


def test_prompt(place):
    """Keys, the line before, Ctrl-C, and the end."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ.update(TERM="xterm", HOME=place)
        os.execv(lib.RELEASE, [lib.RELEASE, "sql", os.path.join(place, "case.db")])
    seen = b""

    def wait_for(text, count):
        nonlocal seen
        end = time.monotonic() + 10
        while seen.count(text) < count and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    seen += os.read(terminal, 4096)
                except OSError:
                    return
    wait_for(b"seine>", 1)
    os.write(terminal, b"select 40 + 2;\r")
    wait_for(b"42", 1)
    os.write(terminal, b"\x1b[A\r")  # the line before
    wait_for(b"42", 2)
    os.write(terminal, b"select\x03")
    time.sleep(0.2)
    os.write(terminal, b"\rselect 7 * 11;\r")
    wait_for(b"77", 1)
    os.write(terminal, b".quit\r")
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(terminal)
    wrong = "exit status %d" % status if status else ""
    if seen.count(b"42") < 2 or b"77" not in seen:
        wrong = wrong or "it showed %r" % seen[-300:]
    lib.check("sandbox.prompt", wrong)


def test_wish(place):
    """SEINE_SANDBOX=require is content with this kernel, or says what it lacks and does nothing."""
    lacks = lacking(place)
    done = subprocess.run([lib.RELEASE, "flows", os.path.join(place, "case.db")], capture_output=True,
                          env=dict(os.environ, SEINE_SANDBOX="require"), check=False)
    right = done.returncode == (3 if lacks else 0) and done.stderr.decode() == lacks
    lib.check("sandbox.require", "" if right else "exit status %d, %s" % (done.returncode, lib.tail(done.stderr)),
              lacks.replace("\n", " ") or "all of it holds")


def main(place):
    place, away = os.path.join(place, "here"), os.path.join(place, "away")
    os.mkdir(place)
    os.mkdir(away)
    os.environ["TMPDIR"] = os.path.join(place, "tmp")
    os.mkdir(os.environ["TMPDIR"])
    open(os.path.join(away, "theirs"), "w").close()
    made = lib.seine("ingest", "-q", "-o", os.path.join(place, "case.db"), CAPTURE)
    if not lib.check("sandbox.case", made.wrong(0)):
        return
    lacks = lacking(place)
    if os.path.exists(INTRUDER):
        test_intruder(place, away, lacks)
    else:
        lib.tell("skip", "sandbox.intruder", "the released program was built without tests/intruder")
    test_from_outside(place, lacks, lib.RELEASE, "release")
    if lib.SEINE != lib.RELEASE:
        test_from_outside(place, lacks, lib.SEINE, "sanitized")
    test_named_pipe(place)
    test_link(place, away)
    test_log(place)
    test_names(place)
    test_prompt(place)
    test_wish(place)


if __name__ == "__main__":
    with lib.folder() as where:
        main(where)
    lib.finish()
