"""package.py - the Debian package has what it should, and nothing else.

It is packed from the release build (beside SEINE_RELEASE); in a long run built anew by scripts/package.
- its files are those of the list below, with a manual page for each command, and belong to root;
- its control fields say what the program is linked with, and the version that it says itself;
- the completion offers each command, and each option that its help lists;
- systemd finds nothing wrong with the unit, and rates what the unit may do below 2.
In a long run, also lintian's opinion, and in a fresh Debian made by debootstrap: it installs, says its
version, does what the quick start of its manual page says, and goes without leaving anything but cases;
booted in a container, its service captures, with no right but that to packet sockets, survives being
killed, reloads and stops.
"""
import gzip
import hashlib
import os
import re
import shutil
import stat
import subprocess
import time

import lib

BUILD = os.path.dirname(os.path.abspath(lib.RELEASE))
EXPOSURE_MOST = 2.0
MIRROR = os.environ.get("SEINE_MIRROR", "http://deb.debian.org/debian")
LIBRARIES = ("libc6", "libedit2", "libpcap0.8", "libsqlite3-0", "libssl3", "libxxhash0", "libzstd1", "zlib1g")
FILES = """
/etc/seine/seine.conf
/usr/bin/seine
/usr/lib/seine/seine.so
/usr/lib/seine/seine_files.so
/usr/lib/systemd/system/seine.service
/usr/lib/sysusers.d/seine.conf
/usr/share/bash-completion/completions/seine
/usr/share/doc/seine/blobs.md
/usr/share/doc/seine/changelog.Debian.gz
/usr/share/doc/seine/changelog.gz
/usr/share/doc/seine/copyright
/usr/share/doc/seine/examples/http-lost.pcap
/usr/share/doc/seine/operating.md
/usr/share/doc/seine/policies.md
/usr/share/doc/seine/schema.md
/usr/share/fish/vendor_completions.d/seine.fish
/usr/share/lintian/overrides/seine
/usr/share/man/man1/seine.1.gz
/usr/share/zsh/site-functions/_seine
""".split()


def run(*words, **how):
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", **how)


def must(*words, **how):
    done = run(*words, **how)
    if done.returncode != 0:
        raise RuntimeError("%s: exit status %d; %s" % (words[0], done.returncode, (done.stdout + done.stderr)[-600:]))
    return done.stdout


def commands():
    """What `seine help` lists."""
    text = must(lib.RELEASE, "help")
    return re.findall(r"^  (\w+) ", text.split("\nCommands\n")[1].split("\nOptions\n")[0], re.M)


def options(command):
    """The long options that `seine help COMMAND` lists."""
    text = must(lib.RELEASE, "help", command)
    return set(re.findall(r"^  (?:-\w, |    )(--[\w-]+)", text.split("\nOptions\n")[1].split("\nExit status\n")[0], re.M))


def check_files(root):
    pages = ["/usr/share/man/man1/seine-%s.1.gz" % name for name in commands()]
    found = set()
    wrong = []
    for parent, folders, names in os.walk(root):
        for name in folders + names:
            path = os.path.join(parent, name)
            inside = path[len(root):]
            status = os.lstat(path)
            mode = stat.S_IMODE(status.st_mode)
            wanted = 0o755 if name in folders or inside == "/usr/bin/seine" else 0o644
            if mode != wanted:
                wrong.append("%s has mode %o" % (inside, mode))
            if name in names:
                found.add(inside)
    wanted = set(FILES + pages)
    wrong += ["%s is missing" % path for path in sorted(wanted - found)]
    wrong += ["%s is one too many" % path for path in sorted(found - wanted)]
    lib.check("package.files", "; ".join(wrong), "%d files" % len(found))


def check_owners(deb):
    strangers = [line for line in must("dpkg-deb", "-c", deb).splitlines() if " root/root " not in line]
    lib.check("package.owners: all is root's", "; ".join(strangers))


def check_control(deb, control):
    fields = dict(line.split(": ", 1) for line in must("dpkg-deb", "-f", deb).splitlines() if re.match(r"\S+: ", line))
    version = must(lib.RELEASE, "--version").split()[1]
    depends = {part.split()[0] for part in re.split(r"[,|]", fields["Depends"])}
    wrong = ["%s is not among what it depends on" % name for name in LIBRARIES if name not in depends]
    if fields["Package"] != "seine" or not fields["Version"].startswith(version + "-"):
        wrong.append("it is %s %s" % (fields["Package"], fields["Version"]))
    if fields["Architecture"] != must("dpkg", "--print-architecture").strip():
        wrong.append("it is for " + fields["Architecture"])
    if open(os.path.join(control, "conffiles")).read() != "/etc/seine/seine.conf\n":
        wrong.append("seine.conf is no conffile")
    for script in ("postinst", "prerm", "postrm"):
        if run("sh", "-n", os.path.join(control, script)).returncode != 0:
            wrong.append(script + " is no script")
    lib.check("package.control", "; ".join(wrong), fields["Version"] + ", depends on " + fields["Depends"])


def check_sums(root, control):
    wrong = []
    for line in open(os.path.join(control, "md5sums")):
        digest, path = line.split(maxsplit=1)
        with open(os.path.join(root, path.strip()), "rb") as file:
            if hashlib.md5(file.read(), usedforsecurity=False).hexdigest() != digest:
                wrong.append(path.strip())
    lib.check("package.sums", "; ".join(wrong))


def check_texts(root):
    """What is compressed is what the project says, and the copyright is its licence."""
    doc = root + "/usr/share/doc/seine/"
    wrong = []
    if gzip.open(doc + "changelog.gz").read() != open(lib.TOP + "/CHANGELOG.md", "rb").read():
        wrong.append("changelog.gz is not CHANGELOG.md")

    def words(path):
        return re.sub(r"[\s.]+", " ", open(path).read())
    licence = words(lib.TOP + "/LICENSE").split("Redistribution", 1)[1].strip()
    if licence not in words(doc + "copyright"):
        wrong.append("copyright does not have the words of LICENSE")
    lib.check("package.texts", "; ".join(wrong))


def check_completion(root):
    """Asks the installed completion as bash does."""
    script = """
. "$1"
COMP_WORDS=(seine ''); COMP_CWORD=1; _seine; echo "${COMPREPLY[@]}"
shift
for command; do
    COMP_WORDS=(seine "$command" --); COMP_CWORD=2; _seine; echo "${COMPREPLY[@]}"
done
"""
    names = commands()
    said = must("bash", "-c", script, "bash", root + "/usr/share/bash-completion/completions/seine", *names).splitlines()
    wrong = []
    count = 0
    if set(said[0].split()) != set(names) | {"--help", "--version"}:
        wrong.append("the commands are " + said[0])
    for name, line in zip(names, said[1:]):
        listed = options(name)
        count += len(listed)
        if set(line.split()) != listed:
            wrong.append("%s: %s" % (name, " ".join(sorted(set(line.split()) ^ listed))))
    lib.check("package.completion: offers what help lists", "; ".join(wrong),
              "%d commands, %d options" % (len(names), count))


def exposure(*words):
    """How much systemd thinks that the unit may do, from 0 to 10."""
    said = must("systemd-analyze", "security", "--offline=true", "--no-pager", *words, env=dict(os.environ, LC_ALL="C"))
    return float(re.search(r"exposure level for seine.service: ([\d.]+)", said)[1])


def check_unit(root, place):
    units = "/usr/lib/systemd/system"
    if not shutil.which("systemd-analyze") or not os.path.isdir(units):
        return lib.tell("skip", "package.unit", "there is no systemd-analyze")
    # What the unit stands on, of this machine; and stand-ins for what it starts.
    whole = os.path.join(place, "whole")
    shutil.copytree(root, whole)
    for name in os.listdir(units):
        if name.endswith((".target", ".slice")) and os.path.isfile(units + "/" + name):
            shutil.copyfile(units + "/" + name, whole + units + "/" + name)
    os.mkdir(whole + "/bin")
    shutil.copy("/bin/sh", whole + "/bin/sh")
    done = run("systemd-analyze", "verify", "--man=no", "--root=" + whole, "seine.service")
    # Of a folder that is no whole system it misses mounts and sockets; of seine.service, nothing.
    wrong = [line for line in done.stderr.splitlines() if "seine" in line]
    if done.returncode != 0 and not wrong:
        wrong = [done.stderr[-300:]]
    lib.check("package.unit: systemd finds nothing wrong with it", "; ".join(wrong))
    level = exposure("--root=" + whole, "seine.service")
    lib.check("package.exposure", None if level < EXPOSURE_MOST else "%.1f of 10" % level, "%.1f of 10" % level)


def check_lintian(deb):
    if not shutil.which("lintian"):
        return lib.tell("skip", "package.lintian", "there is no lintian")
    said = run("lintian", "--allow-root", "--fail-on", "none", deb).stdout
    lib.check("package.lintian", "; ".join(line for line in said.splitlines() if line[:2] in ("E:", "W:")))


def quick_start(page):
    """The commands of the manual page's quick start."""
    section = page.split(".SH QUICK START\n")[1].split(".SH ")[0]
    lines = section.split(".nf\n")[1].split(".fi\n")[0].splitlines()
    return [line.replace("\\-", "-").replace("\\e", "\\") for line in lines]


class Debian:
    """A fresh Debian in a folder; what runs in it sees its own /proc, and no other mount."""

    def __init__(self, root):
        self.root = root
        must("debootstrap", "--variant=minbase", "bookworm", root, MIRROR, timeout=1800)

    def run(self, script, timeout=900):
        enter = 'mount -t proc proc "$1/proc" && exec chroot "$1" /bin/sh -ec "$2"'
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return run("unshare", "-m", "sh", "-c", enter, "sh", self.root, script, env=clean, timeout=timeout)

    def must(self, script):
        done = self.run(script)
        if done.returncode != 0:
            raise RuntimeError("%s: exit status %d; %s" % (script, done.returncode, (done.stdout + done.stderr)[-600:]))
        return done.stdout

    def traces(self):
        """Whatever in it has the name of seine, and its user; but for what the test itself put there, in /srv."""
        found = []
        for parent, folders, names in os.walk(self.root):
            if parent == self.root:
                folders[:] = [name for name in folders if name not in ("proc", "sys", "dev", "root", "srv", "tmp")]
            found += [os.path.join(parent, name)[len(self.root):] for name in folders + names if "seine" in name]
        for name in ("passwd", "group", "shadow", "gshadow"):
            with open("%s/etc/%s" % (self.root, name)) as file:
                found += [line.strip() for line in file if line.startswith("seine:")]
        return [path for path in found if not path.startswith(("/var/log/", "/var/cache/"))]


def check_quick_start(debian):
    lines = quick_start(debian.must("zcat /usr/share/man/man1/seine.1.gz"))
    debian.must("mkdir /srv/try && cp /usr/share/doc/seine/examples/http-lost.pcap /srv/try/capture.pcap")
    wrong = []
    for line in lines:
        done = debian.run("cd /srv/try; " + line)
        if done.returncode != 0 or not done.stdout:
            wrong.append("%s: exit status %d; %s" % (line, done.returncode, done.stderr.strip()))
    lib.check("fresh.quick-start: of the manual page", "; ".join(wrong), "%d commands" % len(lines))


class Booted:
    """A Debian in a folder, running: its systemd is the first process of a container without a network."""

    BOOT_S = 90

    def __init__(self, root):
        self.process = subprocess.Popen(["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--private-network", "-D",
                                         root, "-b"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        self.init = None

    def __enter__(self):
        end = time.monotonic() + self.BOOT_S
        while time.monotonic() < end and self.process.poll() is None:
            self.init = self.init or self.child()
            if self.init and self.run("systemctl is-system-running").stdout.strip() in ("running", "degraded"):
                return self
            time.sleep(1)
        self.__exit__()
        return None

    def __exit__(self, *_):
        if self.init and self.process.poll() is None:
            self.run("systemctl poweroff")
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def child(self):
        """The container's first process, as this machine numbers it."""
        for name in os.listdir("/proc"):
            try:
                with open("/proc/%s/status" % name) as file:
                    status = file.read()
            except OSError:
                continue
            if "\nPPid:\t%d\n" % self.process.pid in status and re.search(r"\nNSpid:.*\t1\n", status):
                return name
        return None

    def run(self, script, timeout=120):
        return run("nsenter", "-t", self.init, "-m", "-u", "-i", "-n", "-p", "-r", "-w", "env", "-i",
                   "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "sh", "-c", script, timeout=timeout)

    def said(self, script):
        return self.run(script).stdout.strip()

    def wait_for(self, wanted, script, seconds=30):
        """What the script says in the end: as a rule, what is wanted."""
        end = time.monotonic() + seconds
        said = self.said(script)
        while said != wanted and time.monotonic() < end:
            time.sleep(0.5)
            said = self.said(script)
        return said


def check_service(debian):
    if "--config" not in debian.run("seine help live").stdout:
        return lib.tell("skip", "service", "this seine does not capture")
    if not shutil.which("systemd-nspawn"):
        return lib.tell("skip", "service", "there is no systemd-nspawn")
    with Booted(debian.root) as machine:
        if not machine:
            return lib.tell("skip", "service", "no container boots here")
        journal = "journalctl --no-pager -o cat -u seine"
        state = "systemctl show -P %s seine"

        machine.run("systemctl start seine")
        status = machine.said(state % "ExecMainStatus")
        wrong = "" if status == "2" and machine.said(state % "NRestarts") == "0" else "exit status " + status
        lib.check("service.unsaid: without an interface it does not start, and is not tried again", wrong,
                  machine.said(journal + " | grep interface | tail -n 1"))

        machine.run("echo interface = lo >> /etc/seine/seine.conf; systemctl reset-failed seine")
        began = machine.run("systemctl start seine")
        if not lib.check("service.start: it is ready", began.stderr + machine.said(journal + " | tail -n 5")
                         if began.returncode else "", machine.said(state % "StatusText")):
            return None
        process = machine.said(state % "MainPID")
        rights = machine.said("grep -E '^(Uid|CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/%s/status" % process)
        rights = dict(re.findall(r"(\w+):\t(\w+)", rights))
        wrong = []
        if rights.get("Uid") == "0" or int(rights.get("CapEff", "ff"), 16) & ~(1 << 13):
            wrong.append("it has rights: %s" % rights)
        if rights.get("NoNewPrivs") != "1" or rights.get("Seccomp") != "2":
            wrong.append("it could get more: %s" % rights)
        lib.check("service.rights: those to packet sockets at the most", "; ".join(wrong), rights.get("CapEff"))

        machine.run("for i in 1 2 3 4 5; do bash -c 'echo seen > /dev/udp/127.0.0.1/9'; sleep 1; done")
        count = "for c in /var/lib/seine/*.db; do seine sql --csv $c \"SELECT count(*) FROM flows WHERE server_port = 9\"; done | grep -cx '[1-9].*'"
        lib.check("service.captures: a reader sees it while it is written", "" if machine.wait_for("1", count) == "1"
                  else machine.said("ls -l /var/lib/seine") + machine.said(journal + " | tail -n 5"))

        done = machine.run("systemctl reload seine")
        time.sleep(2)
        same = machine.said(state % "MainPID")
        lib.check("service.reload: goes on as the same process", done.stderr or
                  ("" if same == process else "process %s, then %s" % (process, same)))

        machine.run("kill -9 " + same)
        again = machine.wait_for("1 active", "echo $(systemctl show -P NRestarts seine; systemctl is-active seine)")
        lib.check("service.killed: comes again", "" if again == "1 active" else again)

        done = machine.run("systemctl stop seine")
        result = machine.said(state % "Result")
        lib.check("service.stop", done.stderr or ("" if result == "success" else result),
                  machine.said(journal + " | grep -v systemd | tail -n 3 | head -n 1"))
        machine.run("rm -rf /var/lib/seine/*")
    return None


def check_fresh(deb, place):
    if os.geteuid() != 0:
        return lib.tell("skip", "fresh", "only root can make a Debian in a folder")
    if not shutil.which("debootstrap"):
        return lib.tell("skip", "fresh", "there is no debootstrap")
    if run("unshare", "-m", "true").returncode != 0:
        return lib.tell("skip", "fresh", "no mounts can be made here")
    debian = Debian(os.path.join(place, "debian"))
    shutil.copy(deb, debian.root + "/srv/")
    install = "apt-get -qy install --no-install-recommends /srv/seine_*.deb"
    debian.must(install)
    lib.check("fresh.install", "" if "uid=" in debian.must("id seine") else "there is no user seine")
    version = debian.must("seine --version")
    lib.check("fresh.version", "" if version == must(lib.RELEASE, "--version") else version, version.strip())
    check_quick_start(debian)

    debian.must("apt-get -qy install --no-install-recommends systemd sqlite3")
    count = debian.must("sqlite3 /srv/try/case.db '.load /usr/lib/seine/seine' 'SELECT count(*) FROM segments(3)'")
    lib.check("fresh.extension", "" if int(count) > 0 else "it has no segments", count.strip() + " segments")
    verified = debian.run("systemd-analyze verify --man=no seine.service")
    lib.check("fresh.unit: systemd finds nothing wrong with it", verified.stderr if verified.returncode else "")
    said = debian.must("systemd-analyze security --offline=true --no-pager seine.service | tail -n 1")
    level = float(re.search(r"([\d.]+) ", said)[1])
    lib.check("fresh.exposure", "" if level < EXPOSURE_MOST else said, "%.1f of 10" % level)
    state = debian.run("systemctl is-enabled seine").stdout.strip()
    lib.check("fresh.off: nothing is started that nobody has asked for", "" if state == "disabled" else state)

    debian.must("cp -p /etc/seine/seine.conf /srv/")
    check_service(debian)
    debian.must("cp -p /srv/seine.conf /etc/seine/; systemctl enable -q seine; echo '# mine' >> /etc/seine/seine.conf; " + install + " --reinstall")
    kept = debian.must("tail -n 1 /etc/seine/seine.conf; systemctl is-enabled seine").split("\n")[:2]
    lib.check("fresh.upgrade: keeps the configuration, and what was enabled", "" if kept == ["# mine", "enabled"] else kept)
    debian.must("install -d -o seine /var/lib/seine; touch /var/lib/seine/case.db; apt-get -qy purge seine")
    traces = [path for path in debian.traces() if not path.startswith("seine:")]
    lib.check("fresh.cases: purge leaves them", "" if traces == ["/var/lib/seine"] and
              os.path.exists(debian.root + "/var/lib/seine/case.db") else traces)
    debian.must("rm /var/lib/seine/case.db; %s; apt-get -qy purge seine" % install)
    lib.check("fresh.purge: leaves nothing else", "; ".join(debian.traces()))


def main():
    for tool in ("cpack", "dpkg-deb", "dpkg-shlibdeps", "file"):
        if not shutil.which(tool):
            lib.tell("skip", "package", "there is no " + tool)
            return lib.finish()
    if not lib.LONG and not os.path.exists(BUILD + "/CPackConfig.cmake"):
        lib.tell("skip", "package", "there is no release build to pack in " + BUILD)
        return lib.finish()
    made = run(lib.TOP + "/scripts/package", *([] if lib.LONG else ["--build", BUILD]))
    deb = (made.stdout.splitlines() or [""])[-1]
    if not lib.check("package.made", made.stderr[-600:] or "no package" if made.returncode else "",
                     "%d KiB" % (os.path.getsize(deb) // 1024) if made.returncode == 0 else ""):
        return lib.finish()
    with lib.folder() as place:
        root, control = place + "/root", place + "/control"
        must("dpkg-deb", "-x", deb, root)
        must("dpkg-deb", "-e", deb, control)
        check_files(root)
        check_owners(deb)
        check_control(deb, control)
        check_sums(root, control)
        check_texts(root)
        check_completion(root)
        check_unit(root, place)
        if lib.LONG:
            check_lintian(deb)
            try:
                check_fresh(deb, place)
            except (RuntimeError, subprocess.TimeoutExpired) as error:
                lib.tell("not ok", "fresh", error)
        else:
            lib.tell("skip", "fresh: a Debian that knows nothing of seine", "a long run makes one")
    return lib.finish()


main()
