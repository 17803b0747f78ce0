"""search.py - seine search finds what is there, and nothing else.

A model looks for the same patterns in the runs of bytes that `chunks` and `gaps` say there are, and in the
segments that `segments` shows: stream, position, length, frame and excerpt of every hit must be its. Cases
are crafted ones (chunks and segments cut anywhere, overlaps, a gap beside the pattern), conversations with
holes and conflicts, and the samples; each with both libraries, with its payload in the case and in the
evidence. Where the first library cannot be loaded the hits are the same.
"""
import contextlib
import json
import os
import re
import subprocess

import lib

LIBRARIES = ["hyperscan", "pcre2"]

# A needle over three segments, out of order; in capitals, with a hole in its middle; whole behind that hole; in one
# segment and over two; in bytes that lost an overlap.
PICTURE = """
c SYN; s SYN ACK; c
c @0 "..nee"
c @8 "...NEE"
c @5 "dle"
c @14 "D"
c @16 "E.needle"
s ack=15
s ack=24 "ab needle AB nee"
c ack=16
c @0 "needle"
s @16 "dle!"
"""


class Refused(Exception):
    pass


def craft(place, name, text):
    script, capture = os.path.join(place, name + ".craft"), os.path.join(place, name + ".pcap")
    with open(script, "w") as file:
        file.write(text)
    subprocess.run([lib.CRAFT, "-o", capture, script], check=True)
    return capture


def search(case, pattern, *options):
    run = lib.seine("search", "--json", *options, "--", case, pattern)
    if run.wrong(0, 1):
        raise Refused(run.wrong(0, 1))
    hits = [json.loads(line) for line in run.out.splitlines()]
    if run.status != (0 if hits else 1):
        raise Refused("status %d with %d hits: %s" % (run.status, len(hits), lib.tail(run.err)))
    return hits


def runs(case):
    """stream -> [(position, bytes)], each without a hole, in order."""
    found = {}
    for stream, position, data in lib.rows(case, "SELECT stream_id, position, data FROM chunks ORDER BY 1, 2"):
        of_stream = found.setdefault(stream, [])
        if of_stream and of_stream[-1][0] + len(of_stream[-1][1]) == position:
            of_stream[-1][1].extend(data)
        else:
            of_stream.append((position, bytearray(data)))
    return found


def numbers(case):
    """flow -> a number that does not depend on when it got its id, as payload in the case makes it."""
    flows = lib.rows(case, "SELECT flow_id FROM flows ORDER BY evidence_id, first_frame, protocol, client_ip,"
                     " client_port, server_ip, server_port, first_ns")
    return {flow: number for number, (flow,) in enumerate(flows)}


def expected(all_runs, expression):
    return sorted((stream, position + match.start(), match.end() - match.start())
                  for stream, of_stream in all_runs.items() for position, data in of_stream
                  for match in expression.finditer(data) if match.end() > match.start())


def origins(case):
    """(stream, position) -> (evidence, frame) of who brought it, from `segments` and `conflicts`."""
    out = lib.seine("sql", "--json", case, "SELECT stream_id, position, captured, evidence_id, frame, fate"
                    " FROM segments").out
    segments = {}
    for line in out.splitlines():
        row = json.loads(line)
        segments.setdefault(row["stream_id"], []).append(row)
    kept = lib.rows(case, "SELECT stream_id, position, length, kept_evidence_id, kept_frame FROM conflicts"
                    " ORDER BY conflict_id DESC")

    def find(stream, position):
        for of_stream, begin, length, evidence, frame in kept:
            if of_stream == stream and begin <= position < begin + length:
                return evidence, frame
        for row in segments.get(stream, ()):
            if row["fate"].split(":")[0] != "refused" and \
                    row["position"] <= position < row["position"] + row["captured"]:
                return row["evidence_id"], row["frame"]
        return None
    return find


def wrong_hits(hits, wanted, find, all_runs):
    told = [(hit["stream_id"], hit["position"], hit["length"]) for hit in hits]
    if sorted(told) != wanted:
        return "%s instead of %s" % (sorted(set(told) - set(wanted))[:3], sorted(set(wanted) - set(told))[:3])
    for hit in hits:
        stream, position = hit["stream_id"], hit["position"]
        if hit["version"] != "kept" or hit["flow_id"] != stream // 2:
            return "a hit of %s" % hit
        if (hit["evidence_id"], hit["frame"]) != find(stream, position):
            return "frame %s of %s, not %s" % (hit["frame"], hit, find(stream, position))
        begin, data = next(run for run in all_runs[stream] if run[0] <= position < run[0] + len(run[1]))
        low, high = max(begin, position - 16), position + min(hit["length"], 48) + 32
        if hit["excerpt_position"] != low or bytes.fromhex(hit["excerpt_bytes"]) != data[low - begin:high - begin]:
            return "the excerpt of %s" % hit
    for stream in {stream for stream, _, _ in told}:
        positions = [position for of_stream, position, _ in told if of_stream == stream]
        if positions != sorted(positions):
            return "the hits of stream %d are not in order" % stream
    return None


def probes(all_runs, count):
    """Patterns out of the payload itself: at ends of chunks and segments, short and long, rare and frequent."""
    found = []
    for stream, of_stream in sorted(all_runs.items()):
        for position, data in of_stream:
            for at in (0, len(data) // 3, 498, 4000, 16380, len(data) - 9):
                piece = bytes(data[max(at, 0):max(at, 0) + 9])
                if len(piece) == 9:
                    found.append(piece)
    step = max(1, len(found) // count)
    return list(dict.fromkeys(found[::step]))[:count] + ([b"\0", b"\r\n"] if lib.LONG else [b"\r\n"])


def compare(name, case, twin=None, count=6):
    """A case, and perhaps one of the same with its payload in the evidence, against the model."""
    all_runs, find = runs(case), origins(case)
    same = {}
    if twin:
        ids = {number: flow for flow, number in numbers(case).items()}
        same = {flow: ids[number] for flow, number in numbers(twin).items()}
    for pattern in probes(all_runs, count):
        wanted = expected(all_runs, re.compile(re.escape(pattern), re.DOTALL))
        for library in LIBRARIES:
            wrong = wrong_hits(search(case, pattern.hex(), "--hex", "--library", library), wanted, find, all_runs)
            if wrong:
                return "%s, %s with %s: %s" % (name, pattern.hex(), library, wrong)
        as_regex = "".join("\\x%02x" % byte for byte in pattern)
        wrong = wrong_hits(search(case, as_regex, "--regex"), wanted, find, all_runs)
        if wrong:
            return "%s, %s as an expression: %s" % (name, pattern.hex(), wrong)
        if twin and pattern != b"\0":
            hits = search(twin, pattern.hex(), "--hex")
            for hit in hits:  # flows have other ids there
                hit["flow_id"] = same[hit["flow_id"]]
                hit["stream_id"] = 2 * hit["flow_id"] + hit["stream_id"] % 2
            hits.sort(key=lambda hit: (hit["stream_id"], hit["position"]))
            wrong = wrong_hits(hits, wanted, find, all_runs)
            if wrong:
                return "%s, %s by reference: %s" % (name, pattern.hex(), wrong)
    texts = (r"[a-z]{5,9}", r"\b[A-Z]+ /\S*", r"^...", r"(?s).\z", r"(?<=\x00\x05)\x00", r"\x03\x00(?=\x04)")
    for text in texts if lib.LONG else texts[2:]:
        expression = re.compile(text.replace(r"\z", r"\Z").encode())
        wrong = wrong_hits(search(case, text, "--regex"), expected(all_runs, expression), find, all_runs)
        if wrong:
            return "%s, %s: %s" % (name, text, wrong)
    return None


def check_picture(place):
    capture, case = craft(place, "picture", PICTURE), os.path.join(place, "picture.db")
    by_reference = os.path.join(place, "reference.db")
    for made, options in ((case, ()), (by_reference, ("--payload", "reference"))):
        lib.check("search.picture", lib.ingest(made, capture, *options).wrong(0))
    for made in (case, by_reference):
        name = os.path.basename(made)[:-3]
        for library in LIBRARIES:
            hits = sorted((hit["side"], hit["position"], hit["frame"])
                          for hit in search(made, "needle", "--library", library))
            wrong = hits != [("client", 2, 4), ("client", 18, 8), ("server", 3, 10), ("server", 13, 10)] and hits
            lib.check("search.%s.%s" % (name, library), wrong)
            hits = search(made, "NEEDle", "--ignore-case", "--library", library, "--side", "client")
            lib.check("search.%s.%s.case" % (name, library), len(hits) != 2 and hits)
            both = [(hit["version"], hit["position"], hit["frame"])
                    for hit in search(made, "needle", "--all", "--library", library, "--side", "client")]
            lib.check("search.%s.%s.all" % (name, library), both[2:] != [("conflict", 0, 12)] and both)
        few = search(made, "e", "--limit", "3", "--flow", "0")
        few = few or search(made, "e", "--limit", "3", "--flow", "1")
        lib.check("search.%s.limit" % name, len(few) != 3 and few)
    os.remove(capture)
    run = lib.seine("search", by_reference, "needle")
    lib.check("search.reference.away", run.wrong(1) or b"were not searched" not in run.err and lib.tail(run.err))


def check_words(place):
    case = os.path.join(place, "picture.db")
    for words, status, said in (
            (("needle", "--hex"), 2, b"hexadecimal"), (("61 6", "--hex"), 2, b"hexadecimal"),
            (("(", "--regex"), 2, b"makes no sense"), (("",), 2, b"empty"), (("(*UTF)a", "--regex"), 2, b"makes no"),
            (("a", "--hex", "--regex"), 2, b"not two"), (("x" * 9000,), 2, b"at most"),
            (("nothing of the kind",), 1, b"nothing found in"), (("z", "--flow", "99"), 1, b"nothing found in 0"),
            (("(?s)(.*?)*?\\1y\\1{3}(?!.)", "--regex"), 1, b"")):
        run = lib.seine("search", case, *words)
        wrong = run.wrong(status) or said not in run.err and lib.tail(run.err)
        lib.check("search.words %s" % " ".join(words)[:30], wrong)


@contextlib.contextmanager
def hidden(folder):
    """Whoever loads libraries looks into this folder first."""
    before = os.environ.get("LD_LIBRARY_PATH")
    os.environ["LD_LIBRARY_PATH"] = folder
    try:
        yield
    finally:
        os.environ.pop("LD_LIBRARY_PATH") if before is None else os.environ.update(LD_LIBRARY_PATH=before)


def check_hidden(place):
    """Where Hyperscan cannot be loaded, or is something else by that name, PCRE2 finds the same."""
    case, sample = os.path.join(place, "picture.db"), os.path.join(place, "sample.db")
    lib.ingest(sample, os.path.join(lib.TOP, "sample_pcaps", "http-lost.pcap"))
    questions = [(case, "needle"), (case, "NEEDle", "--ignore-case", "--all"), (case, "6e65", "--hex"),
                 (sample, "HTTP/1.1"), (sample, "e\r\n"), (sample, "0d0a0d0a", "--hex")]
    found = [search(*question) for question in questions]
    broken, other = os.path.join(place, "broken"), os.path.join(place, "other")
    for folder in (broken, other):
        os.mkdir(folder)
    with open(os.path.join(broken, "libhs.so.5"), "w") as file:
        file.write("no library\n")
    libc = [line.split()[-1] for line in open("/proc/self/maps") if "libc.so" in line]
    os.symlink(libc[0], os.path.join(other, "libhs.so.5"))
    for folder in (broken, other):
        with hidden(folder):
            run = lib.seine("search", case, "needle", "--library", "hyperscan")
            wrong = run.wrong(2) or (b"not installed" not in run.err and lib.tail(run.err))
            wrong = wrong or ([search(*question) for question in questions] != found and "other hits")
        lib.check("search.hidden.%s" % os.path.basename(folder), wrong, "%d hits" % sum(map(len, found)))


def check_steps(place):
    """An expression that would take for ever is given up, and that is said."""
    capture, case = os.path.join(place, "steps.pcap"), os.path.join(place, "steps.db")
    with open(capture, "wb") as file:
        file.write(lib.datagrams(40, 1000))
    lib.ingest(case, capture)
    run = lib.seine("search", case, "(?s)(?:.?){400}.{400}needle", "--regex")
    lib.check("search.steps", run.wrong(1) or (b"were not searched" not in run.err and b"nothing found" not in run.err
                                               and lib.tail(run.err)))


def main(place):
    run = lib.seine("search", "nothing.db", "a", "--library", "hyperscan")
    if b"built without" in run.err or b"not installed" in run.err:
        LIBRARIES.remove("hyperscan")
        lib.tell("skip", "search.hyperscan", "it is not there")
    check_picture(place)
    check_words(place)
    check_steps(place)
    if "hyperscan" in LIBRARIES:
        check_hidden(place)

    def one(item, place):
        name, data, count = item["path"], item["data"], item["count"]
        capture, case = os.path.join(place, name + ".pcap"), os.path.join(place, name + ".db")
        if isinstance(data, bytes):
            with open(capture, "wb") as file:
                file.write(data)
        else:
            capture = data
        twin = os.path.join(place, name + ".twin.db")
        wrong = lib.ingest(case, capture).wrong(0, 1)
        if capture.endswith((".gz", ".zst")):
            twin = None
        else:
            wrong = wrong or lib.ingest(twin, capture, "--payload", "reference").wrong(0, 1)
        try:
            wrong = wrong or compare(name, case, twin, count)
        except Refused as refused:
            wrong = str(refused)
        lib.check("search.model.%s" % name, wrong)

    work = [("conversations", lib.conversations(8, 20, 500), 2),
            ("long", lib.conversations(3, 100, 1000), 1),
            ("mixed", lib.conversations(30, 20, 36), 2)]
    samples = lib.samples() if lib.LONG else lib.samples()[5:6]
    work += [("sample%d" % i, path, 3 if lib.LONG else 1) for i, path in enumerate(samples)]
    lib.each(one, [dict(path=name, data=data, count=count) for name, data, count in work])


if __name__ == "__main__":
    with lib.folder() as folder:
        main(folder)
    lib.finish()
