"""Cases of the extension for data connections that are opened before there are callers for them."""
import signal

from reverse import rt1
from reverse.lab import MIB, accept, ask, call_expecting_reset, count, echo_once, expect, expect_equal, listen, random_bytes, reset
from support.lab import read_all
from support.processes import free_port, wait_for


def wait_ahead(lab, server, least):
    wait_for(lambda: lab.metrics(server)["ahead"] >= least, 10, f"{least} connections ahead")


def asked(control):
    return control.expect("AHEAD").split(" ")[1]


def a1_served(lab, full):
    """Callers get a connection that was there before them; others are opened in their place, more while many come."""
    server, client = lab.reverse_tunnel(lab.service("echo"), (), ("--ahead", "16"))
    wait_ahead(lab, server, 2)
    callers = 200 if full else 40
    for _ in range(callers):
        echo_once(lab, b"some bytes")
    crowd = [lab.call() for _ in range(30)]
    for at, each in enumerate(crowd):
        payload = random_bytes(100000 + at)
        expect(ask(each, payload, half_close=True) == payload, f"echo of caller {at}")
        each.close()
    lab.wait_quiet(server, client)
    wait_ahead(lab, server, 2)
    metrics = lab.metrics(server)
    expect(metrics["ahead"] <= 16, f"{metrics['ahead']} wait")
    expect(metrics["paired_ahead_total"] >= callers / 2, f"{metrics['paired_ahead_total']} of {callers} found one")
    expect_equal(lab.metrics(client)["paired_ahead_total"], metrics["paired_ahead_total"], "both ends count the same")
    expect_equal(metrics["accepted_total"], callers + 30, "callers")
    return {"paired_ahead": metrics["paired_ahead_total"], "of": callers + 30}


def a2_without(lab, _full):
    """Where one end does not know it, or does not want it, there is nothing of it on the wire, and callers are served as ever."""
    with rt1.Server(lab.b) as scripted:
        client = lab.reverse_client(lab.service("echo"), "--ahead", "8", wait=False)
        with scripted.accept() as control:
            line = control.expect("RT1 CONTROL")
            expect(" ahead=8" in line, line)
            control.send("OK session=0011223344556677 pair-timeout=10000 heartbeat=0")
            client.wait_for_line("no connections ahead of need")
            conn = "00112233445566778899aabbccddeeff"
            control.send(f"NEW_CONN {conn} src=192.0.2.1:5 ttl=10000")
            with scripted.accept() as data:
                data.expect(f"RT1 DATA {conn}")
                data.send(b"OK\nearly")
                expect_equal(data.raw(5), b"early", "echo")
    expect_equal(client.stop(), 0, "exit code of the client")
    for name, flags, params in (("unasked", (), "id=x"), ("unwilling", ("--ahead", "0"), "id=x ahead=8")):
        server = lab.reverse_server(*flags, name=f"server-{name}")
        with rt1.link(lab.b) as control:
            control.send("RT1 CONTROL " + params)
            expect("ahead" not in control.expect("OK"), "the reply says nothing of it")
            control.send("PING 7")
            expect_equal(control.line(), "PONG 7", "the only line")
        expect_equal(server.stop(), 0, "exit code of the server")
    return {}


def a3_wire(lab, _full):
    """AHEAD asks for a connection; its reply comes with the caller, and the caller's bytes behind it. A byte before it is an error."""
    server = lab.reverse_server()
    with rt1.link(lab.b) as control:
        control.send("RT1 CONTROL id=x ahead=2")
        expect(control.expect("OK").endswith(" ahead=2"), "the limit of both")
        first, second = asked(control), asked(control)
        with rt1.data(lab.b, first) as data, rt1.data(lab.b, second) as hasty:
            wait_ahead(lab, server, 2)
            hasty.send(b"x")
            hasty.expect("ERR PROTO")
            with lab.call() as caller:
                caller.sendall(b"early")
                expect_equal(data.line(), f"OK src=127.0.0.1:{caller.getsockname()[1]}", "reply")
                expect_equal(data.raw(5), b"early", "raw bytes")
                data.send(b"late")
                data.close()
                expect_equal(read_all(caller), b"late", "answer")
    lab.wait_quiet(server)
    return {}


def a4_killed(lab, _full):
    """A client that is killed takes its waiting connections along; its successor brings its own."""
    target = lab.service("echo")
    server, client = lab.reverse_tunnel(target, (), ("--ahead", "8"))
    wait_ahead(lab, server, 2)
    client.child.send_signal(signal.SIGKILL)
    wait_for(lambda: lab.metrics(server)["ahead"] == 0, 5, "none waits")
    with lab.call() as caller:
        caller.sendall(b"patience")
        lab.reverse_client(target, "--ahead", "8", name="client-2")
        expect_equal(ask(caller, b"!", half_close=True), b"patience!", "echo")
    wait_ahead(lab, server, 2)
    echo_once(lab)
    lab.wait_quiet(server)
    return {}


def a5_drain(lab, _full):
    """A server that is told to stop ends what waits at once, and lets a transfer finish."""
    listener, port = listen()
    server, client = lab.reverse_tunnel(port, (), ("--ahead", "8", "--no-reconnect"))
    wait_ahead(lab, server, 2)
    with lab.call() as caller, accept(listener) as target:
        wait_ahead(lab, server, 2)
        server.child.send_signal(signal.SIGTERM)
        server.wait_for_line("event=shutdown")
        payload = random_bytes(MIB)
        target.sendall(payload)
        target.close()
        expect(ask(caller, b"", half_close=True) == payload, "the transfer finishes")
    expect_equal((server.child.wait(10), client.child.wait(10)), (0, 0), "exit codes")
    expect_equal(count(server, r"data_rejected"), 0, "nobody was refused")
    return {}


def a6_limits(lab, _full):
    """Waiting connections and relays together stay within --max-conns; a caller whose target refuses is reset as ever."""
    server = lab.reverse_server("--max-conns", "3")
    with rt1.link(lab.b) as control:
        control.send("RT1 CONTROL id=x ahead=8")
        control.expect("OK")
        conns = [asked(control), asked(control)]
        with rt1.data(lab.b, conns[0]) as first, rt1.data(lab.b, conns[1]) as second:
            wait_ahead(lab, server, 2)
            with lab.call(), lab.call():
                first.expect("OK")
                second.expect("OK")
                asked(control)
                control.send("PING 7")
                expect_equal(control.line(), "PONG 7", "two relays and one more: no further line")
    server.stop()
    server = lab.reverse_server(name="server-2")
    client = lab.reverse_client(free_port(), "--ahead", "4")
    wait_ahead(lab, server, 2)
    call_expecting_reset(lab.a, 1)
    client.wait_for_line("event=dial_failed reason=target-refused")
    lab.wait_quiet(server, client)
    expect_equal(lab.metrics(server)['failed_total{reason="target-refused"}']
                 + lab.metrics(server)['failed_total{reason="reset"}'], 1, "failed")
    return {}


def a7_dead(lab, _full):
    """A waiting connection that was reset is not given to anybody; the client is asked for the caller in the ordinary way."""
    server = lab.reverse_server()
    with rt1.link(lab.b) as control:
        control.send("RT1 CONTROL id=x ahead=2")
        control.expect("OK")
        links = [rt1.data(lab.b, asked(control)) for _ in range(2)]
        wait_ahead(lab, server, 2)
        for link in links:
            reset(link.stream)
        with lab.call() as caller:
            caller.sendall(b"whole")
            line = control.line()
            while line.startswith("AHEAD "):  # others in place of those that are lost
                line = control.line()
            expect(line.startswith("NEW_CONN "), line)
            with rt1.data(lab.b, line.split(" ")[1]) as data:
                data.expect("OK")
                expect_equal(data.raw(5), b"whole", "every byte")
    lab.wait_quiet(server)
    return {}


CASES = [a1_served, a2_without, a3_wire, a4_killed, a5_drain, a6_limits, a7_dead]
