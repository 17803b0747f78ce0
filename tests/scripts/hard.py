"""hard.py - every hard case of TCP: a script, and the rows that its case must have.

tests/hard/NAME.craft begins with the claim in a sentence. Lines that begin with `#=` are the rows, as
shown() writes them; `#!` has options of the ingest, and `#--` begins another capture of the same run. Each
case must be proved by `seine verify` as well, and its arrivals must give its chunks (placed.py).
`hard.py --bless` writes the rows as they are now.
"""
import csv
import glob
import hashlib
import io
import os
import subprocess
import sys

import lib
import placed

FOLDER = os.path.join(lib.TOP, "tests", "hard")
LONGEST = 64  # bytes that are shown as they are


def text(data):
    """Bytes in one line, as a reader wants to see them."""
    if data is None:
        return "nothing"
    if len(data) > LONGEST:
        return "%d bytes, sha256 %s" % (len(data), hashlib.sha256(data).hexdigest()[:16])
    return '"%s"' % "".join(chr(b) if 32 <= b < 127 else "\\x%02x" % b for b in data)


def segments(case, stream):
    run = lib.seine("sql", "--csv", case,
                    "SELECT position, length, evidence_id, frame, fate FROM segments(%d)" % stream)
    return list(csv.reader(io.StringIO(run.out.decode())))[1:]


def shown(case):
    """The rows of a case that say what became of its bytes."""
    out = []
    for flow, state, history, end, guessed, retransmitted in lib.rows(
            case, "SELECT flow_id, state, history, end_reason, client_guessed,"
            " client_retransmitted + server_retransmitted FROM flows ORDER BY first_ns, flow_id"):
        out.append("flow: %s, %s, ended by %s%s%s" % (
            state, history, end, ", client guessed" if guessed else "",
            ", %d bytes came again" % retransmitted if retransmitted else ""))
        for kind, first, last, count, detail in lib.rows(
                case, "SELECT kind, frame, last_frame, count, detail FROM oddities WHERE flow_id = %d"
                " ORDER BY frame, kind" % flow):
            out.append("  odd: %s, frame %d%s%s" % (kind, first, " to %d, %d times" % (last, count)
                                                   if count > 1 else "", ": " + detail if detail else ""))
        for stream, side, start, length, stored, missing, truncated, tail, verdict in lib.rows(
                case, "SELECT stream_id, side, start, length, stored, missing, truncated, missing_tail,"
                " verdict FROM streams WHERE flow_id = %d ORDER BY stream_id" % flow):
            out.append("  %s: %d bytes from %d, %s: %d stored, %d missing, %d truncated, tail %d" % (
                side, length, start, verdict, stored, missing, truncated, tail))
            for position, data in lib.rows(case, "SELECT position, data FROM chunks WHERE stream_id = %d"
                                           " ORDER BY position" % stream):
                out.append("    bytes at %d: %s" % (position, text(data)))
            for row in lib.rows(case, "SELECT position, length, cause, tail FROM gaps WHERE stream_id = %d"
                                " ORDER BY position" % stream):
                out.append("    gap at %d: %d bytes, %s%s" % (row[0], row[1], row[2],
                                                            ", tail" if row[3] else ""))
            for row in lib.rows(case, "SELECT position, kept, kept_frame, other, other_frame FROM conflicts"
                                " WHERE stream_id = %d ORDER BY position, conflict_id" % stream):
                out.append("    conflict at %d: kept %s of frame %d, other %s of frame %d" % (
                    row[0], text(row[1]), row[2], text(row[3]), row[4]))
            for row in lib.rows(case, "SELECT position, reason, frame, data FROM refused"
                                " WHERE stream_id = %d ORDER BY frame" % stream):
                out.append("    refused at %d: %s, frame %d, %s" % (row[0], row[1], row[2], text(row[3])))
            for position, count, evidence, frame, fate in segments(case, stream):
                out.append("    segment at %s: %s bytes, frame %s%s, %s" % (
                    position, count, frame, "" if evidence == "1" else " of evidence " + evidence, fate))
    return out


def play(place, name, lines):
    """The case of a script, and what `seine verify` has against it."""
    options = [word for line in lines if line.startswith("#!") for word in line[2:].split()]
    script = "\n".join(line for line in lines if not line.startswith(("#!", "#="))) + "\n"
    captures = []
    for number, part in enumerate(script.split("#--\n"), 1):
        captures.append(os.path.join(place, "%s-%d.pcap" % (name, number)))
        done = subprocess.run([lib.CRAFT, "-o", captures[-1]], input=part.encode(), capture_output=True,
                              check=False)
        if done.returncode:
            return None, "craft: " + lib.tail(done.stderr)
    case = os.path.join(place, name + ".db")
    run = lib.seine("ingest", "-q", "-o", case, *options, *captures)
    wrong = run.wrong(0)
    if not wrong:
        run = lib.seine("verify", case)
        wrong = run.wrong(0) and lib.tail(run.out)
    if not wrong:
        wrong = placed.wrong(case)
    return case, wrong


def main():
    bless = sys.argv[1:] == ["--bless"]
    with lib.folder() as place:
        for path in sorted(glob.glob(os.path.join(FOLDER, "*.craft"))):
            name = os.path.basename(path)[:-len(".craft")]
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
            case, wrong = play(place, name, lines)
            if not wrong:
                now, promised = shown(case), [line[3:] for line in lines if line.startswith("#=")]
                if bless:
                    script = [line for line in lines if not line.startswith("#=")]
                    with open(path, "w", encoding="utf-8") as file:
                        file.write("\n".join(script + ["#= " + line for line in now]) + "\n")
                elif now != promised:
                    differs = [(a, b) for a, b in zip(now + [None], promised + [None]) if a != b][0]
                    wrong = "a row is '%s', and not '%s'" % differs
            lib.check("hard." + name, wrong, lines[0][2:])


main()
lib.finish()
