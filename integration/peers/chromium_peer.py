"""Headless Chromium as host or client of the tunnel: python3 -m peers.chromium_peer --mode ... --profile FOLDER

Signaling and data channels live in a page (page/page.js). This process serves the page, drives the browser to it, and joins
the applications to it over one WebSocket; at most WINDOW bytes of each wait in the page. The browser ends with this process
where that is the first one of its process namespace.
"""
import asyncio
import http
import itertools
import json
import pathlib
import urllib.parse

import websockets

from peers.applications import accept, dial, parse_arguments
from peers.webdriver import Browser

PAGES = pathlib.Path(__file__).parent / "page"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
WINDOW = 4 << 20
EXCHANGE = "const done = arguments[1]; exchange(arguments[0]).then(done, (error) => done(String(error)));"


async def serve_page(path, headers):
    """The files of the page; None lets a WebSocket through."""
    if headers.get("Upgrade", "").lower() == "websocket":
        return None
    file = PAGES / pathlib.PurePosixPath(urllib.parse.urlsplit(path).path).name
    if not file.is_file():
        return http.HTTPStatus.NOT_FOUND, [], b""
    return http.HTTPStatus.OK, [("Content-Type", TYPES[file.suffix])], file.read_bytes()


class Stream:
    """One application, on its way to the page and back."""

    def __init__(self, number, application, bridge):
        self.number, self.application, self.bridge = number, application, bridge
        self.waiting, self.room = 0, asyncio.Event()
        self.task = asyncio.ensure_future(self.to_page())

    def taken(self, count):
        self.waiting -= count
        self.room.set()

    async def to_page(self):
        while (data := await self.application.read()) is not None:
            self.waiting += len(data)
            await self.bridge.send(self.number.to_bytes(4, "little") + data)
            while self.waiting > WINDOW:
                self.room.clear()
                await self.room.wait()
        await self.bridge.send(json.dumps({"end": self.number}))

    def close(self):
        self.task.cancel()
        self.application.close()


class Peer:
    def __init__(self, arguments):
        self.arguments, self.bridge, self.streams, self.numbers = arguments, None, {}, itertools.count()
        self.ready = asyncio.Event()

    async def follow(self, bridge):
        """What the page sends, in order: an application gets all its bytes before its end."""
        self.bridge = bridge
        async for message in bridge:
            if isinstance(message, bytes):
                stream = self.streams.get(int.from_bytes(message[:4], "little"))
                if stream:
                    await stream.application.write(message[4:])
            else:
                await self.command(json.loads(message))

    async def command(self, message):
        if "line" in message:
            print(message["line"], flush=True)
            if message["line"] == "page ready":
                self.ready.set()
                await accept(self.arguments, self.arrived)
        elif "taken" in message:
            if message["taken"] in self.streams:
                self.streams[message["taken"]].taken(message["bytes"])
        elif "end" in message:
            stream = self.streams.pop(message["end"], None)
            if stream:
                stream.close()
        else:
            await self.dial(message["open"])

    async def dial(self, number):
        try:
            self.streams[number] = Stream(number, await dial(self.arguments), self.bridge)
        except OSError as error:
            print("dial:", error, flush=True)
            await self.bridge.send(json.dumps({"end": number}))

    def arrived(self, application):
        number = next(self.numbers)

        async def join():
            await self.bridge.send(json.dumps({"open": number, "label": application.label}))
            self.streams[number] = Stream(number, application, self.bridge)
        asyncio.ensure_future(join())

    async def run(self):
        async with websockets.serve(self.follow, "127.0.0.1", 0, compression=None, max_size=None, ping_interval=None,
                                    process_request=serve_page) as server:
            port = server.sockets[0].getsockname()[1]
            loop = asyncio.get_running_loop()
            browser = await loop.run_in_executor(None, Browser, self.arguments.profile)
            query = {"mode": self.arguments.mode, "id": self.arguments.id, "signal": self.arguments.signal,
                     "protocol": self.arguments.protocol, "setup": self.arguments.setup,
                     "empty-messages": "1" if self.arguments.empty_messages else ""}
            await loop.run_in_executor(None, browser.go, f"http://127.0.0.1:{port}/page.html?{urllib.parse.urlencode(query)}")
            if self.arguments.exchange:
                await self.ready.wait()
                await loop.run_in_executor(None, self.exchange, browser)
            await asyncio.Future()

    def exchange(self, browser):
        """The page itself makes a transfer; the seconds it took, or what went wrong."""
        print("exchange:", browser.run_async(EXCHANGE, self.arguments.exchange), flush=True)


def add_options(parser):
    parser.add_argument("--profile", required=True, help="folder for the browser's files")
    parser.add_argument("--exchange", type=int, default=0, metavar="BYTES",
                        help="the page itself makes a transfer of so many each way")


if __name__ == "__main__":
    asyncio.run(Peer(parse_arguments(__doc__, add_options)).run())
