"""Cases about pairing: who waits, for how long, and what each failure looks like."""
import socket
import time

from reverse import rt1
from reverse.lab import (accept, ask, call_expecting_reset, connect, count, echo_once, expect, expect_equal, expect_reset, freeze, listen, reset)
from support.processes import Failure, free_port, wait_for


def b8_no_client(lab, full):
    """No client: the caller is reset at the pair time (10 s; smoke: 1 s) within 0.5 s, and gets no byte."""
    seconds = 10 if full else 1
    server = lab.reverse_server("--pair-timeout", f"{seconds}s")
    with lab.call() as caller:
        took = expect_reset(caller, seconds - 0.5, seconds + 0.5)
    server.wait_for_line("event=pair_timeout")
    lab.wait_quiet(server)
    return {"reset_after_s": took}


def b9_late_client(lab, full):
    """As B8, but a client appears after 4 s (smoke: 1 s): the caller is served."""
    target = lab.service("echo")
    lab.reverse_server()
    with lab.call() as caller:
        caller.sendall(b"early")
        time.sleep(4 if full else 1)
        lab.reverse_client(target)
        expect_equal(ask(caller, b" bird", half_close=True), b"early bird", "echo")
    return {}


def b10_killed(lab, _full):
    """The client is killed with 20 relays and 5 callers waiting: relays end within 1 s, the others at their deadline."""
    held, port = listen()
    server = lab.reverse_server("--pair-timeout", "3s")
    client = lab.reverse_client(port)
    callers = [lab.call() for _ in range(20)]
    served = [accept(held) for _ in callers]
    for caller, stream in zip(callers, served):
        caller.sendall(b"x")
    for stream in served:
        expect_equal(stream.recv(1), b"x", "relay works")
    # A client that is frozen is announced to and does not come: its callers wait.
    freeze(client)
    start = time.monotonic()
    pending = [lab.call() for _ in range(5)]
    wait_for(lambda: count(server, "event=conn_new") == 25, 5, "25 callers came")
    client.kill()
    killed = time.monotonic()
    for caller in callers:
        try:
            expect_equal(caller.recv(1), b"", "what a relay's caller gets")
        except ConnectionResetError:
            pass
    relays = time.monotonic() - killed
    expect(relays < 1, f"relays ended after {relays:.2f} s")
    for caller in pending:
        expect_reset(caller, 0, 4, "a waiting caller")
    waited = time.monotonic() - start
    expect(2.5 <= waited <= 3.5, f"the waiting callers were reset after {waited:.2f} s, want 3")
    lab.wait_quiet(server)
    return {"relays_s": round(relays, 3), "pending_s": round(waited, 2)}


def b11_target_closed(lab, _full):
    """The target's port is closed: the caller is reset within 1 s, both ends forget it."""
    server, client = lab.reverse_tunnel(free_port())
    took = call_expecting_reset(lab.a, 1)
    client.wait_for_line(r"event=dial_failed reason=target-refused\b")
    server.wait_for_line(r"event=conn_end .*reason=(target-refused|reset)\b")
    lab.wait_quiet(server, client)
    return {"reset_after_s": took}


class SilentTarget:
    """A port whose backlog is full: the kernel drops further connection requests."""

    def __init__(self):
        self.listener, self.port = listen(backlog=0)
        self.fillers = []
        for _ in range(8):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self.fillers.append(filler)
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=0.3).close()
        except socket.timeout:
            return
        raise Failure("the backlog does not fill")

    def close(self):
        for each in (self.listener, *self.fillers):
            each.close()


def b12_target_silent(lab, full):
    """The target drops connection requests: the caller is reset at the dial time (5 s; smoke: 1 s), at most 1 s later."""
    seconds = 5 if full else 1
    target = SilentTarget()
    server, client = lab.reverse_tunnel(target.port, client_flags=("--dial-timeout", f"{seconds}s"))
    with lab.call() as caller:
        took = expect_reset(caller, seconds - 0.2, seconds + 1)
    client.wait_for_line(r"event=dial_failed reason=target-timeout\b")
    lab.wait_quiet(server, client)
    target.close()
    return {"reset_after_s": took}


def b13_ignored(lab, _full):
    """A client that ignores NEW_CONN: the caller is reset at the pair time, the client hears CLOSE pair-timeout."""
    server = lab.reverse_server("--pair-timeout", "1s")
    with rt1.control(lab.b) as control, lab.call() as caller:
        conn = rt1.announced(control)
        took = expect_reset(caller, 0.5, 1.5)
        expect_equal(control.line(), f"CLOSE {conn} pair-timeout", "the client's line")
    server.wait_for_line("event=pair_timeout")
    return {"reset_after_s": took}


def b14_wrong_connids(lab, _full):
    """DATA with a random, expired, relaying, finished connid: UNKNOWN, UNKNOWN, TAKEN, UNKNOWN; a running relay goes on."""
    lab.reverse_server("--pair-timeout", "1s")

    def refused(conn, code):
        with rt1.data(lab.b, conn) as data:
            data.expect(f"ERR {code}")
            data.expect_end()

    with rt1.control(lab.b) as control, lab.call() as caller:
        running = rt1.announced(control)
        with rt1.data(lab.b, running) as relay:
            relay.expect("OK")
            refused("00112233445566778899aabbccddeeff", "UNKNOWN")
            with lab.call() as late:
                expired = rt1.announced(control)
                expect_reset(late, 0.5, 1.5)
                expect_equal(control.line(), f"CLOSE {expired} pair-timeout", "the client's line")
                refused(expired, "UNKNOWN")
            refused(running, "TAKEN")
            caller.sendall(b"still here")
            expect_equal(relay.raw(10), b"still here", "the running relay")
            relay.stream.shutdown(socket.SHUT_WR)
            expect_equal(caller.recv(1), b"", "the end")
        caller.close()
        wait_for(lambda: reply_to(lab.b, running) == "ERR UNKNOWN", 5, "a finished connid is unknown")
    return {}


def reply_to(port_b, conn):
    with rt1.data(port_b, conn) as data:
        return data.line()


def b20_caller_resets(lab, _full):
    """The caller resets while its client dials: the client hears caller-gone and leaves no connection to the target."""
    server = lab.reverse_server()
    with rt1.control(lab.b) as control:
        caller = lab.call()
        conn = rt1.announced(control)
        reset(caller)
        expect_equal(control.line(), f"CLOSE {conn} caller-gone", "the client's line")
    server.wait_for_line(r"reason=caller-gone\b")
    # The real client: it drops what it has begun.
    target = SilentTarget()
    client = lab.reverse_client(target.port, "--dial-timeout", "20s")
    caller = lab.call()
    client.wait_for_line("event=conn_new")
    reset(caller)
    client.wait_for_line("event=conn_end", 5)
    lab.wait_quiet(server, client)
    target.close()
    return {}


def b21_half_closed(lab, _full):
    """A caller that half-closes while it waits is served when a client appears."""
    server = lab.reverse_server()
    target = lab.service("after-eof")
    with lab.call() as caller:
        caller.sendall(b"question")
        caller.shutdown(socket.SHUT_WR)
        server.wait_for_line("event=conn_new")
        lab.reverse_client(target)
        caller.settimeout(20)
        expect_equal(len(caller.recv(100)), 65, "length of the answer")
    return {}


def b24_crowd(lab, full):
    """5000 callers (smoke: 1000) with --max-pending 100 and no client: 100 wait, the others are reset at once."""
    callers = 5000 if full else 1000
    server = lab.reverse_server("--max-pending", "100", "--pair-timeout", "30s")
    crowd = []
    for _ in range(callers):
        try:
            crowd.append(connect(lab.a, 30))
        except ConnectionResetError:
            pass  # before connect(2) had returned
    wait_for(lambda: count(server, "event=conn_new") == callers, 30, f"{callers} callers came")
    wait_for(lambda: count(server, r"event=conn_end .*reason=limit\b") == callers - 100, 30, f"{callers - 100} were reset")
    waiting = 0
    for caller in crowd:
        caller.setblocking(False)
        try:
            caller.recv(1)
        except BlockingIOError:
            waiting += 1
        except ConnectionResetError:
            pass
    expect_equal(waiting, 100, "callers that wait")
    metrics = lab.metrics(server)
    expect_equal((metrics["pending"], metrics['failed_total{reason="limit"}'], metrics["accepted_total"]), (100, callers - 100, callers),
                 "pending, failed for the limit, accepted")
    for caller in crowd:
        reset(caller)
    lab.wait_quiet(server)
    echo = lab.service("echo")
    lab.reverse_client(echo)
    echo_once(lab)
    return {"callers": callers}


CASES = [b8_no_client, b9_late_client, b10_killed, b11_target_closed, b12_target_silent, b13_ignored, b14_wrong_connids,
         b20_caller_resets, b21_half_closed, b24_crowd]
