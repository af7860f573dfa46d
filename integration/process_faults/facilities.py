"""What faults are made of: cgroups (v1), descriptor limits, small disks, false clocks. What is not to be had is a Skip."""
import contextlib
import os
import pathlib
import resource
import signal
import time

from support.processes import Failure, Skip, wait_for

CGROUPS = pathlib.Path("/sys/fs/cgroup")
FAKETIME = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1")


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


class Cgroup:
    """One group of a v1 controller, a context manager; `settings` are files of it. What is left in it goes back to the root."""

    def __init__(self, controller, **settings):
        need_root()
        self.root = CGROUPS / controller
        if not (self.root / "cgroup.procs").exists() or not (self.root / "tasks").exists():
            raise Skip(f"no cgroup v1 controller '{controller}'")
        self.path = self.root / f"ming-{os.getpid()}-{time.monotonic_ns() % 10**9}"
        try:
            self.path.mkdir()
        except OSError as why:
            raise Skip(f"no cgroup can be made: {why}")
        try:
            for name, value in settings.items():
                (self.path / f"{controller}.{name}").write_text(str(value))
        except OSError as why:
            self.path.rmdir()
            raise Skip(f"cgroup {controller}: {why}")

    def value(self, file, key):
        """A line "key number" of one of its files."""
        lines = (self.path / f"{self.path.parent.name}.{file}").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.split()[0] == key))

    def add(self, pid):
        (self.path / "cgroup.procs").write_text(str(pid))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for pid in (self.path / "cgroup.procs").read_text().split():
            with contextlib.suppress(OSError):
                (self.root / "cgroup.procs").write_text(pid)
        wait_for(self._removed, 10, f"{self.path} can be removed")

    def _removed(self):
        try:
            self.path.rmdir()
            return True
        except OSError:
            return False


@contextlib.contextmanager
def no_descriptor_left(process):
    """While it lasts the process can open nothing."""
    soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    highest = max(int(name) for name in os.listdir(f"/proc/{process.pid}/fd"))
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (highest + 1, hard))
    # Numbers below the highest one that are free would still do.
    free = highest + 1 - process.descriptors()
    try:
        yield free
    finally:
        if process.child.poll() is None:
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))


@contextlib.contextmanager
def stopped(process):
    """SIGSTOP, and SIGCONT at the end."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def cpu_share(process, seconds):
    """Of one processor, over so long."""
    def used():
        fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    before, start = used(), time.monotonic()
    time.sleep(seconds)
    return (used() - before) / (time.monotonic() - start)


class SmallDisk:
    """Words in front of a command line that give it a disk of 1 MiB at `folder`, seen by nobody else."""

    def __init__(self, folder):
        need_root()
        self.folder = pathlib.Path(folder)
        self.folder.mkdir()
        self.prefix = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"', str(self.folder))

    def fill(self, process):
        """Takes what is left of it."""
        with open(f"/proc/{process.pid}/root{self.folder}/junk", "wb", buffering=0) as junk, contextlib.suppress(OSError):
            while True:
                junk.write(bytes(4096))

    def free(self, process):
        """Bytes left, as the process sees it."""
        state = os.statvfs(f"/proc/{process.pid}/root{self.folder}")
        return state.f_bavail * state.f_frsize


class FalseClock:
    """Words and variables for a process whose wall clock is ours to set; its steady clock stays true."""

    def __init__(self, folder):
        self.library = next((path for path in FAKETIME if pathlib.Path(path).exists()), None)
        if self.library is None:
            raise Skip("libfaketime is not installed")
        self.file = pathlib.Path(folder, f"clock-{time.monotonic_ns()}")
        self.set("+0")
        self.env = {"LD_PRELOAD": self.library, "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                    "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def set(self, offset):
        """"+1d", "-1d", "+0"."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(offset + "\n")
        fresh.replace(self.file)


def still_runs(*processes):
    for process in processes:
        if process.child.poll() is not None:
            raise Failure(f"{process.name} ended with {process.child.returncode}:\n{process.text()[-1500:]}")
