"""proofs.py - `seine verify` proves every sample and every capture of the corpus.

Each capture is ingested, and everything that the case says of it is to hold: no proof fails, and none
is impossible. A capture of which no case is made (status 3) has nothing to be proved.

The samples are run by the sanitized build. The corpus is not part of this project: where a folder
shared/corpus lies beside it, every tenth of its captures, with SEINE_LONG every one, goes through the
released build. Elsewhere that part skips.
"""
import csv
import os
import sys

import lib

CORPUS = os.path.join(os.path.dirname(lib.TOP), "shared", "corpus")
EVERY = 1 if lib.LONG else 10

counts = {"captures": 0, "cases": 0, "proofs": 0}
wrong_captures = []


def unproved(said):
    """The lines of verify that do not hold, and how many do."""
    lines = said.out.decode("utf-8", "replace").splitlines()
    bad = [line for line in lines[:-1] if not line.startswith("holds: ")]
    if said.status == "timeout" or not lines or " hold, " not in lines[-1]:
        return said.wrong(0) or "it said nothing", 0
    if bad or said.status != 0:
        return "%d of %d: %s" % (len(bad), len(lines) - 1, bad[0] if bad else said.wrong(0)), 0
    return None, len(lines) - 1


def prove(path, place, binary):
    """(whether there is a case, what is wrong, how many proofs hold)."""
    case = os.path.join(place, "case.db")
    run = lib.ingest(case, path, binary=binary)
    if run.status == 3:
        return False, None, 0
    wrong = run.wrong(0, 1)
    if wrong:
        return False, wrong, 0
    wrong, held = unproved(lib.seine("verify", case, binary=binary))
    return True, wrong, held


def sample(path, place):
    _, wrong, held = prove(path, place, lib.SEINE)
    lib.check("proofs.sample " + os.path.basename(path), wrong, "%d proofs hold" % held)


def capture(row, place):
    made, wrong, held = prove(os.path.join(CORPUS, "captures", row["path"]), place, lib.RELEASE)
    counts["captures"] += 1
    counts["cases"] += made
    counts["proofs"] += held
    if wrong:
        wrong_captures.append(row["path"])
        lib.tell("not ok", "proofs.capture " + row["path"], wrong)


def corpus():
    if not os.path.isdir(CORPUS):
        return lib.tell("skip", "proofs.corpus", "there is no shared/corpus beside this project")
    with open(os.path.join(CORPUS, "inventory.tsv"), encoding="utf-8", errors="replace") as table:
        inventory = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    lib.each(capture, [row for row in inventory[::EVERY]
                       if os.path.isfile(os.path.join(CORPUS, "captures", row["path"]))])
    lib.check("proofs.corpus", "%d captures are not proved" % len(wrong_captures) if wrong_captures else None,
              "%(captures)d captures, %(cases)d cases, %(proofs)d proofs hold" % counts)


if __name__ == "__main__":
    lib.each(sample, lib.samples())
    corpus()
    lib.finish()
