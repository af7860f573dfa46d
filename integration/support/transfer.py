"""Transfers that prove every byte, as processes of their own, so that each end can live in its own namespace: python3 -m support.transfer ...

usage: transfer serve ADDRESS PORT [--rate BYTES_PER_S]
       transfer run ADDRESS PORT UP DOWN [--timeout S] [--rate BYTES_PER_S]   (both directions at once)
       transfer serve-udp ADDRESS PORT
       transfer run-udp ADDRESS PORT COUNT SIZE [--timeout S]                 (one at a time, each sent until it is answered)

Each direction of a TCP transfer is: 8 bytes length, that many pseudo-random bytes, their SHA-256. The service learns UP and DOWN
from the first 16 bytes. So each end knows by itself whether every byte came, in order and once.

`run` prints lines of JSON: {"event": "first-byte", "seconds": s}, then {"event": "progress", ...} each half second, then
{"event": "end", "outcome": o, "sent": bytes, "received": bytes, "seconds": s}. Outcomes: complete; reset (the connection broke with an error:
allowed where a fault is); truncated (a clean end before the last byte: never allowed); corrupt (a wrong byte: never allowed);
timeout (nothing moved for so long). Exit code 0 only for complete. The service prints the same line for each connection, with
the UP and DOWN it was asked for.

Whoever is done closes the connection at once, but an end that had nothing to send (UP or DOWN is 0) waits for the other to
close, and tells how it did: "closed" is clean, or reset, or surplus (bytes came after the last one), or not at all. So a
transfer in one direction proves that every byte arrives before the close that follows it.
"""
import argparse
import hashlib
import json
import os
import socket
import sys
import threading
import time

PIECE = 256 * 1024


class Truncated(Exception):
    """A clean end before the last byte."""


class Corrupt(Exception):
    """The bytes are not those that were sent."""


class Side:
    """One end of a connection: sends so many bytes, receives so many, at the same time."""

    def __init__(self, stream, timeout, rate=None):
        self.stream, self.timeout, self.rate = stream, timeout, rate
        self.sent = self.received = 0
        self.first_byte = None
        self.start = time.monotonic()
        self.send_error = None
        stream.settimeout(timeout)

    def send(self, size):
        digest, block = hashlib.sha256(), os.urandom(PIECE)
        self.stream.sendall(size.to_bytes(8, "big"))
        while self.sent < size:
            piece = self.sent.to_bytes(8, "big") + block[8:]
            piece = piece[:min(PIECE, size - self.sent)]
            digest.update(piece)
            self.stream.sendall(piece)
            self.sent += len(piece)
            if self.rate:
                ahead = self.sent / self.rate - (time.monotonic() - self.start)
                if ahead > 0:
                    time.sleep(ahead)
        self.stream.sendall(digest.digest())

    def receive_exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.stream.recv(count - len(data))
            if not part:
                raise Truncated(f"after {self.received} bytes")
            if self.first_byte is None:
                self.first_byte = time.monotonic() - self.start
            data += part
        return data

    def receive(self, size):
        length = int.from_bytes(self.receive_exactly(8), "big")
        if length != size:
            raise Corrupt(f"the length is {length}, want {size}")
        digest = hashlib.sha256()
        while self.received < size:
            part = self.stream.recv(min(PIECE, size - self.received))
            if not part:
                raise Truncated(f"after {self.received} of {size} bytes")
            digest.update(part)
            self.received += len(part)
        if self.receive_exactly(32) != digest.digest():
            raise Corrupt(f"the SHA-256 of {size} bytes differs")

    def exchange(self, send, receive):
        def push():
            try:
                self.send(send)
            except OSError as error:
                self.send_error = error
        pusher = threading.Thread(target=push, daemon=True)
        pusher.start()
        outcome, why = "complete", ""
        try:
            self.receive(receive)
            before = None
            while pusher.is_alive() and self.sent != before:
                before = self.sent
                pusher.join(self.timeout)
            if self.send_error:
                raise self.send_error
            if pusher.is_alive():
                raise socket.timeout("sending")
        except Truncated as error:
            outcome, why = "truncated", str(error)
            # The kernel tells of a reset once, and to whoever asks first; the other then reads an end. Behind an end that came first it
            # would have been EPIPE.
            pusher.join(0.5)
            if isinstance(self.send_error, ConnectionResetError):
                outcome, why = "reset", str(self.send_error)
        except Corrupt as error:
            outcome, why = "corrupt", str(error)
        except socket.timeout as error:
            outcome, why = "timeout", str(error)
        except OSError as error:
            outcome, why = "reset", str(error)
        return {"event": "end", "outcome": outcome, "why": why, "sent": self.sent, "received": self.received,
                "seconds": round(time.monotonic() - self.start, 3)}

    def await_close(self):
        try:
            return "surplus" if self.stream.recv(1) else "clean"
        except socket.timeout:
            return "not at all"
        except OSError:
            return "reset"

    def run(self, send, receive):
        """exchange, and what follows in a transfer of one direction."""
        result = self.exchange(send, receive)
        if send == 0 and receive and result["outcome"] == "complete":
            result["closed"] = self.await_close()
        return result


_saying = threading.Lock()


def say(line):
    with _saying:
        print(json.dumps(line), flush=True)


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve(arguments):
    with socket.socket(family(arguments.address), socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((arguments.address, arguments.port))
        listener.listen(1024)
        say({"event": "listening"})
        while True:
            stream, _ = listener.accept()
            threading.Thread(target=answer, args=(stream, arguments.rate), daemon=True).start()


def answer(stream, rate):
    with stream:
        side = Side(stream, 3600, rate)
        try:
            head = side.receive_exactly(16)
        except (Truncated, OSError):
            return  # only looked whether we are there
        side.first_byte = None
        up, down = int.from_bytes(head[:8], "big"), int.from_bytes(head[8:], "big")
        say({**side.run(send=down, receive=up), "up": up, "down": down})


def run(arguments):
    start = time.monotonic()
    try:
        stream = socket.create_connection((arguments.address, arguments.port), timeout=arguments.timeout)
    except OSError as error:
        say({"event": "end", "outcome": "refused", "why": str(error), "sent": 0, "received": 0, "seconds": round(time.monotonic() - start, 3)})
        return 1
    with stream:
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        side = Side(stream, arguments.timeout, arguments.rate)
        side.start = start
        ended = threading.Event()
        reporter = threading.Thread(target=report, args=(side, ended), daemon=True)
        reporter.start()
        try:
            stream.sendall(arguments.up.to_bytes(8, "big") + arguments.down.to_bytes(8, "big"))
            result = side.run(send=arguments.up, receive=arguments.down)
        except OSError as error:
            result = {"event": "end", "outcome": "reset", "why": str(error), "sent": side.sent, "received": side.received,
                      "seconds": round(time.monotonic() - start, 3)}
        ended.set()
        reporter.join()
    say(result)
    return 0 if result["outcome"] == "complete" else 1


def report(side, ended):
    first, beat = False, 0
    while not ended.wait(0.01):
        if not first and side.first_byte is not None:
            first = True
            say({"event": "first-byte", "seconds": round(side.first_byte, 4)})
        beat += 1
        if beat % 50 == 0:
            say({"event": "progress", "sent": side.sent, "received": side.received, "seconds": round(time.monotonic() - side.start, 2)})
    if not first and side.first_byte is not None:
        say({"event": "first-byte", "seconds": round(side.first_byte, 4)})


def serve_udp(arguments):
    with socket.socket(family(arguments.address), socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((arguments.address, arguments.port))
        say({"event": "listening"})
        while True:
            data, peer = sock.recvfrom(65536)
            sock.sendto(data, peer)


def run_udp(arguments):
    start, first, repeated = time.monotonic(), None, 0
    with socket.socket(family(arguments.address), socket.SOCK_DGRAM) as sock:
        sock.connect((arguments.address, arguments.port))
        sock.settimeout(0.3)
        for number in range(arguments.count):
            payload = (hashlib.sha256(str(number).encode()).digest() * (arguments.size // 32 + 1))[:arguments.size]
            while True:
                if time.monotonic() - start > arguments.timeout:
                    say({"event": "end", "outcome": "timeout", "echoes": number, "repeated": repeated})
                    return 1
                try:
                    sock.send(payload)
                    if sock.recv(65536) == payload:
                        break
                except OSError:
                    repeated += 1
            if first is None:
                first = time.monotonic() - start
                say({"event": "first-byte", "seconds": round(first, 4)})
    say({"event": "end", "outcome": "complete", "echoes": arguments.count, "repeated": repeated,
         "seconds": round(time.monotonic() - start, 3)})
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, function, numbers in (("serve", serve, ()), ("run", run, ("up", "down")), ("serve-udp", serve_udp, ()),
                                    ("run-udp", run_udp, ("count", "size"))):
        command = commands.add_parser(name)
        command.add_argument("address")
        command.add_argument("port", type=int)
        for number in numbers:
            command.add_argument(number, type=int)
        command.add_argument("--timeout", type=float, default=60.0)
        command.add_argument("--rate", type=float)
        command.set_defaults(function=function)
    arguments = parser.parse_args()
    return arguments.function(arguments) or 0


if __name__ == "__main__":
    sys.exit(main())
