"""Cases about the bytes: every one arrives, once, in order, with the end it had."""
import concurrent.futures
import hashlib
import json
import socket
import subprocess
import threading
import time

from reverse import rt1
from reverse.lab import (GIB, KIB, MIB, PYTHON, accept, ask, connect, cpu_seconds, expect, expect_equal, listen, random_bytes, read_all)
from support.lab import http_get
from support.processes import Failure, free_port, wait_for


def b1_http(lab, _full):
    """An HTTP GET through port A is answered as by the target itself."""
    want = lab.make_file("page", 300 * KIB)
    target = lab.nginx()
    lab.reverse_tunnel(target)
    direct, through = http_get(target, "/page"), http_get(lab.a, "/page")
    expect_equal(through, direct, "body and length")
    expect_equal(through[0], want, "SHA-256")
    return {"bytes": through[1]}


def transfer(port, up, down, seconds=300):
    """The last line of a checked transfer, both directions at once."""
    done = subprocess.run([PYTHON, "-m", "support.transfer", "run", "127.0.0.1", str(port), str(up), str(down)],
                          capture_output=True, text=True, check=False, timeout=seconds)
    end = json.loads(done.stdout.splitlines()[-1])
    expect_equal(end["outcome"], "complete", f"transfer of {up} and {down} bytes ({end.get('why')})")
    return end


def transfer_target(lab):
    port = free_port()
    process = lab.start("transfer", PYTHON, "-m", "support.transfer", "serve", "127.0.0.1", str(port))
    process.wait_for_line("listening")
    return port


def b2_both_ways(lab, full):
    """1 GiB of random bytes each way at once (smoke: 64 MiB): hashes equal, memory of both processes grows by less than 16 MiB."""
    size = GIB if full else 64 * MIB
    server, client = lab.reverse_tunnel(transfer_target(lab))
    transfer(lab.a, MIB, MIB)
    before = [server.rss(), client.rss()]
    end = transfer(lab.a, size, size)
    grown = [after - start for after, start in zip((server.rss(), client.rss()), before)]
    expect(max(grown) < 16 * MIB, f"memory grew by {grown} bytes")
    return {"bytes_each_way": size, "seconds": end["seconds"], "grown_bytes": grown}


def echo_check(port, payload):
    """The payload comes back, and then the end."""
    with connect(port, 120) as stream:
        sender = threading.Thread(target=lambda: (stream.sendall(payload), stream.shutdown(socket.SHUT_WR)), daemon=True)
        sender.start()
        digest = hashlib.sha256()
        while part := stream.recv(256 * KIB):
            digest.update(part)
        sender.join(120)
    return digest.hexdigest()


def b3_callers(lab, full):
    """500 callers at once, an echo of 1 MiB each, three rounds (smoke: one): all equal; nothing is left."""
    server, client = lab.reverse_tunnel(lab.service("echo"), server_flags=("--max-pending", "2048"))
    payload = random_bytes(MIB)
    want = hashlib.sha256(payload).hexdigest()
    echo_check(lab.a, b"first")
    lab.wait_quiet(server, client)
    before = (server.descriptors(), client.descriptors())
    rounds = 3 if full else 1
    with concurrent.futures.ThreadPoolExecutor(500) as pool:
        for _ in range(rounds):
            wrong = sum(1 for got in pool.map(lambda _: echo_check(lab.a, payload), range(500)) if got != want)
            expect_equal(wrong, 0, "echoes that differ, of 500")
    lab.wait_quiet(server, client)
    # Idle pipes and the like may be kept, but not a descriptor for each caller.
    wait_for(lambda: max(server.descriptors() - before[0], client.descriptors() - before[1]) <= 0, 10, "descriptors are as before")
    return {"callers": 500 * rounds, "descriptors": before}


def b4_banner(lab, _full):
    """A target that speaks first is heard by a caller that has said nothing."""
    target, port = listen()
    lab.reverse_tunnel(port)
    with lab.call() as caller:
        with accept(target) as served:
            served.sendall(b"220 ready\r\n")
            expect_equal(caller.recv(64), b"220 ready\r\n", "banner")
    return {}


def b5_answer_after_end(lab, _full):
    """The caller sends 1 MiB and its end; the target answers only then, and all of it arrives."""
    payload, answer = random_bytes(MIB), random_bytes(MIB)
    target, port = listen()
    lab.reverse_tunnel(port)
    got = []

    def serve():
        with accept(target) as stream:
            got.append(read_all(stream))
            stream.sendall(answer)
    server = threading.Thread(target=serve, daemon=True)
    server.start()
    with lab.call() as caller:
        expect_equal(ask(caller, payload, half_close=True) == answer, True, "the answer is whole")
    server.join(20)
    expect_equal(got == [payload], True, "the target got all")
    return {}


def b6_target_ends_first(lab, _full):
    """The target sends its end first; what the caller goes on sending still reaches it."""
    target, port = listen()
    lab.reverse_tunnel(port)
    payload = random_bytes(4 * MIB)
    with lab.call() as caller, accept(target) as served:
        served.sendall(b"bye")
        served.shutdown(socket.SHUT_WR)
        expect_equal(read_all(caller), b"bye", "the target's last words")
        sender = threading.Thread(target=lambda: (caller.sendall(payload), caller.shutdown(socket.SHUT_WR)), daemon=True)
        sender.start()
        expect_equal(read_all(served) == payload, True, "the target received all")
        sender.join(20)
    return {"bytes": len(payload)}


def b7_glued(lab, _full):
    """Raw bytes in the same segment as OK, and as the line DATA, are not lost (scripted ends)."""
    surplus = random_bytes(100 * KIB)
    with_server(lab, surplus)
    with_client(lab, surplus)
    return {"surplus_bytes": len(surplus)}


def with_server(lab, surplus):
    """ming is the client: bytes glued to OK."""
    target, port = listen()
    with rt1.Server(lab.b) as server:
        client = lab.reverse_client(port, wait=False)
        control = server.accept_control()
        client.wait_for_line("event=client_up")
        control.send("NEW_CONN " + "ab" * 16 + " src=192.0.2.1:5000 ttl=9000")
        with server.accept() as data:
            data.expect("RT1 DATA " + "ab" * 16)
            data.send(b"OK\n" + surplus)
            with accept(target) as served:
                expect_equal(rt1.Lines(served).raw(len(surplus)) == surplus, True, "bytes behind OK reached the target")
                served.sendall(b"answer")
                expect_equal(data.raw(6), b"answer", "the target's answer")
        expect_equal(client.stop(), 0, "exit code of the client")


def with_client(lab, surplus):
    """ming is the server: bytes glued to the line DATA."""
    lab.reverse_server()
    with rt1.control(lab.b) as control, lab.call() as caller:
        conn = rt1.announced(control)
        with rt1.data(lab.b, conn, surplus) as data:
            data.expect("OK")
            expect_equal(rt1.Lines(caller).raw(len(surplus)) == surplus, True, "bytes behind DATA reached the caller")
            caller.sendall(b"answer")
            expect_equal(data.raw(6), b"answer", "the caller's answer")


def b22_slow_reader(lab, _full):
    """A caller that does not read stalls its own target, takes no memory, and slows nobody else down."""
    size = 256 * MIB
    server, client = lab.reverse_tunnel(lab.service("source", size))
    before = [server.rss(), client.rss()]
    with lab.call(60) as slow:
        expect(slow.recv(1), "the stream has begun")
        time.sleep(1)  # the sender fills every buffer on the way
        start = time.monotonic()
        with lab.call(60) as fast:
            got = 0
            while part := fast.recv(MIB):
                got += len(part)
        seconds = time.monotonic() - start
        expect_equal(got, size, "bytes of another caller")
        grown = [after - base for after, base in zip((server.rss(), client.rss()), before)]
        expect(max(grown) < 16 * MIB, f"memory grew by {grown} bytes")
        rest = 1
        while part := slow.recv(MIB):
            rest += len(part)
        expect_equal(rest, size, "bytes of the slow caller in the end")
    return {"grown_bytes": grown, "other_mib_per_s": round(size / MIB / seconds)}


def b23_splice(lab, full):
    """Kernel pass-through and --no-splice carry the same bytes; pass-through takes less processor time."""
    size = GIB if full else 256 * MIB
    target = transfer_target(lab)
    used = {}
    for name, flags in (("splice", ()), ("copy", ("--no-splice",))):
        server = lab.reverse_server(*flags, name=f"server-{name}")
        client = lab.reverse_client(target, *flags, name=f"client-{name}")
        transfer(lab.a, size, size)
        used[name] = round(cpu_seconds(server) + cpu_seconds(client), 2)
        expect_equal((client.stop(), server.stop()), (0, 0), "exit codes")
    if used["splice"] >= used["copy"]:
        raise Failure(f"processor seconds for {2 * size >> 20} MiB through two hops: {used}")
    return {"cpu_seconds": used, "bytes": 2 * size}


CASES = [b1_http, b2_both_ways, b3_callers, b4_banner, b5_answer_after_end, b6_target_ends_first, b7_glued, b22_slow_reader, b23_splice]
