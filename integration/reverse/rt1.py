"""Scripted ends of RT1: what a client or a server says on port B, word by word."""
import socket
import time

from support.processes import Failure, connect


class Lines:
    """A connection read line by line, and not one byte further than asked."""

    def __init__(self, stream, seconds=20.0):
        self.stream = stream
        self.seen = b""
        stream.settimeout(seconds)

    def send(self, text):
        self.stream.sendall(text if isinstance(text, bytes) else text.encode() + b"\n")

    def line(self, seconds=20.0):
        """The next line without its end; "" at the end of the connection."""
        self.stream.settimeout(seconds)
        while b"\n" not in self.seen:
            part = self.stream.recv(4096)
            if not part:
                if self.seen:
                    raise Failure(f"ended inside the line {self.seen!r}")
                return ""
            self.seen += part
        line, self.seen = self.seen.split(b"\n", 1)
        return line.decode("ascii")

    def expect(self, start, seconds=20.0):
        """The next line begins so; heartbeats aside."""
        while True:
            line = self.line(seconds)
            if line.startswith("PING "):
                self.send("PONG " + line[5:])
                continue
            if line != start and not line.startswith(start + " "):
                raise Failure(f"got the line {line!r}, want {start!r}")
            return line

    def expect_end(self, seconds=20.0):
        """No byte, and the connection ends."""
        self.stream.settimeout(seconds)
        try:
            got = self.seen or self.stream.recv(4096)
        except ConnectionResetError:
            return
        if got:
            raise Failure(f"got {got!r}, want the end of the connection")

    def raw(self, size):
        """So many bytes behind the lines."""
        while len(self.seen) < size:
            part = self.stream.recv(65536)
            if not part:
                raise Failure(f"{len(self.seen)} of {size} raw bytes came")
            self.seen += part
        data, self.seen = self.seen[:size], self.seen[size:]
        return data

    def close(self):
        self.stream.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def link(port_b):
    return Lines(connect(port_b))


def control(port_b, params="id=scripted"):
    """A client that is connected: answers what it is told to, and nothing else."""
    lines = link(port_b)
    lines.send(f"RT1 CONTROL {params}")
    lines.expect("OK")
    return lines


def announced(lines, seconds=20.0):
    """The connid of the next NEW_CONN."""
    return lines.expect("NEW_CONN", seconds).split(" ")[1]


def data(port_b, conn, surplus=b""):
    """A data connection; its reply is still to be read."""
    lines = link(port_b)
    lines.send(f"RT1 DATA {conn}\n".encode() + surplus)
    return lines


class Server:
    """A scripted server: accepts what a client opens on port B."""

    def __init__(self, port_b):
        self.listener = socket.create_server(("127.0.0.1", port_b), backlog=16)
        self.listener.settimeout(20)

    def accept(self):
        stream, _ = self.listener.accept()
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Lines(stream)

    def accept_control(self, reply="OK session=0011223344556677 pair-timeout=10000 heartbeat=0"):
        lines = self.accept()
        lines.expect("RT1 CONTROL")
        lines.send(reply)
        return lines

    def close(self):
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def seconds_since(start):
    return round(time.monotonic() - start, 2)
