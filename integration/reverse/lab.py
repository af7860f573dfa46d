"""One reverse tunnel on loopback: server, client, target, and callers."""
import hashlib
import os
import pathlib
import re
import signal
import socket
import struct
import sys
import time

from support.lab import Lab, read_all
from support.processes import Failure, can_connect, connect, free_port, wait_for

PYTHON = sys.executable
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


class ReverseLab(Lab):
    """The server is called as `reverse-tunnel`, the client as `ming reverse`: both names must work."""

    def __init__(self, ming, prefix="ming-reverse-"):
        super().__init__(ming, prefix)
        self.a, self.b = free_port(), free_port()
        self.stats_ports = {}  # of processes, by name
        self.docs = pathlib.Path(__file__).parents[2] / "docs"
        self.alias = pathlib.Path(ming).parent / "reverse-tunnel"  # the link that the build makes

    def common_flags(self, name):
        self.stats_ports[name] = free_port()
        return "--log-level", "debug", "--stats-listen", f"127.0.0.1:{self.stats_ports[name]}"

    def page(self, process, path):
        """Of the process's statistics over HTTP: the answer's first line and body."""
        with connect(self.stats_ports[process.name]) as stream:
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            head, _, body = read_all(stream).partition(b"\r\n\r\n")
        return head.split(b"\r\n")[0].decode(), body.decode()

    def metrics(self, process):
        """Every sample of /metrics: {"active": 3.0, 'failed_total{reason="reset"}': 1.0}, without the prefix."""
        status, body = self.page(process, "/metrics")
        expect(" 200 " in status + " ", f"/metrics of {process.name}: {status}")
        samples = (line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))
        return {name.removeprefix("reverse_tunnel_"): float(value) for name, value in samples}

    def wait_quiet(self, *processes, seconds=15):
        """Until each has ended all of its callers, by its gauges and by its log; and the counters add up."""
        for process in processes:
            wait_for(lambda process=process: self.is_quiet(process), seconds, f"{process.name}: every caller has ended")

    def is_quiet(self, process):
        metrics = self.metrics(process)
        if metrics["active"] or metrics["pending"]:
            return False
        check_sums(metrics, process.name)
        return unended(process) == 0

    def reverse_server(self, *flags, listen_a=None, name="server", wait=True):
        """Listens on self.a and self.b; `listen_a`: values of --listen-a instead."""
        ports = [word for value in (listen_a or [f"127.0.0.1:{self.a}"]) for word in ("--listen-a", value)]
        process = self.start(name, self.alias, "server", *ports, "--listen-b", f"127.0.0.1:{self.b}", *self.common_flags(name), *flags)
        if wait:
            process.wait_for_line(r'event=listening|"event":"listening"')
        return process

    def reverse_client(self, target, *flags, name="client", wait=True):
        """`target`: a port of this machine, or host:port."""
        target = f"127.0.0.1:{target}" if isinstance(target, int) else target
        process = self.start(name, self.ming, "reverse", "client", "--server", f"127.0.0.1:{self.b}", "--target", target,
                             *self.common_flags(name), *flags)
        if wait:
            process.wait_for_line(r'event=client_up|"event":"client_up"')
        return process

    def reverse_tunnel(self, target, server_flags=(), client_flags=()):
        return self.reverse_server(*server_flags), self.reverse_client(target, *client_flags)

    def service(self, *arguments):
        """One of support.services on a free port; the port."""
        port = free_port()
        self.start(arguments[0], PYTHON, "-m", "support.services", arguments[0], str(port), *map(str, arguments[1:]))
        wait_for(lambda: can_connect(port), 10, f"{arguments[0]} listens")
        return port

    def call(self, seconds=20.0):
        """A caller; its receive buffer is bound to the reads that the case makes."""
        return connect(self.a, seconds)


def listen(backlog=128):
    """A scripted target: a listening socket on a free port."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    listener.settimeout(20)
    return listener, listener.getsockname()[1]


def accept(listener):
    stream, _ = listener.accept()
    stream.settimeout(20)
    return stream


def reset(stream):
    """Ends the connection with a reset."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


def expect_reset(stream, least, most, what="the caller"):
    """Nothing but a reset comes, within so many seconds from now; the seconds it took."""
    start = time.monotonic()
    stream.settimeout(most + 5)
    try:
        got = stream.recv(1)
    except ConnectionResetError:
        took = time.monotonic() - start
        if not least <= took <= most:
            raise Failure(f"{what}: reset after {took:.2f} s, want {least} to {most}") from None
        return round(took, 2)
    except socket.timeout:
        raise Failure(f"{what}: no reset within {most + 5} s") from None
    raise Failure(f"{what}: got {got!r} instead of a reset")


def call_expecting_reset(port, most):
    """A new caller is reset within so many seconds, perhaps before connect(2) has returned."""
    try:
        with connect(port) as caller:
            return expect_reset(caller, 0, most)
    except ConnectionResetError:
        return 0.0


def expect(condition, what):
    if not condition:
        raise Failure(what)


def expect_equal(got, want, what):
    if got != want:
        raise Failure(f"{what}: got {str(got)[:200]}, want {str(want)[:200]}")


def random_bytes(size):
    block = os.urandom(min(size, MIB))
    return b"".join((hashlib.sha256(at.to_bytes(8, "big") + block[:32]).digest() + block[32:])[:size - at]
                    for at in range(0, size, MIB)) if size else b""


def count(process, pattern):
    return len(re.findall(pattern, process.text()))


def unended(process):
    """Callers that the log says came and have not ended."""
    text = process.text()
    return len(re.findall(r"event=conn_new\b", text)) - len(re.findall(r"event=conn_end\b", text))


def check_sums(metrics, what):
    """accepted = active + pending + ended, and ended = failed + done; callers paired are among those that came."""
    failed = sum(value for name, value in metrics.items() if name.startswith("failed_total"))
    expect_equal(metrics["accepted_total"], metrics["active"] + metrics["pending"] + metrics["ended_total"], f"{what}: accepted_total")
    expect(failed <= metrics["ended_total"], f"{what}: {failed} failed of {metrics['ended_total']} that ended")
    expect(metrics["paired_total"] <= metrics["accepted_total"], f"{what}: more paired than accepted")
    expect_equal(metrics["pair_seconds_count"], metrics["paired_total"], f"{what}: pair_seconds_count")


def ask(stream, request, half_close=False):
    """Sends the request, returns all that comes until the end."""
    stream.sendall(request)
    if half_close:
        stream.shutdown(socket.SHUT_WR)
    return read_all(stream)


def echo_once(lab, payload=b"ping", seconds=20.0):
    """One caller through an echo target."""
    with lab.call(seconds) as caller:
        expect_equal(ask(caller, payload, half_close=True), payload, "echo")


def freeze(process):
    process.child.send_signal(signal.SIGSTOP)


def resume(process):
    process.child.send_signal(signal.SIGCONT)


def cpu_seconds(process):
    fields = open(f"/proc/{process.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
