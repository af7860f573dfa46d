"""Asks a signaling server, through the Python library websockets, what the Gorilla client (gorilla/) asks it: one check a run.

usage: python3 -m peers.websockets_client --url URL --check NAME [--limit BYTES] [--count PAIRS]
Exit code 0: it holds; 1: it does not, and standard error says why.
"""
import argparse
import asyncio
import json
import sys
import time

import websockets
from websockets.legacy.client import WebSocketClientProtocol

PATIENCE = 10
TEXT, CLOSE = 1, 8


class Wrong(Exception):
    """What was expected did not come."""


class Protocol(WebSocketClientProtocol):
    """Counts the server's pings, and may leave them unanswered."""

    pings_seen, answers = 0, True

    async def pong(self, data=b""):
        self.pings_seen += 1
        if self.answers:
            await super().pong(data)


class Connection:
    def __init__(self, socket, name):
        self.socket, self.id = socket, name

    async def say(self, kind, target="", payload=None):
        await self.socket.send(self.text(kind, target, payload))

    def text(self, kind, target, payload):
        message = {"type": kind, "payload": payload, "sender_id": self.id}
        return json.dumps(dict(message, target_id=target) if target else message)

    async def hear(self):
        return json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))

    async def expect(self, kind, sender, **members):
        got = await self.hear()
        want = dict(members, type=kind, sender_id=sender)
        if any(got.get(name) != value for name, value in want.items()):
            raise Wrong(f"{self.id} got {got}, want {want}")

    async def expect_error(self, words):
        got = await self.hear()
        if got["type"] != "error" or words not in got["payload"] or got.get("target_id") != self.id:
            raise Wrong(f"{self.id} got {got}, want an error about {words!r}")

    async def expect_close(self, code):
        try:
            while True:
                await self.hear()
        except websockets.ConnectionClosed as closed:
            received = closed.rcvd.code if closed.rcvd else None
            if received != code:
                raise Wrong(f"{self.id}: closed with {received}, want {code}") from closed


class Checks:
    def __init__(self, arguments):
        self.url, self.limit, self.count, self.open = arguments.url, arguments.limit, arguments.count, []

    async def dial(self, name, **options):
        """Connects under a path of its own and offers compression, which the server need not take."""
        socket = await websockets.connect(f"{self.url}/any/path?of={name}", create_protocol=Protocol, ping_interval=None,
                                          max_size=None, open_timeout=PATIENCE, close_timeout=PATIENCE, **options)
        self.open.append(socket)
        return Connection(socket, name)

    async def run(self, check):
        await getattr(self, check.replace("-", "_"))()
        await asyncio.gather(*(socket.close() for socket in self.open))

    async def register(self, name):
        host = await self.dial(name)
        await host.say("register-host")
        await self.reach(host)
        return host

    async def reach(self, host):
        """Proves that a client can send to `host`."""
        client = await self.dial(f"client-of-{host.id}")
        while True:
            await client.say("candidate", host.id)
            await client.say("offer", "nobody")
            if "'nobody'" in (await client.hear())["payload"]:
                break
            await client.hear()  # the answer about nobody
        await host.expect("candidate", client.id)
        await client.socket.close()

    async def pair(self, name):
        return await self.register(f"host-{name}"), await self.dial(f"client-{name}")

    async def converse(self, host, client):
        """An offer, an answer and candidates, each of which has to arrive as it was sent."""
        candidate = {"candidate": {"candidate": "candidate:1 1 udp 1 192.0.2.1 9 typ host", "sdpMid": "", "sdpMLineIndex": 0,
                                   "usernameFragment": None}}
        for source, target, kind in ((client, host, "offer"), (client, host, "candidate"), (host, client, "answer"),
                                     (host, client, "candidate")):
            payload = candidate if kind == "candidate" else {"sdp": {"type": kind, "sdp": "v=0\r\n\u00fc\u4e2d\U0001f600\r\n"}}
            await source.say(kind, target.id, payload)
            await target.expect(kind, source.id, payload=payload)

    async def forwards_both_ways(self):
        await self.converse(*await self.pair("a"))

    async def duplicate_id(self):
        await self.register("taken")
        second = await self.dial("taken")
        await second.say("register-host")
        await second.expect_error("host with ID 'taken' already registered")
        await second.expect_close(1008)

    async def empty_id(self):
        host = await self.dial("")
        await host.say("register-host")
        if (await host.hear())["type"] != "error":
            raise Wrong("no error")
        await host.expect_close(1008)

    async def unknown_target(self):
        host, client = await self.pair("b")
        await client.say("offer", "missing")
        await client.expect_error("target host 'missing' not found")
        await client.say("offer")
        await client.expect_error("")
        await self.converse(host, client)  # the connection stays

    async def answers_pings(self):
        host = await self.register("pinger")
        for data in (b"", b"four", b"x" * 125):
            await asyncio.wait_for(await host.socket.ping(data), PATIENCE)

    async def sends_pings(self):
        """With pings each second (or two: the server rounds) and 3 s of patience, a peer that answers them lives on."""
        host = await self.register("patient")
        await asyncio.sleep(5)
        await host.say("offer", "nobody")
        await host.expect_error("'nobody'")
        if host.socket.pings_seen < 2:
            raise Wrong(f"{host.socket.pings_seen} pings in 5 s")

    async def silent_peer(self):
        host = await self.register("silent")
        host.socket.answers = False
        start = time.monotonic()
        try:
            await host.hear()
            raise Wrong("it got a message")
        except websockets.ConnectionClosed:
            pass
        if not 2 < time.monotonic() - start < 8:
            raise Wrong(f"ended after {time.monotonic() - start:.1f} s")

    async def silent_newcomer(self):
        await (await self.dial("newcomer")).expect_close(1013)

    def padded(self, client, target, size):
        """A candidate message of exactly so many bytes."""
        return client.text("candidate", target, "p" * (size - len(client.text("candidate", target, ""))))

    async def size_limit(self):
        host, client = await self.pair("c")
        await client.socket.send(self.padded(client, host.id, self.limit))
        await host.expect("candidate", client.id)
        await client.socket.send(self.padded(client, host.id, self.limit) + " ")
        await client.expect_close(1009)
        await self.reach(host)

    async def fragments(self):
        """A message in frames of 500 characters, with pings between them."""
        host, client = await self.pair("d")
        text = self.padded(client, host.id, 5000)

        async def pieces():
            for start in range(0, len(text), 500):
                yield text[start:start + 500]
                await client.socket.ping()
        await client.socket.send(pieces())
        await host.expect("candidate", client.id)
        await self.converse(host, client)

    async def close_codes(self):
        """A close is answered with its own code; a malformed one with 1002."""
        for payload, want in ((b"\x03\xe8done", 1000), (b"\x03\xe9", 1001), (b"\x0d\x80own", 3456), (b"", 1005),
                              (b"\x03", 1002)):
            host = await self.register("closing")
            await host.socket.write_frame(True, CLOSE, payload)
            await host.expect_close(want)

    async def binary_frame(self):
        """The original reads JSON from frames of either kind."""
        host, client = await self.pair("e")
        await client.socket.send(self.padded(client, host.id, 200).encode())
        await host.expect("candidate", client.id)

    async def bad_text(self):
        for data in (b"no JSON", b"\xff\xfe", b"[]", b'{"type":1}'):
            client = await self.dial("bad", compression=None)
            await client.socket.write_frame(True, TEXT, data)
            await client.expect_close(1007)

    async def token(self):
        for given, status in ((None, 401), ("Bearer wrong", 401), ("Bearer right", None)):
            try:
                await self.dial("somebody", extra_headers={"Authorization": given} if given else None)
                got = None
            except websockets.InvalidStatusCode as refused:
                got = refused.status_code
            if got != status:
                raise Wrong(f"with {given!r}: HTTP {got}, want {status}")

    async def many_connections(self):
        """All pairs are open at once, then each converses."""
        pairs = [await self.pair(number) for number in range(self.count)]
        for host, client in pairs:
            await self.converse(host, client)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--check", required=True)
    parser.add_argument("--limit", type=int, default=65536)
    parser.add_argument("--count", type=int, default=100)
    arguments = parser.parse_args()
    try:
        asyncio.run(Checks(arguments).run(arguments.check))
    except (Wrong, OSError, asyncio.TimeoutError, websockets.WebSocketException) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
