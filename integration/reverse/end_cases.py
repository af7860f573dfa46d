"""Cases about the two ends: first lines, second clients, stops, wrong use, descriptors."""
import subprocess
import time

from reverse import rt1
from reverse.lab import KIB, MIB, accept, cpu_seconds, echo_once, expect, expect_equal, freeze, listen, resume
from support.processes import Failure, connect, free_port, wait_for


def b15_garbage(lab, full):
    """An HTTP request, 2 KiB without an end, and nothing at all on port B: PROTO, TOO_LONG, TIMEOUT at 5 s (smoke: 1 s)."""
    seconds = 5 if full else 1
    lab.reverse_server("--handshake-timeout", f"{seconds}s")
    with rt1.link(lab.b) as silent:
        start = time.monotonic()
        for said, reply in ((b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "ERR PROTO"), (b"x" * 2 * KIB, "ERR TOO_LONG"),
                            (b"RT1 CONTROL  id=x\n", "ERR PROTO"), (b"RT1 DATA abc\n", "ERR PROTO")):
            with rt1.link(lab.b) as lines:
                lines.send(said)
                lines.expect(reply, 5)
                lines.expect_end()
        with rt1.link(lab.b) as lines:
            lines.send(b"\x16\x03\x01\x02\x00\x01\x00\x01")
            lines.expect_end(5)
        silent.expect("ERR TIMEOUT")
        took = time.monotonic() - start
        expect(seconds - 0.2 <= took <= seconds + 0.5, f"TIMEOUT after {took:.2f} s")
        silent.expect_end()
    return {"timeout_s": round(took, 2)}


def b16_version(lab, _full):
    """RT2 is told what is supported."""
    lab.reverse_server()
    with rt1.link(lab.b) as lines:
        lines.send("RT2 CONTROL")
        expect_equal(lines.line(), "ERR VERSION supported=1", "reply")
        lines.expect_end()
    return {}


def b17_busy(lab, _full):
    """A second client beside a healthy one: BUSY within the probe time; the first goes on."""
    target, port = listen()
    _, client = lab.reverse_tunnel(port)
    with lab.call() as caller, accept(target) as served:
        start = time.monotonic()
        with rt1.link(lab.b) as second:
            second.send("RT1 CONTROL id=second")
            expect_equal(second.line(5), "ERR BUSY another client is connected", "reply")
            took = time.monotonic() - start
            second.expect_end()
        expect(took <= 3, f"BUSY after {took:.2f} s")
        caller.sendall(b"undisturbed")
        expect_equal(served.recv(64), b"undisturbed", "the first client's relay")
    late = lab.reverse_client(port, name="second", wait=False)
    late.wait_for_line("event=reconnect_wait")
    delay = int(late.text().split("event=reconnect_wait ms=")[1].split()[0])
    expect(delay >= 5000, f"the second client comes back after {delay} ms, want at least 5 s")
    expect_equal(client.text().count("event=client_down"), 0, "losses of the first client")
    return {"busy_s": round(took, 3)}


def b18_stopped_first(lab, _full):
    """A second client beside a stopped one is accepted after the probe time (3 s); the first is dropped."""
    echo = lab.service("echo")
    server, first = lab.reverse_tunnel(echo)
    freeze(first)
    start = time.monotonic()
    lab.reverse_client(echo, name="second")
    took = time.monotonic() - start
    expect(2.8 <= took <= 4, f"accepted after {took:.2f} s")
    server.wait_for_line(r"event=client_down .*reason=control-lost\b")
    echo_once(lab)
    resume(first)
    first.wait_for_line("event=client_down", 5)
    return {"accepted_s": round(took, 2)}


def b19_replace(lab, _full):
    """With --second-client replace the first client exits with 5 and the second serves."""
    echo = lab.service("echo")
    _, first = lab.reverse_tunnel(echo, server_flags=("--second-client", "replace"))
    lab.reverse_client(echo, name="second")
    expect_equal(first.child.wait(10), 5, "exit code of the first client")
    echo_once(lab)
    return {}


def b28_never_reads(lab, _full):
    """A client that asks and asks and never reads its control connection: it is lost at 1 MiB of lines, and memory stays."""
    server = lab.reverse_server()
    with rt1.control(lab.b) as control:
        before, asked = server.rss(), b"PING 18446744073709551615\n" * 4096
        control.stream.setblocking(False)
        sent, end = 0, time.monotonic() + 30
        while "event=client_down" not in server.text():
            expect(time.monotonic() < end, f"the server still listens after {sent} bytes")
            try:
                sent += control.stream.send(asked[sent % 26:])
            except BlockingIOError:
                time.sleep(0.01)
            except (ConnectionResetError, BrokenPipeError):
                break
        server.wait_for_line(r"event=client_down .*reason=control-lost\b", 5)
        grown = server.rss() - before
    expect(grown < 16 * MIB, f"memory grew by {grown} bytes")
    echo = lab.service("echo")
    lab.reverse_client(echo)
    echo_once(lab)
    return {"sent_bytes": sent, "grown_bytes": grown}


def b25_descriptors(lab, _full):
    """With 64 descriptors the server does not spin, and serves again when callers leave."""
    echo = lab.service("echo")
    limited = ["/bin/sh", "-c", 'ulimit -n 64; exec "$@"', "sh", lab.alias]
    server = lab.start("server", *limited, "server", "--listen-a", f"127.0.0.1:{lab.a}", "--listen-b", f"127.0.0.1:{lab.b}",
                       *lab.common_flags("server"), "--pair-timeout", "3s")
    server.wait_for_line("event=listening")
    lab.reverse_client(echo)
    echo_once(lab)
    crowd = [connect(lab.a) for _ in range(200)]
    server.wait_for_line("(?i)too many open files", 10)
    before, start = cpu_seconds(server), time.monotonic()
    time.sleep(2)
    used = (cpu_seconds(server) - before) / (time.monotonic() - start)
    expect(used < 0.3, f"the server uses {used:.0%} of a processor while it has no descriptors")
    lines = server.text().lower().count("too many open files")
    expect(lines < 10, f"{lines} log lines about descriptors in some seconds")
    for caller in crowd:
        caller.close()
    wait_for(lambda: serves(lab), 20, "the server serves again")
    return {"cpu": round(used, 3), "log_lines": lines}


def serves(lab):
    try:
        echo_once(lab, seconds=2)
        return True
    except (Failure, OSError):
        return False


def b26_stop(lab, _full):
    """SIGTERM on the server during a transfer of 3 s: it completes, both exit with 0."""
    target, port = listen()
    server, client = lab.reverse_tunnel(port, client_flags=("--no-reconnect",))
    with lab.call() as caller, accept(target) as served:
        caller.sendall(b"x")
        expect_equal(served.recv(1), b"x", "relay works")
        server.child.terminate()
        server.wait_for_line("event=shutdown")
        begun, got = time.monotonic(), 0
        for _ in range(30):
            time.sleep(0.1)
            served.sendall(b"y" * KIB)
            got += len(caller.recv(64 * KIB))
        served.close()
        while part := caller.recv(64 * KIB):
            got += len(part)
        expect_equal(got, 30 * KIB, f"bytes of the transfer ({time.monotonic() - begun:.1f} s)")
    expect_equal((server.child.wait(10), client.child.wait(10)), (0, 0), "exit codes of server and client")
    return {}


def b27_wrong_use(lab, _full):
    """Malformed flags, a missing target, a taken port: 2, 2, 1, each with one clear line that names the next step."""
    lab.reverse_server()
    taken = f"127.0.0.1:{lab.b}"
    for code, words, arguments in (
            (2, ["--pair-timeout", "10s"], ["server", "--pair-timeout", "5"]),
            (2, ["--listen-a"], ["server", "--listen-a", "nonsense"]),
            (2, ["--listen-a", "label:NAME"], ["server", "--listen-a", ":1=label:"]),
            (2, ["--offline", "fail-fast"], ["server", "--offline", "maybe"]),
            (2, ["--max-pending"], ["server", "--max-pending", "0"]),
            (2, ["--pair-timout", "--pair-timeout"], ["server", "--pair-timout", "5s"]),
            (2, ["--target", "HOST:PORT", "ming help reverse client"], ["client", "--server", taken]),
            (2, ["--server", "ming help reverse client"], ["client", "--target", taken]),
            (2, ["--server"], ["client", "--server", ":1", "--target", taken]),
            (2, ["--id"], ["client", "--server", taken, "--target", taken, "--id", "no spaces"]),
            (2, ["reverse server", "reverse client"], []),
            (1, [taken, "in use", "--listen-b"], ["server", "--listen-a", "127.0.0.1:0", "--listen-b", taken]),
            (3, [f"127.0.0.1:{(closed := free_port())}"],
             ["client", "--no-reconnect", "--server", f"127.0.0.1:{closed}", "--target", taken])):
        done = subprocess.run([lab.alias, *arguments], capture_output=True, text=True, check=False, timeout=20)
        lines = [line for line in done.stderr.splitlines() if line.startswith("ming: ")]
        shown = f"reverse-tunnel {' '.join(arguments)}: exit {done.returncode}, stderr {done.stderr[-500:]!r}"
        if done.returncode != code or len(lines) != 1 or not all(word in lines[0] for word in words):
            raise Failure(f"want {code} and {words}: {shown}")
    for arguments in (["help", "reverse", "server"], ["reverse", "server", "--help"], ["help", "reverse", "client"]):
        done = subprocess.run([lab.ming, *arguments], capture_output=True, text=True, check=False, timeout=20)
        expect_equal(done.returncode, 0, f"exit code of {arguments}")
        expect("example: ming reverse " in done.stdout, f"{arguments} shows an example")
    return {}


CASES = [b15_garbage, b16_version, b17_busy, b18_stopped_first, b19_replace, b25_descriptors, b26_stop, b27_wrong_use,
         b28_never_reads]
