"""The matrix: every kind of router in front of the client against every kind in front of the host, with data in the tunnel.

A cell passes when both ends say the expected path, the first byte came within the bound, a hashed transfer in both directions
and the UDP echoes were complete, and the counters of the routers agree: what must be direct did not pass the TURN server, what
must be relayed took no other way, and a router that forbids UDP let none through.
"""
import contextlib
import re

from natlab.expected import DIRECT, Expectation, expect
from natlab.lab import LOCAL_PORT, SERVICE_PORT, Lab
from natlab.routers import KINDS
from support.cases import Case
from support.processes import Failure, wait_for

MATRIX_KINDS = ("full", "addr", "port", "sym", "udp-blocked", "tls-only", "double", "double-sym", "dual", "ipv6-only")
SMOKE = {("port", "port"), ("sym", "port"), ("port", "udp-blocked"), ("tls-only", "sym")}
HEADING = "client \\ host"
FIRST_BYTE_BOUND = 3.0   # seconds
PATH_BOUND = 5.0
SIZE = 1 << 20           # each way
STRAY = SIZE // 10       # checks, consent and keepalives on ways that are not taken
HTTPS = 443
# Path of an end: the counter of its router that tells.
COUNTER_OF = {"direct udp": "udp_direct", "relayed udp": "udp_relay", "relayed tcp": "tcp_relay", "relayed tls": "tls_relay"}


def seconds(value):
    return f"{value:.2f}s"


def path_of(process):
    """The path that a client or host is on, by its log."""
    paths = re.findall(r"Peer connection state: connected \((\w+ \w+)\)|ICE pair: (\w+ \w+)", process.text())
    return next((said or pair for said, pair in reversed(paths)), "none")


class Tunnel:
    """A host and a client of one protocol across the laboratory."""

    def __init__(self, lab, protocol, *client_flags, ice=None):
        port = SERVICE_PORT if protocol == "tcp" else SERVICE_PORT + 1
        self.lab, self.protocol = lab, protocol
        self.local_port = LOCAL_PORT if protocol == "tcp" else LOCAL_PORT + 1
        self.service = lab.service(protocol=protocol, port=port)
        self.host = lab.host(protocol=protocol, port=port, id_=protocol, ice=ice)
        self.client = lab.client(*client_flags, protocol=protocol, port=self.local_port, id_=protocol, ice=ice)

    def use(self, paths):
        """Seconds to the first byte; Failure unless both ends come to their path, and all data through it."""
        first = self.lab.first_byte(self.client, port=self.local_port) if self.protocol == "tcp" else None
        for process, want in zip((self.client, self.host), paths):
            # A relay may carry the first bytes until a direct path is found.
            try:
                wait_for(lambda process=process, want=want: path_of(process) in want.split(" or "), PATH_BOUND, "path")
            except Failure:
                raise Failure(f"{self.protocol} {process.name}: the path is {path_of(process)}, want {want}") from None
        if self.protocol == "tcp":
            self.lab.transfer(SIZE, SIZE, port=self.local_port)
            # What went up is judged by the service, a little later.
            wait_for(self.service_has_all, 30, "the service has every byte")
        else:
            self.lab.udp_echoes(port=self.local_port)
        return first

    def service_has_all(self):
        ends = [event for event in self.lab.events(self.service) if event["event"] == "end" and event["received"] == SIZE]
        if any(event["outcome"] != "complete" for event in ends):
            raise Failure(f"the service says {ends}")
        return bool(ends)


def check_traffic(lab, expectation):
    """Each router's counters against what its end says."""
    sides = ((lab.router_a, lab.kind_a), (lab.router_b, lab.kind_b))
    for (router, kind), path in zip(sides, expectation.paths):
        bytes_out = lab.traffic(router)
        for way, name in COUNTER_OF.items():
            if " or " in path:
                continue
            if (bytes_out[name] < SIZE) if way == path else (bytes_out[name] > STRAY):
                raise Failure(f"{router.label} ({kind.name}): {path} is said, but the bytes that left are {bytes_out}")
        passed = bytes_out["udp_direct"] + bytes_out["udp_relay"] + bytes_out["udp_in"]
        if not kind.udp and (passed or not bytes_out["udp_blocked"]):
            raise Failure(f"{router.label} ({kind.name}) let UDP through: {bytes_out}")


def run_cell(lab, expectation, routed=True):
    """Both tunnels of one cell, on a laboratory that is built; the details. `routed`: the data passes the routers' uplinks."""
    tunnels = [Tunnel(lab, "tcp"), Tunnel(lab, "udp")]
    first = [tunnel.use(expectation.paths) for tunnel in tunnels][0]
    if routed:
        check_traffic(lab, expectation)
    if first > FIRST_BYTE_BOUND:
        raise Failure(f"{expectation.label}, but the first byte came after {first:.2f} s")
    return {"path": expectation.label, "first_byte_s": round(first, 3), "cell": f"{expectation.label} {seconds(first)}"}


@contextlib.contextmanager
def equipped(arguments, kind_a, kind_b, **lan):
    """A laboratory with coturn and signaling, reached at the port that both routers let through."""
    with Lab(arguments.ming, kind_a, kind_b, keep_logs=arguments.keep_logs, **lan) as lab:
        lab.coturn()
        strict = "tls-only" in (kind_a, kind_b)
        lab.signaling(port=HTTPS if strict else 8080)
        if strict:
            families = lab.families()
            lab.ice_flags = lab.turn.flags(ipv6=families, https=True)
        yield lab


def cell_case(kind_a, kind_b):
    def run(arguments):
        with equipped(arguments, kind_a, kind_b) as lab:
            return run_cell(lab, expect(kind_a, kind_b))
    return Case(f"{kind_a}/{kind_b}", run, smoke=(kind_a, kind_b) in SMOKE, cell=(kind_a, kind_b), table=HEADING)


def same_lan_case(name, kind, same_lan, expectation):
    def run(arguments):
        with equipped(arguments, kind, kind, same_lan=same_lan) as lab:
            return run_cell(lab, expectation, routed=False)
    return Case(f"same-lan/{name}".replace(" ", "-"), run, cell=(name, "path"), table="same LAN")


def cases():
    relayed = Expectation("relayed udp", ("relayed udp", "relayed udp"))
    return [cell_case(a, b) for a in MATRIX_KINDS for b in MATRIX_KINDS] + [
        same_lan_case("one segment", "port", "bridged", DIRECT),
        same_lan_case("isolated hosts, no hairpin", "port", "isolated", relayed),
        same_lan_case("isolated hosts, hairpin", "full-hairpin", "isolated", DIRECT),
        same_lan_case("one segment, UDP blocked outside", "udp-blocked", "bridged", DIRECT),
    ]
