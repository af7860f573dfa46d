"""Headless Chromium as host or client of the tunnel: python3 -m peers.chromium_peer --mode ... --profile FOLDER

Signaling and data channels live in a page (page/page.js). This process serves the page, drives the browser to it, and joins each
application to the page over a WebSocket of its own. The page says by text messages how many bytes it has taken, so at most WINDOW bytes
wait in it. The browser ends with this process where that is the first one of its process namespace.
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


async def serve_page(path, headers):
    """The files of the page; None lets a WebSocket through."""
    if headers.get("Upgrade", "").lower() == "websocket":
        return None
    file = PAGES / pathlib.PurePosixPath(urllib.parse.urlsplit(path).path).name
    if not file.is_file():
        return http.HTTPStatus.NOT_FOUND, [], b""
    return http.HTTPStatus.OK, [("Content-Type", TYPES[file.suffix])], file.read_bytes()


class Stream:
    """One application and the page's WebSocket for it."""

    def __init__(self, socket, application):
        self.socket, self.application = socket, application
        self.waiting, self.taken = 0, asyncio.Event()

    async def run(self):
        up = asyncio.ensure_future(self.to_page())
        try:
            async for message in self.socket:
                if isinstance(message, str):
                    self.waiting -= int(message)
                    self.taken.set()
                else:
                    await self.application.write(message)
        except websockets.ConnectionClosed:
            pass
        up.cancel()
        self.application.close()

    async def to_page(self):
        try:
            while (data := await self.application.read()) is not None:
                self.waiting += len(data)
                await self.socket.send(data)
                while self.waiting > WINDOW:
                    self.taken.clear()
                    await self.taken.wait()
            await self.socket.close()
        except websockets.ConnectionClosed:
            pass


class Peer:
    def __init__(self, arguments):
        self.arguments, self.control, self.applications, self.numbers = arguments, None, {}, itertools.count()

    async def handle(self, socket):
        if socket.path == "/control":
            await self.follow(socket)
            return
        name = socket.path.rpartition("/")[2]
        try:
            application = await dial(self.arguments) if name == "new" else self.applications.pop(int(name))
        except OSError as error:
            print("dial:", error, flush=True)
            return
        await Stream(socket, application).run()

    async def follow(self, control):
        self.control = control
        async for line in control:
            print(line, flush=True)
            if line == "page ready":
                await accept(self.arguments, self.arrived)

    def arrived(self, application):
        number = next(self.numbers)
        self.applications[number] = application
        asyncio.ensure_future(self.control.send(json.dumps({"number": number, "label": application.label})))

    async def run(self):
        async with websockets.serve(self.handle, "127.0.0.1", 0, compression=None, max_size=None, process_request=serve_page,
                                    ping_interval=None) as server:
            port = server.sockets[0].getsockname()[1]
            loop = asyncio.get_running_loop()
            browser = await loop.run_in_executor(None, Browser, self.arguments.profile)
            query = {"mode": self.arguments.mode, "id": self.arguments.id, "signal": self.arguments.signal,
                     "protocol": self.arguments.protocol, "setup": self.arguments.setup,
                     "empty-messages": "1" if self.arguments.empty_messages else ""}
            await loop.run_in_executor(None, browser.go, f"http://127.0.0.1:{port}/page.html?{urllib.parse.urlencode(query)}")
            await asyncio.Future()


if __name__ == "__main__":
    asyncio.run(Peer(parse_arguments(__doc__, lambda parser: parser.add_argument("--profile", required=True))).run())
