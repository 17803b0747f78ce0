"""wire.py - puts frames onto an interface, so many a second: the captures of sample_pcaps/, or conversations.

    wire.py INTERFACE samples RATE SECONDS ROUNDS  RATE frames a second, so many rounds of them between other hosts,
                                                   then those again
    wire.py INTERFACE conversations RATE SECONDS [ENDS]
                                                   RATE TCP conversations a second, of 11 frames each, each between
                                                   other ends, or between so many, which begin anew
    wire.py INTERFACE crowd COUNT                  so many datagrams of 100 bytes, each of a flow of its own
    wire.py INTERFACE burst COUNT                  datagrams of 18 bytes of one flow, as fast as they go

To be run in a network namespace of a test. Prints how many frames it has sent, at its end, and for a burst how many
seconds it took.
"""
import glob
import os
import socket
import struct
import sys
import time

import lib

SAMPLE_MOST = 1514  # of frames that are longer there is no more on an Ethernet
ETHERNET = 14
PAUSE = 0.004
MASK = 0xFFFFFFFF


def frames_of(data):
    """The frames of a classic pcap of Ethernet, or of none."""
    orders = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<", b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}
    order = orders.get(data[:4])
    if not order or struct.unpack(order + "I", data[20:24])[0] & 0xFFFF != 1:
        return
    at = 24
    while at + 16 <= len(data):
        captured = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        yield data[at + 16:at + 16 + captured]
        at += 16 + captured


def samples():
    found = []
    for path in sorted(glob.glob(os.path.join(lib.TOP, "sample_pcaps", "*.pcap"))):
        with open(path, "rb") as file:
            data = file.read()
        found += [frame for frame in frames_of(data) if ETHERNET <= len(frame) <= SAMPLE_MOST]
    return found


def elsewhere(frame, turn):
    """The same between other hosts. What is added to one half of an address is taken from the other, so all
    checksums that were right still are."""
    places = {b"\x08\x00": (26, 30), b"\x86\xdd": (22, 38)}.get(frame[12:14], ())
    if turn == 0 or len(frame) < 54:
        return frame
    moved = bytearray(frame)
    for at in places:
        high, low = struct.unpack_from(">HH", frame, at)
        struct.pack_into(">HH", moved, at, (high + turn) % 65535, (low - turn) % 65535)
    return bytes(moved)


def conversation(number, ends):
    """The frames of a short TCP conversation."""
    client, server = struct.pack(">I", 0x0A000000 + number % ends // 32768), bytes((192, 0, 2, 1))
    port = 1024 + number % ends % 32768
    at = [1000 + 7919 * number, 5000 + 104729 * number]

    def frame(side, flags, payload=b""):
        hosts, ports = ((client, server), (port, 80)) if side == 0 else ((server, client), (80, port))
        acked = at[1 - side] if flags & 16 else 0
        tcp = struct.pack(">HHIIBBHHH", *ports, at[side] & MASK, acked & MASK, 0x50, flags, 65535, 0, 0) + payload
        total = lib.inet_sum(hosts[0] + hosts[1] + struct.pack(">HH", 6, len(tcp)) + tcp)
        tcp = tcp[:16] + struct.pack(">H", total) + tcp[18:]
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, *hosts)
        ip = ip[:10] + struct.pack(">H", lib.inet_sum(ip)) + ip[12:]
        at[side] += len(payload) + (flags & 3 != 0)
        return bytes((2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)) + ip + tcp

    syn, fin, push, ack = 2, 1, 8, 16
    yield frame(0, syn)
    yield frame(1, syn | ack)
    yield frame(0, ack)
    yield frame(0, push | ack, b"GET /%d HTTP/1.0\r\n\r\n" % number)
    yield frame(1, ack)
    yield frame(1, push | ack, b"HTTP/1.0 200 OK\r\n\r\n" + b"%d\n" % number * 40)
    yield frame(0, ack)
    yield frame(1, fin | ack)
    yield frame(0, ack)
    yield frame(0, fin | ack)
    yield frame(1, ack)


def paced(wire, rate, seconds, batch):
    """batch(n) gives the n-th frames to send, `rate` of them a second."""
    began, number, sent = time.monotonic(), 0, 0
    while True:
        passed = time.monotonic() - began
        due = int(min(passed, seconds) * rate)
        while number < due:
            for frame in batch(number):
                wire.send(frame)
                sent += 1
            number += 1
        if passed >= seconds:
            return sent
        time.sleep(PAUSE)


def datagram(port, length):
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + length, 0, 0, 64, 17, 0, bytes((10, 0, 0, 1)), bytes((10, 0, 0, 2)))
    ip = ip[:10] + struct.pack(">H", lib.inet_sum(ip)) + ip[12:]
    return (bytes((2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)) + ip + struct.pack(">HHHH", port, 2000, 8 + length, 0) +
            bytes(length))


def crowd(wire, count):
    for port in range(count):
        wire.send(datagram(10000 + port, 100))
        if port % 100 == 99:
            time.sleep(PAUSE)
    return count


def burst(wire, count):
    frame = datagram(1000, 18)
    began = time.monotonic()
    for _ in range(count):
        wire.send(frame)
    return "%d %.2f" % (count, time.monotonic() - began)


def main(interface, what, number, seconds="0", ends="16777216"):
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((interface, 0))
        if what == "samples":
            frames = samples()
            print(paced(wire, int(number), float(seconds),
                        lambda n: (elsewhere(frames[n % len(frames)], n // len(frames) % int(ends)),)))
        elif what == "conversations":
            print(paced(wire, int(number), float(seconds), lambda n: conversation(n, int(ends))))
        else:
            print({"crowd": crowd, "burst": burst}[what](wire, int(number)))


if __name__ == "__main__":
    main(*sys.argv[1:])
