"""Cases of the extension for UDP: datagrams of port A, a flow for each source."""
import socket
import struct
import sys
import time

from reverse import rt1
from reverse.lab import count, expect, expect_equal
from support.processes import Failure, free_port, wait_for

SIZES = (0, 1, 100, 1472, 9000, 65507)


def udp_echo(lab):
    """A UDP echo service; its port."""
    port = free_port(socket.SOCK_DGRAM)
    lab.start("udp-echo", sys.executable, "-m", "support.services", "udp-echo", str(port))

    def answers():
        with caller(port) as probe:
            probe.settimeout(0.1)
            try:
                probe.send(b"?")
                return probe.recv(16) == b"?"
            except OSError:
                return False
    wait_for(answers, 10, "udp-echo answers")
    return port


def caller(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.connect(("127.0.0.1", port))
    sock.settimeout(5)
    return sock


def u1_datagrams(lab, full):
    """Datagrams of every size, also empty ones, of many sources at once: each answer reaches its own source, whole."""
    sources = 200 if full else 50
    server, client = lab.reverse_tunnel(udp_echo(lab), ("--udp",), ("--udp",))
    callers = [caller(lab.a) for _ in range(sources)]
    for at, each in enumerate(callers):
        each.send(b"source %d" % at)
    for at, each in enumerate(callers):
        expect_equal(each.recv(100), b"source %d" % at, f"answer to source {at}")
    for size in SIZES:
        payload = bytes((at * 7 + size) & 255 for at in range(size))
        callers[0].send(payload)
        expect_equal(callers[0].recv(65536) == payload, True, f"a datagram of {size} bytes")
    metrics = lab.metrics(server)
    expect_equal((metrics["active"], metrics['datagrams_total{dir="in"}'], metrics['datagrams_total{dir="out"}']),
                 (sources, sources + len(SIZES), sources + len(SIZES)), "flows, datagrams in and out")
    expect_equal(lab.metrics(client)["active"], sources, "flows of the client")
    return {"sources": sources}


def u2_idle(lab, _full):
    """A source without datagrams is forgotten at both ends; it may come back. TCP callers of the same port are served all the while."""
    server, client = lab.reverse_tunnel(udp_echo(lab), ("--udp", "--udp-timeout", "500ms"), ("--udp",))
    with caller(lab.a) as source:
        for rounds in (1, 2):
            source.send(b"again")
            expect_equal(source.recv(100), b"again", "echo")
            lab.wait_quiet(server, client)
            expect_equal(lab.metrics(server)["accepted_total"], rounds, "flows so far")
    expect_equal(count(server, r"event=conn_end .*reason=done\b"), 2, "flows that ended in order")
    return {}


def u3_off(lab, _full):
    """Without --udp nothing is bound and nothing is said of it; with it on one end only, nothing is carried."""
    server = lab.reverse_server()
    with rt1.link(lab.b) as lines:
        lines.send("RT1 CONTROL id=x udp=1")
        expect("udp" not in lines.expect("OK"), "the reply says nothing of UDP")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", lab.a))
    client = lab.reverse_client(1, "--udp")
    client.wait_for_line("carries no UDP")
    expect_equal((client.stop(), server.stop()), (0, 0), "exit codes")
    server = lab.reverse_server("--udp", "--pair-timeout", "1s", name="server-udp")
    with rt1.control(lab.b) as control, caller(lab.a) as source:
        source.send(b"x")
        wait_for(lambda: lab.metrics(server)["pending"] == 1, 5, "the source waits")
        control.send("PING 7")
        expect_equal(control.line(), "PONG 7", "the only line")
    lab.wait_quiet(server)
    return {}


def u4_wire(lab, _full):
    """On the data connection: a length of 16 bits, big-endian, and the bytes; a length that no datagram has ends it."""
    server = lab.reverse_server("--udp")
    with rt1.control(lab.b, "id=x udp=1") as control, caller(lab.a) as source:
        source.send(b"one")
        source.send(b"")
        line = control.expect("NEW_CONN")
        expect(line.endswith(" proto=udp"), line)
        with rt1.data(lab.b, line.split(" ")[1]) as data:
            data.expect("OK")
            expect_equal(data.raw(7), b"\0\3one\0\0", "frames")
            data.send(b"\0\4back\0")
            expect_equal(source.recv(100), b"back", "datagram")
            data.send(b"\0")
            expect_equal(source.recv(100), b"", "an empty datagram in two pieces")
            data.send(struct.pack(">H", 65508))
            data.expect_end()
    lab.wait_quiet(server)
    return {}


def u5_stalled(lab, _full):
    """A data connection that stalls: newest datagrams are dropped and counted, memory stays, and it goes on when it moves."""
    server = lab.reverse_server("--udp")
    with rt1.control(lab.b, "id=x udp=1") as control, caller(lab.a) as source:
        source.send(b"first")
        conn = rt1.announced(control)
        with rt1.data(lab.b, conn) as data:
            data.expect("OK")
            expect_equal(data.raw(7), b"\0\5first", "frame")
            before, end = server.rss(), time.monotonic() + 10
            dropped = 0
            while dropped == 0 and time.monotonic() < end:
                for _ in range(200):
                    source.send(bytes(30000))
                dropped = lab.metrics(server)['datagrams_dropped_total{reason="backpressure"}']
            expect(dropped > 0, "no datagram was dropped")
            grown = server.rss() - before
            expect(grown < 16 << 20, f"memory grew by {grown} bytes")
            seen = 0
            while seen < 20:
                size = struct.unpack(">H", data.raw(2))[0]
                expect_equal(size, 30000, "length")
                expect_equal(data.raw(size) == bytes(size), True, "a whole datagram")
                seen += 1
    if server.child.poll() is not None:
        raise Failure("the server ended")
    return {"dropped": dropped, "grown_bytes": grown}


CASES = [u1_datagrams, u2_idle, u3_off, u4_wire, u5_stalled]
