"""A segment of four namespaces (server, host, client, stranger), the tunnel on it, honest traffic, and watches over the victims."""
import dataclasses
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from support.processes import Failure, Process, Skip, wait_for

# An attacker has a machine of its own; here it shares ours, and whoever else works on it must not decide how a case ends.
HONEST_NICENESS, ATTACKER_NICENESS = -15, -5
PLACES = ("server", "host", "client", "evil")
SERVICE_PORT, LOCAL_PORT, SIGNAL_PORT = 7000, 7001, 8080
MIB = 1 << 20


def require_root():
    if os.geteuid() != 0:
        raise Skip("needs root for namespaces")


class Segment:
    """Namespaces on one bridge; per-run names, gone when closed. The addresses are 10.66.0.1 and up, in the order of PLACES."""

    def __init__(self):
        require_root()
        self.prefix = f"mh{os.getpid()}"
        self.bridge = f"{self.prefix}net"
        self.names = {place: f"{self.prefix}{place}" for place in PLACES}
        try:
            self.build()
        except Exception:
            self.close()
            raise

    def build(self):
        for name in (self.bridge, *self.names.values()):
            ip("netns", "add", name)
        ip("-n", self.bridge, "-b", "-", text="link set dev lo up\nlink add name segment type bridge\nlink set dev segment up\n")
        for place, name in self.names.items():
            ip("-n", self.bridge, "-b", "-",
               text=f"link add name {place} type veth peer name eth0 netns {name}\nlink set dev {place} master segment up\n")
            ip("-n", name, "-b", "-", text=f"link set dev lo up\nlink set dev eth0 up\naddr add {self.address(place)}/24 dev eth0\n")

    def address(self, place):
        return f"10.66.0.{PLACES.index(place) + 1}"

    def close(self):
        for name in (*self.names.values(), self.bridge):
            subprocess.run(["ip", "netns", "del", name], capture_output=True, check=False)


def ip(*arguments, text=None):
    done = subprocess.run(["ip", *arguments], input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        raise Failure(f"ip {' '.join(arguments)} {text or ''}: {done.stderr}")


class Watch:
    """Looks at one process ten times a second: what it holds, what it burns. `spare`: what it may grow by."""

    def __init__(self, process):
        self.process = process
        self.base_rss, self.base_descriptors = process.rss(), process.descriptors()
        self.base_log = process.log_path.stat().st_size
        self.start_cpu, self.start = cpu_seconds(process.pid), time.monotonic()
        self.peak_rss, self.peak_descriptors, self.cpu = self.base_rss, self.base_descriptors, 0.0
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(0.1):
            try:
                self.peak_rss = max(self.peak_rss, self.process.rss())
                self.peak_descriptors = max(self.peak_descriptors, self.process.descriptors())
            except (OSError, Failure):
                return

    def stop(self):
        self.stopped.set()
        self.thread.join()
        self.cpu = (cpu_seconds(self.process.pid) - self.start_cpu) / (time.monotonic() - self.start)

    def log_growth(self):
        return self.process.log_path.stat().st_size - self.base_log

    def grown_mib(self):
        return (self.peak_rss - self.base_rss) / MIB

    def kept_mib(self):
        return (self.process.rss() - self.base_rss) / MIB


def cpu_seconds(pid):
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Bounds:
    """What an attack may cost a victim."""
    peak_mib: float  # growth of resident memory while it lasts
    kept_mib: float  # what stays of that afterwards
    log_kib: float = 64.0
    settle_seconds: float = 15.0
    spare_descriptors: int = 2


class Lab:
    """The tunnel on a segment: each process in its own namespace."""

    def __init__(self, arguments):
        self.ming, self.hostile = str(arguments.ming), str(arguments.hostile)
        self.asan, self.quick = arguments.asan, arguments.set == "smoke"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ming-hostile-"))
        self.processes = []
        self.segment = Segment()
        self.env = dict(os.environ, MING_STUN_SERVER="none")
        if self.asan:
            self.env.update(ASAN_OPTIONS="detect_leaks=0:quarantine_size_mb=16:abort_on_error=0", G_SLICE="always-malloc")

    def start(self, name, place, *arguments, niceness=HONEST_NICENESS):
        process = Process(name, ("nice", "-n", niceness, *arguments), self.folder, self.env, self.segment.names[place])
        self.processes.append(process)
        return process

    def server(self, *extra):
        process = self.start("server", "server", self.ming, "server", "--addr", f"{self.segment.address('server')}:{SIGNAL_PORT}",
                             "-alsologtostderr", *extra)
        self.wait_listening("server", SIGNAL_PORT, process)
        return process

    def host(self, *extra, protocol="tcp", signal=None, wait=True):
        process = self.start("host", "host", self.ming, "host", "--signal", signal or self.signal_url(), "--id", "myhost",
                             "--protocol", protocol, "--remote", f"127.0.0.1:{SERVICE_PORT}", "-alsologtostderr", *extra)
        if wait:
            next(p for p in reversed(self.processes) if p.name == "server").wait_for_line("Host registered: myhost")
        return process

    def client(self, *extra, protocol="tcp", signal=None, wait=True):
        process = self.start("client", "client", self.ming, "client", "--signal", signal or self.signal_url(), "--id", "myhost",
                             "--protocol", protocol, "--local", f"127.0.0.1:{LOCAL_PORT}", "-alsologtostderr", *extra)
        if wait:
            self.wait_listening("client", LOCAL_PORT, process)
            process.wait_for_line("Peer connection state: connected", 20)
        return process

    def service(self):
        process = self.start("service", "host", sys.executable, "-m", "support.transfer", "serve", "127.0.0.1", SERVICE_PORT)
        process.wait_for_line("listening")
        return process

    def tunnel(self, server_flags=(), host_flags=(), client_flags=()):
        """server, host, client."""
        server = self.server(*server_flags)
        self.service()
        host = self.host(*host_flags)
        return server, host, self.client(*client_flags)

    def signal_url(self):
        return f"ws://{self.segment.address('server')}:{SIGNAL_PORT}"

    def wait_listening(self, place, port, process):
        def listens():
            if process.child.poll() is not None:
                raise Failure(f"{process.name} ended with {process.child.returncode}:\n{process.text()[-2000:]}")
            return any(fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port
                       for table in ("tcp", "tcp6") for fields in sockets_of(process.pid, table))
        wait_for(listens, 15, f"{process.name} listens on {port} in {place}")

    def udp_address(self, process, place):
        """The address of the socket that the process does ICE on."""
        own = inodes_of(process.pid)
        wanted = socket.inet_aton(self.segment.address(place))
        for fields in sockets_of(process.pid, "udp"):
            address, port = fields[1].split(":")
            if fields[9] in own and bytes.fromhex(address)[::-1] == wanted:
                return f"{self.segment.address(place)}:{int(port, 16)}"
        raise Failure(f"{process.name} has no UDP socket at {self.segment.address(place)}")

    def attack(self, name, *arguments, place="evil"):
        niceness = ATTACKER_NICENESS if place == "evil" else HONEST_NICENESS
        return Attack(self.start(f"attack-{name}", place, self.hostile, name, *arguments, niceness=niceness))

    def transfer(self, up, down, rate=None, timeout=30, port=LOCAL_PORT):
        """Honest traffic through the tunnel, at once; Transfer.finish() has the verdict."""
        limits = ("--timeout", timeout, *(("--rate", rate) if rate else ()))
        return Transfer(self.start("transfer", "client", sys.executable, "-m", "support.transfer", "run", "127.0.0.1", port,
                                   up, down, *limits))

    def close(self, keep_logs):
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, signal.SIG_IGN)  # a second Ctrl-C must not leave namespaces behind
        try:
            self.tear_down(keep_logs)
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

    def tear_down(self, keep_logs):
        for process in reversed(self.processes):
            process.close()
        self.segment.close()
        if not keep_logs:
            subprocess.run(["rm", "-rf", str(self.folder)], check=False)

    def check_alive(self, *victims):
        for victim in victims:
            if victim.child.poll() is not None:
                raise Failure(f"{victim.name} ended with {victim.child.returncode}:\n{victim.text()[-3000:]}")
            trouble = re.search(r"AddressSanitizer|runtime error:|Check failed|Segmentation fault", victim.text())
            if trouble:
                raise Failure(f"{victim.name}: {victim.text()[max(0, trouble.start() - 500):][:3000]}")


def sockets_of(pid, table):
    try:
        lines = pathlib.Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    except OSError:
        return []
    return [line.split() for line in lines]


def inodes_of(pid):
    own = set()
    for entry in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry))
        except OSError:
            continue
        if match:
            own.add(match.group(1))
    return own


class Attack:
    """A run of ming_hostile; under way when made."""

    def __init__(self, process):
        self.process = process
        process.wait_for_line('"started"', 20)

    def finish(self, seconds=60):
        """The counters of the attack."""
        try:
            code = self.process.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.process.name} does not end: {self.process.text()[-500:]}")
        if code:
            raise Failure(f"{self.process.name} ended with {code}: {self.process.text()[-1000:]}")
        return json.loads(self.process.text().strip().splitlines()[-1])

    def stop(self):
        self.process.kill()


class Transfer:
    def __init__(self, process):
        self.process = process

    def lines(self):
        events = []
        for line in self.process.text().splitlines():
            try:
                events.append(json.loads(line))
            except ValueError:
                continue  # half written
        return events

    def running(self):
        return self.process.child.poll() is None

    def finish(self, seconds=120):
        """The end line; Failure unless every byte came. Its `rate` is in bytes a second, both directions together."""
        try:
            self.process.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"honest transfer hangs: {self.process.text()[-500:]}")
        end = self.lines()[-1]
        if end.get("outcome") != "complete":
            raise Failure(f"honest transfer: {end}")
        end["rate"] = (end["sent"] + end["received"]) / end["seconds"]
        return end


def median(values):
    return statistics.median(values)
