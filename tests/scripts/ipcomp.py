"""ipcomp.py - a conversation that came compressed is the one that came plain, and says where it came from.

The same packets are written plain and compressed (IPComp with DEFLATE): as they are, in fragments, and as
fragments that were compressed each. Streams and frames must be the same; compressed bytes have a frame and
no place; and what verify can prove of them, and what not, it must say.
"""
import os
import struct
import zlib

import lib

CLIENT, SERVER = bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2))
TEXT = b"a line that is sent again and again, as text is\n" * 20
TCP, IPV4, IPCOMP, AGREED = 6, 4, 108, 0x63E1


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def ip(source, target, protocol, payload, number, at=0, more=False):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number, at // 8 | (0x2000 if more else 0), 64,
                       protocol, 0, source, target)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def tcp(source, target, ports, seq, ack, flags, payload=b"", damage=0):
    head = struct.pack(">HHIIBBHHH", *ports, seq, ack, 0x50, flags, 65000, 0, 0)
    pseudo = source + target + struct.pack(">HH", TCP, len(head) + len(payload))
    return head[:16] + struct.pack(">HH", checksum(pseudo + head + payload) ^ damage, 0) + payload


def squeezed(next_header, payload, index):
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    return struct.pack(">BBH", next_header, 0, index) + deflate.compress(payload) + deflate.flush()


def fragments(source, target, protocol, payload, number):
    half = len(payload) // 16 * 8
    return [ip(source, target, protocol, payload[:half], number, 0, True),
            ip(source, target, protocol, payload[half:], number, half)]


def plain(source, target, segment, number):
    return [ip(source, target, TCP, segment, number)]


def compressed(source, target, segment, number):
    return [ip(source, target, IPCOMP, squeezed(TCP, segment, 2), number)]


def agreed(source, target, segment, number):
    return [ip(source, target, IPCOMP, squeezed(TCP, segment, AGREED), number)]


def then_fragmented(source, target, segment, number):
    return fragments(source, target, IPCOMP, squeezed(TCP, segment, 2), number)


def fragmented_before(source, target, segment, number):
    return [ip(source, target, IPCOMP, squeezed(IPV4, piece, 2), number + 100 * i)
            for i, piece in enumerate(fragments(source, target, TCP, segment, number))]


def both(source, target, segment, number):
    """Fragments that were compressed each, and fragmented then."""
    return [piece for i, inner in enumerate(fragments(source, target, TCP, segment, number))
            for piece in fragments(source, target, IPCOMP, squeezed(IPV4, inner, 2), number + 100 * (i + 1))]


def conversation(pack):
    """The packets, each a list of what the wire had of it."""
    other = b"x" * 30 + TEXT[30:]
    refused = compressed if pack == agreed else pack  # by an agreed index it would not be known for DEFLATE
    there, back = (CLIENT, SERVER, (40000, 80)), (SERVER, CLIENT, (80, 40000))
    return [plain(*there[:2], tcp(*there, 999, 0, 2), 1), plain(*back[:2], tcp(*back, 4999, 1000, 0x12), 2),
            pack(*there[:2], tcp(*there, 1000, 5000, 0x18, TEXT), 3),
            pack(*there[:2], tcp(*there, 1000, 5000, 0x18, other), 4),  # says something else
            pack(*back[:2], tcp(*back, 5000, 1000 + len(TEXT), 0x18, TEXT * 2), 5),
            refused(*there[:2], tcp(*there, 1000, 5000, 0x18, TEXT, damage=1), 6)]


def write(path, packets):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 101))
        for n, packet in enumerate(bytes for packet in packets for bytes in packet):
            out.write(struct.pack("<IIII", 1700000000, n * 1000, len(packet), len(packet)) + packet)


STREAMS = ("SELECT side, start, length, stored, missing, truncated, conflicted, verdict, sha256 FROM streams"
           " ORDER BY stream_id")
LOSERS = ("SELECT c.position, c.length, kept, other FROM conflicts c UNION ALL"
          " SELECT position, length, reason, data FROM refused ORDER BY 1, 2")


def made(place, pack):
    capture, case = os.path.join(place, pack.__name__ + ".pcap"), os.path.join(place, pack.__name__ + ".db")
    write(capture, conversation(pack))
    return case, lib.ingest(case, capture).wrong(0)


def wrong_with(place, pack, wanted):
    case, wrong = made(place, pack)
    if wrong:
        return wrong
    for sql, rows in wanted.items():
        if lib.rows(case, sql) != rows:
            return "%s: %s, and plain %s" % (sql, lib.rows(case, sql), rows)
    verdicts = dict(lib.rows(case, "SELECT verdict, frames FROM verdicts"))
    waiting = sum(len(packet) - 1 for packet in conversation(pack))
    if verdicts != ({"ok": 6, "fragment": waiting} if waiting else {"ok": 6}):
        return "the verdicts are %s" % verdicts
    for table in ("segments", "refused"):
        run = lib.seine("sql", "--csv", case, "SELECT count(*), count(file_offset), count(frame) FROM " + table)
        count, placed, framed = run.out.decode().split()[1].split(",")
        if placed != "0" or framed != count or count == "0":
            return "of %s rows of %s, %s have a place and %s a frame" % (count, table, placed, framed)
    run = lib.seine("verify", case)
    lines = run.out.decode().splitlines()
    if run.wrong(0) or not any(line.startswith("holds: compressed: ") for line in lines):
        return "verify does not prove what came compressed: %s" % lib.tail(run.out)
    alone = lib.seine("verify", "--no-rebuild", case)
    left = [line for line in alone.out.decode().splitlines() if line.startswith("not provable")]
    if alone.wrong(1) or not left or not all("compressed" in line for line in left):
        return "without an ingest anew, not provable are %s" % left
    return None


def main():
    with lib.folder() as place:
        case, wrong = made(place, plain)
        lib.check("ipcomp.plain", wrong)
        wanted = {sql: lib.rows(case, sql) for sql in (STREAMS, LOSERS)}
        for pack in (compressed, agreed, then_fragmented, fragmented_before, both):
            lib.check("ipcomp." + pack.__name__, wrong_with(place, pack, wanted))
    lib.finish()


main()
