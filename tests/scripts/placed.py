"""placed.py - whether the arrivals and the conflicts of a case say, with the capture, all of its bytes.

Each stream is laid out anew: what every segment that was not refused brought, read from the capture at its
file_offset, each over those before it; then the kept bytes of its conflicts, in the order of their rows. That
must be what its chunks hold, to the byte.
"""
import csv
import io

import lib


def laid_out(case, stream, captures):
    """Position to byte; None where a segment came compressed, and so has no place in the capture."""
    run = lib.seine("sql", "--csv", case, "SELECT position, captured, evidence_id, file_offset FROM"
                    " segments(%d) WHERE fate IN ('kept', 'duplicate', 'conflict', 'provisional')" % stream)
    held = {}
    for position, count, evidence, offset in list(csv.reader(io.StringIO(run.out.decode())))[1:]:
        if int(count) == 0:
            continue
        if not offset or int(offset) == 0:
            return None
        data = captures[int(evidence)][int(offset):int(offset) + int(count)]
        held.update(enumerate(data, int(position)))
    for position, kept in lib.rows(case, "SELECT position, kept FROM conflicts WHERE stream_id = ?"
                                   " ORDER BY conflict_id", stream):
        held.update(enumerate(kept, position))
    return held


def wrong(case):
    """The first stream whose chunks are something else, in a sentence; None when there is none."""
    captures = {evidence: lib.content(source) for evidence, source in
                lib.rows(case, "SELECT evidence_id, source FROM evidence")}
    for (stream,) in lib.rows(case, "SELECT stream_id FROM streams ORDER BY stream_id"):
        chunks = {}
        for position, data in lib.rows(case, "SELECT position, data FROM chunks WHERE stream_id = ?", stream):
            chunks.update(enumerate(data, position))
        held = laid_out(case, stream, captures)
        if held is not None and held != chunks:
            return "stream %d: its arrivals and conflicts do not give its chunks" % stream
    return None
