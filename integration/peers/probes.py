"""What every pair of peers has to do: data both ways, a close from either side, many channels, all sizes of datagrams."""
import concurrent.futures
import contextlib
import hashlib
import json
import selectors
import socket
import subprocess
import sys
import threading
import time

from support.processes import Failure, connect, wait_for
from support.transfer import Side

MIB = 1 << 20
DATAGRAM = 16384


def transfer(port, *arguments, timeout):
    """Runs one transfer as a process; its last line."""
    command = (arguments[0], "127.0.0.1", port, *arguments[1:], "--timeout", timeout)
    done = subprocess.run([sys.executable, "-m", "support.transfer", *map(str, command)], capture_output=True, text=True,
                          check=False)
    lines = done.stdout.splitlines()
    if not lines:
        raise Failure(done.stderr[-1000:])
    result = json.loads(lines[-1])
    if result.get("outcome") != "complete":
        raise Failure(f"transfer {arguments}: {result}")
    return result


def rate(size, seconds):
    """Megabits a second, of both directions together."""
    return round(2 * size * 8 / seconds / 1e6, 1 if 2 * size * 8 / seconds < 1e8 else None)


def bulk(world, size):
    """`size` bytes each way at once, through one connection."""
    return rate(size, transfer(world.local_port, "run", size, size, timeout=60)["seconds"])


def close_by_application(world, size):
    """The application closes behind its last byte: the service gets all, then a clean end."""
    def results():
        lines = [json.loads(line) for line in world.service.text().splitlines()]
        return [line for line in lines if line["event"] == "end" and not line["sent"]]
    transfer(world.local_port, "run", size, 0, timeout=60)
    seconds = wait_for(results, 60, "the service sees the end")
    result = results()[0]
    if (result["outcome"], result["received"], result.get("closed")) != ("complete", size, "clean"):
        raise Failure(f"closed by the application: the service got {result}")
    return round(seconds, 2)


def close_by_service(world, size):
    """The service closes behind its last byte: the application gets all, then a clean end."""
    result = transfer(world.local_port, "run", 0, size, timeout=60)
    if result.get("closed") != "clean":
        raise Failure(f"closed by the service: the application got {result}")


def channels_at_once(world, count, size, opening):
    """`count` connections, `opening` at a time, all proved open before any goes on; each moves `size` bytes both ways."""
    all_open, may_open = threading.Barrier(count), threading.Semaphore(opening)

    def one(_):
        with contextlib.ExitStack() as until_closed:
            try:
                with may_open:
                    stream = until_closed.enter_context(connect(world.local_port, 60))
                    side = Side(stream, 60)
                    stream.sendall(size.to_bytes(8, "big") * 2)
                    stream.recv(1, socket.MSG_PEEK)
            except OSError as error:
                all_open.abort()
                return {"outcome": f"never open: {error}"}
            try:
                all_open.wait(60)
            except threading.BrokenBarrierError:
                return {"outcome": "complete"}  # it is another one that never opened
            return side.run(send=size, receive=size)
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        results = list(pool.map(one, range(count)))
    wrong = [result for result in results if result["outcome"] != "complete"]
    if wrong:
        raise Failure(f"{len(wrong)} of {count} connections at once, first: {wrong[0]}")


def udp_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(1.0)
    return sock


def echo(sock, port, payload, seconds=20.0):
    """Sends a datagram until its echo comes; how often it had to be repeated."""
    deadline = time.monotonic() + seconds
    repeated = 0
    while time.monotonic() < deadline:
        sock.sendto(payload, ("127.0.0.1", port))
        try:
            while True:
                got = sock.recv(65536)
                if got == payload:
                    return repeated
                if not repeated:
                    raise Failure(f"sent {len(payload)} bytes, got {len(got)} others")
        except socket.timeout:
            repeated += 1
    raise Failure(f"no echo of {len(payload)} bytes within {seconds} s")


def datagram(number):
    """Contents and a length of its own for each number."""
    return (hashlib.sha256(str(number).encode()).digest() * 40)[:1 + number % 1200] + number.to_bytes(4, "big")


def datagram_sizes(sock, world, drops_oversize):
    """Empty, one byte, the longest; a longer one is dropped where ming has a say."""
    repeated = sum(echo(sock, world.local_port, bytes([size % 251]) * size) for size in (1, 0, 1200, DATAGRAM))
    if drops_oversize:
        sock.sendto(bytes(DATAGRAM + 1), ("127.0.0.1", world.local_port))
        try:
            raise Failure(f"a datagram of {DATAGRAM + 1} bytes brought {len(sock.recv(65536))} bytes")
        except socket.timeout:
            pass
    return repeated


def numbered_datagrams(sock, world, count):
    """Each comes back with its own contents."""
    return sum(echo(sock, world.local_port, datagram(number)) for number in range(count))


def bulk_datagrams(world, size):
    """`size` bytes each way in datagrams of the greatest length. Four applications, one datagram of each under way."""
    count = max(1, size // DATAGRAM // 4)
    start = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: transfer(world.local_port, "run-udp", count, DATAGRAM, timeout=600), range(4)))
    return rate(4 * count * DATAGRAM, time.monotonic() - start), sum(result["repeated"] for result in results)


def sources_at_once(world, count):
    """`count` applications at one local port, each gets its own answers only; how often one had to repeat."""
    sockets = {number: udp_socket() for number in range(count)}
    repeated = 0
    try:
        for round_number in range(3):
            missing = dict(sockets)
            for attempt in range(10):
                repeated += len(missing) if attempt else 0
                for number, sock in missing.items():
                    sock.sendto(f"{number}:{round_number}".encode(), ("127.0.0.1", world.local_port))
                collect(missing, round_number)
                if not missing:
                    break
            else:
                raise Failure(f"round {round_number}: {len(missing)} sources got no echo, {next(iter(missing))} first")
    finally:
        for sock in sockets.values():
            sock.close()
    return repeated


def collect(missing, round_number):
    """Takes out of `missing` who gets the echo of this round, until nothing came for 1 s; late ones may come, too."""
    with selectors.DefaultSelector() as selector:
        for number, sock in missing.items():
            selector.register(sock, selectors.EVENT_READ, number)
        while missing and (ready := selector.select(1.0)):
            for key, _ in ready:
                number, got = key.data, key.fileobj.recv(100)
                if not got.startswith(f"{number}:".encode()):
                    raise Failure(f"source {number} got {got!r}")
                if got == f"{number}:{round_number}".encode():
                    selector.unregister(missing.pop(number))
