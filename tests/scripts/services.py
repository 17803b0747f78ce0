"""services.py - traffic of programs that others wrote: nginx with curl, and iperf3, in the namespaces of live.py.

Each is run by the test that wants it, with a configuration of its own in a folder of its own. Where one is not
installed there is no traffic of it.
"""
import os
import random
import shutil
import subprocess
import time

import lib

HTTP, IPERF = 8080, 5201
ABORTED = 28  # curl's exit status after --max-time

# One process, so that it ends with its id, and nothing of it lies or is written outside the folder.
NGINX = """
daemon off; master_process off; pid {place}/nginx.pid; error_log stderr crit;
events {{ worker_connections 64; }}
http {{
    access_log off; default_type text/plain;
    client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
    scgi_temp_path {place}/scgi; uwsgi_temp_path {place}/uwsgi;
    server {{
        listen {address}:{port}; root {place}/www; gzip on; client_max_body_size 8m;
        location /put/ {{ dav_methods PUT; create_full_put_path on; }}
    }}
}}
"""


def program(name):
    """Where it is: installed, or only unpacked by scripts/test. None where it is not."""
    unpacked = os.path.join(lib.TOP, "build", "unpacked", "usr", "sbin", name)
    return shutil.which(name) or (unpacked if os.access(unpacked, os.X_OK) else None)


class Services:
    """Servers at the far end of a Net, and who talks to them from the near one."""

    def __init__(self, net, place, address):
        self.net, self.place, self.address = net, place, address
        self.http = bool(program("nginx") and program("curl"))
        self.iperf = bool(program("iperf3"))
        if self.http:
            self.start_nginx()
        if self.iperf:
            server = net.start(net.far, program("iperf3"), "-s", "-B", address, "-p", IPERF, "--forceflush",
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            while b"listening" not in server.stdout.readline():
                if server.poll() is not None:
                    raise OSError("iperf3 does not start")

    def said(self):
        names = ["nginx, curl"] * self.http + ["iperf3"] * self.iperf
        return "traffic of python, %s" % ", ".join(names) if names else "traffic of python alone: there is neither nginx nor iperf3"

    def start_nginx(self):
        for folder in "www", "www/put":
            os.makedirs(os.path.join(self.place, folder))
        for name, data in (("small", b"x"), ("middle", random.randbytes(7000)), ("large", random.randbytes(400000)),
                           ("words", b"the same words again and again\n" * 3000)):
            with open(os.path.join(self.place, "www", name), "wb") as file:
                file.write(data)
        config = os.path.join(self.place, "nginx.conf")
        with open(config, "w") as file:
            file.write(NGINX.format(place=self.place, address=self.address, port=HTTP))
        server = self.net.start(self.net.far, program("nginx"), "-p", self.place, "-c", config, "-e", "stderr")
        until = time.monotonic() + 20
        while not os.path.exists(os.path.join(self.place, "nginx.pid")):
            if server.poll() is not None or time.monotonic() > until:
                raise OSError("nginx does not start")
            time.sleep(0.02)

    def talks(self, seed):
        """Commands, each with the exit statuses that it may have."""
        rng = random.Random(seed)
        if self.http:
            url = "http://%s:%d/" % (self.address, HTTP)

            def curl(*words):
                return [program("curl"), "--silent", "--show-error", *words]

            def get(*names):  # through one connection
                return [word for name in names for word in ("--output", os.devnull, url + name)]

            files = ["small", "middle", "large", "words", "none"]
            yield curl(*get(*rng.choices(files, k=6))), (0,)
            yield curl("--http1.0", *get(rng.choice(files))), (0,)
            yield curl("--compressed", *get("words", "words")), (0,)
            yield curl("--range", "%d-%d" % (rng.randrange(1000), rng.randrange(2000, 400000)), *get("large")), (0,)
            yield curl("--limit-rate", "20K", "--max-time", "0.3", *get("large")), (0, ABORTED)
            yield curl("--head", *get("large")), (0,)
            for n, name in enumerate(rng.choices(files[:4], k=2)):
                yield curl("--output", os.devnull, "--upload-file", os.path.join(self.place, "www", name),
                           "%sput/%d-%d" % (url, seed, n)), (0,)
        if self.iperf:  # bounded in bytes and in rate: a frame that is dropped makes the turn one that says nothing
            iperf = [program("iperf3"), "-c", self.address, "-p", str(IPERF)]
            yield iperf + ["-b", "40M", "-n", "%dK" % rng.randrange(200, 1000)] + rng.choice(([], ["-R"])), (0,)
            yield iperf + ["-b", "20M", "-n", "%dK" % rng.randrange(200, 600), "-P", "2"], (0,)
            yield iperf + ["-u", "-b", "8M", "-l", "1200", "-n", "%dK" % rng.randrange(50, 300)], (0,)

    def talk(self, seed):
        """All of it, and when it is over: what went wrong, or None."""
        wrong = None
        running = []
        for words, allowed in self.talks(seed):
            process = self.net.start(self.net.near, *words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            running.append((words, allowed, process))
            if "iperf3" in words[0]:  # its server has one at a time
                process.wait(timeout=60)
        for words, allowed, process in running:
            said = process.communicate(timeout=60)[1]
            if process.returncode not in allowed:
                wrong = wrong or "%s: exit status %d: %s" % (" ".join(words), process.returncode, lib.tail(said))
        return wrong
