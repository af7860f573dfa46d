"""Processes killed in mid-transfer in every order, a host that is paused, a signaling server that is lost."""
import itertools
import os
import re
import signal
import sys
import threading
import time

from support.processes import Failure, can_connect, connect, free_port, wait_for


class Transfer:
    """Pumps bytes through an echo until it breaks or is stopped; never raises."""

    def __init__(self, port):
        self.port, self.echoed, self.stopped = port, 0, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        block = bytes(32768)
        while not self.stopped.is_set():
            try:
                with connect(self.port, 10) as stream:
                    while not self.stopped.is_set():
                        stream.sendall(block)
                        got = 0
                        while got < len(block):
                            data = stream.recv(65536)
                            if not data:
                                raise ConnectionError
                            got += len(data)
                        self.echoed += got
            except OSError:
                self.stopped.wait(0.05)

    def stop(self):
        self.stopped.set()
        self.thread.join(15)


def echo_works(port):
    try:
        with connect(port, 1.0) as stream:
            stream.settimeout(1.0)
            stream.sendall(b"ping")
            return stream.recv(4) == b"ping"
    except OSError:
        return False


class World:
    """server, host, client and an echo behind the host; any of the three can be killed and started again."""

    def __init__(self, lab):
        self.lab = lab
        self.port = free_port()
        lab.start("echo", sys.executable, "-m", "support.services", "echo", str(self.port))
        wait_for(lambda: can_connect(self.port), 10, "the echo listens")
        lab.tunnel(self.port)
        wait_for(lambda: echo_works(lab.local_port), 15, "the tunnel works at first")

    def process(self, name):
        return next(p for p in reversed(self.lab.processes) if p.name == name)

    def restart(self, name):
        if name == "server":
            self.lab.server()
        elif name == "host":
            self.lab.host(self.port, wait=False)
        else:
            self.lab.client()

    def check_survivors(self, killed):
        for process in self.lab.processes:
            if process.name in ("server", "host", "client") and process not in killed and process.child.poll() is not None:
                raise Failure(f"{process.name} ended with {process.child.returncode}:\n{process.text()[-1500:]}")


def restarts(lab, full):
    """kill -9 of client, host, server in mid-transfer, in every order, restarted: works within 5 s of the last restart."""
    names = ("client", "host", "server")
    orders = [(name,) for name in names]
    orders += list(itertools.permutations(names)) if full else [("client", "host", "server"), ("server", "host", "client")]
    world = World(lab)
    slowest, killed = 0.0, []
    wait_for(lambda: echo_works(lab.local_port), 5, "echo")
    for order in orders:
        transfer = Transfer(lab.local_port)
        wait_for(lambda: transfer.echoed > 1 << 20, 10, "the transfer runs")
        for name in order:
            victim = world.process(name)
            victim.kill()
            killed.append(victim)
        for name in order:
            world.restart(name)
        start = time.monotonic()
        try:
            wait_for(lambda: echo_works(lab.local_port), 5, f"works again after kill -9 of {'+'.join(order)}")
        finally:
            transfer.stop()
        slowest = max(slowest, time.monotonic() - start)
        world.check_survivors(killed)
    if not full:
        return {"orders": len(orders), "slowest_s": round(slowest, 2)}
    # Lost clients leave nothing behind at a host that lives on. The first loss makes what GLib keeps for ever.
    host = world.process("host")
    lose_clients(world, killed, 1)
    before = descriptors_with_one_session(host)
    lose_clients(world, killed, 5)
    after = descriptors_with_one_session(host)
    if after > before:
        raise Failure(f"the host has {after} descriptors after five lost clients, {before} before")
    return {"orders": len(orders), "slowest_s": round(slowest, 2)}


def lose_clients(world, killed, count):
    for _ in range(count):
        wait_for(lambda: echo_works(world.lab.local_port), 5, "echo")
        victim = world.process("client")
        victim.kill()
        killed.append(victim)
        world.restart("client")
    wait_for(lambda: echo_works(world.lab.local_port), 5, "works again after kill -9 of client")


def descriptors_with_one_session(host):
    """The descriptors of the host once it has noticed that all clients but one are gone."""
    def one_session():
        text = host.text()
        return len(re.findall(r"session \d+ begins", text)) - len(re.findall(r"session \d+ over", text)) == 1
    wait_for(one_session, 60, "the host notices lost clients")
    return host.descriptors()


def paused_host(lab, _full):
    """A host that is silent for 4.5 s: the client restarts ICE, and the open connection goes on."""
    world = World(lab)
    host, client = world.process("host"), world.process("client")
    with connect(lab.local_port, 10) as stream:
        stream.sendall(b"before")
        if stream.recv(6) != b"before":
            raise Failure("no echo before")
        os.kill(host.child.pid, signal.SIGSTOP)
        time.sleep(4.5)
        os.kill(host.child.pid, signal.SIGCONT)
        end = time.monotonic() + 4
        while time.monotonic() < end:
            stream.sendall(b"during")
            if stream.recv(6) != b"during":
                raise Failure("the open connection broke")
    if "restarting ICE" not in client.text():
        raise Failure("no ICE restart")
    return {}


def signaling_lost(lab, _full):
    """The running tunnel does not notice that the signaling server is gone; after its return a new client connects."""
    world = World(lab)
    with connect(lab.local_port, 10) as stream:
        stream.sendall(b"one")
        if stream.recv(3) != b"one":
            raise Failure("no echo before")
        server = world.process("server")
        server.kill()
        end = time.monotonic() + 2
        rounds = 0
        while time.monotonic() < end:
            stream.sendall(b"two")
            if stream.recv(3) != b"two":
                raise Failure("the open connection broke")
            rounds += 1
        if not echo_works(lab.local_port):
            raise Failure("no new connection without the signaling server")
        world.restart("server")
        world.process("server").wait_for_line("Host registered: myhost", 10)
        stream.sendall(b"three")
        if stream.recv(5) != b"three":
            raise Failure("the open connection broke at the return")
    old_port, lab.local_port = lab.local_port, free_port()
    lab.client()
    wait_for(lambda: echo_works(lab.local_port), 10, "a new client connects")
    del old_port
    return {"rounds_without_server": rounds}


CASES = [restarts, paused_host, signaling_lost]
