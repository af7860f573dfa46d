"""Cases about time and load: heartbeat, coming back, several clients, sanitizers."""
import concurrent.futures
import re
import socket
import subprocess
import time

from reverse.lab import accept, ask, connect, count, echo_once, expect, expect_equal, listen, wait_quiet
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
    wait_quiet(server, client, seconds=60)
    wait_for(lambda: server.descriptors() <= before[0] and client.descriptors() <= before[1], 10, "descriptors are as before")
    expect_equal((client.stop(60), server.stop(60)), (0, 0), "exit codes of client and server")
    for process in (server, client):
        for word in ("Sanitizer", "runtime error", "WARNING: Thread"):
            if word in process.text():
                raise Failure(f"{process.name}: {process.text()[process.text().index(word):][:3000]}")
    return {"callers": callers}


CASES = [h1_heartbeat, h2_back_off, m1_two_ids, m1_label]
