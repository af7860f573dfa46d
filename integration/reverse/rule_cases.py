"""Cases about single sentences of the protocol: lines, limits and timers that no acceptance case covers."""
import signal
import socket
import time

from reverse import rt1
from reverse.lab import accept, connect, count, echo_once, expect, expect_equal, expect_reset, freeze, listen, reset, resume
from reverse.pairing_cases import SilentTarget
from support.processes import free_port, wait_for


def l1_lines(lab, _full):
    """On a control connection: CR before LF, unknown verbs, unknown ids; then what ends it with BYE protocol."""
    lab.reverse_server("--heartbeat", "0")
    with rt1.control(lab.b, "id=x color=blue") as control:
        control.send(b"PING 1\r\nHELLO you\nCLOSE 00112233445566778899aabbccddeeff done\nPONG 9\nPING 18446744073709551615\n")
        expect_equal((control.line(), control.line()), ("PONG 1", "PONG 18446744073709551615"), "answers")
        control.send(b"HUH\n" * 99 + b"PING 2\n")
        expect_equal(control.line(), "PONG 2", "answer behind 100 unknown verbs")
        control.send("HUH")
        expect_equal(control.line(), "BYE protocol", "behind the 101st")
        control.expect_end()
    for bad in ("PING x", "PING", "PING 1 2", "PING 18446744073709551616", "CLOSE abc done", "CLOSE " + "0" * 32 + " tired", "BYE", "PONG -1",
                "PING  1", "x" * 600):
        with rt1.control(lab.b) as control:
            control.send(bad)
            expect_equal(control.line(), "BYE protocol", f"reply to {bad[:40]!r}")
            control.expect_end()
    for bad in ("RT1 CONTROL id=", "RT1 CONTROL id=a id=b", "RT1 CONTROL ID=a", "RT1 CONTROL id", "RT1 CONTROL label=1,2,3,4,5,6,7,8,9",
                "RT1 CONTROL ", "RT1  CONTROL", "RT1 DATA " + "A" * 32, "RT1 HELLO", "rt1 CONTROL"):
        with rt1.link(lab.b) as lines:
            lines.send(bad)
            expect_equal(lines.line(), "ERR PROTO", f"reply to {bad!r}")
            lines.expect_end()
    line = "RT1 CONTROL id=" + "i" * 64 + " label=" + ",".join("l" * 64 for _ in range(8)) + " pad="
    with rt1.link(lab.b) as lines:
        lines.send(line + "p" * (1023 - len(line)))
        lines.expect("OK")
    with rt1.link(lab.b) as lines:
        lines.send(line + "p" * (1024 - len(line)))
        lines.expect("ERR TOO_LONG")
    return {}


def l2_early_lines(lab, _full):
    """What a second client sends while the first one is probed is read once it is accepted."""
    lab.reverse_server("--probe-timeout", "300ms", "--heartbeat", "0")
    with rt1.control(lab.b), rt1.link(lab.b) as second:
        second.send("RT1 CONTROL id=second\nPING 5")
        second.expect("OK")
        expect_equal(second.line(5), "PONG 5", "answer to the early PING")
    return {}


def l3_sources(lab, _full):
    """src= of callers over IPv4 and IPv6, on a port that listens for both; sessions are told apart."""
    lab.reverse_server(listen_a=[f":{lab.a}"])
    with rt1.control(lab.b) as control:
        for family, host, shown in ((socket.AF_INET, "127.0.0.1", "127.0.0.1:%d"), (socket.AF_INET6, "::1", "[::1]:%d")):
            with socket.socket(family) as caller:
                caller.connect((host, lab.a))
                line = control.expect("NEW_CONN")
                params = dict(word.split("=", 1) for word in line.split(" ")[2:])
                expect_equal(params["src"], shown % caller.getsockname()[1], "src")
                expect(9000 < int(params["ttl"]) <= 10000, f"ttl={params['ttl']}")
                with rt1.link(lab.b) as data:
                    data.send(f"RT1 DATA {line.split(' ')[1]} session=0000000000000000")
                    expect_equal(data.line(), "ERR UNKNOWN", "reply to another session")
                reset(caller)
                control.expect("CLOSE")
    return {}


def l4_handshakes(lab, _full):
    """32 unfinished first lines of one address, 5 of all where that is set: LIMIT for the next; the others go on."""
    server = lab.reverse_server("--handshake-timeout", "2s")
    idle = [rt1.link(lab.b) for _ in range(32)]
    wait_for(lambda: server.descriptors() > 32 + 5, 5, "32 were accepted")
    with rt1.link(lab.b) as late:
        late.expect("ERR LIMIT", 5)
        late.expect_end()
    idle[0].send("RT1 CONTROL")
    idle[0].expect("OK")
    with rt1.link(lab.b) as next_one:
        next_one.send("RT1 DATA " + "ab" * 16)
        next_one.expect("ERR UNKNOWN")
    for lines in idle[1:]:
        lines.expect("ERR TIMEOUT", 5)
        lines.close()
    idle[0].close()
    return {}


def l5_limits(lab, _full):
    """--max-conns: the next caller is reset at once; one that leaves makes room. At the client: CLOSE limit."""
    echo = lab.service("echo")
    server = lab.reverse_server("--max-conns", "1")
    client = lab.reverse_client(echo)
    with lab.call() as first:
        first.sendall(b"x")
        expect_equal(first.recv(1), b"x", "echo")
        with lab.call() as second:
            expect_reset(second, 0, 1)
    lab.wait_quiet(server, client)
    echo_once(lab)
    expect_equal(lab.metrics(server)['failed_total{reason="limit"}'], 1, "callers over the limit")
    expect_equal((client.stop(), server.stop()), (0, 0), "exit codes")
    with rt1.Server(lab.b) as script:
        client = lab.reverse_client(echo, "--max-conns", "1", name="small", wait=False)
        control = script.accept_control()
        control.send("NEW_CONN " + "0a" * 16 + " src=192.0.2.1:1 ttl=9000\nNEW_CONN " + "0b" * 16 + " src=192.0.2.1:2 ttl=9000")
        expect_equal(control.line(), "CLOSE " + "0b" * 16 + " limit", "the client's line")
        expect_equal(client.stop(), 0, "exit code")
    return {}


def l6_silence(lab, _full):
    """--half-close-timeout and --idle-timeout end a relay that is silent for so long, and only then."""
    target, port = listen()
    server, client = lab.reverse_tunnel(port, ("--half-close-timeout", "600ms"), ("--half-close-timeout", "1h"))
    with lab.call() as caller, accept(target):
        caller.shutdown(socket.SHUT_WR)
        half = expect_reset(caller, 0.4, 1.2)
    lab.wait_quiet(server, client)
    expect_equal((client.stop(), server.stop()), (0, 0), "exit codes")
    server, client = lab.reverse_tunnel(port, ("--idle-timeout", "600ms"), ())
    with lab.call() as caller, accept(target) as served:
        for _ in range(5):
            time.sleep(0.25)
            served.sendall(b"x")
            expect_equal(caller.recv(1), b"x", "a relay that is not silent")
        idle = expect_reset(caller, 0.4, 1.2)
    lab.wait_quiet(server, client)
    server.wait_for_line(r"event=conn_end .*reason=idle\b")
    return {"half_close_s": half, "idle_s": idle}


def l7_heartbeat(lab, _full):
    """The server's heartbeat: PING after an interval without a line, loss after three; a client told so does the same."""
    server = lab.reverse_server("--heartbeat", "300ms")
    start = time.monotonic()
    with rt1.control(lab.b) as control:
        expect(control.line().startswith("PING "), "the first line is a PING")
        first = time.monotonic() - start
        while control.line():
            pass
        lost = time.monotonic() - start
    expect(0.25 <= first <= 0.6 and 0.8 <= lost <= 1.4, f"PING after {first:.2f} s, end after {lost:.2f} s")
    server.wait_for_line(r"event=client_down .*reason=control-lost\b")
    expect_equal(server.stop(), 0, "exit code")
    with rt1.Server(lab.b) as script:
        client = lab.reverse_client(1, wait=False)
        control = script.accept_control("OK session=0011223344556677 pair-timeout=10000 heartbeat=300")
        expect(control.line().startswith("PING "), "the client's first line")
        client.wait_for_line("event=client_down .*nothing came", 3)
    return {"ping_s": round(first, 2), "lost_s": round(lost, 2)}


def l8_orphans(lab, _full):
    """The control connection is lost and both ends live: relays end at the drain time, at once (kill), or go on (keep)."""
    target, port = listen()
    for orphans, least, most in (("drain", 0.4, 1.3), ("kill", 0, 0.5), ("keep", None, None)):
        lab.b = free_port()
        server = lab.reverse_server("--orphans", orphans, "--drain-timeout", "600ms", name=f"server-{orphans}")
        with rt1.control(lab.b) as control, lab.call() as caller, rt1.data(lab.b, rt1.announced(control)) as data:
            data.expect("OK")
            control.close()
            if least is not None:
                expect_reset(caller, least, most, f"a caller with --orphans {orphans}")
            else:
                server.wait_for_line("event=client_down")
                time.sleep(1)
                caller.sendall(b"still here")
                expect_equal(data.raw(10), b"still here", "a relay with --orphans keep")
        expect_equal(server.stop(), 0, "exit code")
    target.close()
    return {"port": port}


def l9_stop(lab, _full):
    """SIGTERM with a relay that does not end: new lines get SHUTDOWN, it is reset at the drain time, exit 0. A second signal: at once."""
    target, port = listen()
    server, _ = lab.reverse_tunnel(port, ("--drain-timeout", "1s"))
    with lab.call() as caller, accept(target):
        server.child.terminate()
        server.wait_for_line("event=shutdown")
        with rt1.link(lab.b) as lines:
            lines.expect("ERR SHUTDOWN", 2)
        expect_reset(caller, 0.3, 1.5)
    expect_equal(server.child.wait(5), 0, "exit code")
    for victim in (0, 1):
        lab.a, lab.b = free_port(), free_port()
        process = (lab.reverse_server("--drain-timeout", "1h", name=f"server-{victim}"),
                   lab.reverse_client(port, "--drain-timeout", "1h", name=f"client-{victim}"))[victim]
        with lab.call() as caller, accept(target) as served:
            caller.sendall(b"x")
            expect_equal(served.recv(1), b"x", "relay works")
            process.child.terminate()
            process.wait_for_line("event=shutdown")
            caller.sendall(b"it drains")
            expect_equal(served.recv(16), b"it drains", f"a relay while {process.name} drains")
            process.child.send_signal(signal.SIGINT)
            expect_equal(process.child.wait(2), 0, f"exit code of {process.name} after a second signal")
    return {}


def l10_client_timers(lab, _full):
    """--connect-timeout and --handshake-timeout of the client, --retry-count, --reconnect-after-replace, BUSY."""
    silent = SilentTarget()
    start = time.monotonic()
    client = lab.start("connecting", lab.ming, "reverse", "client", "--server", f"127.0.0.1:{silent.port}", "--target", "localhost:1",
                       "--connect-timeout", "300ms", "--retry-count", "2", "--retry-min", "10ms")
    expect_equal(client.child.wait(10), 3, "exit code after three attempts")
    took = time.monotonic() - start
    expect(0.9 <= took <= 2 and count(client, "event=reconnect_wait") == 2, f"three attempts in {took:.2f} s")
    silent.close()
    with rt1.Server(lab.b) as script:
        client = lab.reverse_client(1, "--handshake-timeout", "300ms", "--retry-min", "10ms", wait=False)
        with script.accept() as mute:
            mute.expect("RT1 CONTROL")
            client.wait_for_line("event=client_down .*does not answer", 3)
        with script.accept() as control:
            control.expect("RT1 CONTROL")
            control.send("OK session=0011223344556677 heartbeat=0")
            control.send("BYE replaced")
            expect_equal(client.child.wait(5), 5, "exit code of a replaced client")
        client = lab.reverse_client(1, "--reconnect-after-replace", "--retry-min", "10ms", name="comes-back", wait=False)
        with script.accept_control() as control:
            control.send("BYE replaced")
        with script.accept_control() as control:
            control.send("NEW_CONN " + "0c" * 16 + " src=192.0.2.1:1 ttl=9000\nNEW_CONN " + "0c" * 16 + " src=192.0.2.1:1 ttl=9000")
            with script.accept() as data:  # once: the second announcement is of the same id
                data.expect("RT1 DATA " + "0c" * 16)
                control.send("CLOSE " + "0c" * 16 + " caller-gone")
                data.expect_end()
            expect_equal(count(client, "event=conn_new"), 1, "callers of the client")
    return {"three_attempts_s": round(took, 2)}


def l11_shared_probe(lab, _full):
    """Newcomers of one probe share its result: the first of them is accepted, the next one is told BUSY."""
    echo = lab.service("echo")
    lab.reverse_server("--probe-timeout", "500ms")
    client = lab.reverse_client(echo)
    freeze(client)
    with rt1.link(lab.b) as first, rt1.link(lab.b) as second:
        first.send("RT1 CONTROL id=one")
        time.sleep(0.1)
        second.send("RT1 CONTROL id=two")
        first.expect("OK", 3)
        second.expect("ERR BUSY", 3)
    resume(client)
    return {}


def l12_big_slow(lab, full):
    """256 MiB (smoke: 32) to a caller that reads a little at a time; one end copies, the other one splices."""
    size = (256 if full else 32) << 20
    server, client = lab.reverse_tunnel(lab.service("source", size), (), ("--no-splice",))
    before = (server.rss(), client.rss())
    with lab.call(60) as caller:
        got = 0
        while part := caller.recv(7001):
            got += len(part)
    expect_equal(got, size, "bytes")
    grown = [now - then for now, then in zip((server.rss(), client.rss()), before)]
    expect(max(grown) < 16 << 20, f"memory grew by {grown} bytes")
    lab.wait_quiet(server, client)
    return {"grown_bytes": grown}


CASES = [l1_lines, l2_early_lines, l3_sources, l4_handshakes, l5_limits, l6_silence, l7_heartbeat, l8_orphans, l9_stop, l10_client_timers,
         l11_shared_probe, l12_big_slow]
