"""Two homes, two routers and the public segment between them; `ming` in the homes, coturn and the signaling server in public.

    home_a --- router_a --- public (bridge, coturn) --- router_b --- home_b      double NAT: home - router - carrier - public
                                 |
                             signaling

    with Lab(ming, "sym", "port") as lab:                                    # kinds: natlab.routers.KINDS
        lab.coturn()
        lab.signaling()
        lab.service()                                                        # what stands behind the host: support.transfer
        lab.host()                                                           # in home_b
        client = lab.client()                                                # in home_a
        print(lab.first_byte(client), lab.transfer(up=1 << 20, down=1 << 20), client.text())

All links are veth pairs made by `Lab.make_link`; `replace_link` puts something else in place of one, also while it is in use.
"""
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time

from natlab import routers
from natlab.coturn import Coturn, host_of
from natlab.namespaces import Namespace, Run, ip_batch
from support.processes import Failure, wait_for
from support.transfer import Side

COTURN = {4: ["203.0.113.100", "203.0.113.101"], 6: ["2001:db8:100::100", "2001:db8:100::101"]}
RELAYS = COTURN[4] + COTURN[6]
SIGNALING = {4: "203.0.113.10", 6: "2001:db8:100::10"}
SIGNALING_PORT = 8080
# The rest of the Internet: takes every packet that is for nobody here and never answers. Without it senders would see errors
# for private addresses of others, which they do not see in the world (and coturn ends an allocation because of one).
BEYOND, BEYOND_MAC = {4: "203.0.113.254", 6: "2001:db8:100::fe"}, "02:00:00:00:00:fe"
LOCAL_PORT, SERVICE_PORT = 25565, 7000


@dataclasses.dataclass
class End:
    """One interface: where it is, its name there, and the lines of `ip` that set it up."""
    space: Namespace
    interface: str
    setup: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Link:
    """A cable; `inner` is nearer to the home."""
    name: str
    inner: End
    outer: End
    number: int = 0


class Lab:
    """The whole laboratory, a context manager. `same_lan` puts home_b beside home_a: "bridged", or "isolated" from it."""

    def __init__(self, ming=None, kind_a="port", kind_b="port", *, same_lan=None, keep_logs=False):
        self.ming = str(ming)
        self.keep_logs = keep_logs
        self.kind_a = routers.KINDS[kind_a]
        self.kind_b = self.kind_a if same_lan else routers.KINDS[kind_b]
        self.same_lan = same_lan
        self.links = {}
        self.wan = {}           # label of a router: (kind, WAN address, inside network)
        self.turn = self.signaling_server = None
        self.signaling_port = SIGNALING_PORT
        self.signaling_name = None  # instead of the address: what Namespace.names resolves in the homes
        self.ice_flags = ["--stun-server", "none"]
        self.started = time.monotonic()
        self.run = Run()
        try:
            self._build()
        except BaseException:
            self.run.close(keep_logs=False)
            raise
        self.built_in = time.monotonic() - self.started

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _trace):
        keep = self.keep_logs or (error is not None and isinstance(error, Exception))
        self.run.close(keep)
        if keep:
            print(f"logs: {self.run.folder}", file=sys.stderr)

    @property
    def folder(self):
        return self.run.folder

    @property
    def processes(self):
        return self.run.processes

    # -- the network ------------------------------------------------------------------------------------------------

    def _build(self):
        sides = [("a", self.kind_a)] + ([] if self.same_lan else [("b", self.kind_b)])
        labels = ["public", "signaling", "home_a", "home_b"]
        for side, kind in sides:
            labels.append(f"router_{side}")
            if kind.carrier:
                labels.append(f"carrier_{side}")
        spaces = dict(zip(labels, self.run.make_namespaces(*labels)))
        self.public, self.signaling_space = spaces["public"], spaces["signaling"]
        self.home_a, self.home_b = spaces["home_a"], spaces["home_b"]
        self.router_a = spaces["router_a"]
        self.router_b = spaces.get("router_b", self.router_a)
        self.carrier_a, self.carrier_b = spaces.get("carrier_a"), spaces.get("carrier_b")
        for space in spaces.values():
            self._prepare(space, forwards=space.label.startswith(("router", "carrier")))
        self._build_public()
        self._build_signaling()
        for number, (side, kind) in enumerate(sides, 1):
            self._build_side(side, number, kind, spaces)
        if self.same_lan:
            self._attach_home(self.home_b, self.router_a, 1, 3, self.kind_a)
        self._make_links()
        for space in spaces.values():
            if space.label in self.wan:
                space.nft(routers.rules(*self.wan[space.label], RELAYS))

    def _prepare(self, space, forwards):
        space.ip("link set lo up")
        with space.entered():
            settings = {"ipv6/conf/default/accept_dad": 0, "ipv6/conf/all/accept_dad": 0, "ipv6/conf/default/accept_ra": 0,
                        "ipv4/ip_forward": int(forwards), "ipv6/conf/all/forwarding": int(forwards)}
            for table in ("iptables", "ip6tables"):  # frames of a bridge are not the firewall's
                if os.path.exists(f"/proc/sys/net/bridge/bridge-nf-call-{table}"):
                    settings[f"bridge/bridge-nf-call-{table}"] = 0
            for key, value in settings.items():
                pathlib.Path("/proc/sys/net", key).write_text(str(value))

    def _build_public(self):
        addresses = [f"{a}/24" for a in COTURN[4]] + [f"{a}/64" for a in COTURN[6]]
        self.public.addresses = [COTURN[4][0], COTURN[6][0]]
        self.public.ip("link add name br0 type bridge", "link set br0 up",
                       *(f"addr add {a} dev br0{' nodad' if ':' in a else ''}" for a in addresses),
                       *self._beyond("br0", 4), *self._beyond("br0", 6), *self._routes_to_homes())

    def _build_signaling(self):
        space = self.signaling_space
        space.addresses = [SIGNALING[4], SIGNALING[6]]
        setup = [*self._uplink("eth0", f"{SIGNALING[4]}/24"), *self._uplink("eth0", f"{SIGNALING[6]}/64"),
                 *self._beyond("eth0", 4), *self._beyond("eth0", 6), *self._routes_to_homes()]
        self.links["signaling"] = Link("signaling", End(space, "eth0", setup),
                                       End(self.public, "to_s", ["link set to_s master br0", "link set to_s up"]))

    def _routes_to_homes(self):
        """IPv6 is routed, not translated: everyone in public knows the way to the homes that have it."""
        kinds = (self.kind_a,) if self.same_lan else (self.kind_a, self.kind_b)
        return [f"route replace 2001:db8:{number}::/64 via 2001:db8:100::{number}"
                for number, kind in enumerate(kinds, 1) if kind.ipv6]

    @staticmethod
    def _beyond(interface, family):
        return [f"neigh replace {BEYOND[family]} lladdr {BEYOND_MAC} nud permanent dev {interface}",
                f"route replace default via {BEYOND[family]}"]

    def _build_side(self, side, number, kind, spaces):
        router = spaces[f"router_{side}"]
        router.ip("link add name lan type bridge", "link set lan up")
        self._attach_home(spaces[f"home_{side}"], router, number, 2, kind)
        lan4, lan6 = f"192.168.{number}", f"2001:db8:{number}:"
        if kind.ipv4:
            router.ip(f"addr add {lan4}.1/24 dev lan")
        if kind.ipv6:
            router.ip(f"addr add {lan6}:1/64 dev lan nodad")
        outermost = router
        if kind.carrier:
            outermost = spaces[f"carrier_{side}"]
            outermost.ip("link add name lan type bridge", "link set lan up", f"addr add 100.64.{number}.1/24 dev lan")
            self.links[f"router_{side}"] = Link(
                f"router_{side}", End(router, "wan", self._uplink("wan", f"100.64.{number}.2/24", f"100.64.{number}.1")),
                End(outermost, "port", ["link set port master lan", "link set port up"]))
            router.addresses = [f"100.64.{number}.2"]
            self.wan[router.label] = (kind, router.address, f"{lan4}.0/24")
            kind = routers.KINDS[kind.carrier]
            lan4 = f"100.64.{number}"
        setup, outermost.addresses = ["link set wan up"], []
        if kind.ipv4:
            outermost.addresses.append(f"203.0.113.{number}")
            setup += self._uplink("wan", f"203.0.113.{number}/24") + self._beyond("wan", 4)
        if kind.ipv6:
            outermost.addresses.append(f"2001:db8:100::{number}")
            setup += self._uplink("wan", f"2001:db8:100::{number}/64") + self._beyond("wan", 6)
            setup += [route for route in self._routes_to_homes() if lan6 not in route]
        port = f"to_{side}"
        self.links[outermost.label] = Link(outermost.label, End(outermost, "wan", setup),
                                           End(self.public, port, [f"link set {port} master br0", f"link set {port} up"]))
        self.wan[outermost.label] = (kind, outermost.address, f"{lan4}.0/24")

    def _attach_home(self, home, router, number, last, kind):
        setup = ["link set eth0 up"]
        home.addresses = []
        if kind.ipv4:
            home.addresses.append(f"192.168.{number}.{last}")
            setup += self._uplink("eth0", f"192.168.{number}.{last}/24", f"192.168.{number}.1")
        if kind.ipv6:
            home.addresses.append(f"2001:db8:{number}::{last}")
            setup += self._uplink("eth0", f"2001:db8:{number}::{last}/64", f"2001:db8:{number}::1")
        port = f"port{last}"
        isolated = [f"link set {port} type bridge_slave isolated on"] if self.same_lan == "isolated" else []
        self.links[home.label] = Link(home.label, End(home, "eth0", setup),
                                      End(router, port, [f"link set {port} master lan", *isolated, f"link set {port} up"]))
        if not kind.ipv6:  # no link-local path either
            home.sysctl("ipv6.conf.default.disable_ipv6", 1)

    @staticmethod
    def _uplink(interface, address, gateway=None):
        lines = [f"link set {interface} up", f"addr replace {address} dev {interface}{' nodad' if ':' in address else ''}"]
        if gateway:
            lines.append(f"route replace default via {gateway}")
        return lines

    def _make_links(self):
        for number, link in enumerate(self.links.values()):
            link.number = number
        ip_batch([self._veth(link) for link in self.links.values()])
        for link in self.links.values():
            self.set_up(link)

    @staticmethod
    def _veth(link):
        # Two ends with the same index in their namespaces get their carrier up to a second late: the kernel takes the event for
        # one that can wait.
        return (f"link add name {link.inner.interface} index {link.number * 2 + 1000} netns {link.inner.space.name} type veth "
                f"peer name {link.outer.interface} index {link.number * 2 + 1001} netns {link.outer.space.name}")

    @staticmethod
    def set_up(link):
        """Addresses, routes and bridge membership of both ends, once their interfaces exist. Repeating it is harmless."""
        for end in (link.inner, link.outer):
            end.space.ip(*end.setup)

    def replace_link(self, name, factory):
        """Puts something else in place of one link. `name` is a key of self.links, the label of the inner end's machine.

        The veth pair is removed; factory(link) makes both interfaces again under the same names (TAPs of a wire process, say);
        then they get their addresses, routes and bridge. Returns what the factory returned.
        """
        link = self.links[name]
        link.inner.space.run("ip", "link", "del", link.inner.interface, check=False)
        made = factory(link)
        for end in (link.inner, link.outer):
            wait_for(lambda end=end: not end.space.run("ip", "link", "show", end.interface, check=False).returncode, 10,
                     f"{end.interface} in {end.space.label} appears")
        self.set_up(link)
        return made

    def restore_link(self, name):
        """The veth pair again."""
        return self.replace_link(name, lambda link: ip_batch([self._veth(link)]))

    # -- routers ----------------------------------------------------------------------------------------------------

    @staticmethod
    def nft(router, text):
        router.nft(text)

    def rebind(self, router):
        """The router forgets every mapping, as after a reboot: the next packet of a flow gets a new public port."""
        router.run("conntrack", "-F")
        commands = routers.rebind_commands(self.wan[router.label][0])
        if commands:
            router.nft(commands)

    def rerule(self, router, kind):
        """The router gets the rules of another kind."""
        _, address, network = self.wan[router.label]
        self.wan[router.label] = (routers.KINDS[kind], address, network)
        router.nft(routers.rules(*self.wan[router.label], RELAYS))

    @staticmethod
    def traffic(router):
        """Bytes by the names of routers.COUNTERS, since the rules were loaded."""
        listing = json.loads(router.run("nft", "-j", "list", "counters").stdout)
        return {entry["counter"]["name"]: entry["counter"]["bytes"] for entry in listing["nftables"] if "counter" in entry}

    # -- servers in public ------------------------------------------------------------------------------------------

    def coturn(self, udp=True, tcp=True, tls=True):
        """Starts TURN and STUN; from now on hosts and clients use all of it by default (self.ice_flags)."""
        self.turn = Coturn(self.public, self.folder, RELAYS, udp=udp, tcp=tcp, tls=tls)
        self.ice_flags = self.turn.flags(ipv6=self.families())
        return self.turn

    def families(self):
        """(IPv6?, ...) that at least one home has."""
        kinds = (self.kind_a, self.kind_b)
        return tuple(ipv6 for ipv6, has in ((False, any(k.ipv4 for k in kinds)), (True, any(k.ipv6 for k in kinds))) if has)

    def signaling(self, *flags, port=SIGNALING_PORT, at=SIGNALING[4]):
        """Starts `ming server` on a machine of its own in public (self.signaling_space); waits until it listens at `at`."""
        self.signaling_port = port
        self.signaling_server = self.signaling_space.start("signaling", self.ming, "server", "--addr", f":{port}",
                                                           "-alsologtostderr", *flags)
        wait_for(lambda: self.signaling_space.can_connect(at, port), 10, "the signaling server listens")
        return self.signaling_server

    def signal_url(self, home):
        family = 4 if any(":" not in address for address in home.addresses) else 6
        return f"ws://{self.signaling_name or host_of(SIGNALING[family])}:{self.signaling_port}"

    # -- ming in the homes ------------------------------------------------------------------------------------------

    def service(self, *flags, at=None, protocol="tcp", port=SERVICE_PORT):
        """What stands behind the host: hashed transfers (tcp) or echoes (udp) on 127.0.0.1. `flags`: support.transfer's."""
        command = "serve" if protocol == "tcp" else "serve-udp"
        process = self._python(at or self.home_b, f"service-{protocol}", "support.transfer", command, "127.0.0.1", port, *flags)
        process.wait_for_line("listening")
        return process

    def host(self, *flags, at=None, protocol="tcp", port=SERVICE_PORT, id_="myhost", ice=None, wait=True):
        """Starts `ming host` (in home_b unless told) and waits until the server knows it. `ice`: instead of self.ice_flags."""
        home = at or self.home_b
        line = f"Host registered: {id_}"
        before = self.signaling_server.text().count(line)
        process = home.start("host", self.ming, "host", "--signal", self.signal_url(home), "--id", id_, "--protocol", protocol,
                             "--remote", f"127.0.0.1:{port}", "-alsologtostderr", "--vmodule", "peer_connection=1,ice_path=1",
                             *(self.ice_flags if ice is None else ice), *flags)
        if wait:
            wait_for(lambda: self.signaling_server.text().count(line) > before, 15, line)
        return process

    def client(self, *flags, at=None, protocol="tcp", port=LOCAL_PORT, id_="myhost", ice=None):
        """Starts `ming client` (in home_a unless told); `.started` of the process is when."""
        home = at or self.home_a
        return home.start("client", self.ming, "client", "--signal", self.signal_url(home), "--id", id_, "--protocol", protocol,
                          "--local", f"127.0.0.1:{port}", "-alsologtostderr", "--vmodule", "peer_connection=1,ice_path=1",
                          *(self.ice_flags if ice is None else ice), *flags)

    def first_byte(self, client, at=None, port=LOCAL_PORT, timeout=30.0):
        """Seconds from the start of `client` until the first byte came back through the tunnel."""
        home, end = at or self.home_a, client.started + timeout
        stream = None
        while stream is None:
            if client.child.poll() is not None:
                raise Failure(f"the client ended with {client.child.returncode}:\n{client.text()[-2000:]}")
            try:
                stream = home.connect("127.0.0.1", port)
            except OSError:
                if time.monotonic() > end:
                    raise Failure("the client does not listen")
                time.sleep(0.002)
        with stream:
            side = Side(stream, max(0.1, end - time.monotonic()))
            stream.sendall((1).to_bytes(8, "big") * 2)
            result = side.exchange(send=1, receive=1)
            if result["outcome"] != "complete":
                raise Failure(f"the first byte: {result['outcome']} {result['why']}\n{client.text()[-2000:]}")
            return side.start + side.first_byte - client.started

    def start_transfer(self, up, down, at=None, port=LOCAL_PORT, timeout=60.0, rate=None):
        """A hashed transfer through the tunnel as a process: follow it with `events`, end with `finish_transfer`."""
        flags = ["--rate", rate] if rate else []
        return self._python(at or self.home_a, "transfer", "support.transfer", "run", "127.0.0.1", port, up, down,
                            "--timeout", timeout, *flags)

    @staticmethod
    def events(process):
        """The lines of JSON that a transfer has printed so far."""
        return [json.loads(line) for line in process.text().splitlines() if line.startswith("{") and line.endswith("}")]

    def finish_transfer(self, process, seconds=120.0):
        """Waits for its end; the last event."""
        try:
            process.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"the transfer did not end within {seconds} s: {process.text()[-500:]}")
        return self.events(process)[-1]

    def transfer(self, up, down, at=None, port=LOCAL_PORT, timeout=60.0, rate=None):
        """A hashed transfer in both directions; Failure unless every byte came."""
        end = self.finish_transfer(self.start_transfer(up, down, at, port, timeout, rate), timeout + 60)
        if end["outcome"] != "complete":
            raise Failure(f"the transfer ended as {end}")
        return end

    def udp_echoes(self, count=20, size=1000, at=None, port=LOCAL_PORT, timeout=20.0):
        """Datagrams there and back, each until it is answered; Failure unless all were."""
        process = self._python(at or self.home_a, "udp-echoes", "support.transfer", "run-udp", "127.0.0.1", port, count, size,
                               "--timeout", timeout)
        end = self.finish_transfer(process, timeout + 10)
        if end["outcome"] != "complete":
            raise Failure(f"the echoes ended as {end}")
        return end

    def _python(self, space, name, module, *arguments):
        return space.start(name, "/usr/bin/python3", "-m", module, *arguments)
