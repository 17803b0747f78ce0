#!/usr/bin/env python3
"""readme.py [--bless] - is what README.md and docs/queries.md show what seine prints?

Runs each `$ command` of their console blocks in an empty folder, as if it were the root of a clone: with
sample_pcaps/ and, as build/, the folder of SEINE_RELEASE; the binary named by SEINE is on the path. Compares
what is printed. --bless writes what is printed now into the page instead. Prints `ok`, `not ok` or `skip` lines for scripts/test.
"""
import os, re, shutil, subprocess, sys, tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGES = ("README.md", "docs/queries.md")
BLOCK = re.compile(r"(```console\n)(.*?)(```)", re.S)


def run(command, folder, path):
    return subprocess.run(["bash", "-c", command], cwd=folder, env=dict(os.environ, PATH=path, COLUMNS="100"),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace").stdout


def is_open(command):
    """Whether the command ends within quotes."""
    quote = None
    for char in command:
        if quote is None and char in "\"'":
            quote = char
        elif char == quote:
            quote = None
    return quote is not None


def replay(block, folder, path):
    """The block with what its commands print now. A command goes on over lines that end in a backslash, and
    while a double quote or a single one is open."""
    lines, out, i = block.splitlines(), [], 0
    while i < len(lines):
        if not lines[i].startswith("$ "):
            i += 1
            continue
        command = [lines[i]]
        while command[-1].endswith("\\") or is_open("\n".join(command)):
            i += 1
            command.append(lines[i])
        out += command + run("\n".join(command)[2:], folder, path).splitlines()
        i += 1
        if any(line.startswith("$ ") for line in lines[i:]):
            out.append("")
    return "\n".join(out) + "\n"


def main():
    seine = os.path.abspath(os.environ.get("SEINE", os.path.join(ROOT, "build", "seine")))
    if not os.access(seine, os.X_OK):
        print("skip readme: %s is not there" % seine)
        return 77
    build = os.path.dirname(os.path.abspath(os.environ.get("SEINE_RELEASE", os.path.join(ROOT, "build", "seine"))))
    if not os.path.exists(os.path.join(build, "seine.so")) or not shutil.which("sqlite3"):
        print("skip readme: there is no %s/seine.so, or no sqlite3 shell" % build)
        return 77
    return max([check(page, seine, build) for page in PAGES])


def check(page, seine, build):
    name = os.path.splitext(os.path.basename(page))[0].lower()
    with open(os.path.join(ROOT, page)) as file:
        text = file.read()
    folder = tempfile.mkdtemp()
    try:
        os.symlink(os.path.join(ROOT, "sample_pcaps"), os.path.join(folder, "sample_pcaps"))
        os.symlink(build, os.path.join(folder, "build"))
        path = os.path.dirname(seine) + os.pathsep + os.environ["PATH"]
        now = BLOCK.sub(lambda m: m[1] + replay(m[2], folder, path) + m[3], text)
    finally:
        shutil.rmtree(folder)
    if "--bless" in sys.argv:
        with open(os.path.join(ROOT, page), "w") as file:
            file.write(now)
        return 0
    if now != text:
        for a, b in zip(text.splitlines(), now.splitlines()):
            if a != b:
                print("  %s: %s\n  now:    %s" % (page, a, b))
                break
        print("not ok %s: what it shows is not what seine prints (tests/scripts/readme.py --bless)" % name)
        return 1
    print("ok %s: %d console blocks show what seine prints" % (name, len(BLOCK.findall(text))))
    return 0


sys.exit(main())
