"""One tunnel in the laboratory whose network changes under a running transfer."""
import contextlib
import json
import os
import re
import time

from moving.probes import ConnectionProbes, DatagramProbes
from moving.wire import Wire
from natlab.coturn import Coturn
from natlab.lab import COTURN, SIGNALING, Lab
from support.processes import Failure, Skip, wait_for

RATE = 1 << 20             # bytes a second, each way, of a transfer across an event
BEFORE_S, AFTER_S = 2, 4   # how much of it lies before the event, how much behind it at least
LIMIT_S = 5.0              # from the return of the network to a tunnel that works
HANG_S = 60.0              # a transfer on which nothing moves for so long hangs: never allowed
SERVICE_END_S = 45.0       # a host whose client is gone ends the connection to its service within so long
ALLOWED = ("complete", "reset")


class World:
    """server, host (home_b), client (home_a) and what stands behind the host.

    `wire` is the cable in place of the link `wire_at`."""

    def __init__(self, lab, wire, wire_at, protocol):
        self.lab, self.wire, self.wire_at, self.protocol = lab, wire, wire_at, protocol
        self.service = self.host = self.client = None
        self.names = {}   # of servers, for the homes: {name: address}
        self.turns = []   # where there is more than the laboratory's own

    def router(self, side):
        return {"a": self.lab.router_a, "b": self.lab.router_b}[side]

    def home(self, side):
        return {"a": self.lab.home_a, "b": self.lab.home_b}[side]

    def tell_names(self):
        for home in (self.lab.home_a, self.lab.home_b):
            home.names(self.names)

    def use_names(self):
        """Servers are given by name from now on."""
        self.names = {"signal.test": SIGNALING[4], "turn.test": self.lab.turn.addresses[0]}
        self.tell_names()
        self.lab.signaling_name = "signal.test"
        self.lab.ice_flags = [flag.replace(self.names["turn.test"], "turn.test") for flag in self.lab.ice_flags]

    def use_jumbo_frames(self):
        """Every link carries packets of 9000 bytes."""
        for name, link in self.lab.links.items():
            for end in (link.inner, link.outer):
                end.space.ip(f"link set {end.interface} mtu 9000")
            if name == self.wire_at:
                self.wire.mtu(9000)
        self.lab.public.ip("link set br0 mtu 9000")
        for side in "ab":
            self.router(side).ip("link set lan mtu 9000")

    def packet_sizes(self):
        """The sizes of the largest datagram that client and host came to use, in their order."""
        found = [re.findall(r"Datagrams have up to (\d+) bytes", process.text()) for process in (self.client, self.host)]
        return [[int(size) for size in sizes] for sizes in found]

    def use_two_turn_servers(self):
        """Instead of the laboratory's one, on an address each."""
        self.lab.turn.process.kill()
        for number, address in enumerate(COTURN[4]):
            folder = self.lab.folder / f"turn-{number}"
            folder.mkdir()
            self.turns.append(Coturn(self.lab.public, folder, [address], tcp=False, tls=False))
            self.lab.public.nft(f"table inet turn{number} {{ counter relayed {{ }}\n"
                                "chain inp { type filter hook input priority 0\n"
                                f"ip daddr {address} counter name relayed\n}}\n}}")
        first = self.turns[0].flags()
        first[first.index("--turn-server") + 1] = ",".join(turn.turn_url("udp") for turn in self.turns)
        first[first.index("--stun-server") + 1] = ",".join(turn.stun_url() for turn in self.turns)
        self.lab.ice_flags = first

    def busiest_turn(self):
        def relayed(number):
            listing = json.loads(self.lab.public.run("nft", "-j", "list", "counter", "inet", f"turn{number}", "relayed").stdout)
            return next(entry["counter"]["packets"] for entry in listing["nftables"] if "counter" in entry)
        return self.turns[max(range(len(self.turns)), key=relayed)]

    def wait_registered(self, seconds=30):
        """Until the host is known to the signaling server and the client is connected to it."""
        registered, connected = "Host registered: myhost", "signaling: connected to"
        wait_for(lambda: registered in self.lab.signaling_server.text(), seconds, "the host registers again")
        wait_for(lambda: self.client.text().count(connected) > 1, seconds, "the client connects to the server again")

    def start_tunnel(self, rate=RATE, client=()):
        """Starts it and waits until it works. Without a `rate` (bytes a second) the service sends as fast as it can.

        `client`: flags of it."""
        lab = self.lab
        if self.protocol == "udp":
            self.service = lab.service(protocol="udp")
        else:
            self.service = lab.service(*(("--rate", rate) if rate else ()))
        self.host = lab.host(protocol=self.protocol)
        self.client = lab.client(*client, protocol=self.protocol)
        if self.protocol == "udp":
            lab.udp_echoes(count=1)
        else:
            lab.first_byte(self.client)

    def probe(self):
        return contextlib.closing((DatagramProbes if self.protocol == "udp" else ConnectionProbes)(self.lab))

    # -- across an event ----------------------------------------------------------------------------------------------

    def across(self, event, survives):
        """Runs `event(self)`, which returns when the network was whole again, while a transfer and probes are under way.

        Failure unless the tunnel works again in time and the transfer has an allowed end: `complete` where it `survives`."""
        with self.probe() as probes:
            transfer = None if self.protocol == "udp" else self.start_transfer()
            begun = time.monotonic()
            probes.wait_until_working(begun, 10)
            if transfer:
                self.wait_for_progress(transfer, BEFORE_S * RATE)
            changed = time.monotonic()
            returned = event(self)
            works_after = self.wait_until_working(probes, returned)
            details = {"works_again_s": round(works_after, 2),
                       "longest_silence_s": round(probes.longest_silence(changed, returned + works_after), 2)}
            if transfer:
                details["connection"] = self.fate(transfer, survives)
        if works_after > LIMIT_S:
            raise Failure(f"the tunnel worked {works_after:.1f} s after the network's return, want {LIMIT_S} s: {details}")
        details["cell"] = f"{details['works_again_s']:.1f} s" + (f", {details['connection']}" if transfer else "")
        return details

    def wait_until_working(self, probes, returned):
        try:
            return probes.wait_until_working(returned, LIMIT_S + 25)
        except Failure as error:
            raise Failure(f"{error}\nclient: {self.client.text()[-1500:]}\nhost: {self.host.text()[-1500:]}")

    def start_transfer(self, size=(BEFORE_S + AFTER_S) * RATE, rate=RATE):
        return self.lab.start_transfer(size, size, timeout=HANG_S, rate=rate)

    def wait_for_progress(self, transfer, size, seconds=60):
        def far_enough():
            last = self.lab.events(transfer)[-1:]
            if last and last[0]["event"] == "end":
                raise Failure(f"the transfer ended before the event: {last[0]}")
            return last and last[0]["event"] == "progress" and min(last[0]["sent"], last[0]["received"]) >= size
        wait_for(far_enough, seconds, f"the transfer moves {size} bytes")

    def fate(self, transfer, survives, seconds=3 * HANG_S):
        """How both ends of the transfer ended."""
        end = self.lab.finish_transfer(transfer, seconds)
        far_end = self.far_end()
        for name, outcome in (("application", end), ("service", far_end)):
            if outcome["outcome"] not in ALLOWED or (survives and outcome["outcome"] != "complete"):
                raise Failure(f"the connection of the {name} ended as {outcome}\nclient: {self.client.text()[-1500:]}\n"
                              f"host: {self.host.text()[-1500:]}")
        return end["outcome"]

    def far_end(self):
        """The end of the transfer as the service saw it; probes are transfers of one byte."""
        def ends():
            return [line for line in self.lab.events(self.service) if line["event"] == "end" and line["up"] > 1]
        wait_for(ends, SERVICE_END_S, "the service's end of the transfer ends")
        return ends()[-1]


@contextlib.contextmanager
def world(arguments, kinds=("port", "port"), protocol="tcp", wire_at=None):
    """A laboratory with STUN, TURN and signaling, and with a wire in place of one link (a key of Lab.links); no tunnel yet."""
    if wire_at and not arguments.wire.exists():
        raise Skip(f"{arguments.wire} is not built (-DMING_INTEGRATION=ON)")
    if wire_at and not os.path.exists("/dev/net/tun"):
        raise Skip("this kernel has no TAP interfaces")
    with Lab(arguments.ming, *kinds, keep_logs=arguments.keep_logs) as lab:
        wire = None
        if wire_at:
            wire = lab.replace_link(wire_at, lambda link: Wire(arguments.wire, lab.run, link.inner, link.outer, arguments.seed))
        lab.coturn(tls=False)
        lab.signaling()
        yield World(lab, wire, wire_at, protocol)
