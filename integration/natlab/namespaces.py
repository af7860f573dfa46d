"""Network namespaces of one run: made in batches, removed without a trace, also after a run that crashed.

A run has a name of its own in all its namespaces and a folder with a locked file. A folder whose lock nobody holds belongs to
a run that died: the next run removes what it left.
"""
import contextlib
import ctypes
import fcntl
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from support.processes import Failure, Process, Skip, wait_for

NETNS = pathlib.Path("/run/netns")
ETC_NETNS = pathlib.Path("/etc/netns")  # files that `ip netns exec` puts in place of those in /etc
FOLDER_PREFIX = "ming-lab-"
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(descriptor):
    if _libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def ip_batch(lines, namespace=None):
    """Runs lines of `ip` in one process."""
    where = ("-n", namespace) if namespace else ()
    run = subprocess.run(["ip", *where, "-b", "-"], input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
    if run.returncode:
        raise Failure(f"ip -b in {namespace or 'the run'}: {run.stderr.strip()}\n" + "\n".join(lines))


class Namespace:
    """One machine of the laboratory."""

    def __init__(self, run, label):
        self.owner = run
        self.label = label
        self.name = f"{run.prefix}-{label}"
        self.addresses = []  # of its main interface, IPv4 first

    @property
    def address(self):
        return self.addresses[0]

    @contextlib.contextmanager
    def entered(self):
        """This thread is inside: sockets made here belong to the namespace for ever."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(NETNS / self.name, "rb") as inside:
            _setns(inside.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def run(self, *command, check=True, timeout=30, input_text=None):
        """Runs a command to its end; the CompletedProcess, with text output."""
        result = subprocess.run(["ip", "netns", "exec", self.name, *map(str, command)], capture_output=True, text=True,
                                check=False, timeout=timeout, input=input_text)
        if check and result.returncode:
            raise Failure(f"{self.label}: {' '.join(map(str, command))}: {result.stderr.strip() or result.stdout.strip()}")
        return result

    def start(self, name, *command, env=None):
        """Starts a process that ends with the run at the latest."""
        return self.owner.start(name, command, env, self.name)

    def sysctl(self, key, value):
        """Sets net.KEY; a key that this kernel lacks is an OSError."""
        with self.entered():
            pathlib.Path("/proc/sys/net", *key.split(".")).write_text(str(value))

    def names(self, addresses):
        """What names processes inside resolve, {name: address}; also those that run, if there were names when they started."""
        folder = ETC_NETNS / self.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "nsswitch.conf").write_text("hosts: files\n")
        lines = ["127.0.0.1 localhost", "::1 localhost", *(f"{address} {name}" for name, address in addresses.items())]
        (folder / "hosts").write_text("\n".join(lines) + "\n")  # the same file as before: it is mounted elsewhere

    def ip(self, *lines):
        """Lines of `ip`, as one batch."""
        ip_batch(lines, self.name)

    def nft(self, text):
        self.run("nft", "-f", "-", input_text=text)

    def connect(self, address, port, timeout=5.0):
        """A TCP connection made from here."""
        with self.entered():
            stream = socket.create_connection((address, port), timeout=timeout)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream

    def can_connect(self, address, port):
        try:
            self.connect(address, port, 1.0).close()
            return True
        except OSError:
            return False

    def udp_socket(self, address=None, port=0):
        with self.entered():
            sock = socket.socket(socket.AF_INET6 if address and ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((address or "0.0.0.0", port))
        return sock


class Run:
    """A name, a folder, namespaces and processes that end together."""

    def __init__(self):
        if os.geteuid() != 0:
            raise Skip("network namespaces need root")
        for tool in ("ip", "nft", "conntrack"):
            if not shutil.which(tool):
                raise Skip(f"{tool} is not installed")
        _end_in_order_on_sigterm()
        remove_stale_runs()
        self.prefix = "m" + secrets.token_hex(3)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{self.prefix}-"))
        self.lock = open(self.folder / "lock.new", "wb")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        os.rename(self.folder / "lock.new", self.folder / "lock")  # nobody ever sees it unlocked while we live
        self.processes = []
        self.namespaces = []

    def start(self, name, command, env=None, netns=None):
        process = Process(name, command, self.folder, env, netns)
        process.started = time.monotonic()
        self.processes.append(process)
        return process

    def make_namespaces(self, *labels):
        made = [Namespace(self, label) for label in labels]
        self.namespaces += made
        ip_batch([f"netns add {space.name}" for space in made])
        return made

    def close(self, keep_logs):
        """Ends all processes, removes all namespaces and, without keep_logs, the folder. Ctrl-C waits until it is done."""
        previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            for process in reversed(self.processes):
                process.close()
            remove_namespaces([space.name for space in self.namespaces])
            (self.folder / "lock").unlink(missing_ok=True)
            self.lock.close()
            if not keep_logs:
                shutil.rmtree(self.folder, ignore_errors=True)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def remove_namespaces(names):
    """Kills what runs inside, then removes them."""
    inodes = {}
    for name in names:
        shutil.rmtree(ETC_NETNS / name, ignore_errors=True)
        with contextlib.suppress(OSError):
            inodes[os.stat(NETNS / name).st_ino] = name
    if not inodes:
        return
    wait_for(lambda: not _kill_inside(inodes), 10, "processes inside the namespaces end")
    subprocess.run(["ip", "-force", "-b", "-"], input="".join(f"netns del {name}\n" for name in inodes.values()),
                   text=True, capture_output=True, check=False)


def _kill_inside(inodes):
    """How many living processes were found, and killed."""
    found = 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{entry.name}/ns/net").st_ino in inodes:
                os.kill(int(entry.name), signal.SIGKILL)
                found += 1
    return found


def remove_stale_runs():
    """Removes namespaces, processes and folders of runs that ended without doing so."""
    for folder in pathlib.Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}m*"):
        with contextlib.suppress(OSError), open(folder / "lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            prefix = folder.name[len(FOLDER_PREFIX):].split("-")[0]
            remove_namespaces([space.name for space in NETNS.glob(f"{prefix}-*")])
            shutil.rmtree(folder, ignore_errors=True)


def _end_in_order_on_sigterm():
    """`timeout` and CI end us by SIGTERM: as with Ctrl-C, what was made is removed."""
    def interrupt(_number, _frame):
        raise KeyboardInterrupt
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, interrupt)
