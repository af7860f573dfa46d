"""aiortc as host or client of the tunnel: python3 -m peers.aiortc_peer --mode ...

It offers the older form of description (DTLS/SCTP, sctpmap), puts its candidates into descriptions instead of trickling
them, takes trickled ones, and finds no loopback addresses: it needs an interface with another one. Like the original it
knows no half-close.
"""
import asyncio
import json
import os

import websockets
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from peers.applications import accept, dial, parse_arguments

HIGH_WATER = 1 << 20
LOW_WATER = 1 << 18


class Relay:
    """Joins a channel and an application until either ends; what was accepted before is delivered first."""

    def __init__(self, channel, empty_messages):
        self.channel, self.empty_messages = channel, empty_messages
        self.arrived, self.opened, self.drained = asyncio.Queue(), asyncio.Event(), asyncio.Event()
        channel.bufferedAmountLowThreshold = LOW_WATER
        channel.on("message", self.arrived.put_nowait)
        channel.on("close", lambda: self.arrived.put_nowait(None))
        channel.on("open", self.opened.set)
        channel.on("bufferedamountlow", self.drained.set)
        if channel.readyState == "open":
            self.opened.set()

    async def run(self, application):
        up = asyncio.ensure_future(self.to_channel(application))
        down = asyncio.ensure_future(self.to_application(application))
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        # What is left in aiortc's queue when a channel closes would be lost.
        while self.channel.readyState == "open" and self.channel.bufferedAmount:
            await asyncio.sleep(0.01)
        self.channel.close()
        self.arrived.put_nowait(None)
        await down
        up.cancel()
        application.close()

    async def to_channel(self, application):
        await self.opened.wait()
        while (data := await application.read()) is not None and self.channel.readyState == "open":
            if self.empty_messages:
                self.channel.send(b"")
            self.channel.send(data)
            if self.channel.bufferedAmount > HIGH_WATER:
                self.drained.clear()
                await self.drained.wait()

    async def to_application(self, application):
        while (message := await self.arrived.get()) is not None:
            await application.write(message if isinstance(message, bytes) else message.encode())


class Session:
    """A peer connection that keeps candidates until its remote description is there."""

    def __init__(self):
        self.connection, self.early = RTCPeerConnection(), []
        self.connection.on("connectionstatechange", lambda: print("state", self.connection.connectionState, flush=True))

    async def set_remote(self, payload):
        await self.connection.setRemoteDescription(RTCSessionDescription(**payload["sdp"]))
        for candidate in self.early:
            await self.add_candidate(candidate)

    async def add_candidate(self, payload):
        if not self.connection.remoteDescription:
            self.early.append(payload)
            return
        line = payload["candidate"]["candidate"]
        if line:
            candidate = candidate_from_sdp(line.partition(":")[2])
            candidate.sdpMid = self.connection.sctp.mid  # Pion writes an empty one
            await self.connection.addIceCandidate(candidate)


class Peer:
    def __init__(self, arguments):
        self.arguments, self.socket, self.sessions, self.tasks = arguments, None, {}, set()
        self.id = arguments.id if arguments.mode == "host" else f"aiortc-{os.getpid()}"

    async def send(self, kind, target=None, payload=None):
        message = {"type": kind, "payload": payload, "sender_id": self.id}
        if target:
            message["target_id"] = target
        await self.socket.send(json.dumps(message))

    async def send_description(self, target, setup=None):
        description = self.sessions[target].connection.localDescription
        sdp = description.sdp.replace("a=setup:actpass", f"a=setup:{setup}") if setup else description.sdp
        await self.send(description.type, target, {"sdp": {"type": description.type, "sdp": sdp}})

    def spawn(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def relay(self, channel, application):
        self.spawn(Relay(channel, self.arguments.empty_messages).run(application))

    async def receive(self):
        async for text in self.socket:
            message = json.loads(text)
            kind, sender, payload = message["type"], message.get("sender_id", ""), message.get("payload")
            session = self.sessions.get(sender)
            if kind == "offer" and self.arguments.mode == "host":
                await self.answer(sender, payload)
            elif kind == "answer" and session:
                await session.set_remote(payload)
            elif kind == "candidate" and session:
                await session.add_candidate(payload)
            else:
                print(kind, payload, flush=True)

    async def run(self):
        self.socket = await websockets.connect(self.arguments.signal, compression=None)
        await (self.run_host() if self.arguments.mode == "host" else self.run_client())

    async def run_host(self):
        await self.send("register-host")
        print("host registered", flush=True)
        await self.receive()

    async def answer(self, sender, payload):
        session = self.sessions[sender] = Session()
        session.connection.on("datachannel", self.serve)
        await session.set_remote(payload)
        if self.arguments.setup == "passive":
            session.connection.sctp.transport._set_role("server")  # pylint: disable=protected-access  # it has no public way
        await session.connection.setLocalDescription(await session.connection.createAnswer())
        await self.send_description(sender)

    def serve(self, channel):
        relay = Relay(channel, self.arguments.empty_messages)  # listens from here on: data may follow at once

        async def serve():
            try:
                application = await dial(self.arguments)
            except OSError as error:
                print("dial:", error, flush=True)
                channel.close()
                return
            await relay.run(application)
        self.spawn(serve())

    async def run_client(self):
        await accept(self.arguments, self.arrived)
        await self.receive()

    def arrived(self, application):
        """The first application brings the connection about."""
        is_first = not self.sessions
        if is_first:
            self.sessions[self.arguments.id] = Session()
        self.relay(self.open(application.label), application)
        if is_first:
            self.spawn(self.offer())

    async def offer(self):
        connection = self.sessions[self.arguments.id].connection
        await connection.setLocalDescription(await connection.createOffer())
        await self.send_description(self.arguments.id, self.arguments.setup)

    def open(self, label):
        connection = self.sessions[self.arguments.id].connection
        if self.arguments.protocol == "udp":
            return connection.createDataChannel(label, ordered=False, maxRetransmits=0)
        return connection.createDataChannel(label)


if __name__ == "__main__":
    asyncio.run(Peer(parse_arguments(__doc__)).run())
