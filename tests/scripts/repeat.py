"""repeat.py - equal input gives equal cases.

For each of sample_pcaps/: the same file in two processes gives equal rows in every table but `runs`;
a second ingest into the same case adds nothing and is no failure; and the capture cut into three, as
a rotated one, gives the flows and streams of the whole.
"""
import os

import lib


def same_twice(name, path, place):
    first, second = os.path.join(place, "1.db"), os.path.join(place, "2.db")
    wrong = lib.ingest(first, path).wrong(0, 1) or lib.ingest(second, path).wrong(0, 1)
    if lib.check("repeat.twice " + name, wrong or lib.difference(lib.dump(first), lib.dump(second))):
        before = lib.dump(first)
        again = lib.ingest(first, path)
        lib.check("repeat.again " + name, again.wrong(0) or lib.difference(before, lib.dump(first)))
    return first


def told(case):
    """What slices must agree on with the whole: all but which capture a frame was in."""
    flows = ", ".join(lib.columns(case, "flows", ("evidence_id", "first_frame", "continues_flow_id")))
    return {
        "flows": lib.rows(case, "select %s from flows order by flow_id" % flows),
        "streams": lib.rows(case, "select * from streams order by stream_id"),
        "gaps": lib.rows(case, "select * from gaps order by stream_id, position"),
    }


def in_slices(name, path, place, whole):
    data = lib.content(path)
    if data is None:
        return lib.tell("skip", "repeat.slices " + name, "no zstd to uncompress it with")
    try:
        cut = lib.slices(data)
    except lib.NotCut as why:
        return lib.tell("skip", "repeat.slices " + name, why)
    paths = []
    for number, bytes_ in enumerate(cut):
        paths.append(os.path.join(place, "slice%d.pcap" % number))
        with open(paths[-1], "wb") as file:
            file.write(bytes_)
    case = os.path.join(place, "slices.db")
    wrong = lib.ingest(case, *paths).wrong(0, 1)
    lib.check("repeat.slices " + name, wrong or lib.difference(told(whole), told(case)))


def sample(path, place):
    name = os.path.basename(path)
    whole = same_twice(name, path, place)
    if os.path.exists(whole):
        in_slices(name, path, place, whole)


if not lib.samples():
    lib.tell("skip", "repeat", "sample_pcaps/ is empty")
lib.each(sample, lib.samples())
lib.finish()
