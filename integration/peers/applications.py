"""What the foreign peers in Python share: their command line, and their applications, TCP connections or UDP sources."""
import argparse
import asyncio
import socket

READ_SIZE = 32 * 1024
DATAGRAM_SIZE = 64 * 1024


def parse_arguments(description, add_options=None):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--mode", choices=("host", "client"), required=True)
    parser.add_argument("--signal", required=True, help="signaling server URL")
    parser.add_argument("--id", required=True, help="ID to register, or of the host to reach")
    parser.add_argument("--protocol", choices=("tcp", "udp"), default="tcp")
    parser.add_argument("--local", default="localhost:25565", help="where the client listens")
    parser.add_argument("--remote", default="localhost:25565", help="where the host forwards to")
    parser.add_argument("--setup", default="",
                        help="host: the DTLS role it answers with; client: what its offer says instead of actpass")
    parser.add_argument("--message-size", type=int, default=0, help="longest message sent in TCP mode")
    parser.add_argument("--empty-messages", action="store_true", help="an empty message before every other one")
    if add_options:
        add_options(parser)
    arguments = parser.parse_args()
    for name in ("local", "remote"):
        host, _, port = getattr(arguments, name).rpartition(":")
        setattr(arguments, name, (host, int(port)))
    return arguments


class TcpApplication:
    """A connection: read gives None at its end."""

    def __init__(self, reader, writer, read_size):
        self.reader, self.writer, self.read_size = reader, writer, read_size or READ_SIZE
        peer = writer.get_extra_info("peername")
        self.label = f"tcp-{peer[0]}:{peer[1]}"

    async def read(self):
        try:
            return await self.reader.read(self.read_size) or None
        except ConnectionError:
            return None

    async def write(self, data):
        try:
            self.writer.write(data)
            await self.writer.drain()
        except ConnectionError:
            pass

    def close(self):
        self.writer.close()


class UdpApplication:
    """A source: each read is one datagram, which may be empty."""

    label = "tunnel-udp"

    def __init__(self, send):
        self.send, self.inbox = send, asyncio.Queue(1024)

    def arrived(self, datagram):
        if not self.inbox.full():  # as a full socket buffer would
            self.inbox.put_nowait(datagram)

    async def read(self):
        return await self.inbox.get()

    async def write(self, datagram):
        self.send(datagram)

    def close(self):
        pass


# asyncio's own datagram transports drop empty datagrams.
def udp_socket(on_datagram):
    """A socket of the loop; on_datagram(bytes, address) for each that comes."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)

    def readable():
        try:
            on_datagram(*sock.recvfrom(DATAGRAM_SIZE))
        except OSError:  # nothing there, or the target refused an earlier one
            pass
    asyncio.get_running_loop().add_reader(sock, readable)
    return sock


def send_datagram(sock, datagram, address):
    try:
        sock.sendto(datagram, address)
    except OSError:  # as lost on the way
        pass


def listen_udp(address, on_application):
    """One local port; tells applications apart by their source addresses."""
    sources = {}

    def arrived(datagram, source):
        if source not in sources:
            sources[source] = UdpApplication(lambda answer: send_datagram(sock, answer, source))
            on_application(sources[source])
        sources[source].arrived(datagram)
    sock = udp_socket(arrived)
    sock.bind(address)


def dial_udp(address):
    sock = udp_socket(lambda datagram, _: application.arrived(datagram))
    application = UdpApplication(lambda datagram: send_datagram(sock, datagram, address))
    return application


async def accept(arguments, on_application):
    """Listens at --local; on_application(application) for each connection or source."""
    if arguments.protocol == "udp":
        listen_udp(arguments.local, on_application)
    else:
        def connected(reader, writer):
            on_application(TcpApplication(reader, writer, arguments.message_size))
        await asyncio.start_server(connected, *arguments.local, limit=1 << 20, backlog=1024)
    print("listening", flush=True)


async def dial(arguments):
    """A connection, or a socket of its own, to --remote."""
    if arguments.protocol == "udp":
        return dial_udp(arguments.remote)
    reader, writer = await asyncio.open_connection(*arguments.remote, limit=1 << 20)
    return TcpApplication(reader, writer, arguments.message_size)
