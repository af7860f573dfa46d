"""One function a fault, for one victim: what it may break is in its docstring, and whatever else breaks is a Failure.

For all of them: no wrong byte, no end before the last byte, every other process lives on, and afterwards the tunnel works.
"""
import contextlib
import datetime
import json
import os
import socket
import struct
import subprocess
import sys
import time

from process_faults.facilities import Cgroup, FalseClock, SmallDisk, cpu_share, no_descriptor_left, stopped
from process_faults.world import MIB, ROLES, Transfer
from support.processes import Failure, free_port, wait_for


def reconnects(world):
    metrics = world.status("client")["metrics"]
    return metrics["reconnects_total"] + metrics["ice_restarts_total"]


def unbroken(world, run, before, baseline=None):
    """The transfer is complete, no session was lost on the way, and nothing is left."""
    outcome = run.end(("complete",))
    lost = reconnects(world) - before
    if lost:
        raise Failure(f"{lost} restarts or reconnects of a path that nothing was wrong with")
    world.check_others()
    world.check_service()
    if baseline:
        world.check_back_to(baseline)
    return outcome


def killed(world, victim, _full):
    """kill -9 in the midst of a transfer, and a restart. Server: nothing may break. Host, client: connections are reset, though
    the process can say nothing more; the tunnel works within 5 s."""
    world.begin()
    run = Transfer(world, 60 if victim != "server" else 6)
    world.kill(victim)
    if victim == "server":
        time.sleep(1)
        if not world.works():
            raise Failure("a new connection needs the signaling server")
    world.restart(victim)
    back = world.works_again(time.monotonic(), f"the restart of the {victim}")
    outcome = run.end(("complete",) if victim == "server" else ("reset",), 60)
    world.check_others()
    world.check_service()
    if victim == "server":
        # It knows its host again, so a second client gets in.
        world.process("server").wait_for_line("Host registered: myhost", 15)
        second_client(world)
    return {"cell": f"{outcome}; works after {back} s"}


def second_client(world, seconds=15):
    """Another client gets through; how long it took."""
    first, world.local_port = world.local_port, free_port()
    admin, world.admin["client"] = world.admin["client"], free_port()
    start = time.monotonic()
    client = world.client()
    try:
        wait_for(world.works, seconds, "a new client connects")
        return time.monotonic() - start
    finally:
        client.stop()
        world.processes.remove(client)
        world.local_port, world.admin["client"] = first, admin


def paused_short(world, victim, _full):
    """SIGSTOP for 2 s, less than any time-out. Nothing may break; new connections wait."""
    world.begin()
    baseline, before = world.measure(), reconnects(world)
    run = Transfer(world, 5)
    with stopped(world.process(victim)):
        time.sleep(2)
    back = world.works_again(time.monotonic(), "SIGCONT")
    outcome = unbroken(world, run, before, baseline)
    return {"cell": f"{outcome}; works after {back} s"}


def paused_long(world, victim, _full):
    """SIGSTOP for longer than every time-out: 40 s, the server 70 s. Server: running tunnels may not notice. Host, client:
    connections are reset; the tunnel works within 5 s of SIGCONT."""
    world.begin(rate=MIB // 4)
    run = Transfer(world, 75 if victim == "server" else 120)
    with stopped(world.process(victim)):
        time.sleep(70 if victim == "server" else 40)
        if victim == "server" and not world.works():
            raise Failure("a new connection needs the signaling server")
    start = time.monotonic()
    back = world.works_again(start, "SIGCONT")
    outcome = run.end(("complete",) if victim == "server" else ("reset",), 120)
    world.check_others()
    world.check_service()
    if victim == "server":
        second_client(world, 40)
    return {"cell": f"{outcome}; works after {back} s"}


def descriptors(world, victim, _full):
    """No descriptor left (prlimit), and given back. The transfer that runs goes on. New connections: at the client they wait,
    at the host they are reset; the server lets nobody in. Nobody spins: less than a quarter of a processor more."""
    world.begin()
    baseline, before = world.measure(), reconnects(world)
    process = world.process(victim)
    run = Transfer(world, 8)
    waiting = []
    with contextlib.ExitStack() as stack:
        free = stack.enter_context(no_descriptor_left(process))
        idle = cpu_share(process, 1.0)
        waiting = [NewConnection(world, victim) for _ in range(free + 20)]
        for connection in waiting:
            stack.callback(connection.close)
        share = cpu_share(process, 3.0)
        if share > idle + 0.25:
            raise Failure(f"{victim} uses {share:.2f} of a processor without descriptors, {idle:.2f} before")
        early = sum(1 for connection in waiting if connection.outcome() == "complete")
        if early > free:
            raise Failure(f"{early} of {len(waiting)} were served with {free} descriptors")
    start = time.monotonic()
    if victim == "client":
        waiting = [NewConnection(world, victim) for _ in range(5)]
        wait_for(lambda: all(c.outcome() == "complete" for c in waiting), 10, "new connections are served")
        for connection in waiting:
            connection.close()
    back = world.works_again(start, "the descriptors came back")
    if victim == "server":
        second_client(world)
    outcome = unbroken(world, run, before, baseline)
    return {"cell": f"{outcome}; works after {back} s", "cpu": round(share, 2)}


class NewConnection:
    """Something new that wants a descriptor of the victim: an application's connection, or a request to the server."""

    def __init__(self, world, victim):
        self.at_server = victim == "server"
        port = world.signal_port if self.at_server else world.local_port
        self.stream = socket.create_connection(("127.0.0.1", port), timeout=5)
        self.stream.setblocking(False)
        self.stream.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" if self.at_server
                         else struct.pack(">QQQ", 0, 0, 0) + EMPTY_DIGEST)
        self.seen = b""
        self.ended = None

    def outcome(self):
        """complete, reset, ended, or waiting."""
        while self.ended is None:
            try:
                data = self.stream.recv(4096)
            except BlockingIOError:
                return "waiting"
            except OSError:
                self.ended = "reset"
                break
            if not data:
                self.ended = "ended"
            self.seen += data
            if len(self.seen) >= 8 + len(EMPTY_DIGEST) or (self.at_server and b"\r\n\r\n" in self.seen):
                self.ended = "complete"
        return self.ended

    def close(self):
        if self.ended is None:
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.stream.close()


EMPTY_DIGEST = bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")


def memory(world, victim, _full):
    """A memory limit 12 MiB above what it has (cgroup), and a load over it: the kernel kills it, a supervisor starts it again.
    Connections are reset; the peers live on, and the tunnel works within 5 s of the restart."""
    world.begin(rate=None)
    process = world.process(victim)
    run = Transfer(world, 60)
    with Cgroup("memory", limit_in_bytes=12 * MIB) as group:
        group.add(process.pid)
        streams = []
        try:
            overload(world, victim, process, streams)
        finally:
            for stream in streams:
                stream.close()
        if process.child.returncode != -9:
            raise Failure(f"{victim} ended with {process.child.returncode}, want a kill by the kernel")
        world.dead.append(process)
        world.restart(victim)
        start = time.monotonic()
        outcome = run.end(("reset",), 60)
        back = world.works_again(start, f"the restart of the {victim}")
        world.check_others()
    return {"cell": f"killed; {outcome}; works after {back} s"}


def overload(world, victim, process, streams):
    """Connections whose bytes nobody takes: at the client the answers, at the host what goes to a service that hangs."""
    with stopped(world.service) if victim == "host" else contextlib.nullcontext():
        deadline = time.monotonic() + 60
        block = bytes(MIB)
        while process.child.poll() is None:
            if time.monotonic() > deadline:
                raise Failure(f"{victim} lives on with {process.rss() // MIB} MiB and {len(streams)} connections that stall")
            if len(streams) < 200:
                with contextlib.suppress(OSError):
                    stream = socket.create_connection(("127.0.0.1", world.local_port), timeout=5)
                    streams.append(stream)
                    up, down = (64 * MIB, 0) if victim == "host" else (0, 64 * MIB)
                    stream.sendall(struct.pack(">QQQ", up, down, up))
                    stream.setblocking(False)
            for stream in streams if victim == "host" else ():
                with contextlib.suppress(OSError):
                    stream.send(block)
            time.sleep(0.01)


def full_disk(world, victim, _full):
    """The disk with the log files is full. Log lines may be lost; nothing else may break."""
    disk = SmallDisk(world.folder / "disk")
    world.wrap[victim] = (disk.prefix, {})
    world.flags[victim] = ("-log_dir", str(disk.folder), "-v", "3", "-logbufsecs", "0", "-alsologtostderr=false")
    world.begin()
    process = world.process(victim)
    disk.fill(process)
    before = reconnects(world)
    run = Transfer(world, 4)
    back = world.works_again(time.monotonic(), "the disk was full")
    outcome = unbroken(world, run, before)
    if disk.free(process) >= 4096:
        raise Failure("the disk is not full")
    return {"cell": f"{outcome}; works"}


def clock_jump(world, victim, _full):
    """The wall clock jumps a day ahead, and back again. Nothing may break: no time-out goes by it."""
    clock = FalseClock(world.folder)
    world.wrap[victim] = ((), clock.env)
    world.begin()
    before = reconnects(world)
    run = Transfer(world, 6)
    for offset in ("+1d", "+0"):
        clock.set(offset)
        check_jumped(world, victim, 1 if offset == "+1d" else 0)
        world.works_again(time.monotonic(), f"the clock jumped to {offset}")
    outcome = unbroken(world, run, before)
    return {"cell": f"{outcome}; works"}


def check_jumped(world, victim, days):
    """The victim itself sees the other day: a process beside it with the same clock says so."""
    _, variables = world.wrap[victim]
    shown = subprocess.run(["date", "-u", "+%Y-%m-%d %H:%M:%S"], env=dict(os.environ, **variables), capture_output=True,
                           text=True, check=True).stdout.strip()
    want = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(days=days)
    if abs(datetime.datetime.fromisoformat(shown) - want) > datetime.timedelta(minutes=5):
        raise Failure(f"the false clock shows {shown}")
    maps = open(f"/proc/{world.process(victim).pid}/maps", encoding="ascii").read()
    if "libfaketime" not in maps:
        raise Failure(f"{victim} goes by the true clock")


def cpu_quota(world, victim, full):
    """A fifth of a processor (cgroup). It may be slow; nothing may break, no session is lost."""
    world.begin(rate=None)
    before = reconnects(world)
    size = (64 if full else 8) * MIB
    free = timed_transfer(world, size)
    with Cgroup("cpu", cfs_period_us=100_000, cfs_quota_us=20_000) as group:
        group.add(world.process(victim).pid)
        throttled = timed_transfer(world, size)
        if victim != "server":  # no tunnelled byte passes through it
            wait_for(lambda: timed_transfer(world, size) and group.value("stat", "nr_throttled") > 0, 60, "the quota bites")
        time.sleep(5 if full else 1)  # long enough for a time-out to be missed
    back = world.works_again(time.monotonic(), "the quota was lifted")
    lost = reconnects(world) - before
    if lost:
        raise Failure(f"{lost} restarts or reconnects by a slow processor")
    world.check_others()
    world.check_service()
    return {"cell": f"complete; {throttled:.0f} of {free:.0f} MB/s", "works_after_s": back}


def timed_transfer(world, size):
    """MB/s, both ways together."""
    done = subprocess.run([sys.executable, "-m", "support.transfer", "run", "127.0.0.1", str(world.local_port), str(size),
                           str(size), "--timeout", "30"], capture_output=True, text=True, check=False, timeout=300)
    end = json.loads(done.stdout.strip().splitlines()[-1])
    if end["outcome"] != "complete":
        raise Failure(f"the transfer ended with {end}")
    return 2 * size / end["seconds"] / 1e6


FAULTS = {killed: ROLES, paused_short: ROLES, paused_long: ROLES, descriptors: ROLES, memory: ("host", "client"),
          full_disk: ROLES, clock_jump: ROLES, cpu_quota: ROLES}
SMOKE = {("killed", "host"), ("descriptors", "client"), ("clock_jump", "host")}
