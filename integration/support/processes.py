"""Processes under test: each a child with its log in a file, also inside a network namespace; waiting for conditions."""
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import time


class Failure(Exception):
    """A case did not hold; the message says what was seen."""


class Skip(Exception):
    """A case cannot run here; the message says why."""


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds, what):
    """Polls until condition() is true; Failure after so many seconds. Returns the seconds it took."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if condition():
            return time.monotonic() - start
        time.sleep(0.01)
    raise Failure(f"{what}: not within {seconds} s")


def connect(port, seconds=5.0):
    stream = socket.create_connection(("127.0.0.1", port), timeout=seconds)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


class Process:
    """One child with its log in a file; killed when the case ends. With `netns` it runs inside that network namespace."""

    def __init__(self, name, arguments, folder, env=None, netns=None, stdin=subprocess.DEVNULL):
        self.name = name
        self.words = [str(a) for a in arguments]
        if netns:
            arguments = ("ip", "netns", "exec", netns, *arguments)  # becomes the program itself: the same process ID
        self.log_path = pathlib.Path(folder, f"{name}-{time.monotonic_ns()}.log")
        self.log = open(self.log_path, "wb")
        self.child = subprocess.Popen([str(a) for a in arguments], stdout=self.log, stderr=subprocess.STDOUT,
                                      stdin=stdin, env=env)

    @property
    def pid(self):
        return self.child.pid

    def text(self):
        return self.log_path.read_text(errors="replace")

    def wait_for_line(self, pattern, seconds=15):
        def seen():
            if re.search(pattern, self.text()):
                return True
            if self.child.poll() is not None:
                raise Failure(f"{self.name} ended with {self.child.returncode} before '{pattern}':\n{self.text()[-2000:]}")
            return False
        return wait_for(seen, seconds, f"{self.name}: line '{pattern}'")

    def rss(self):
        """Resident bytes."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise Failure(f"{self.name} has ended")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def kill(self):
        self.child.kill()
        self.child.wait()

    def stop(self, seconds=15):
        """SIGTERM; the exit code."""
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds} s of SIGTERM")

    def close(self):
        if self.child.poll() is None:
            self.kill()
        self.log.close()


def need_tool(name):
    """Skip where the program is not installed."""
    if not (shutil.which(name) or pathlib.Path("/usr/sbin", name).exists()):
        raise Skip(f"{name} is not installed")


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
