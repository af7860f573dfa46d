"""Small services and loads that integration suites run as processes of their own: python3 -m support.services ...

usage: services echo PORT | after-eof PORT | source PORT BYTES | udp-echo PORT
       services idle PORT COUNT           (holds COUNT connections until its standard input ends)
       services pump PORT                 (bulk through an echo until its standard input ends; prints the MiB moved)

They listen on 127.0.0.1, or on the address in MING_SERVICE_ADDRESS.
"""
import asyncio
import hashlib
import os
import socket
import sys

from support.processes import raise_descriptor_limit

ADDRESS = os.environ.get("MING_SERVICE_ADDRESS", "127.0.0.1")


async def serve(port, handler):
    server = await asyncio.start_server(handler, ADDRESS, port, backlog=4096)
    async with server:
        await server.serve_forever()


async def echo(reader, writer):
    writer.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def after_eof(reader, writer):
    """Answers the SHA-256 of all it was sent, after its end only."""
    digest = hashlib.sha256()
    while data := await reader.read(65536):
        digest.update(data)
    writer.write(digest.hexdigest().encode() + b"\n")
    await writer.drain()
    writer.close()


def source(size):
    async def send(_, writer):
        block = bytes(range(256)) * 4096
        sent = 0
        try:
            while sent < size:
                piece = block[:min(len(block), size - sent)]
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
        except ConnectionError:
            pass
        writer.close()
    return send


def udp_echo(port):
    with socket.socket(socket.AF_INET6 if ":" in ADDRESS else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((ADDRESS, port))
        while True:
            data, peer = sock.recvfrom(65536)
            sock.sendto(data, peer)


async def idle(port, count):
    """Opens `count` connections, proves each with one byte, prints 'ready', holds them."""
    held = []
    for at in range(0, count, 100):
        batch = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(min(100, count - at))))
        for _, writer in batch:
            writer.write(b"x")
        for reader, _ in batch:
            assert await reader.readexactly(1) == b"x"
        held += batch
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


async def pump(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
    block = bytes(65536)
    moved = 0

    async def push():
        while True:
            writer.write(block)
            await writer.drain()

    pusher = asyncio.create_task(push())
    ended = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    announced = False
    while not ended.done():
        moved += len(await reader.read(1 << 20))
        if not announced and moved > 1 << 20:
            announced = True
            print("ready", flush=True)
    pusher.cancel()
    writer.transport.abort()
    print(moved >> 20, flush=True)


def main():
    raise_descriptor_limit()
    kind, port = sys.argv[1], int(sys.argv[2])
    if kind == "echo":
        asyncio.run(serve(port, echo))
    elif kind == "after-eof":
        asyncio.run(serve(port, after_eof))
    elif kind == "source":
        asyncio.run(serve(port, source(int(sys.argv[3]))))
    elif kind == "udp-echo":
        udp_echo(port)
    elif kind == "idle":
        asyncio.run(idle(port, int(sys.argv[3])))
    elif kind == "pump":
        asyncio.run(pump(port))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
