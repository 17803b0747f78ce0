"""reference.py - a case whose payload stays in the capture says the same as one that has it.

Every sample and every hard script is ingested both ways. Equal must be all rows but those of the payload
itself, with the hashes of streams; what `follow --as raw` writes, to the byte; and `verify` must hold. Where
the evidence has gone or changed, that is said, and nothing else is written. Without SEINE_LONG every fourth of
the hard scripts is taken, and fewer flows are followed.
"""
import os
import shutil
import subprocess
import glob

import lib
import slices

FOLDER = os.path.join(lib.TOP, "tests", "hard")
MOST = 40 if lib.LONG else 8  # flows of a capture that are followed


def numbers(case):
    """A number for each flow that does not depend on when it got its id: that is when its first row is
    written, and payload in the case makes such rows."""
    flows = [flow for flow, in lib.rows(case, "SELECT flow_id FROM flows ORDER BY evidence_id, first_frame,"
                                        " protocol, client_ip, client_port, server_ip, server_port, first_ns")]
    return {flow: number for number, flow in enumerate(flows, 1)}


def rows_of(case):
    """Every table, but for payload, and what says how the case was made."""
    number = numbers(case)
    change = {"flow_id": lambda flow: number.get(flow, flow),
              "stream_id": lambda stream: 2 * number.get(stream // 2, stream // 2) + stream % 2,
              "options": lambda _: None, "conflict_id": lambda _: None, "refused_id": lambda _: None,
              "oddity_id": lambda _: None}
    found = {}
    for table, in lib.rows(case, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN"
                           " ('runs', 'stream_data', 'chunk_data', 'arrivals', 'flow_frames')"
                           " AND name NOT LIKE 'sqlite_%'"):
        names = lib.columns(case, table)
        rows = lib.rows(case, "SELECT * FROM %s ORDER BY rowid" % table
                        if "conflict" in table or "refused" in table else "SELECT * FROM %s" % table)
        rows = [tuple(change.get(name, lambda value: value)(value) for name, value in zip(names, row))
                for row in rows]
        at = names.index("stream_id") if "stream_id" in names else None
        by_id = "conflict" in table or "refused" in table  # those of a stream stand in their order
        found[table] = sorted(rows, key=(lambda row: row[at]) if by_id else repr)
    for table, column in (("segments", "stream_id"), ("frames", "flow_id")):
        run = lib.seine("sql", "--csv", case, "SELECT * FROM %s" % table)
        rows = [line.split(",") for line in run.out.decode().splitlines()[1:]]
        change_id = change[column]
        found[table] = sorted(((change_id(int(row[0])), i, row[1:]) for i, row in enumerate(rows)))
        found[table] = [(owner, row) for owner, _, row in found[table]]
    return found


def said(case):
    """What each flow said, by follow, and how that ended."""
    runs = [(number, lib.seine("follow", case, str(flow), "--as", "raw"))
            for flow, number in sorted(numbers(case).items(), key=lambda item: item[1])[:MOST]]
    return [(number, run.status, run.out, b"missing" in run.err) for number, run in runs]


def compare(name, captures, options, place):
    keep, by = os.path.join(place, name + ".keep.db"), os.path.join(place, name + ".by.db")
    wrong = lib.ingest(keep, *options, *captures).wrong(0, 1)
    wrong = wrong or lib.ingest(by, "--payload", "reference", *options, *captures).wrong(0, 1)
    wrong = wrong or lib.difference(rows_of(keep), rows_of(by))
    if not wrong:
        for a, b in zip(said(keep), said(by)):
            if a != b:
                wrong = wrong or "follow of flow %d: %s and %s" % (a[0], a[1:], b[1:])
    if not wrong:
        run = lib.seine("verify", by)
        fails = [line for line in run.out.decode().splitlines() if "fails" in line.lower()]
        kept = lib.seine("verify", keep)
        if run.status != kept.status:
            wrong = "verify ends with %s, and with payload with %s: %s" % (
                run.status, kept.status, fails[:3] or lib.tail(run.out))
    return keep, by, wrong


def crafted(path, place):
    """The captures of a hard script, and the options of its ingest."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    options = [word for line in lines if line.startswith("#!") for word in line[2:].split()]
    script = "\n".join(line for line in lines if not line.startswith(("#!", "#="))) + "\n"
    captures = []
    for number, part in enumerate(script.split("#--\n"), 1):
        captures.append(os.path.join(place, "%d.pcap" % number))
        subprocess.run([lib.CRAFT, "-o", captures[-1]], input=part.encode(), capture_output=True, check=True)
    return captures, options


def hard_case(path, place):
    captures, options = crafted(path, place)
    _, _, wrong = compare("case", captures, options, place)
    lib.check("reference.hard." + os.path.basename(path)[:-len(".craft")], wrong)


def sample(path, place):
    name = os.path.basename(path)
    if not path.endswith((".pcap", ".pcapng")):
        case = os.path.join(place, "case.db")
        run = lib.ingest(case, "--payload", "reference", path)
        wrong = run.wrong(3) or (os.listdir(place) and "it left a file")
        if not wrong and b"is compressed: --payload reference" not in run.err:
            wrong = lib.tail(run.err)
        lib.check("reference." + name, wrong, "refused, as it is compressed")
        return
    _, _, wrong = compare("case", [path], [], place)
    lib.check("reference." + name, wrong)


def piece_of_work(place):
    """Many flows, with all that can come, under much and little memory, hashed or not."""
    capture = os.path.join(place, "many.pcap")
    with open(capture, "wb") as file:
        file.write(lib.conversations(300, segments=60))
    for name, options in (("default", ()), ("no_hash", ("--no-hash",)), ("small", ("--memory", "8M")),
                          ("one_job", ("--jobs", "1")), ("policy", ("--policy", "last"))):
        _, by, wrong = compare(name, [capture], options, place)
        if not wrong and lib.one(by, "SELECT count(*) FROM chunks"):
            wrong = "its payload is in the case"
        lib.check("reference.many." + name, wrong)


def evidence_gone(place):
    capture, case = os.path.join(place, "a.pcap"), os.path.join(place, "cases", "a.db")
    os.mkdir(os.path.dirname(case))
    with open(capture, "wb") as file:
        file.write(lib.conversations(3))
    wrong = lib.ingest(case, "--payload", "reference", capture).wrong(0)
    away = os.path.join(place, "away.pcap")
    os.rename(capture, away)
    run = lib.seine("follow", case, "1", "--as", "raw")
    wrong = wrong or run.wrong(3) or (run.out and "it wrote something")
    if not wrong and b"is not there: put it where it was or beside the case" not in run.err:
        wrong = lib.tail(run.err)
    lib.check("reference.gone.follow", wrong, lib.tail(run.err))

    other = os.path.join(place, "other")
    os.mkdir(other)
    run = lib.seine("follow", "--evidence", other, case, "1", "--as", "raw")
    wrong = run.wrong(3) or (run.out and "it wrote something")
    shutil.copy(away, os.path.join(other, "another-name.pcap"))
    run = lib.seine("follow", "--evidence", other, case, "1", "--as", "raw")
    wrong = wrong or run.wrong(0, 1) or (not run.out and "it wrote nothing")
    with open(os.path.join(other, "another-name.pcap"), "r+b") as file:  # a byte less than it was
        file.truncate(os.path.getsize(away) - 1)
    os.rename(os.path.join(other, "another-name.pcap"), os.path.join(other, "a.pcap"))
    run = lib.seine("follow", "--evidence", other, case, "1", "--as", "raw")
    wrong = wrong or run.wrong(3)
    if not wrong and (b"frame " not in run.err or b"has changed" not in run.err):
        wrong = lib.tail(run.err)
    lib.check("reference.gone.evidence", wrong, lib.tail(run.err))
    run = lib.seine("verify", case)
    lib.check("reference.gone.verify", run.wrong(1) or (b"FAILS" in run.out.upper() and lib.tail(run.out)))

    shutil.copy(away, os.path.join(os.path.dirname(case), "a.pcap"))
    lib.check("reference.beside.follow", lib.seine("follow", case, "1", "--as", "raw").wrong(0, 1))
    run = lib.seine("sql", case, "SELECT stream_bytes(2, 0, 10)")
    lib.check("reference.sql", None if b"seine sql --files" in run.err else lib.tail(run.out + run.err))

    with open(away, "rb") as file:
        data = bytearray(file.read())
    with open(capture, "wb") as file:  # the same length, and a byte of payload in the middle is another
        at = data.index(b"\0\2\0\3", len(data) // 8)
        data[at + 1] ^= 1
        file.write(data)
    os.remove(os.path.join(os.path.dirname(case), "a.pcap"))
    run = lib.seine("verify", case)
    lib.check("reference.changed.verify", run.wrong(1) or (b"have the SHA-256 of the stream" not in run.out
                                                           and lib.tail(run.out)))


EACH = " FROM flows AS f JOIN streams AS s USING (flow_id)"
ORDER = " ORDER BY f.protocol, f.client_ip, f.client_port, f.first_ns, s.side"  # ids differ
READ = ("SELECT count(*), sum(stream_view_sha256(stream_id, NULL) = sha256) FROM streams",
        "SELECT sum(b.length), sum(length(b.data)), group_concat(b.cause)" + EACH + " JOIN stream_bytes(s.stream_id)"
        " AS b GROUP BY s.stream_id" + ORDER,
        "SELECT b.position, hex(b.data)" + EACH + " JOIN stream_bytes(s.stream_id, 5, 9) AS b" + ORDER,
        "SELECT hex(stream_bytes(s.stream_id, 2, 40))" + EACH + ORDER)


def by_sql(place):
    """What reads streams in SQL, and the question that looks at payload, say the same of both kinds of case: by
    `seine sql --files` and by the extension, whichever of the two is loaded first."""
    capture, folder = os.path.join(place, "b.pcap"), os.path.join(place, "where")
    with open(capture, "wb") as file:
        file.write(lib.conversations(3))
        file.write(open(os.path.join(lib.TOP, "sample_pcaps", "http-v4.pcap"), "rb").read()[24:])
    keep, by = os.path.join(place, "keep.db"), os.path.join(place, "by.db")
    wrong = lib.ingest(keep, capture).wrong(0, 1) or lib.ingest(by, "--payload", "reference", capture).wrong(0, 1)

    def answers(*words):
        found = []
        for question in READ:
            run = lib.seine("sql", "--csv", *words, question)
            found.append(run.wrong() or run.out.decode().splitlines()[1:])
        return found

    def ask(*words):
        run = lib.seine("ask", *words, "clear-text")
        return run.wrong() or run.out

    expected, question = answers(keep), ask(keep)
    wrong = wrong or (b"http" not in question and question)
    for one, other in zip(answers("--files", by), expected):
        wrong = wrong or lib.difference({"": other}, {"": one})
    lib.check("reference.sql.files", wrong, "%d rows" % sum(len(answer) for answer in expected))
    lib.check("reference.ask", None if ask(by) == question else "%s and %s" % (ask(by), question))
    so = os.path.join(os.path.dirname(os.path.abspath(lib.RELEASE)), "seine")
    if os.path.exists(so + ".so") and shutil.which("sqlite3"):
        for name, first, second in (("first", so, so + "_files"), ("second", so + "_files", so)):
            done = subprocess.run(["sqlite3", "-readonly", "-batch", "-init", os.devnull, by], capture_output=True,
                                  text=True, input=".load \"%s\"\n.load \"%s\"\n.mode csv\n.separator , \\n\n%s" % (
                                      first, second, "".join(q + ";\n" for q in READ)))
            found = done.stdout.splitlines()
            lib.check("reference.extension." + name, done.stderr or (
                [line.replace('"', "") for line in found] !=
                                                                [line for answer in expected for line in answer]))
    many(place, keep, by, answers, ask)
    os.mkdir(folder)
    os.rename(capture, os.path.join(folder, "other-name.pcap"))
    run, asked = lib.seine("sql", "--files", by, READ[1]), lib.seine("ask", by, "clear-text")
    wrong = run.wrong(3) or asked.wrong(3)
    for err in (run.err, asked.err):
        if not wrong and b"b.pcap is not there: put it where it was or beside the case" not in err:
            wrong = lib.tail(err)
    wrong = wrong or (answers("--files", "--evidence", folder, by) != expected and "with --evidence")
    wrong = wrong or (ask("--evidence", folder, by) != question and "ask --evidence")
    lib.check("reference.sql.gone", wrong, lib.tail(run.err))


def many(place, keep, by, answers, ask):
    """Several cases, and a folder of slices, read their captures as one case does."""
    other = os.path.join(lib.TOP, "sample_pcaps", "http-v6.pcap")
    keep_too, by_too = os.path.join(place, "keep2.db"), os.path.join(place, "by2.db")
    wrong = lib.ingest(keep_too, other).wrong(0, 1) or lib.ingest(by_too, "--payload", "reference", other).wrong(0, 1)
    if not wrong and answers(keep, keep_too) != answers("--files", by, by_too):
        wrong = "streams of two cases"
    read = "SELECT frame, hex(evidence_bytes(evidence_id, file_offset, captured)) AS bytes FROM frames"
    alone = [lib.seine("sql", "--csv", "--files", case, read + " ORDER BY 1").out for case in (by, by_too)]
    for slice, expected in enumerate(alone, 1):
        run = lib.seine("sql", "--csv", "--files", by, by_too, read + " WHERE slice = %d ORDER BY 1" % slice)
        if run.out != expected or not run.out:
            wrong = wrong or "the frames of case %d: %s" % (slice, lib.tail(run.err))
    for question, status, words in (("SELECT evidence_bytes(1, 0, 99999999999)", 3, b"is no length"),
                                    ("SELECT evidence_bytes(7, 0, 4)", 3, b"there is no evidence 7"),
                                    ("SELECT evidence_bytes('x', 0, 4)", 3, b"is no number of evidence"),
                                    ("SELECT evidence_bytes(NULL, 0, 4)", 0, b""),
                                    ("SELECT * FROM stream_bytes(2)", 0, b"")):
        run = lib.seine("sql", "--files", by, by_too, question)
        wrong = wrong or run.wrong(status) or (words not in run.err and lib.tail(run.err))
    folders = [os.path.join(place, name) for name in ("kept", "referred")]
    for folder, case in zip(folders, (keep, by)):
        slices.make(folder, case, 3)
    if not wrong and answers(folders[0]) != answers("--files", folders[1]):
        wrong = "streams of a folder"
    wrong = wrong or (ask(folders[0]) != ask(folders[1]) and ask(folders[1]))
    run = lib.seine("sql", folders[1], "SELECT sum(length(b.data)) FROM streams AS s JOIN stream_bytes(s.stream_id) AS b")
    wrong = wrong or run.wrong(3) or (b"seine sql --files" not in run.err and lib.tail(run.err))
    lib.check("reference.sql.many", wrong, lib.tail(run.err))


def refused(place):
    capture, case = os.path.join(place, "a.pcap"), os.path.join(place, "a.db")
    with open(capture, "wb") as file:
        file.write(lib.conversations(3))
    with open(capture, "rb") as file:
        run = lib.ingest(case, "--payload", "reference", "-", stdin=file)
    wrong = run.wrong(3) or (os.path.exists(case) and "it made a case")
    lib.check("reference.pipe", wrong, lib.tail(run.err))


def main():
    lib.each(sample, lib.samples())
    lib.each(hard_case, sorted(glob.glob(os.path.join(FOLDER, "*.craft")))[::1 if lib.LONG else 3])
    for test in (piece_of_work, evidence_gone, by_sql, refused):
        with lib.folder() as place:
            test(place)


main()
lib.finish()
