"""samples.py - what a case says of the samples holds against the frames themselves, and Wireshark.

For each of sample_pcaps/:
- the frames of its evidence are as many as its verdicts add up to, and as Wireshark counts;
- each flow, extracted and ingested again, is the same flow with the same streams;
- Wireshark counts the same packets for each TCP and UDP conversation;
- its follow gives the same bytes for each TCP conversation without gaps, but for those where
  Wireshark wrote words of its own into the bytes: it takes a segment for lost when the
  acknowledgement stands before it in the capture;
- the variants of http-v4.pcap have the same streams as that, where no frame is missing.
"""
import collections
import os
import re
import shutil
import subprocess

import lib

# What may differ in a flow that stands alone: its numbers, and how its capture ended.
NOT_COMPARED = ("flow_id", "evidence_id", "first_frame", "end_reason", "lossy", "continues_flow_id")
FOLLOWS_AT_ONCE = 50
WORDS_OF_WIRESHARK = re.compile(rb"\[\d+ bytes missing in capture file\]")
VARIANTS = ("http-nano.pcap", "http-reordered.pcap", "http-duplicated.pcap")
TSHARK = shutil.which("tshark")


def tshark(path, *arguments):
    done = subprocess.run([TSHARK, "-n", "-r", path, *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=600)
    return done.stdout.decode("utf-8", "replace")


class Witness:
    """What Wireshark says of a capture."""

    def __init__(self, path):
        self.frames = 0
        self.stream_of = {}                     # frame number -> "tcp 3"
        self.packets = collections.Counter()    # "tcp 3" -> packets
        said = tshark(path, "-T", "fields", "-E", "occurrence=f", "-e", "frame.number",
                      "-e", "tcp.stream", "-e", "udp.stream", "-e", "icmp.type", "-e", "icmpv6.type")
        for line in said.splitlines():
            number, tcp, udp, icmp, icmpv6 = (line.split("\t") + [""] * 5)[:5]
            self.frames += 1
            if icmp or icmpv6:  # an error that quotes a packet bears the stream of the quoted one
                continue
            stream = "tcp " + tcp if tcp else "udp " + udp if udp else None
            if stream:
                self.stream_of[int(number)] = stream
                self.packets[stream] += 1


def follows(path, streams):
    """The bytes that Wireshark's follow gives: stream number -> {(ip, port): bytes}."""
    answer = {}
    for at in range(0, len(streams), FOLLOWS_AT_ONCE):
        taps = []
        for stream in streams[at:at + FOLLOWS_AT_ONCE]:
            taps += ["-z", "follow,tcp,raw,%d" % stream]
        nodes, sides, stream = ["", ""], [[], []], None
        for line in tshark(path, "-q", *taps).splitlines():
            if line.startswith("Filter: tcp.stream eq "):
                stream, nodes, sides = int(line.split()[-1]), ["", ""], [[], []]
            elif line.startswith("Node "):
                nodes[int(line[5])] = line.split(": ", 1)[1]
            elif line.startswith("====") and stream is not None:
                answer[stream] = {endpoint(nodes[i]): bytes.fromhex("".join(sides[i])) for i in (0, 1)}
                stream = None
            elif stream is not None and line.strip():
                sides[1 if line.startswith("\t") else 0].append(line.strip())
    return answer


def endpoint(text):
    ip, port = text.rsplit(":", 1)
    return ip.strip("[]"), int(port)


def sums(name, case, witness):
    frames = lib.one(case, "select coalesce(sum(frames), 0) from evidence")
    verdicts = lib.one(case, "select coalesce(sum(frames), 0) from verdicts")
    wrong = "evidence says %d frames, its verdicts %d" % (frames, verdicts) if frames != verdicts else None
    if not wrong and witness and witness.frames != frames:
        wrong = "%d frames, Wireshark counts %d" % (frames, witness.frames)
    lib.check("samples.frames " + name, wrong, "%d frames" % frames)


def flow_row(case, flow_id):
    names = lib.columns(case, "flows", NOT_COMPARED)
    row = lib.rows(case, "select %s from flows where flow_id = ?" % ", ".join(names), flow_id)[0]
    streams = lib.rows(case, "select side, start, length, stored, missing, truncated, sha256"
                             " from streams where flow_id = ? order by side", flow_id)
    return dict(zip(names, row)), streams


def extracted(case, flow_id, place):
    """Why a flow that was extracted and ingested again is not the same, or None."""
    out, again = os.path.join(place, "flow%d.pcapng" % flow_id), os.path.join(place, "flow%d.db" % flow_id)
    wrong = lib.seine("extract", case, flow_id, "-o", out).wrong(0) or lib.ingest(again, out).wrong(0)
    if wrong:
        return "flow %d: %s" % (flow_id, wrong)
    flow, streams = flow_row(case, flow_id)
    found = lib.rows(again, "select flow_id from flows where protocol = ? and client_ip = ? and"
                            " client_port = ? and server_ip = ? and server_port = ?", flow["protocol"],
                     flow["client_ip"], flow["client_port"], flow["server_ip"], flow["server_port"])
    if len(found) != 1:
        return "flow %d is %d flows when extracted" % (flow_id, len(found))
    flow_again, streams_again = flow_row(again, found[0][0])
    for column in flow:
        if flow[column] != flow_again[column]:
            return "flow %d: %s was %s, extracted %s" % (
                flow_id, column, flow[column], flow_again[column])
    if streams != streams_again:
        return "flow %d: streams were %s, extracted %s" % (flow_id, streams, streams_again)
    os.remove(out)
    os.remove(again)
    return None


def conversations(name, case, witness):
    """Each TCP and UDP flow has the packets of one of Wireshark's conversations, and none is left."""
    wrong, left = [], dict(witness.packets)
    flows = lib.rows(case, "select flow_id, first_frame, client_packets + server_packets from flows"
                           " where protocol in ('tcp', 'udp') order by flow_id")
    for flow_id, first_frame, packets in flows:
        stream = witness.stream_of.get(first_frame)
        counted = left.pop(stream, None)
        if counted != packets:
            wrong.append("flow %d has %d packets, Wireshark's %s has %s" % (flow_id, packets, stream, counted))
    wrong += ["no flow is Wireshark's %s" % stream for stream in left]
    lib.check("samples.conversations " + name, "; ".join(wrong[:3]), "%d conversations" % len(flows))


def bytes_agree(name, path, case, witness):
    whole = lib.rows(case, "select flow_id, first_frame, client_ip, client_port, server_ip, server_port"
                           "  from flows where protocol = 'tcp' and flow_id in"
                           " (select flow_id from streams group by flow_id"
                           "  having sum(missing + truncated + missing_tail) = 0) order by flow_id")
    stream_of = {row[0]: int(witness.stream_of.get(row[1], "tcp -1").split()[1]) for row in whole}
    theirs = follows(path, sorted(set(stream_of.values()) - {-1}))
    wrong, count, given_up = [], 0, 0
    for flow_id, _, client_ip, client_port, server_ip, server_port in whole:
        for side, at in (("client", (client_ip, client_port)), ("server", (server_ip, server_port))):
            ours = lib.seine("follow", case, flow_id, "--side", side, "--as", "raw")
            if ours.wrong(0):
                wrong.append("flow %d: %s" % (flow_id, ours.wrong(0)))
                continue
            expected = theirs.get(stream_of[flow_id], {}).get(at, b"")
            if WORDS_OF_WIRESHARK.search(expected) and not WORDS_OF_WIRESHARK.search(ours.out):
                given_up += 1
            elif ours.out != expected:
                wrong.append("flow %d %s: %d bytes, Wireshark's follow has %d others" % (
                    flow_id, side, len(ours.out), len(expected)))
            count += len(ours.out)
    lib.check("samples.follow " + name, "; ".join(wrong[:3]), "%d flows, %d bytes%s" % (
        len(whole), count, ", %d sides not comparable" % given_up if given_up else ""))


def sample(path, place):
    name, case = os.path.basename(path), os.path.join(place, "case.db")
    wrong = lib.ingest(case, path).wrong(0, 1)
    if wrong:
        return lib.tell("not ok", "samples.ingest " + name, wrong)
    witness = Witness(path) if TSHARK else None
    sums(name, case, witness)
    flow_ids = [flow_id for flow_id, in lib.rows(case, "select flow_id from flows order by flow_id")]
    wrong = [why for why in (extracted(case, flow_id, place) for flow_id in flow_ids) if why]
    lib.check("samples.extract " + name, "; ".join(wrong[:3]), "%d flows" % len(flow_ids))
    if witness:
        conversations(name, case, witness)
        bytes_agree(name, path, case, witness)
    else:
        lib.tell("skip", "samples.conversations " + name, "no tshark")
        lib.tell("skip", "samples.follow " + name, "no tshark")


def endpoints_and_streams(path, case):
    wrong = lib.ingest(case, path).wrong(0)
    if wrong:
        raise RuntimeError(wrong)
    return {row[:5]: row[5:] for row in lib.rows(
        case, "select client_ip, client_port, server_ip, server_port, side, start, length, sha256"
              "  from streams join flows using (flow_id)")}


def variant(path, place):
    """What was reordered or duplicated gives the streams of the capture that it was made of."""
    base = endpoints_and_streams(os.path.join(os.path.dirname(path), "http-v4.pcap"),
                                 os.path.join(place, "base.db"))
    ours = endpoints_and_streams(path, os.path.join(place, "case.db"))
    wrong = ["%s is %s, was %s" % (key, ours[key], base.get(key)) for key in ours
             if ours[key] != base.get(key)]
    lib.check("samples.variant " + os.path.basename(path), "; ".join(wrong[:3]), "%d streams" % len(ours))


if not lib.samples():
    lib.tell("skip", "samples", "sample_pcaps/ is empty")
lib.each(sample, lib.samples())
lib.each(variant, [path for path in lib.samples() if os.path.basename(path) in VARIANTS])
lib.finish()
