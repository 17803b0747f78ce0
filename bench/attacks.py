"""attacks.py - captures in which every frame is there to fill memory or to take time.

ATTACKS lists them: a function that writes a capture of `n` units, and how large n is in bench/attack. The
test tests/scripts/attack.py runs the same ones small. Nothing here knows Seine's sources.
"""
import collections
import gzip
import os
import random
import shutil
import struct
import zlib

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
TCP, UDP, ICMP, GRE, IPIP = 6, 17, 1, 47, 4
RAW, ETHERNET = 101, 1
A, B = 0x0a000001, 0x0a000002


def fold(data, start=0):
    """The sum of the internet checksum, not yet complemented."""
    if len(data) % 2:
        data += b"\0"
    total = start + sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def ip4(src, dst, protocol, payload, offset=0, more=False, ident=0):
    head = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(payload), ident, (0x2000 if more else 0) | offset // 8,
                       64, protocol, 0, src, dst)
    return head[:10] + struct.pack(">H", 0xffff ^ fold(head)) + head[12:] + payload


def ip6(src, dst, next_header, payload):
    return struct.pack(">IHBB16s16s", 6 << 28, len(payload), next_header, 64, src, dst) + payload


def tcp4(src, sport, dst, dport, seq, ack, flags, data=b"", window=65535, urgent=0, wrong=False):
    seg = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xffffffff, ack & 0xffffffff, 5 << 4, flags, window, 0, urgent)
    pseudo = struct.pack(">IIII", src, dst, 6, len(seg) + len(data))
    check = 0xffff ^ fold(seg + data, fold(pseudo))
    return seg[:16] + struct.pack(">H", check ^ (0x1234 if wrong else 0)) + seg[18:] + data


def udp(sport, dport, data):
    return struct.pack(">HHHH", sport, dport, 8 + len(data), 0) + data


class Capture:
    """A classic pcap that is being written."""

    def __init__(self, path, link=RAW, snaplen=262144):
        self.out = open(path, "wb", buffering=1 << 20)
        self.out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, snaplen, link))
        self.us, self.id = 1700000000 * 10**6, 0

    def frame(self, frame, wire_len=None):
        self.us += 10
        self.out.write(struct.pack("<IIII", self.us // 10**6, self.us % 10**6, len(frame),
                                   wire_len or len(frame)) + frame)

    def ip(self, src, dst, protocol, payload, offset=0, more=False, ident=None):
        self.id = (self.id + 1) & 0xffff
        self.frame(ip4(src, dst, protocol, payload, offset, more, self.id if ident is None else ident))

    def tcp(self, src, sport, dst, dport, seq, ack, flags, data=b"", **how):
        self.ip(src, dst, TCP, tcp4(src, sport, dst, dport, seq, ack, flags, data, **how))

    def close(self):
        self.out.close()


def opened(c, sport=40000, src=A, isn=999):
    c.tcp(src, sport, B, 80, isn, 0, SYN)
    c.tcp(B, 80, src, sport, 4999, isn + 1, SYN | ACK)
    c.tcp(src, sport, B, 80, isn + 1, 5000, ACK)


# ---- one connection ----

def hole(c, n):
    """one byte is missing; n segments lie behind it"""
    opened(c)
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1001 + 6 * i, 5000, ACK, b"abcdef")


def holes(c, n):
    """every second byte is missing, backwards"""
    opened(c)
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1000 + 2 * (n - i), 5000, ACK, b"x")


def scattered(c, n):
    """every second byte is missing, in random order"""
    opened(c)
    order = list(range(n))
    random.Random(4).shuffle(order)
    for i in order:
        c.tcp(A, 40000, B, 80, 1000 + 2 * i, 5000, ACK, b"x")


def bytes_(c, n):
    """n segments of one byte"""
    opened(c)
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1000 + i, 5000, ACK, b"y")


def conflicts(c, n):
    """n retransmissions with another byte, all over a stream of 4 MiB"""
    opened(c)
    size, luck = 4 << 20, random.Random(1)
    for at in range(0, size, 1024):
        c.tcp(A, 40000, B, 80, 1000 + at, 5000, ACK, b"K" * 1024)
        if at % 65536 == 0:
            c.tcp(B, 80, A, 40000, 5000, 1000 + at, ACK)
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1000 + luck.randrange(size - 8), 5000, ACK, b"K!K")


def thrash(c, n):
    """n retransmissions with another byte, each 64 KiB from the one before"""
    opened(c)
    size = 4 << 20
    for at in range(0, size, 1024):
        c.tcp(A, 40000, B, 80, 1000 + at, 5000, ACK, b"K" * 1024)
        if at % 65536 == 0:
            c.tcp(B, 80, A, 40000, 5000, 1000 + at, ACK)
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1000 + (i * 65536 + i // 64) % size, 5000, ACK, b"!")


def versions(c, n):
    """the same 100 bytes n times, each time others"""
    opened(c)
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1000, 5000, ACK, struct.pack(">I", i) * 25)


def refused(c, n):
    """segments with a wrong checksum, acknowledged one by one"""
    opened(c)
    c.tcp(A, 40000, B, 80, 1000, 5000, ACK, b"first")
    for i in range(n // 2):
        c.tcp(A, 40000, B, 80, 1005 + 3 * i, 5000, ACK, b"bad", wrong=True)
        c.tcp(B, 80, A, 40000, 5000, 1008 + 3 * i, ACK)


def doubted(c, n):
    """segments with a wrong checksum and holes between them, never acknowledged"""
    opened(c)
    c.tcp(A, 40000, B, 80, 1000, 5000, ACK, b"first")
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1010 + 6 * i, 5000, ACK, b"bad", wrong=True)


def takeovers(c, n):
    """bytes with a wrong checksum first, then each again with a right one and another value"""
    for i in range(n // 2):
        c.tcp(A, 40000, B, 80, 1000 + 3 * i, 5000, 0, b"bad", wrong=True)
    for i in range(n // 2):
        c.tcp(A, 40000, B, 80, 1000 + 3 * i, 5000, 0, b"new")


def outside(c, n):
    """data far outside of the window"""
    opened(c)
    c.tcp(A, 40000, B, 80, 1000, 5000, ACK, b"in")
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1002 + (1 << 29) + 7 * i, 5000, ACK, b"out")


def keepalives(c, n):
    """a byte below what was acknowledged, again and again"""
    opened(c)
    c.tcp(A, 40000, B, 80, 1000, 5000, ACK, b"hello")
    c.tcp(B, 80, A, 40000, 5000, 1005, ACK)
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1004, 5000, ACK, b"\0")


def urgent(c, n):
    """every segment urgent"""
    opened(c)
    for i in range(n):
        c.tcp(A, 40000, B, 80, 1000 + i, 5000, ACK | URG, b"u", urgent=1)


def zero(c, n):
    """the window shut, probed and opened again"""
    opened(c)
    for i in range(n // 2):
        c.tcp(B, 80, A, 40000, 5000, 1000 + i, ACK, window=0)
        c.tcp(A, 40000, B, 80, 1000 + i, 5000, ACK, b"p")


def resets(c, n):
    """FINs and resets, in the window and outside, with data between them"""
    opened(c)
    luck = random.Random(5)
    for i in range(n):
        flags = (FIN | ACK, RST, RST | ACK, ACK)[i % 4]
        c.tcp(A, 40000, B, 80, 1000 + luck.randrange(1 << 20), 5000, flags, b"r" if flags == ACK else b"")


# ---- many connections ----

def syns(c, n):
    """n SYNs of different five-tuples"""
    for i in range(n):
        c.tcp(0x0b000000 + i, 1024 + i % 60000, B, 80, i * 7919, 0, SYN)


def handshakes(c, n):
    """n complete handshakes of different five-tuples, left open"""
    for i in range(n):
        opened(c, 1024 + i % 60000, 0x0b000000 + i, i * 7919)


def reuse(c, n):
    """one five-tuple: SYNs with a new sequence number each, answered"""
    for i in range(n // 2):
        c.tcp(A, 40000, B, 80, i * 99991, 0, SYN)
        c.tcp(B, 80, A, 40000, i * 77773, i * 99991 + 1, SYN | ACK)


def open_streams(c, n):
    """streams all open at once, each with bytes in eight chunks far apart"""
    streams = n // 8
    for turn in range(8):
        for i in range(streams):
            c.tcp(0x0d000000 + i, 1024, B, 80, 1000 + turn * 65536, 5000, ACK, b"o")


def ports(c, n):
    """UDP between all ports of two hosts"""
    for i in range(n):
        c.ip(A + (i >> 16 << 8), B, UDP, udp(1024, i & 0xffff, b"p"))


def errors(c, n):
    """ICMP errors that quote flows at random, some of which are there"""
    luck = random.Random(6)
    for i in range(1000):
        c.ip(A, B, UDP, udp(2000 + i, 53, b"q"))
    for i in range(n):
        known = i % 2
        quote = ip4(A if known else luck.randrange(1 << 32), B, UDP, udp(2000 + luck.randrange(1000), 53, b"q"))
        body = struct.pack(">BBHI", 3, 3, 0, 0) + quote
        c.ip(B, A, ICMP, body[:2] + struct.pack(">H", 0xffff ^ fold(body)) + body[4:])


def addresses(c, n):
    """n UDP flows, each frame of another MAC address"""
    for i in range(n):
        mac = struct.pack(">HI", 0x0200, i)
        c.frame(mac + b"\x02" + mac[1:] + b"\x08\0" +
                ip4(0x0b000000 + i, B, UDP, udp(1024 + i % 60000, 53, b"m")))


addresses.link = ETHERNET


# ---- below the transport ----

def fragments(c, n):
    """first fragments of datagrams that never become whole"""
    for i in range(n):
        c.ip(0x0c000000 + i // 60000, B, UDP, b"z" * 64, 0, True, i % 60000)


def tiny(c, n):
    """datagrams of 8-byte fragments, backwards"""
    for d in range(max(1, n // 8000)):
        for i in reversed(range(8000)):
            c.ip(A, B, UDP, b"12345678", 8 * i, i != 7999, d)


def shuffled(c, n):
    """datagrams of 8-byte fragments, in random order"""
    luck = random.Random(2)
    for d in range(max(1, n // 8000)):
        order = list(range(8000))
        luck.shuffle(order)
        for i in order:
            c.ip(A, B, UDP, b"12345678", 8 * i, i != 7999, d)


def overlaps(c, n):
    """fragments that overlap the one before, with other bytes"""
    for d in range(max(1, n // 8000)):
        for i in range(8000):
            c.ip(A, B, UDP, bytes((i & 0xff,)) * 16, 8 * i, True, d)


def duplicates(c, n):
    """one fragment, over and over, with other bytes each time"""
    for i in range(n):
        c.ip(A, B, UDP, struct.pack(">I", i) * 4, 0, True, 7)


def fragments6(c, n):
    """IPv6: datagrams of 8-byte fragments, in random order"""
    luck, src, dst = random.Random(3), b"\xfd" + bytes(14) + b"\1", b"\xfd" + bytes(14) + b"\2"
    for d in range(max(1, n // 8000)):
        order = list(range(8000))
        luck.shuffle(order)
        for i in order:
            head = struct.pack(">BBHI", UDP, 0, 8 * i | (i != 7999), d)
            c.frame(ip6(src, dst, 44, head + b"12345678"))


def tunnels(c, n):
    """eight tunnels deep, each frame by another path"""
    for i in range(n):
        frame = ip4(A, B, UDP, udp(1024 + i % 60000, 53, b"deep"))
        for level in range(8):
            key = (i * 2654435761 + level) & 0xffffffff
            frame = ip4(A, B, GRE, struct.pack(">HHI", 0x2000, 0x0800, key) + frame)
        c.frame(frame)


def carriers(c, n):
    """eight tunnels of GTP deep, each around other ends: nine flows a frame"""
    for i in range(n):
        frame = ip4(A, B, UDP, udp(1024 + i % 60000, 53, b"deep"))
        for level in range(8):
            tunnelled = udp(1024 + i % 60000, 2152, struct.pack(">BBHI", 0x30, 255, len(frame), i) + frame)
            frame = ip4(A + 256 * level + i // 60000, B, UDP, tunnelled)
        c.frame(frame)


def nested(c, n):
    """IP in IP, deeper than is read"""
    for i in range(n):
        frame = ip4(A, B, UDP, udp(1024 + i % 60000, 53, b"deep"))
        for level in range(40):
            frame = ip4(A, B, IPIP, frame)
        c.frame(frame)


def tunnelled_fragments(c, n):
    """first fragments, each in another tunnel"""
    for i in range(n):
        inner = ip4(0x0c000000 + i, B, UDP, b"z" * 64, 0, True, 1)
        c.ip(A, B, GRE, struct.pack(">HHI", 0x2000, 0x0800, i) + inner)


def vlans(c, n):
    """stacks of 300 VLAN tags"""
    stack = b"".join(struct.pack(">HH", 0x8100, i) for i in range(300))
    for i in range(n):
        c.frame(bytes(12) + stack + struct.pack(">H", 0x0800) + ip4(A, B, UDP, udp(1024 + i % 60000, 53, b"vlan")))


vlans.link = ETHERNET


def extensions(c, n):
    """IPv6 with a chain of 100 extension headers"""
    src, dst = b"\xfd" + bytes(14) + b"\1", b"\xfd" + bytes(14) + b"\2"
    for i in range(n):
        chain = b"".join(bytes((60, 0, 1, 4, 0, 0, 0, 0)) for _ in range(99)) + bytes((UDP, 0, 1, 4, 0, 0, 0, 0))
        c.frame(ip6(src, dst, 60, chain + udp(1024 + i % 60000, 53, b"chain")))


# ---- the capture itself ----

def block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


SECTION = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1))
INTERFACE = block(1, struct.pack("<HHI", RAW, 0, 0))


class Pcapng:
    """A pcapng that is being written."""

    def __init__(self, path):
        self.out = open(path, "wb", buffering=1 << 20)
        self.out.write(SECTION + INTERFACE)

    def packet(self, data, options=b""):
        body = struct.pack("<IIIII", 0, 391000, 0, len(data), len(data)) + data + bytes(-len(data) % 4) + options
        self.out.write(block(6, body))

    def close(self):
        self.out.close()


def comments(c, n):
    """packets with comments"""
    packet = ip4(A, B, UDP, udp(1, 2, b"c"))
    for i in range(n // 4):
        c.packet(packet, b"".join(option(1, b"%d" % (i * 4 + j)) for j in range(4)) + option(0, b""))


def interfaces(c, n):
    """interfaces, in sections of 60000"""
    for i in range(n):
        if i % 60000 == 59999:
            c.out.write(SECTION)
        c.out.write(INTERFACE)


def statistics(c, n):
    """blocks of interface statistics"""
    body = struct.pack("<III", 0, 391000, 0) + option(4, struct.pack("<Q", 7)) + option(5, struct.pack("<Q", 1))
    for i in range(n):
        c.out.write(block(5, body))


def secrets(c, n):
    """blocks of secrets"""
    for i in range(n):
        c.out.write(block(10, struct.pack("<II", 0x544c534b, 16) + struct.pack(">QQ", i, i)))


def long_secrets(c, n):
    """one block of secrets: n KiB"""
    c.out.write(struct.pack("<IIII", 10, 20 + (n << 10), 0x544c534b, n << 10))
    for i in range(n):
        c.out.write(b"CLIENT_RANDOM 0123 4567 89ABCD\n" * 33 + b"\n")
    c.out.write(struct.pack("<I", 20 + (n << 10)))


for attack in comments, interfaces, statistics, secrets, long_secrets:
    attack.writer = Pcapng


class Whole:
    """A file that an attack writes as it is."""

    def __init__(self, path):
        self.path, self.out = path, open(path, "wb", buffering=1 << 20)

    def close(self):
        self.out.close()


PCAP_HEADER = struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 30, RAW)


def record(length):
    return struct.pack("<IIII", 1700000000, 0, length, length)


def gzip_bomb(c, n):
    """n KiB of zeros in records of 256 KiB, compressed a thousandfold"""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, 31)
    c.out.write(squeeze.compress(PCAP_HEADER))
    for i in range(n // 256):
        c.out.write(squeeze.compress(record(262144) + bytes(262144)))
    c.out.write(squeeze.flush())


def zstd_frame(window_log, parts):
    """parts: bytes, or (byte, length) for a run that costs four bytes"""
    yield struct.pack("<IBB", 0xfd2fb528, 0, (window_log - 10) << 3)
    for part in parts:
        if isinstance(part, bytes):
            yield struct.pack("<I", len(part) << 3)[:3] + part
        else:
            value, length = part
            while length > 0:
                piece = min(length, 1 << 17)
                yield struct.pack("<I", piece << 3 | 1 << 1)[:3] + bytes((value,))
                length -= piece
    yield struct.pack("<I", 1)[:3]


def zstd_bomb(c, n, window_log=23):
    """n KiB of zeros in records of 256 KiB, in a window of 8 MiB"""
    def parts():
        yield PCAP_HEADER
        for i in range(n // 256):
            yield record(262144)
            yield 0, 262144
    for piece in zstd_frame(window_log, parts()):
        c.out.write(piece)


def zstd_window(c, n):
    """the same in a window of 128 MiB"""
    zstd_bomb(c, n, 27)


def long_records(c, n):
    """records of 60 MiB each, zstd-compressed: n KiB"""
    def parts():
        yield PCAP_HEADER
        for i in range(max(1, n // 61440)):
            yield record(60 << 20)
            yield 0, 60 << 20
    for piece in zstd_frame(20, parts()):
        c.out.write(piece)


def unsized(segment):
    """A packet with an IP length of 0, as segmentation offload leaves it."""
    head = ip4(A, B, TCP, b"")
    head = head[:2] + b"\0\0" + head[4:10] + b"\0\0" + head[12:]
    return head[:10] + struct.pack(">H", 0xffff ^ fold(head)) + head[12:] + segment


def long_segments(c, n):
    """TCP segments of 4 MiB, which segmentation offload left whole, each with other bytes in the same place:
    n KiB"""
    for i in range(max(2, n // 4096)):
        seg = struct.pack(">HHIIBBHHH", 40000, 80, 1000, 1, 5 << 4, ACK, 65535, 0, 0)
        c.frame(unsized(seg + bytes((i & 0xff,)) * (4 << 20)))


def long_refused(c, n):
    """segments of 4 MiB with a wrong checksum, acknowledged in two parts: n KiB"""
    opened(c)
    c.tcp(A, 40000, B, 80, 1000, 5000, ACK, b"first")
    count = max(1, n // 4096)
    for i in range(count):
        seq = (1005 + (i << 22)) & 0xffffffff
        seg = struct.pack(">HHIIBBHHH", 40000, 80, seq, 1, 5 << 4, ACK, 65535, 0x1234, 0)
        c.frame(unsized(seg + bytes((i & 0xff,)) * (4 << 20)))
        c.tcp(B, 80, A, 40000, 5000, seq + 100000, ACK)
        c.tcp(B, 80, A, 40000, 5000, seq + (4 << 20), ACK)


for attack in gzip_bomb, zstd_bomb, zstd_window, long_records:
    attack.writer = Whole


# ---- several captures ----

def many(folder, n, pack=None):
    """n small captures, a flow in each that goes on in the next"""
    paths = []
    for i in range(n):
        path = os.path.join(folder, "c%05d" % i)
        c = Capture(path)
        c.us += i * 1000
        c.tcp(A, 40000, B, 80, 1000 + i, 5000, ACK, b"m")
        c.tcp(A, 1024 + i % 60000, B, 80, 1000, 5000, ACK, b"m")
        c.close()
        if pack:
            with open(path, "rb") as file:
                data = file.read()
            with open(path, "wb") as file:
                file.write(pack(data))
        paths.append(path)
    return paths


def captures(folder, n):
    """n small captures together"""
    return many(folder, n)


def merged_gzip(folder, n):
    """n gzip captures, interleaved"""
    return many(folder, n, lambda data: zlib.compress(data, 9, 31)), "--merge"


def merged_zstd(folder, n):
    """n zstd captures, interleaved; each with a window of 16 KiB"""
    return many(folder, n, lambda data: b"".join(zstd_frame(14, [data]))), "--merge"


def mixture(folder, n):
    """several attacks at once, compressed and interleaved, with frames of 128 KiB between"""
    paths = []
    for attack in syns, open_streams, ports, thrash, fragments, tunnels, scattered, long_frames:
        path = os.path.join(folder, attack.__name__)
        c = Capture(path)
        attack(c, n)
        c.close()
        with open(path, "rb") as file, gzip.open(path + ".gz", "wb", 1) as packed:
            shutil.copyfileobj(file, packed)
        os.remove(path)
        paths.append(path + ".gz")
    return paths, "--merge"


def long_frames(c, n):
    """frames of 128 KiB, one for a thousand of the others"""
    for i in range(n // 1000):
        c.us += 9990
        c.frame(unsized(tcp4(A, 40001, B, 80, 1 + (i << 17), 1, ACK, bytes(1 << 17))))


# ---- payload by reference ----

def referred(folder, attack, n):
    """An attack whose payload stays in the capture."""
    path = os.path.join(folder, "attack")
    c = Capture(path)
    attack(c, n)
    c.close()
    return [path], "--payload=reference"


def scaled(src, sport, dst, dport, seq, ack, flags):
    """A SYN that says that windows are shifted by 14."""
    seg = struct.pack(">HHIIBBHHHBBBB", sport, dport, seq, ack, 6 << 4, flags, 65535, 0, 0, 3, 3, 14, 0)
    check = 0xffff ^ fold(seg, fold(struct.pack(">IIII", src, dst, TCP, len(seg))))
    return seg[:16] + struct.pack(">H", check) + seg[18:]


def strewn(c, n):
    """n segments of 100 bytes, at 64 places of a stream in turns"""
    c.ip(A, B, TCP, scaled(A, 40000, B, 80, 999, 0, SYN))
    c.ip(B, A, TCP, scaled(B, 80, A, 40000, 4999, 1000, SYN | ACK))
    c.tcp(A, 40000, B, 80, 1000, 5000, ACK)
    for i in range(n):
        place = i % 64 * (n // 64) + i // 64
        c.tcp(A, 40000, B, 80, 1000 + 100 * place, 5000, ACK, bytes((i & 0xff,)) * 100)


def referred_strewn(folder, n):
    """n segments at 64 places of a stream in turns, of payload that stays in the capture, and is hashed at the end"""
    return referred(folder, strewn, n)


def referred_thrash(folder, n):
    """n retransmissions with another byte, far from each other, of payload that stays in the capture"""
    return referred(folder, thrash, n)


for attack in captures, merged_gzip, merged_zstd, mixture, referred_strewn, referred_thrash:
    attack.many = True

Attack = collections.namedtuple("Attack", "function, full, small")

# The function, the n of the bench at its end, and that of the test.
ATTACKS = [Attack(*entry) for entry in (
    (hole, 150000, 10000), (holes, 150000, 20000), (scattered, 150000, 20000), (bytes_, 300000, 20000),
    (conflicts, 100000, 4000), (thrash, 100000, 4000), (versions, 100000, 10000), (refused, 100000, 10000),
    (doubted, 100000, 10000), (takeovers, 100000, 10000), (outside, 100000, 10000), (keepalives, 100000, 10000),
    (urgent, 100000, 10000), (zero, 100000, 10000), (resets, 100000, 10000), (syns, 400000, 50000),
    (handshakes, 200000, 20000), (reuse, 200000, 20000), (open_streams, 200000, 80000), (ports, 200000, 50000),
    (addresses, 200000, 50000),
    (errors, 100000, 10000), (fragments, 300000, 30000), (tiny, 160000, 16000), (shuffled, 160000, 16000),
    (overlaps, 160000, 16000), (duplicates, 100000, 10000), (fragments6, 160000, 16000), (tunnels, 100000, 10000),
    (carriers, 20000, 2000),
    (nested, 100000, 5000), (tunnelled_fragments, 100000, 20000), (vlans, 50000, 2000), (extensions, 50000, 2000),
    (comments, 250000, 20000), (interfaces, 250000, 8000), (statistics, 250000, 20000), (secrets, 250000, 20000),
    (gzip_bomb, 262144, 65536), (zstd_bomb, 524288, 131072), (zstd_window, 524288, 131072),
    (long_records, 262144, 122880), (long_secrets, 65536, 65536),
    (long_segments, 131072, 32768), (long_refused, 131072, 32768), (captures, 4000, 100), (merged_gzip, 64, 64),
    (merged_zstd, 64, 64), (mixture, 50000, 4000),
    (referred_strewn, 200000, 20000), (referred_thrash, 100000, 4000))]


def write(attack, folder, n):
    """Writes the captures of an attack; returns what follows `seine ingest -o CASE` on the command line."""
    if getattr(attack, "many", False):
        made = attack(folder, n)
        return [*made[0], made[1]] if isinstance(made, tuple) else made
    path = os.path.join(folder, "attack")
    writer = getattr(attack, "writer", None)
    c = writer(path) if writer else Capture(path, getattr(attack, "link", RAW))
    attack(c, n)
    c.close()
    return [path]
