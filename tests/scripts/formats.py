"""formats.py - the same frames in another file format give the same streams.

Each capture of sample_pcaps/ that is Ethernet alone is written as snoop and as ERF by Wireshark, whose
ERF adds check sequences and metadata. What comes of it must have the streams of the capture itself,
prove itself, and be extracted to the same; its frames must have the numbers, times and lengths that
Wireshark shows. So must those between every kind of record that an ERF can have, made here.
"""
import os
import shutil
import struct
import subprocess

import lib

EDITCAP, MERGECAP, TSHARK = map(shutil.which, ("editcap", "mergecap", "tshark"))


def convert(path, kind, place):
    """The capture in another format, by Wireshark."""
    made = os.path.join(place, "made." + kind)
    command = [EDITCAP, "-F", kind, path, made] if kind == "snoop" else [MERGECAP, "-F", kind, "-w", made, path]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return None if done.returncode else made


def streams(case):
    return lib.rows(case, "select protocol, client_ip, client_port, server_ip, server_port, side, start, length, "
                          "stored, missing, truncated, s.verdict, sha256 from streams s join flows using (flow_id) "
                          "order by stream_id")


def shown(path):
    """number -> (ns, length, captured) of each frame, as Wireshark shows it."""
    done = subprocess.run([TSHARK, "-n", "-r", path, "-T", "fields", "-e", "frame.number", "-e", "frame.time_epoch",
                           "-e", "frame.len", "-e", "frame.cap_len"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60)
    answer = {}
    for line in done.stdout.decode().splitlines():
        number, time, length, captured = line.split("\t")
        seconds, fraction = time.split(".")
        answer[int(number)] = (int(seconds) * 10**9 + int(fraction.ljust(9, "0")), int(length), int(captured))
    return answer


def frames_differ(path, case):
    """Why the frames of the flows are not those that Wireshark shows, or None."""
    run = lib.seine("sql", case, "--csv", "select f.frame, f.time_ns, f.length, f.captured from flows, "
                                          "frames(flows.flow_id) f order by 1")
    if run.wrong(0):
        return run.wrong(0)
    expected = shown(path)
    count = lib.one(case, "select frames from evidence")
    if count != len(expected):
        return "%d frames, Wireshark has %d" % (count, len(expected))
    for line in run.out.decode().splitlines()[1:]:
        number, *told = map(int, line.split(","))
        if tuple(told) != expected.get(number):
            return "frame %d is %s, Wireshark shows %s" % (number, told, expected.get(number))
    return None


def extracted_differs(case, place):
    """Why the first flow with a stream is not the same once extracted, or None."""
    first = lib.one(case, "select min(flow_id) from streams")
    out, again = os.path.join(place, "out.pcapng"), os.path.join(place, "again.db")
    wrong = lib.seine("extract", case, first, "-o", out).wrong(0) or lib.ingest(again, out).wrong(0)
    if wrong:
        return wrong
    one = lib.rows(case, "select side, length, sha256 from streams where flow_id = ? order by stream_id", first)
    other = lib.rows(again, "select side, length, sha256 from streams order by stream_id")
    return None if one == other else "extracted, flow %d has the streams %s" % (first, other)


def sample(path, place):
    name = os.path.basename(path)
    case = os.path.join(place, "case.db")
    if lib.ingest(case, path).status not in (0, 1) or not lib.one(case, "select count(*) from streams"):
        return
    if lib.rows(case, "select distinct link_type from interfaces") != [(1,)]:
        return
    for kind in ("snoop", "erf"):
        inside = os.path.join(place, kind)
        os.mkdir(inside)
        made, other = convert(path, kind, inside), os.path.join(inside, "other.db")
        if not made:
            lib.tell("skip", "formats.%s %s" % (kind, name), "Wireshark cannot write it so")
            continue
        wrong = lib.ingest(other, made).wrong(0)
        if not wrong and lib.one(other, "select format from evidence") != kind:
            wrong = "it is taken for another format"
        if not wrong and streams(case) != streams(other):
            wrong = "the streams are not the same"
        lib.check("formats.%s %s" % (kind, name), wrong or lib.seine("verify", other).wrong(0) or
                  frames_differ(made, other) or extracted_differs(other, inside))


# ---- every kind of record ----

def datagram(number):
    """An Ethernet frame with a check sequence, of a flow that has this number as a port."""
    payload = b"number %04d" % number
    udp = struct.pack(">HHHH", 1000 + number, 53, 8 + len(payload), 0) + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, b"\x0a\0\0\1", b"\x0a\0\0\2")
    total = sum(struct.unpack(">10H", head))
    head = head[:10] + struct.pack(">H", 0xFFFF - (total % 0xFFFF)) + head[12:]
    return bytes(12) + b"\x08\0" + head + udp + b"\xfc\xfc\xfc\xfc"


def record(seconds, kind, body, wire, flags=4):
    padding = -len(body) % 8
    return struct.pack("<Q", (1700000000 + seconds) << 32 | seconds * 77777777) + struct.pack(
        ">BBHHH", kind, flags, 16 + len(body) + padding, 0, wire) + body + bytes(padding)


def every_kind():
    """An ERF in which a datagram stands behind a record of each type, padding too."""
    out = b"".join(record(n, 2, b"\0\0" + datagram(n), len(datagram(n))) for n in range(8))
    for kind in list(range(1, 64)) + [0xB0, 0x82, 0x96]:
        n = kind + 8
        extension = b"\x10extens" + b"!" if kind & 0x80 else b""
        out += record(n, kind, extension + bytes(70), 60)
        out += record(n, 2, b"\0\0" + datagram(n), len(datagram(n)), 4 | n % 4)
    return out


def kinds():
    with lib.folder() as place:
        path, case = os.path.join(place, "kinds.erf"), os.path.join(place, "case.db")
        with open(path, "wb") as file:
            file.write(every_kind())
        wrong = lib.ingest(case, path).wrong(0) or frames_differ(path, case)
        found = lib.one(case, "select count(*) from flows where client_port > 1000") if not wrong else 0
        if not wrong and found < 8 + 66 - 1:
            wrong = "%d datagrams are found" % found
        said = lib.rows(case, "select sum(frames) from verdicts union all select frames from evidence")
        if not wrong and len(set(said)) != 1:
            wrong = "verdicts and frames are %s" % said
        lib.check("formats.every kind of ERF record", wrong, "%d frames" % said[0][0] if said else "")


if not (EDITCAP and MERGECAP and TSHARK):
    lib.tell("skip", "formats", "Wireshark's editcap, mergecap and tshark are not here")
else:
    kinds()
    lib.each(sample, lib.samples())
lib.finish()
