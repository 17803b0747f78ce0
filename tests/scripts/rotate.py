"""rotate.py - seine live into a folder: slice after slice, as one case, within what is to be kept, whatever happens.

The network is that of live.py, and so is the traffic. Without root's rights all is skipped.
"""
import contextlib
import hashlib
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import time

import lib
import live
import wire

FIRST_ID = 1 << 40

# A sanitizer keeps what was freed, which looks as if memory grew.
os.environ["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64"


def slices(folder):
    """Number and path of each, in their order."""
    found = []
    for name in os.listdir(folder):
        match = re.fullmatch(r"seine-(\d{6,})\.db", name)
        if match:
            found.append((int(match.group(1)), os.path.join(folder, name)))
    return sorted(found)


def length(folder):
    total = 0
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            total += os.stat(os.path.join(folder, name)).st_size
    return total


def sql(folder, statement):
    run = lib.seine("sql", "--csv", folder, statement)
    if run.wrong():
        raise ValueError(run.wrong())
    return [line.split(",") for line in run.out.decode().splitlines()[1:]]


def broken(number, path):
    """What is wrong with a slice that is closed; or None."""
    if lib.one(path, "pragma integrity_check") != "ok":
        return "slice %d: integrity_check" % number
    if lib.one(path, "pragma journal_mode") != "delete":
        return "slice %d is not one file" % number
    low, high = lib.rows(path, "select min(flow_id), max(flow_id) from flows")[0]
    if low is not None and (low <= number * FIRST_ID or high >= (number + 1) * FIRST_ID):
        return "slice %d has flows %d to %d" % (number, low, high)
    wrong = live.incoherent(path)
    return wrong and "slice %d: %s" % (number, wrong)


def kept_in_frames(path):
    """Of each stream of a slice whose payload is in its frames, what each segment of it brought, read where the case
    says that it lies; by stream, in order of position. Raises ValueError where payload is in the case all the same."""
    if lib.one(path, "select count(*) from chunks"):
        raise ValueError("%s has payload" % path)
    run = lib.seine("sql", "--csv", path, "select stream_id, position, captured, file_offset from segments "
                    "where fate in ('kept', 'conflict', 'provisional') and captured > 0 order by 1, 2")
    if run.wrong():
        raise ValueError(run.wrong())
    streams = {}
    with open(path.replace(".db", ".pcapng"), "rb") as frames:
        for line in run.out.decode().splitlines()[1:]:
            stream, position, captured, offset = map(int, line.split(","))
            pieces = streams.setdefault(stream, [])
            skip = max(0, pieces[-1][0] + len(pieces[-1][1]) - position) if pieces else 0
            frames.seek(offset + skip)
            if captured > skip:
                pieces.append((position + skip, frames.read(captured - skip)))
    return streams


def kept_in_case(path):
    streams = {}
    for stream, position, data in lib.rows(path, "select stream_id, position, data from chunks order by 1, 2"):
        streams.setdefault(stream, []).append((position, data))
    return streams


def conversations(paths, payload=kept_in_case):
    """Of each conversation of these cases, in their order, by its ends: packets and bytes of both sides, and the
    bytes of its streams with their positions. What it goes on with is found by continues_flow_id."""
    whole, head_of = {}, {}
    for path in paths:
        kept = payload(path)
        for flow, before, *ends, packets, more, size, other in lib.rows(path, """
                select flow_id, continues_flow_id, protocol, client_ip, client_port, server_ip, server_port,
                       client_packets, server_packets, client_bytes, server_bytes from flows
                 where protocol in ('tcp', 'udp') order by flow_id"""):
            head = head_of.get(before, flow)
            head_of[flow] = head
            told = whole.setdefault(head, [tuple(ends), [0, 0, 0, 0], {}])
            if told[0] != tuple(ends):
                raise ValueError("flow %d goes on with %s, which is another" % (flow, before))
            told[1] = [a + b for a, b in zip(told[1], (packets, more, size, other))]
            for stream in (2 * flow, 2 * flow + 1):
                hashed = hashlib.sha256()
                for position, data in kept.get(stream, ()):
                    told[2].setdefault(stream % 2, []).append((position, data))
                    hashed.update(data)
                for (sha256,) in lib.rows(path, "select sha256 from streams where stream_id = ?", stream):
                    if sha256 and sha256 != hashed.hexdigest():
                        raise ValueError("stream %d has another hash than it says" % stream)
    answer = []
    for ends, counts, sides in whole.values():
        payload = []
        for side in sorted(sides):
            pieces, at, hashed = sorted(sides[side]), None, hashlib.sha256()
            for position, data in pieces:
                if at is not None and position < at:
                    raise ValueError("%s: position %d is there twice" % (ends, position))
                hashed.update(b"%d" % position if position != at else b"")
                hashed.update(data)
                at = position + len(data)
            payload.append((side, hashed.hexdigest()))
        answer.append((ends, tuple(counts), tuple(payload)))
    return sorted(answer)


def resources(pid):
    """KiB of memory, and descriptors."""
    with open("/proc/%d/status" % pid) as status:
        memory = int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))
    return memory, len(os.listdir("/proc/%d/fd" % pid))


def check_sums():
    """All slices together are what an ingest makes of tcpdump's capture."""
    name = "the slices of a folder are together what came"
    for _ in range(5):
        with lib.folder() as place, live.Net() as net:
            folder, capture, ingested = (os.path.join(place, name) for name in ("slices", "t.pcap", "offline.db"))
            once = os.path.join(place, "once")  # where payload is written
            dump = live.Tcpdump(net, capture)
            run = live.Live(net, folder, "--rotate", "1s", "--pcap")
            other = live.Live(net, once, "--rotate", "1s", "--pcap", "--payload", "reference")
            drips = net.start(net.near, sys.executable, live.HERE, "--drip")
            net.talk(7, 40)
            time.sleep(max(0, 3.5 - 0.1))
            drips.kill()
            drips.wait()
            time.sleep(0.3)
            wrong = run.stop() or other.stop()
            dropped = dump.stop() + sum(live.lost(path) for _, path in slices(folder) + slices(once))
            if dropped and not wrong:
                continue
            wrong = wrong or lib.ingest(ingested, capture).wrong()
            if not wrong:
                check_reference(once, ingested)
            paths, crossed = slices(folder), 0
            wrong = wrong or next(filter(None, (broken(*slice) for slice in paths)), None)
            if not wrong and [number for number, _ in paths] != list(range(1, len(paths) + 1)):
                wrong = "the slices are %s" % [number for number, _ in paths]
            if not wrong and len(paths) < 4:
                wrong = "only %d slices" % len(paths)
            try:
                mine, theirs = conversations([path for _, path in paths]), conversations([ingested])
                if not wrong and mine != theirs:
                    wrong = "%d conversations and %d: %s" % (len(mine), len(theirs), next(
                        ("%s and %s" % pair for pair in zip(mine, theirs) if pair[0] != pair[1]), "some are missing"))
                asked = ("select sum(client_packets + server_packets), sum(client_bytes + server_bytes) from flows "
                         "where protocol in ('tcp', 'udp')")
                told, wanted = sql(folder, asked)[0], [str(n) for n in lib.rows(ingested, asked)[0]]
                if not wrong and told != wanted:
                    wrong = "seine sql says %s, and %s came" % (told, wanted)
                crossed = sql(folder, "select count(*) from flows where continues_flow_id is not null")[0][0]
                if not wrong and int(crossed) < 3:
                    wrong = "%s flows go on from one slice to the next" % crossed
                closed = sql(folder, "select count(*) from slices where status = 'closed'")[0][0]
                if not wrong and int(closed) != len(paths):
                    wrong = "the catalogue knows %s slices of %d" % (closed, len(paths))
            except ValueError as error:
                wrong = wrong or str(error)
            wrong = wrong or followed(folder) or next(filter(None, (unproved(path) for _, path in paths)), None)
            lib.check(name, wrong, "%d slices, %s flows went on" % (len(paths), crossed))
            return
    lib.tell("skip", name, "frames were lost each time: this machine is too slow")


def check_reference(folder, ingested):
    """The same where payload stays in the frames; and where those of a slice have gone, that is said."""
    name = "payload in the frames of a folder is what came"
    paths = [path for _, path in slices(folder)]
    wrong = next(filter(None, (broken(*slice) for slice in slices(folder))), None)
    try:
        mine, theirs = conversations(paths, kept_in_frames), conversations([ingested])
        if not wrong and mine != theirs:
            wrong = "%d conversations and %d: %s" % (len(mine), len(theirs), next(
                ("%s and %s" % pair for pair in zip(mine, theirs) if pair[0] != pair[1]), "some are missing"))
        unhashed = sum(lib.one(path, "select count(*) from streams where stored > 0 and sha256 is null") for path in paths)
        if not wrong and unhashed:
            wrong = "%d streams have no hash" % unhashed
    except ValueError as error:
        wrong = wrong or str(error)
    wrong = wrong or followed(folder) or next(filter(None, map(unproved, paths)), None)
    size = sum(lib.one(path, "select sum(stored) from streams") or 0 for path in paths)
    lib.check(name, wrong, "%d slices, %d bytes of payload, %d of files" % (len(paths), size, length(folder)))

    frames = paths[1].replace(".db", ".pcapng")
    flow = lib.one(paths[1], "select flow_id from streams where stored > 0 limit 1")
    os.rename(frames, os.path.join(folder, "elsewhere"))
    found = [lib.seine("follow", where, str(flow), "--as", "raw") for where in (folder, paths[1])]
    os.unlink(os.path.join(folder, "elsewhere"))
    gone = [lib.seine("follow", where, str(flow), "--as", "raw") for where in (folder, paths[1])]
    wrong = next((run.wrong(0, 1) for run in found if run.wrong(0, 1)), None)  # under another name
    sentence = b"the payload is in the evidence, and seine-000002.pcapng is not there: put it where it was"
    for run in gone:
        wrong = wrong or run.wrong(3) or (None if sentence in run.err and not run.out else lib.tail(run.err + run.out))
    lib.check("frames of a slice that have gone are missed in a sentence", wrong)


def followed(folder):
    """The longest conversation is followed through its slices, to the last byte; why not, or None."""
    head = sql(folder, "select flow_id from flows where protocol = 'tcp' and continues_flow_id is null "
                       "and end_reason = 'continued' order by client_packets desc limit 1")[0][0]
    size = sql(folder, """with recursive part(flow_id, size) as (select flow_id, client_bytes from flows
        where flow_id = %s union all select f.flow_id, f.client_bytes from part join flows as f
        on f.continues_flow_id = part.flow_id) select sum(size), count(*) from part""" % head)[0]
    run = lib.seine("follow", folder, head, "--as", "raw", "--side", "client")
    if run.wrong() or len(run.out) == int(size[0]):
        return run.wrong()
    return "%d bytes are followed of flow %s, which has %s in %s slices" % (len(run.out), head, *size)


def unproved(path):
    """A slice beside whose case there are not the frames that it is of; or None."""
    frames = path.replace(".db", ".pcapng")
    run = lib.seine("verify", path)
    told = run.out.decode()
    if run.status not in (0, 1) or "FAILS" in told or run.wrong(0, 1):
        return "verify of %s: %s %s" % (os.path.basename(path), told, run.wrong(0, 1))
    count = lib.one(path, "select count(*) from streams where stored > 0")
    if told.count("segments of the capture rebuild it") + told.count("segment of the capture rebuilds it") < count:
        return "verify of %s proves less than %d streams: %s" % (os.path.basename(path), count, told[-600:])
    ingested = path.replace(".db", ".again.db")
    wrong = lib.ingest(ingested, frames).wrong()
    asked = "select sum(frames) from evidence"
    if not wrong and lib.one(ingested, asked) != lib.one(path, asked):
        wrong = "%s has %s frames of %s" % (frames, lib.one(ingested, asked), lib.one(path, asked))
    return wrong


def tagged():
    """Datagrams with a VLAN tag, which the kernel that gets them takes out and tells beside the frame."""
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + 600, 1, 0, 64, 17, 0, socket.inet_aton(live.SERVER),
                       socket.inet_aton(live.CLIENT))
    total = sum(struct.unpack(">10H", head))
    total = (total & 0xffff) + (total >> 16)
    head = head[:10] + struct.pack(">H", ~total & 0xffff) + head[12:]
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("wire0", 0))
        for n in range(40):
            wire.send(b"\xff" * 6 + b"\x02\0\0\0\0\1" + struct.pack(">HHH", 0x8100, 7, 0x0800) + head +
                      struct.pack(">HHHH", 700, 701, 608, 0) + bytes([n]) * 600)
            time.sleep(0.005)


def unlike_said(case):
    """A stream of which other bytes are followed than its row says; or None. verify agrees with it."""
    for flow, side, stored, sha256 in lib.rows(case, "select flow_id, side, stored, sha256 from streams where stored > 0"):
        run = lib.seine("follow", case, str(flow), "--side", side, "--as", "raw")
        if run.wrong(0, 1):
            return run.wrong(0, 1)
        if sha256 and hashlib.sha256(run.out).hexdigest() != sha256 or not sha256 and lib.one(
                case, "select verdict from streams where stream_id = 2 * ? + ?", flow, side == "server") != "open":
            return "flow %d, %s: %d bytes are followed, %d said, with the hash %s" % (
                flow, side, len(run.out), stored, sha256)
    run = lib.seine("verify", case)
    return run.wrong(0, 1) or ("FAILS" in run.out.decode() and "verify: %s" % lib.tail(run.out)) or None


PLACED = ("--pcap", "--payload", "reference")


def check_placed(net, place):
    """Payload in the frames of one case: tags, segments longer than any frame on the wire, fragments, two interfaces,
    and frames that get lost and late."""
    name = "payload in the frames of a case is what it would be in the case"
    noisy = net.disturb()
    for turn in range(5):
        kept, once = (os.path.join(place, "%s%d.db" % (name, turn)) for name in ("kept", "once"))
        runs = [live.Live(net, kept, "-i", "lo"), live.Live(net, once, "-i", "lo", *PLACED)]
        local = net.start(net.near, sys.executable, "-c", "import socket, time\nfor n in range(50):\n"
                          " socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'%d' % n, ('127.0.0.1', 9))")
        tags = net.start(net.far, sys.executable, os.path.abspath(__file__), "--tagged")
        net.talk(turn, 20)
        local.wait()
        tags.wait()
        open_flow = lib.one(once, "select max(flow_id) from flows where end_reason = 'open' and server_bytes > 0")
        early = lib.seine("follow", once, str(open_flow), "--as", "raw") if open_flow else None
        wrong = runs[0].stop() or runs[1].stop()
        if live.lost(kept) + live.lost(once) == 0:
            break
    else:
        lib.tell("skip", name, "frames were lost each time: this machine is too slow")
        return
    mine, theirs = live.streams(once), live.streams(kept)
    if not wrong and mine != theirs:
        wrong = "%d streams and %d: %s" % (len(mine), len(theirs), next(
            ("%s and %s" % pair for pair in zip(mine, theirs) if pair[0] != pair[1]), "some are missing"))
    if not wrong and lib.one(once, "select count(*) from chunks"):
        wrong = "it has payload"
    if not wrong and early and (early.wrong(0, 1) or not early.out):
        wrong = "flow %d while it was written: %s" % (open_flow, early.wrong(0, 1))
    if not wrong and not lib.one(once, "select count(*) from flows where vlan = 7"):
        wrong = "no frame has a tag"
    if not wrong and lib.one(once, "select count(distinct evidence_id) from flows") != 2:
        wrong = "there are not two interfaces"
    frames = lib.seine("sql", "--csv", once, "select max(captured) from frames").out.decode().split()[1]
    if not wrong and int(frames) <= 1518:
        wrong = "no frame is longer than one on the wire"
    wrong = wrong or unlike_said(once)
    asked = lib.seine("sql", "--csv", "--files", once, """select count(*), sum(stream_view_sha256(stream_id, null) = sha256
        and length(stream_bytes(stream_id, start, length)) = length
        and (select sum(length(data)) from stream_bytes(s.stream_id)) = length) from streams as s where stored > 0""")
    told = asked.out.decode().split()[-1].split(",")
    if not wrong and (asked.wrong() or int(told[0]) == 0 or told[0] != told[1]):
        wrong = "functions of SQL agree with %s of streams: %s" % (told, asked.wrong())
    refused = lib.seine("sql", once, "select stream_bytes(stream_id, start, 1) from streams where stored > 0")
    if not wrong and b"is not in the case but in its evidence" not in refused.err:
        wrong = "functions of SQL open files that nobody allowed: %s" % lib.tail(refused.err)
    lib.check(name, wrong, "%d streams%s" % (len(mine), ", with netem" if noisy else ""))


def check_placed_kill(net, place):
    """Payload in the frames of a run that is killed, of a case alone and of a folder."""
    name = "payload in the frames of a run that was killed is what it committed"
    drips, wrong, streams = net.start(net.near, sys.executable, live.HERE, "--drip"), None, 0
    for output, options in ((os.path.join(place, "alone.db"), ()), (os.path.join(place, "many"), ("--rotate", "2s"))):
        run = live.Live(net, output, *PLACED, *options)
        time.sleep(3.3)
        run.kill()
        cases = [path for _, path in slices(output)] if options else [output]
        wrong = wrong or next(filter(None, map(unlike_said, cases)), None)
        wrong = live.Live(net, output, *PLACED, *options).stop() or wrong
        cases = [path for _, path in slices(output)] if options else [output]
        for case in cases:
            wrong = wrong or unlike_said(case)
            unknown = lib.one(case, "select count(*) from evidence where bytes is null or fingerprint is null")
            bare = lib.one(case, "select count(*) from streams where stored > 0 and sha256 is null")
            if not wrong and (unknown or bare):
                wrong = "%s: %d evidence unknown, %d streams without a hash" % (case, unknown, bare)
            streams += lib.one(case, "select count(*) from streams where stored > 0")
        if not options and sorted(n for n in os.listdir(place) if n.startswith("alone") and n.endswith("pcapng")) != [
                "alone.2.pcapng", "alone.pcapng"]:
            wrong = wrong or "the second run has no frames of its own: %s" % os.listdir(place)
    drips.kill()
    lib.check(name, wrong, "%d streams" % streams)


def check_soak(net, place):
    """Many rotations: the folder stays within what is kept, memory and descriptors stay what they were."""
    seconds, turns = (600, 40) if lib.LONG else (12, 10)
    keep = 32 << 20
    folder = os.path.join(place, "soak")
    # The released one: a sanitizer's own memory takes longer to fill than this does, and is not what is asked for.
    run = live.Live(net, folder, "--rotate", "%ds" % (seconds // turns), "--keep", str(keep), binary=lib.RELEASE)
    drips = [net.start(net.near, sys.executable, live.HERE, "--drip") for _ in range(3 if lib.LONG else 12)]
    began, most, seen, wrong = time.monotonic(), 0, [], None
    while time.monotonic() - began < seconds:
        time.sleep(0.1)
        most = max(most, length(folder))
        if time.monotonic() - began > seconds * len(seen) / 40:
            seen.append(resources(run.process.pid))
    # where the machine is busy, what is to fill the folder comes late
    wait_for_bytes(lambda: slices(folder) and slices(folder)[0][0] > 1, lambda: length(folder))
    for drip in drips:
        drip.kill()
    wrong = run.stop()
    last = slices(folder)[-1][0] if slices(folder) else 0
    if not wrong and last < turns * 2 // 3:
        wrong = "only %d slices" % last
    if not wrong and slices(folder)[0][0] == 1:
        wrong = "none was removed, and the folder has %d bytes" % length(folder)
    if not wrong and most > keep:
        wrong = "the folder had %d bytes, and %d are to be kept" % (most, keep)
    half = len(seen) // 2
    if not wrong and max(m for m, _ in seen[half:]) > max(m for m, _ in seen[:half]) + 4096:
        wrong = "memory grew: %s" % [m for m, _ in seen]
    files = [sorted(n for _, n in part)[len(part) // 2] for part in (seen[:half], seen[half:])]  # some are open shortly
    if not wrong and files[1] > files[0] + 1:
        wrong = "descriptors grew: %s" % [n for _, n in seen]
    wrong = wrong or next(filter(None, (broken(*slice) for slice in slices(folder))), None)
    lib.check("many rotations stay within what is kept", wrong, "%d slices, %d KiB at most, %d KiB of memory, %d files" % (
        last, most >> 10, max(m for m, _ in seen), max(n for _, n in seen)))


def anonymous(pid):
    """KiB of memory that is the process's own: neither its ring, nor what it has mapped."""
    with open("/proc/%d/status" % pid) as status:
        return int(re.search(r"RssAnon:\s+(\d+)", status.read()).group(1))


def check_memory(_, place):
    """Conversations come and go by the hundred, through many slices: memory stays what it is once as many are
    remembered as end in two minutes. In a short run the same ones begin anew, so that it is so at once."""
    seconds, turns, ends, slack = (600, 60, 1 << 24, 1024) if lib.LONG else (12, 12, 30, 512)
    with live.Cable() as cable:
        run = live.Live(cable, os.path.join(place, "flat"), "--rotate", "%ds" % (seconds // turns), "--keep", "32M",
                        "--memory", "64M", binary=lib.RELEASE)
        frames = cable.start(cable.far, sys.executable, wire.__file__, "wire0", "conversations", 100, seconds, ends,
                             stdout=subprocess.PIPE)
        seen = []
        while frames.poll() is None:
            time.sleep(0.1)
            seen.append(anonymous(run.process.pid))
        sent = int(frames.stdout.read())
        wrong = run.stop()
    third = len(seen) // 3
    before, after = max(seen[third:2 * third]), max(seen[2 * third:])
    if not wrong and after > before + slack:
        wrong = "memory grew from %d KiB to %d: %s" % (before, after, seen[::max(1, len(seen) // 40)])
    last = slices(os.path.join(place, "flat"))[-1][0]
    if not wrong and last < turns // 2:
        wrong = "only %d slices" % last
    lib.check("memory stays what it is, whatever comes and goes", wrong,
              "%d frames, %d slices, %d KiB and then %d at most" % (sent, last, before, after))


def check_crowd(_, place):
    """All flows that live are told of when a slice begins. That they are many does not mean that more comes than can
    be written: their payload is kept."""
    folder, count = os.path.join(place, "crowd"), 4000
    with live.Cable() as cable:
        run = live.Live(cable, folder, "--rotate", "1s", "--memory", "32M", binary=lib.RELEASE)
        cable.start(cable.far, sys.executable, wire.__file__, "wire0", "crowd", count,
                    stdout=subprocess.DEVNULL).wait()
        time.sleep(3.5)
        wrong = run.stop()
    kept = len({row for _, path in slices(folder) for row in lib.rows(
        path, "select client_port from flows join streams using (flow_id) where stored = 100")})
    shed = said(folder, "more comes than can be written")
    if not wrong and (shed or kept != count):
        wrong = "of %d flows %d have payload, and %d rows say that more comes than can be written" % (count, kept, shed)
    lib.check("many flows at the turn of a slice cost no payload", wrong, "%d slices" % len(slices(folder)))


SLOW = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <unistd.h>
int fdatasync(int fd)
{
    static time_t began;
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    began = began ? began : time(NULL);
    if (time(NULL) - began >= 1 && time(NULL) - began <= 12)
        usleep(3000000);
    return real(fd);
}
"""


def check_slow(_, place):
    """A disk that takes three seconds for each flush, as the card of a small board may, loses nothing of little."""
    name = "a disk that is slow to flush costs no frame and no payload"
    library, case = os.path.join(place, "slow.so"), os.path.join(place, "slow.db")
    made = subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library, "-ldl"], input=SLOW.encode(),
                          capture_output=True) if shutil.which("cc") else None
    if not made or made.returncode:
        lib.tell("skip", name, "no library can be made to slow it down")
        return
    with live.Cable() as cable:
        run = live.Live(cable, case, "--memory", "64M", binary=lib.RELEASE,
                        env=dict(os.environ, LD_PRELOAD=lib.preloadable(library), SEINE_SANDBOX="off"))
        time.sleep(1)
        frames = cable.start(cable.far, sys.executable, wire.__file__, "wire0", "conversations", 20, 11,
                             stdout=subprocess.PIPE)
        sent = int(frames.communicate()[0])
        wrong = run.stop()
    there = lib.one(case, "select sum(frames) from evidence")
    shed = lib.one(case, "select sum(shed) + count(nullif(detail, '')) from capture_stats")
    if not wrong and (there != sent or shed):
        wrong = "of %d frames %d are there, and %d had payload that was not kept, or rows that say so" % (sent, there, shed)
    lib.check(name, wrong, "%d frames" % sent)


def is_logged(path):
    """Whether the slice is written, or was when its writer was killed: its header says that it has a log."""
    with open(path, "rb") as case:
        return case.read(20)[19:] == b"\2"


def check_kill(net, place):
    """Killed: every slice opens, and the next run goes on with the next number, and mends."""
    folder = os.path.join(place, "killed")
    drips = net.start(net.near, sys.executable, live.HERE, "--drip")
    wrong, last = None, 0
    for turn in range(12 if lib.LONG else 2):
        run = live.Live(net, folder, "--rotate", "1s")
        time.sleep(1.7 + 0.13 * turn)
        run.kill()
        for number, path in slices(folder):
            if lib.one(path, "pragma integrity_check") != "ok":
                wrong = wrong or "slice %d: integrity_check" % number
        numbers = [number for number, _ in slices(folder)]
        if numbers != list(range(1, len(numbers) + 1)) or len(numbers) <= last:
            wrong = wrong or "the slices are %s" % numbers
        last = len(numbers)
        try:
            sql(folder, "select count(*) from flows")
        except ValueError as error:
            wrong = wrong or str(error)
    drips.kill()
    ids = set()
    for _, path in slices(folder):
        flows = lib.rows(path, "select flow_id, continues_flow_id from flows")
        ids.update(flow for flow, _ in flows)
        if not all(before is None or before in ids for _, before in flows):
            wrong = wrong or "a flow goes on with one that is not there"
    last_path = slices(folder)[-1][1]
    reader = sqlite3.connect(last_path)  # which takes the log into the file, and removes it
    reader.execute("select count(*) from flows").fetchone()
    reader.close()
    if os.path.exists(last_path + "-wal"):
        wrong = wrong or "the log of a slice that was killed is there, and this test tests nothing"
    left_open = [path for _, path in slices(folder) if is_logged(path)]
    run = live.Live(net, folder, "--rotate", "1s")
    if not left_open or not wait(lambda: not any(map(is_logged, left_open))):
        wrong = wrong or "%d slices were left open, and they are not mended while the next run goes on" % len(left_open)
    other = subprocess.run(["ip", "netns", "exec", net.near, lib.SEINE, "live", "-i", "wire0", "-o", folder,
                            "--keep", "32M"], capture_output=True, text=True, timeout=live.PATIENCE)
    if "is being written by another seine" not in other.stderr:
        wrong = wrong or "a second run into the folder: %s" % other.stderr
    wrong = run.stop() or wrong or next(filter(None, (broken(*slice) for slice in slices(folder))), None)
    left = sum(lib.one(path, """select (select count(*) from flows where end_reason = 'open') +
        (select count(*) from evidence where status = 'open')""") for _, path in slices(folder))
    if not wrong and left:
        wrong = "%d rows say open for ever" % left
    evidence = [row[0] for _, path in slices(folder) for row in lib.rows(path, "select evidence_id from evidence")]
    if not wrong and evidence != list(range(1, len(evidence) + 1)):
        wrong = "the evidence is numbered %s" % evidence
    lib.check("a kill leaves slices that are whole, and the next run goes on", wrong, "%d slices" % len(slices(folder)))


def check_damaged(net, place):
    """A slice that cannot be opened any more stays as it is, and the next run goes on above it."""
    folder = os.path.join(place, "damaged")
    run = live.Live(net, folder, "--rotate", "1h")
    run.kill()
    first = slices(folder)[0][1]
    with open(first, "r+b") as damaged:
        damaged.seek(100)
        damaged.write(b"\xa5" * 8000)
    for left in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(first + left)
    with open(first, "rb") as damaged:
        before = damaged.read()
    wrong = live.Live(net, folder, "--rotate", "1h").stop()
    with open(first, "rb") as damaged:
        if damaged.read() != before:
            wrong = wrong or "it was changed"
    second = slices(folder)[-1]
    wrong = wrong or broken(*second)
    if not wrong and (second[0] != 2 or lib.one(second[1], "select min(evidence_id) from evidence") < 2):
        wrong = "slice %d begins with evidence that may be there" % second[0]
    lib.check("a damaged slice does not keep the next from being written", wrong)


def check_unindexed(net, place):
    """A slice whose closing a kill cut short has its indexes after the next run; so has a case, when it is asked for."""
    folder = os.path.join(place, "unindexed")
    wrong = live.Live(net, folder, "--rotate", "1h").stop()
    path = slices(folder)[0][1]
    indexes = "select count(*) from sqlite_master where type = 'index' and sql is not null"
    usual = lib.one(path, indexes)
    cuts = ";".join("drop index " + name for name, in lib.rows(
        path, "select name from sqlite_master where type = 'index' and sql is not null and name <> 'chunk_data_place'"))

    def cut():
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.executescript(cuts)
        told = lib.seine("summary", path)
        return None if told.status == 1 and b"has no indexes yet" in told.out else "summary does not say so"

    wrong = wrong or cut() or live.Live(net, folder, "--rotate", "1h").stop()
    if not wrong and (lib.one(path, indexes) != usual or lib.seine("summary", path).status != 0):
        wrong = "the next run leaves it without: %d of %d, %s" % (lib.one(path, indexes), usual, lib.seine("summary", path).out[:200])
    wrong = wrong or cut() or lib.seine("index", path).wrong(0)
    if not wrong and (lib.one(path, indexes) != usual or lib.seine("summary", path).status != 0):
        wrong = "seine index leaves it without"
    lib.check("indexes that a kill prevented are built afterwards", wrong, "%d indexes" % usual)


def bulk():
    """As much as comes, until it is killed."""
    with socket.create_connection((live.SERVER, live.PORT)) as connection:
        while True:
            connection.sendall(struct.pack(">III", 0, 1 << 20, 30))
            live.take(connection, 1 << 20)


def said(folder, words):
    """How many rows of capture_stats say that."""
    count = 0
    for _, path in slices(folder):
        with contextlib.suppress(sqlite3.OperationalError):  # it has gone meanwhile
            count += len(lib.rows(path, "select 1 from capture_stats where detail like ?", "%" + words + "%"))
    return count


def wait(holds):
    """Until it does; whether it did in time."""
    until = time.monotonic() + live.PATIENCE
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def wait_for_bytes(holds, size):
    """Until it holds, however long the bytes take that it depends on: as long as more come. Whether it did."""
    seen, until = None, 0
    while not holds():
        if size() != seen:
            seen, until = size(), time.monotonic() + live.PATIENCE
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def check_snapshot(net, place):
    """One who stays in a transaction gets a slice of their own; when they go, it is closed like the others."""
    folder = os.path.join(place, "snapshot")
    run = live.Live(net, folder, "--rotate", "1h")
    path = os.path.join(folder, "seine-000001.db")
    wrong = None
    with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True, isolation_level=None)) as stays:
        stays.execute("begin")
        before = stays.execute("select count(*) from flows").fetchone()
        bulk = net.start(net.near, sys.executable, os.path.abspath(__file__), "--bulk")
        log = lambda: os.stat(path + "-wal").st_size
        most = 64 + 32 << 20  # what comes in a second beside it
        if not wait_for_bytes(lambda: len(slices(folder)) > 1 or log() > most, log) or log() > most:
            wrong = "the log has %d bytes, and no other slice begins" % log()
        elif not wait(lambda: said(folder, "does not end their transaction") > 0 or
                      said(folder, "do not end their transaction") > 0):
            wrong = "no row says why"
        if stays.execute("select count(*) from flows").fetchone() != before:
            wrong = wrong or "a snapshot changed"
    if not wrong and not wait(lambda: not os.path.exists(path + "-wal")):
        wrong = "its log stays when the reader has gone"
    bulk.kill()
    wrong = run.stop() or wrong or next(filter(None, (broken(*slice) for slice in slices(folder))), None)
    lib.check("a reader who stays in a transaction gets the next slice begun", wrong, "%d slices" % len(slices(folder)))


def read_at_once(folder, seconds):
    """Opens the newest slices again and again, and waits for nobody. Tells how often, and who refused it."""
    opens, refused, until = 0, [], time.monotonic() + seconds
    while time.monotonic() < until:
        for _, path in slices(folder)[-2:]:
            opens += 1
            try:
                with contextlib.closing(sqlite3.connect("file:%s?mode=ro" % path, uri=True, timeout=0)) as db:
                    db.execute("select count(*) from flows").fetchone()
            except sqlite3.Error as error:
                refused.append("%s: %s" % (os.path.basename(path), error))
    print("\n".join([str(opens), *refused[:1]]))


def check_refused(net, place):
    """Who opens a slice while it is closed is not refused, though they do not wait; and nothing is left beside it."""
    folder, seconds = os.path.join(place, "refused"), 120 if lib.LONG else 5
    run = live.Live(net, folder, "--rotate", "1s", binary=lib.RELEASE)
    drip = net.start(net.near, sys.executable, live.HERE, "--drip")
    readers = [subprocess.Popen([sys.executable, os.path.abspath(__file__), "--read", folder, str(seconds)],
                                stdout=subprocess.PIPE, text=True) for _ in range(4)]
    found = [reader.communicate()[0].splitlines() for reader in readers]
    drip.kill()
    wrong = run.stop() or next((of[-1] for of in found if len(of) != 1), None)
    left = [name for name in os.listdir(folder) if name.endswith(("-wal", "-shm"))]
    if not wrong and left:
        wrong = "beside the slices there are %s" % left
    wrong = wrong or next(filter(None, (broken(*slice) for slice in slices(folder))), None)
    lib.check("nobody is refused while a slice is closed", wrong, "%d opens, %d slices" % (
        sum(int(of[0]) for of in found), len(slices(folder))))


def check_full(net, place):
    """The disk is full: first the oldest slices go, and where there is none that can, payload."""
    folder = os.path.join(place, "disk")
    os.mkdir(folder)
    name = "a full disk is survived"
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", folder], capture_output=True).returncode:
        lib.tell("skip", name, "nothing can be mounted here")
        return
    try:
        with open(os.path.join(folder, "others"), "wb") as others:
            others.write(bytes(48 << 20))
        run = live.Live(net, folder, "--rotate", "3s")
        drips = [net.start(net.near, sys.executable, live.HERE, "--drip") for _ in range(6)]
        wrong = None
        if not wait_for_bytes(lambda: said(folder, "removed") > 0, lambda: length(folder)):
            wrong = "no slice was removed, and %d bytes are there" % length(folder)
        for drip in drips[2:]:
            drip.kill()

        def fill():
            """Somebody else takes what room there is, and what becomes free when slices go."""
            room = os.statvfs(folder)
            more = room.f_bavail * room.f_frsize - (10 << 20)
            if more > 0:
                with open(os.path.join(folder, "others"), "ab") as others:
                    others.write(bytes(more))
            return said(folder, "no payload of streams that begin") > 0

        if not wrong and not wait(fill):
            wrong = "no row says that payload is not kept"
        time.sleep(2)
        os.unlink(os.path.join(folder, "others"))
        if not wrong and not wait(lambda: said(folder, "has room again") > 0):
            wrong = "no row says that there is room again"
        time.sleep(1.5)
        for drip in drips:
            drip.kill()
        wrong = run.stop() or wrong or next(filter(None, (broken(*slice) for slice in slices(folder))), None)
        lib.check(name, wrong, "slices %s are left" % [number for number, _ in slices(folder)])
    finally:
        subprocess.run(["umount", "-l", folder], capture_output=True)


def check_no_room(net, place):
    """Others fill the disk at once, to its last byte: nothing is stored meanwhile, and then it goes on."""
    name = "a disk that others fill at once is survived"
    for what, options in (("folder", ("--rotate", "2s")), ("case.db", ())):
        disk = os.path.join(place, "full-" + what)
        os.mkdir(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", disk], capture_output=True).returncode:
            lib.tell("skip", name, "nothing can be mounted here")
            return
        try:
            output, others = os.path.join(disk, what), os.path.join(disk, "others")
            cases = lambda: [path for _, path in slices(output)] if options else [output]
            run = live.Live(net, output, *options)
            drip = net.start(net.near, sys.executable, live.HERE, "--drip")
            time.sleep(3)
            closed = len(cases())
            with open(others, "wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(bytes(1 << 16)):
                    pass
            until = time.monotonic() + 6
            while time.monotonic() < until:  # what becomes free is taken as well
                with open(others, "ab", buffering=0) as file, contextlib.suppress(OSError):
                    while file.write(bytes(1 << 12)):
                        pass
                time.sleep(0.01)
            wrong = None
            if run.process.poll() is not None:
                wrong = "%s: it ended, exit status %s" % (what, run.process.returncode)
            elif options and not min(closed, 1) <= len(cases()) <= 2:
                wrong = "of %d slices %d stayed: %s" % (closed, len(cases()), sorted(os.listdir(output)))
            told = [lib.seine("status", *how, output) for how in ((), ("--prometheus",))]
            if not wrong and (told[0].status != 1 or b"paused" not in told[0].out or b"\nseine_paused 1\n" not in told[1].out):
                wrong = "%s: status does not say that it is paused: %s" % (what, told[0].out[:300])
            os.unlink(others)
            told = "select shed from capture_stats where detail like 'nothing was stored for%'"
            if not wrong and not wait(lambda: any(lib.rows(case, told) for case in cases())):
                wrong = "%s: no row says that nothing was stored" % what
            time.sleep(2)
            if not wrong and b"being written" not in lib.seine("status", output).out:
                wrong = "%s: status does not say that it goes on" % what
            drip.kill()
            wrong = run.stop() or wrong
            if not wrong and not [1 for case in cases() for shed, in lib.rows(case, told) if shed > 100]:
                wrong = "%s: the frames of that time are not counted" % what
            for number, case in enumerate(cases(), 1):
                wrong = wrong or live.incoherent(case) or live.unproved(case)
            statuses = [status for case in cases() for status, in lib.rows(case, "select status from evidence")]
            if not wrong and (statuses.count("interrupted") != 1 or statuses[-1] != "complete"):
                wrong = "%s: its evidence is said to be %s" % (what, statuses)
            if wrong:
                break
        finally:
            subprocess.run(["umount", "-l", disk], capture_output=True)
    lib.check(name, wrong, "a folder and a case")


NO_LOG = """
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    char name[64], path[4096];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    const ssize_t n = readlink(name, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    if (strstr(path, "seine-000003.db-wal") && access(getenv("NO_ROOM_WHILE"), F_OK) == 0) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, data, len, at);
}
"""


def check_no_room_at_turn(net, place):
    """The disk becomes full when a slice has begun, before anything is in it: the one before is closed by nobody, and
    it is that which stays, not the one before it."""
    name, disk, library = "a disk that is full at the turn of a slice leaves the last one", os.path.join(place, "turn"), \
        os.path.join(place, "turn.so")
    os.mkdir(disk)
    made = subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=NO_LOG.encode(),
                          capture_output=True) if shutil.which("cc") else None
    if not made or made.returncode or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk],
                                                     capture_output=True).returncode:
        lib.tell("skip", name, "nothing can be mounted here, or no library made that refuses bytes")
        return
    try:
        folder, others = os.path.join(disk, "folder"), os.path.join(disk, "others")
        with open(others, "wb") as file:
            file.write(bytes(43 << 20))
        run = live.Live(net, folder, "--rotate", "1s", binary=lib.RELEASE, env=dict(
            os.environ, LD_PRELOAD=lib.preloadable(library), NO_ROOM_WHILE=others, SEINE_SANDBOX="off"))
        drip = net.start(net.near, sys.executable, live.HERE, "--drip")
        numbers = lambda: [number for number, _ in slices(folder)]
        wrong = None if wait(lambda: 1 not in numbers()) else "the slices %s are there" % numbers()
        time.sleep(1.2)
        if not wrong and numbers() != [2, 3]:
            wrong = "the slices %s stayed" % numbers()
        os.unlink(others)
        if not wrong and not wait(lambda: said(folder, "nothing was stored for") > 0):
            wrong = "it does not go on"
        time.sleep(1)
        drip.kill()
        wrong = run.stop() or wrong or next(filter(None, (broken(*slice) for slice in slices(folder))), None)
        lib.check(name, wrong, "slices %s" % numbers())
    finally:
        subprocess.run(["umount", "-l", disk], capture_output=True)


def check_end_without_room(net, place):
    """Told to end while nothing can be stored: it ends at once, and says what was not; the next run goes on."""
    name, disk = "a run that ends while the disk is full says so", os.path.join(place, "ended")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], capture_output=True).returncode:
        lib.tell("skip", name, "nothing can be mounted here")
        return
    try:
        folder, others = os.path.join(disk, "folder"), os.path.join(disk, "others")
        run = live.Live(net, folder, "--rotate", "1h")
        drip = net.start(net.near, sys.executable, live.HERE, "--drip")
        time.sleep(1.5)
        with open(others, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(1 << 16)):
                pass
        told = run.process.stderr.readline()
        while told and b"nothing is stored until" not in told:
            told = run.process.stderr.readline()
        time.sleep(0.5)
        run.process.send_signal(signal.SIGTERM)
        out, err = run.process.communicate(timeout=live.PATIENCE)
        drip.kill()
        wrong = None
        if run.process.returncode != 1 or not re.search(rb"no room on the disk: [1-9]\d* frames were not stored", err) or \
                not re.match(rb"[\d,]+ frames -> ", out):
            wrong = "exit status %d, %s, %s" % (run.process.returncode, out, err)
        os.unlink(others)
        wrong = wrong or live.Live(net, folder, "--rotate", "1h").stop()
        statuses = [status for _, path in slices(folder) for status, in lib.rows(path, "select status from evidence")]
        if not wrong and statuses != ["interrupted", "complete"]:
            wrong = "its evidence is said to be %s" % statuses
        wrong = wrong or next(filter(None, (broken(*slice) for slice in slices(folder))), None)
        lib.check(name, wrong)
    finally:
        subprocess.run(["umount", "-l", disk], capture_output=True)


QUOTA = """
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static long long in_use(const char *folder)
{
    long long sum = 0;
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        struct stat st;
        if (fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
            sum += st.st_size;
    }
    if (dir)
        closedir(dir);
    return sum;
}

static int is_refused(int fd, long long end)
{
    const char *folder = getenv("QUOTA_FOLDER");
    const int before = errno;
    char name[64], path[4096];
    struct stat st;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(name, path, sizeof path - 1);
    path[len > 0 ? len : 0] = 0;
    int is = 0;
    if (strncmp(path, folder, strlen(folder)) == 0 && fstat(fd, &st) == 0 && end > st.st_size)
        is = in_use(folder) + end - (st.st_nlink ? st.st_size : 0) > atoll(getenv("QUOTA"));
    errno = is ? EDQUOT : before;
    return is;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t at)
{
    return is_refused(fd, at + (long long)len) ? -1 : syscall(SYS_pwrite64, fd, data, len, at);
}

ssize_t write(int fd, const void *data, size_t len)
{
    const off_t at = lseek(fd, 0, SEEK_CUR);
    return at >= 0 && is_refused(fd, at + (long long)len) ? -1 : syscall(SYS_write, fd, data, len);
}
"""


def check_quota(net, place):
    """A quota is full, and the disk is not: the oldest slices go, and it is told what was not stored meanwhile."""
    name, folder, quota = "a quota that is full is survived", os.path.join(place, "quota"), 16 << 20
    library = os.path.join(place, "quota.so")
    made = subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library, "-ldl"], input=QUOTA.encode(),
                          capture_output=True) if shutil.which("cc") else None
    if not made or made.returncode:
        lib.tell("skip", name, "no library can be made that refuses bytes")
        return
    run = live.Live(net, folder, "--rotate", "4M", binary=lib.RELEASE, env=dict(
        os.environ, LD_PRELOAD=lib.preloadable(library), QUOTA_FOLDER=folder, QUOTA=str(quota), SEINE_SANDBOX="off"))
    told = "nothing was stored for"
    drips = [net.start(net.near, sys.executable, live.HERE, "--drip") for _ in range(6)]
    wrong = None
    if not wait(lambda: said(folder, told) > 0 and slices(folder)[0][0] > 1):
        wrong = "no row says that nothing was stored, or no slice was removed: %d bytes" % length(folder)
    for drip in drips:
        drip.kill()
    wrong = run.stop() or wrong
    if not wrong and length(folder) > quota:
        wrong = "it has %d bytes" % length(folder)
    if not wrong and any(is_logged(path) for _, path in slices(folder)):  # closing it wants room: the next run does it
        wrong = live.Live(net, folder, "--rotate", "1h").stop()
    wrong = wrong or next(filter(None, (broken(*slice) for slice in slices(folder))), None)
    for _, path in slices(folder):
        wrong = wrong or live.incoherent(path) or live.unproved(path)
    lib.check(name, wrong, "slices %s are left, told %d times" % ([number for number, _ in slices(folder)], said(folder, told)))


CLOCK = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now)
{
    static time_t began;
    struct timespec passed;
    const int done = (int)syscall(SYS_clock_gettime, clock, now);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &passed);
    began = began ? began : passed.tv_sec;
    if (clock == CLOCK_REALTIME)
        now->tv_sec += atoll(getenv(passed.tv_sec - began >= 4 ? "CLOCK_THEN" : "CLOCK_FIRST"));
    return done;
}
"""


def check_clock(net, place):
    """The clock is set while it runs, as that of a board that has none of its own is: what this run has closed does not
    become old by that, everything goes on, and what came of a slice that began in the future is found by its time."""
    name, wrong, library = "a clock that is set costs nothing", None, os.path.join(place, "clock.so")
    made = subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", library], input=CLOCK.encode(),
                          capture_output=True) if shutil.which("cc") else None
    if not made or made.returncode:
        lib.tell("skip", name, "no library can be made that sets the clock")
        return
    drip = net.start(net.near, sys.executable, live.HERE, "--drip")
    def begin(by, first, rotate):
        folder = os.path.join(place, by)
        return by, folder, live.Live(net, folder, "--rotate", rotate, "--keep", "1h", binary=lib.RELEASE, env=dict(
            os.environ, LD_PRELOAD=lib.preloadable(library), CLOCK_FIRST=str(first), CLOCK_THEN=str(first + int(by)), SEINE_SANDBOX="off"))

    runs = [begin("3000000", 0, "1s"), begin("-7200", 0, "1s"), begin("-9000", 9000, "1h")]
    time.sleep(7.5)
    drip.kill()
    if sql(runs[2][1], "select count(*) from flows where first_ns < %d" % time.time_ns()) == [["0"]]:
        wrong = "what is there of a slice that began later is not found by its time"
    for by, folder, run in runs:
        wrong = run.stop() or wrong
        numbers = [number for number, _ in slices(folder)]
        if not wrong and (numbers != list(range(1, len(numbers) + 1)) or len(numbers) < (1 if by == "-9000" else 5)):
            wrong = "set by %s s: the slices %s are there" % (by, numbers)
        wrong = wrong or next(filter(None, (broken(*slice) for slice in slices(folder))), None)
        for _, path in slices(folder):
            wrong = wrong or live.incoherent(path)
    lib.check(name, wrong, "forwards and backwards, %d slices" % len(slices(runs[0][1])))


def main():
    try:
        with live.Net():
            pass
    except OSError as error:
        lib.tell("skip", "rotate", "no network namespaces can be made here: %s" % error)
        lib.finish()
    check_sums()

    def alone(*in_turn):
        for check in in_turn:
            try:
                with lib.folder() as place, live.Net() as net:
                    check(net, place)
            except Exception as error:  # a thread's own is lost otherwise
                lib.check(check.__doc__, repr(error))

    checks = [threading.Thread(target=alone, args=in_turn)
              for in_turn in ((check_placed,), (check_placed_kill, check_quota), (check_soak,), (check_memory,),
                              (check_slow, check_refused), (check_kill,), (check_damaged, check_clock), (check_snapshot,),
                              (check_full,), (check_no_room,), (check_unindexed, check_end_without_room, check_no_room_at_turn))]
    for check in checks:
        check.start()
    for check in checks:
        check.join()
    alone(check_crowd)  # its writer is to have a core: it would rightly say that more comes than it can write
    lib.finish()


if sys.argv[1:] == ["--bulk"]:
    bulk()
elif sys.argv[1:2] == ["--read"]:
    read_at_once(sys.argv[2], float(sys.argv[3]))
elif sys.argv[1:] == ["--tagged"]:
    tagged()
elif __name__ == "__main__":
    main()
