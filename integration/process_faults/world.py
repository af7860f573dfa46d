"""A tunnel on loopback whose processes can be hurt one by one: server, host, client; and a transfer service behind the host."""
import json
import os
import pathlib
import socket
import struct
import subprocess
import sys
import time
import urllib.request

from process_faults.facilities import still_runs
from support.lab import Lab
from support.processes import Failure, free_port, wait_for
from support.transfer import Side

ROLES = ("server", "host", "client")
MIB = 1 << 20
# docs/ming.md: with everything back the tunnel works again within about five seconds. Half a second is for a busy machine.
RECOVERY_SECONDS = 5.5


class World(Lab):
    """`wrap`: for a role, words in front of its command line and variables for its environment."""

    def __init__(self, ming, wrap=None):
        super().__init__(ming, "ming-faults-")
        self.wrap = wrap or {}
        self.flags = {}
        self.dead = []
        self.rate = self.service = None
        self.service_port = free_port()
        self.admin = {role: free_port() for role in ROLES}

    def begin(self, rate=2 * MIB):
        """Everything runs, and data goes through it: so many bytes a second each way, or as many as can be."""
        self.rate = rate
        limit = ("--rate", str(rate)) if rate else ()
        self.service = self.start("service", sys.executable, "-m", "support.transfer", "serve", "127.0.0.1", self.service_port,
                                  *limit)
        self.service.wait_for_line("listening")
        for role in ROLES:
            self.restart(role)
        wait_for(self.works, 15, "the tunnel works at first")
        return self

    def start(self, name, *arguments, env=None):
        words, variables = self.wrap.get(name, ((), {}))
        if name in ROLES:
            arguments = (*arguments, "--admin", f"127.0.0.1:{self.admin[name]}", *self.flags.get(name, ()))
        return super().start(name, *words, *arguments, env=dict(env or self.env, **variables))

    def process(self, role):
        return next(p for p in reversed(self.processes) if p.name == role)

    def restart(self, role):
        if role == "server":
            return self.server()
        if role == "host":
            return self.host(self.service_port, wait=False)
        return self.client()

    def kill(self, role):
        victim = self.process(role)
        victim.kill()
        self.dead.append(victim)

    def status(self, role, seconds=3):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin[role]}/status", timeout=seconds) as answer:
            return json.load(answer)

    def works(self, seconds=1.0):
        """One kilobyte each way comes through whole. A connection where it does not is reset: nobody takes it for ended."""
        try:
            stream = socket.create_connection(("127.0.0.1", self.local_port), timeout=seconds)
        except OSError:
            return False
        with stream:
            try:
                stream.sendall(struct.pack(">QQ", 1024, 1024))
                outcome = Side(stream, seconds).run(send=1024, receive=1024)["outcome"]
            except OSError:
                outcome = "reset"
            if outcome not in ("complete", "reset", "timeout"):
                raise Failure(f"a small transfer ended with {outcome}")
            if outcome != "complete":
                stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return outcome == "complete"

    def works_again(self, since, what, limit=RECOVERY_SECONDS):
        """Seconds from `since`; Failure where it took longer than promised."""
        wait_for(self.works, 60, f"the tunnel works after {what}")
        seconds = time.monotonic() - since
        if seconds > limit:
            raise Failure(f"works again {seconds:.1f} s after {what}, want {limit}")
        return round(seconds, 1)

    def check_others(self):
        """Who was not killed by us still runs."""
        still_runs(*(p for p in self.processes if p not in self.dead and p.name in (*ROLES, "service")))

    def measure(self):
        """Descriptors and resident bytes of each role."""
        return {role: (self.process(role).descriptors(), self.process(role).rss()) for role in ROLES}

    def check_back_to(self, baseline, slack=24 * MIB):
        """Nothing is left of what the fault had brought: descriptors as before, memory about as before."""
        def same():
            return all(self.process(role).descriptors() <= count for role, (count, _) in baseline.items())
        try:
            wait_for(same, 20, "descriptors are back at their baseline")
        except Failure as why:
            now = {role: self.process(role).descriptors() for role in ROLES}
            raise Failure(f"{why}: {now}, before {({role: count for role, (count, _) in baseline.items()})}")
        for role, (_, before) in baseline.items():
            now = self.process(role).rss()
            if now > before + slack:
                raise Failure(f"{role} holds {now // MIB} MiB, {before // MIB} MiB before")

    def check_service(self):
        """What the service saw of every connection: no wrong byte, no false end."""
        for line in self.service.text().splitlines():
            end = json.loads(line)
            if end.get("outcome") in ("corrupt", "truncated"):
                raise Failure(f"the service saw: {end}")

    def close(self, keep_logs):
        for process in self.processes:
            if process.child.poll() is None:
                os.kill(process.pid, 18)  # SIGCONT: what a failed case left stopped
        super().close(keep_logs)


class Transfer:
    """Hashed data both ways through the tunnel, for about so many seconds at the rate of the world; a process of its own."""

    def __init__(self, world, seconds):
        rate = world.rate or MIB // 4
        size = int(rate * seconds)
        self.log = pathlib.Path(world.folder, f"transfer-{time.monotonic_ns()}.log")
        with open(self.log, "wb") as out:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "support.transfer", "run", "127.0.0.1", str(world.local_port), str(size), str(size),
                 "--rate", str(rate), "--timeout", str(seconds + 60)], stdout=out, stderr=subprocess.STDOUT)
        try:
            wait_for(lambda: "first-byte" in self.log.read_text(), 10, "the transfer runs")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        self.child.kill()
        self.child.wait()

    def end(self, allowed, seconds=120):
        """Its outcome; Failure where that is none of `allowed`."""
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            raise Failure(f"the transfer does not end within {seconds} s")
        end = json.loads(self.log.read_text().strip().splitlines()[-1])
        if end["outcome"] not in allowed:
            raise Failure(f"the transfer ended with {end}, allowed: {', '.join(allowed)}")
        return end["outcome"]
