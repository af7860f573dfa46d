"""Cases about time and load: heartbeat, coming back, several clients, sanitizers."""
import concurrent.futures
import json
import re
import signal
import socket
import subprocess
import time

from reverse import rt1
from reverse.lab import accept, ask, call_expecting_reset, check_sums, connect, count, echo_once, expect, expect_equal, expect_reset, listen
from support.cases import has_own_network_namespace
from support.processes import Failure, Skip, free_port, wait_for


def h1_heartbeat(lab, _full):
    """Every packet on port B is dropped for 60 s, heartbeat 5 s: lost at 15 to 20 s on both ends, and the client comes back."""
    if not has_own_network_namespace():
        raise Skip("needs a network namespace of its own")
    echo = lab.service("echo")
    server, client = lab.reverse_tunnel(echo, server_flags=("--heartbeat", "5s"), client_flags=("--retry-max", "4s"))
    echo_once(lab)
    start = time.monotonic()
    rules = (f"table inet reverse {{\nchain input {{\ntype filter hook input priority 0\n"
             f"tcp dport {lab.b} drop\ntcp sport {lab.b} drop\n}}\n}}\n")
    subprocess.run(["nft", "-f", "-"], input=rules, text=True, check=True)
    lost = {}
    try:
        while len(lost) < 2 and time.monotonic() - start < 30:
            for process in (server, client):
                if process.name not in lost and "event=client_down" in process.text():
                    lost[process.name] = round(time.monotonic() - start, 1)
            time.sleep(0.05)
        time.sleep(max(0.0, 60 - (time.monotonic() - start)))
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "reverse"], check=True)
    expect(set(lost) == {"server", "client"} and all(14.5 <= at <= 20.5 for at in lost.values()), f"lost after {lost} s, want 15 to 20")
    back = wait_for(lambda: count(client, "event=client_up") >= 2, 15, "the client is back")
    echo_once(lab)
    return {"lost_s": lost, "back_s": round(back, 1)}


def h2_back_off(lab, full):
    """The server is away for 20 s (smoke: 3 s): delays double from 0.5 s, each within 20 %; then all works by itself."""
    echo = lab.service("echo")
    server, client = lab.reverse_tunnel(echo)
    echo_once(lab)
    expect_equal(server.stop(), 0, "exit code of the server")
    time.sleep(20 if full else 3)
    lab.reverse_server(name="server-again")
    wait_for(lambda: count(client, "event=client_up") >= 2, 25, "the client is back")
    echo_once(lab)
    delays = [int(ms) / 1000 for ms in re.findall(r"event=reconnect_wait ms=(\d+)", client.text())]
    for at, delay in enumerate(delays):
        nominal = min(30.0, 0.5 * 2 ** at)
        expect(0.8 * nominal - 0.002 <= delay <= 1.2 * nominal + 0.002, f"delays {delays}: number {at} should be {nominal} s")
    expect(len(delays) >= (5 if full else 3), f"delays {delays}")
    return {"delays_s": delays}


def m1_two_ids(lab, _full):
    """Two ids on two A ports: each caller reaches the right target; the rule of one client holds for each id."""
    second_a = free_port()
    lab.reverse_server(listen_a=[f"127.0.0.1:{lab.a}=left", f"127.0.0.1:{second_a}=right"])
    targets = {}
    for name in ("left", "right"):
        listener, port = listen()
        targets[name] = listener
        lab.reverse_client(port, "--id", name, name=name)
    for name, port in (("left", lab.a), ("right", second_a), ("left", lab.a)):
        with connect(port) as caller, accept(targets[name]) as served:
            caller.sendall(name.encode())
            expect_equal(served.recv(16), name.encode(), f"what the target of {name} got")
    again = lab.reverse_client(1, "--id", "left", name="again", wait=False)
    again.wait_for_line("BUSY", 10)
    return {}


def m1_label(lab, _full):
    """Two clients with one label share the callers: relays within 1 of each other, also after some have ended."""
    server = lab.reverse_server(listen_a=[f"127.0.0.1:{lab.a}=label:web"])
    listeners = []
    for name in ("web1", "web2"):
        listener, port = listen()
        listener.settimeout(0)
        listeners.append(listener)
        lab.reverse_client(port, "--id", name, "--label", "web", name=name)
    held = [[], []]
    callers = {}

    def call():
        caller = connect(lab.a)
        found = []

        def taken():
            for at, listener in enumerate(listeners):
                try:
                    stream, _ = listener.accept()
                except BlockingIOError:
                    continue
                held[at].append(stream)
                callers[stream] = caller
                found.append(at)
            return bool(found)
        wait_for(taken, 10, "a target was dialled")

    for _ in range(10):
        call()
    loads = [len(streams) for streams in held]
    expect_equal(loads, [5, 5], "relays of each client")
    ended = count(server, "event=conn_end")
    for stream in held[0][:4]:
        stream.close()
        callers[stream].close()
    del held[0][:4]
    wait_for(lambda: count(server, "event=conn_end") == ended + 4, 10, "four relays have ended")
    for _ in range(4):
        call()
    loads = [len(streams) for streams in held]
    expect_equal(loads, [5, 5], "relays of each client after four of one had ended")
    return {"relays": loads}


def s1_counters(lab, full):
    """After callers that were served (B3), refused by the target (B11) and ignored by the client (B13) the counters add up, at both ends."""
    served, refused = (200 if full else 50), 5
    server = lab.reverse_server("--pair-timeout", "1s")
    client = lab.reverse_client(lab.service("echo"))
    for _ in range(served):
        expect(short_caller(lab.a), "echo")
    lab.wait_quiet(server, client)
    expect_equal(client.stop(), 0, "exit code")
    client = lab.reverse_client(free_port(), name="no-target")
    for _ in range(refused):
        call_expecting_reset(lab.a, 1)
    lab.wait_quiet(server, client)
    at_client = lab.metrics(client)
    expect_equal((at_client["accepted_total"], at_client['failed_total{reason="target-refused"}'], at_client["paired_total"]),
                 (refused, refused, 0), "the client's accepted, refused, paired")
    expect_equal(client.stop(), 0, "exit code")
    with rt1.control(lab.b) as control, connect(lab.a) as caller:
        rt1.announced(control)
        between = lab.metrics(server)
        expect_equal((between["pending"], between["clients"]), (1, 1), "pending and clients while one waits")
        check_sums(between, "while one waits")
        expect_reset(caller, 0.5, 1.5)
    lab.wait_quiet(server)
    metrics = lab.metrics(server)
    wait_for(lambda: lab.metrics(server)["clients"] == 0, 5, "no client")
    done = metrics["ended_total"] - sum(value for name, value in metrics.items() if name.startswith("failed_total"))
    got = {"accepted": metrics["accepted_total"], "done": done, "pair-timeout": metrics['failed_total{reason="pair-timeout"}'],
           # CLOSE or the reset of the data connection, whichever the server reads first.
           "refused": metrics['failed_total{reason="target-refused"}'] + metrics['failed_total{reason="reset"}'], "paired": metrics["paired_total"],
           "in": metrics['bytes_total{dir="in"}'], "out": metrics['bytes_total{dir="out"}'], "reconnects": metrics["reconnects_total"]}
    expect_equal(got, {"accepted": served + refused + 1, "done": served, "pair-timeout": 1, "refused": refused, "paired": served + refused,
                       "in": 5 * served, "out": 5 * served, "reconnects": 2}, "the server's counters")
    return got


def s2_pages(lab, _full):
    """/stats, /healthz, /readyz and the lines of SIGUSR1 and --stats-interval."""
    server = lab.reverse_server("--stats-interval", "200ms")
    expect_equal(lab.page(server, "/healthz")[1].strip(), "ok", "/healthz")
    expect("503" in lab.page(server, "/readyz")[0], "/readyz without a client")
    client = lab.reverse_client(lab.service("echo"))
    wait_for(lambda: "200" in lab.page(server, "/readyz")[0], 5, "/readyz with a client")
    echo_once(lab)
    lab.wait_quiet(server, client)
    stats = json.loads(lab.page(server, "/stats")[1])
    expect_equal((stats["role"], stats["metrics"]["accepted_total"]), ("reverse server", 1), "/stats")
    server.wait_for_line(r"event=stats accepted=1 paired=1 ended=1 failed=0 active=0 pending=0 clients=1 in=4 out=4 reconnects=0\b", 5)
    client.child.send_signal(signal.SIGUSR1)
    client.wait_for_line(r"event=stats accepted=1 paired=1 ended=1 ", 5)
    expect_equal((client.stop(), server.stop()), (0, 0), "exit codes")
    return {}


def s3_log_lines(lab, _full):
    """--log-format json: every line of both ends is one object with time, level and event or message; no id is shown before it is spent."""
    server, client = lab.reverse_tunnel(lab.service("echo"), ("--log-format", "json", "--pair-timeout", "1s"), ("--log-format", "json"))
    echo_once(lab)
    wait_for(lambda: '"conn_end"' in server.text() and '"conn_end"' in client.text(), 5, "both ends log the end")
    expect_equal((client.stop(), server.stop()), (0, 0), "exit codes")
    seen = {}
    for process in (server, client):
        for line in process.text().splitlines():
            if not line.startswith("{"):
                expect(line.startswith(("ming reverse", "  beside")), f"{process.name}: not JSON: {line}")
                continue
            entry = json.loads(line)
            expect({"time", "level"} <= entry.keys() and ("event" in entry) != ("message" in entry), f"{process.name}: {line}")
            seen.setdefault(process.name, []).append(entry)
    for name, entries in seen.items():
        end = next(entry for entry in entries if entry.get("event") == "conn_end")
        expect_equal((end["reason"], end["in"], end["out"], end["level"]), ("done", 4, 4, "debug"), f"{name}: conn_end")
        expect(isinstance(end["ms"], int) and len(end["conn"]) == 32, f"{name}: {end}")
    new = next(entry for entry in seen["client"] if entry.get("event") == "conn_new")
    expect_equal(len(new["conn"]), 8, "digits of an id that is not spent")
    return {"lines": sum(len(entries) for entries in seen.values())}


def short_caller(port):
    with connect(port, 60) as stream:
        return ask(stream, b"hello", half_close=True) == b"hello"


def z1_short_callers(lab, _full):
    """10,000 short callers under a sanitizer, every tenth of them leaving with a reset: no report, nothing is left."""
    callers = 10000
    server, client = lab.reverse_tunnel(lab.service("echo"), server_flags=("--max-pending", "4096"))
    before = (server.descriptors(), client.descriptors())

    def one(number):
        if number % 10:
            return short_caller(lab.a)
        with connect(lab.a, 60) as stream:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            stream.sendall(b"x")
        return True

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        wrong = sum(1 for right in pool.map(one, range(callers)) if not right)
    expect_equal(wrong, 0, f"callers of {callers} with a wrong answer")
    lab.wait_quiet(server, client, seconds=60)
    wait_for(lambda: server.descriptors() <= before[0] and client.descriptors() <= before[1], 10, "descriptors are as before")
    expect_equal((client.stop(60), server.stop(60)), (0, 0), "exit codes of client and server")
    for process in (server, client):
        for word in ("Sanitizer", "runtime error", "WARNING: Thread"):
            if word in process.text():
                raise Failure(f"{process.name}: {process.text()[process.text().index(word):][:3000]}")
    return {"callers": callers}


CASES = [h1_heartbeat, h2_back_off, m1_two_ids, m1_label, s1_counters, s2_pages, s3_log_lines]
