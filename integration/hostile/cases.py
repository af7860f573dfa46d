"""What is attacked how, and what it may cost. Each table row becomes a case; the code below runs them."""
import dataclasses
import pathlib
import re
import time
import typing

from hostile.lab import MIB, SERVICE_PORT, Bounds, Lab, Watch, median
from support.cases import Case
from support.processes import Failure, wait_for

HONEST_RATE = 5 * MIB       # bytes a second each way, beside every attack but junk
KEPT_SHARE = 0.8            # of its rate, and of the visitors of the signaling server
SERVER = Bounds(peak_mib=24, kept_mib=16)
HOST = Bounds(peak_mib=16, kept_mib=10, log_kib=320)


@dataclasses.dataclass(frozen=True)
class Row:
    """One attack. `arguments` go to ming_hostile; `server_flags` widen what the server would hold back by itself."""
    name: str
    attack: str
    arguments: tuple = ()
    seconds: int = 6
    bounds: Bounds = HOST
    server_flags: tuple = ()
    newcomer: bool = True  # a client that comes in the middle of it is served
    smoke: bool = False


# Victim: the signaling server; beside it, visitors of the server and a transfer through the tunnel.
SERVER_ROWS = (
    Row("half-open", "half-open", ("--connections", "3000"), bounds=SERVER),
    Row("slow-heads", "slow-heads", ("--connections", "3000"), bounds=SERVER),
    Row("endless-heads", "endless-heads", bounds=SERVER),
    Row("never-read", "never-read", ("--connections", "200"), bounds=Bounds(peak_mib=80, kept_mib=80)),
    Row("registrations", "registrations", bounds=dataclasses.replace(SERVER, log_kib=256)),
    Row("registrations-same-id", "registrations", ("--ids", "same"), bounds=SERVER),
    Row("spoofed-senders", "spoof", bounds=SERVER),
    Row("bad-messages", "bad-messages", seconds=4, bounds=SERVER, smoke=True),
    Row("ping-flood", "ping-flood", bounds=SERVER),
)

# Victim: a host, through an honest signaling server that forwards all it gets.
OPEN_SERVER = ("--message-rate", "1000000", "--message-burst", "1000000", "--connection-rate", "1000000", "--connection-burst", "1000000")
FORWARD_ROWS = (
    Row("candidates-100000", "candidates", ("--count", "100000"), seconds=6, server_flags=OPEN_SERVER, smoke=True),
    Row("candidates-60k-foundations", "candidates", ("--count", "5000", "--foundation", "60000"), seconds=10,
        server_flags=OPEN_SERVER),
    # One address opens 20 connections a second, so that a newcomer has his turn.
    Row("offers-of-one-address", "offers", ("--count", "20000"), seconds=10, bounds=Bounds(peak_mib=48, kept_mib=48, log_kib=320)),
    # Addresses without number: whoever runs keeps his rate, but 50 new sessions a second are for everybody together.
    Row("offers-of-thousands", "offers", ("--count", "20000"), seconds=10, server_flags=OPEN_SERVER, newcomer=False,
        bounds=Bounds(peak_mib=96, kept_mib=96, log_kib=320, settle_seconds=60)),
    Row("offers-few-clients", "offers", ("--count", "20000", "--connections", "20", "--each", "1000"), seconds=8,
        server_flags=OPEN_SERVER),
)

# Victim: a host, met by a peer that breaks the rules from inside. Which of them a client is met with, too: CLIENT_KINDS.
PEER_ROWS = tuple(Row(kind, "peer", ("--kind", kind), bounds=HOST) for kind in (
    "fingerprint", "fingerprint-passive", "garbage-handshake", "garbage-records", "bad-dcep", "open-flood-foreign", "open-beyond",
    "huge-labels", "unopened", "reset-loop", "never-read", "tiny", "control", "ignore-credit", "unfinished-one", "unfinished-many",
    "gaps", "tiny-gaps", "init-flood", "malformed", "malformed-interleaved", "stream-requests")) + (
    Row("stall-100-peers", "peer", ("--kind", "stall", "--peers", "100"), bounds=dataclasses.replace(HOST, settle_seconds=45)),
    Row("open-flood-70000", "peer", ("--kind", "open-flood"), seconds=5, smoke=True),
)
CLIENT_KINDS = ("fingerprint", "fingerprint-passive", "garbage-handshake", "garbage-records", "bad-dcep", "open-flood", "open-beyond",
                "huge-labels", "unopened", "reset-loop", "unfinished-one", "tiny-gaps", "init-flood", "malformed", "stream-requests")

ROGUE_KINDS = ("long", "foundation", "deep", "utf8", "binary", "masked", "compressed", "drop", "candidates", "offers", "errors", "pings")


def run_in_lab(case):
    def run(arguments):
        lab = Lab(arguments)
        passed = False
        try:
            details = case(lab)
            passed = True
            return details
        finally:
            lab.close(keep_logs=arguments.keep_logs or not passed)
    return run


def check_bounds(lab, watch, bounds):
    """The victim lives, kept to its bounds, and is soon what it was before. Under a sanitizer only the first counts."""
    watch.stop()
    victim = watch.process
    lab.check_alive(victim)
    grown, log_kib = watch.grown_mib(), watch.log_growth() / 1024
    details = {"peak_mib": round(grown, 1), "cpu": round(watch.cpu, 2), "log_kib": round(log_kib, 1),
               "descriptors": watch.peak_descriptors}
    if lab.asan:
        return details
    if grown > bounds.peak_mib:
        raise Failure(f"{victim.name} grew by {grown:.1f} MiB (bound {bounds.peak_mib}): {details}")
    if log_kib > bounds.log_kib:
        raise Failure(f"{victim.name} logged {log_kib:.0f} KiB (bound {bounds.log_kib}): {details}")

    def settled():
        lab.check_alive(victim)
        return (watch.kept_mib() <= bounds.kept_mib and
                victim.descriptors() <= watch.base_descriptors + bounds.spare_descriptors)
    try:
        wait_for(settled, bounds.settle_seconds, "settled")
    except Failure:
        raise Failure(f"{victim.name} keeps {watch.kept_mib():.1f} MiB (bound {bounds.kept_mib}) and {victim.descriptors()} "
                      f"descriptors ({watch.base_descriptors} before): {details}")
    details["kept_mib"] = round(watch.kept_mib(), 1)
    return details


def check_share(what, with_attack, without, details):
    share = with_attack / without
    details[what] = round(share, 2)
    if share < KEPT_SHARE:
        raise Failure(f"{what}: {share:.2f} of what it is without the attack: {details}")


def honest_size(seconds):
    return int(HONEST_RATE * seconds)


def honest_rate(lab, seconds):
    """Bytes a second of an undisturbed transfer."""
    return lab.transfer(honest_size(seconds), honest_size(seconds), HONEST_RATE).finish()["rate"]


def newcomer(lab):
    """A client that comes now is served: seconds until its first byte is back. Its offer may be lost in a flood: it comes again."""
    start = time.monotonic()
    process = lab.start("newcomer", "client", lab.ming, "client", "--signal", lab.signal_url(), "--id", "myhost",
                        "--local", "127.0.0.1:7002", "--wait", "30s", "-alsologtostderr")
    lab.wait_listening("client", 7002, process)
    while True:
        try:
            lab.transfer(1000, 1000, port=7002).finish(60)
            break
        except Failure:
            if time.monotonic() - start > 40:
                raise
    process.stop()
    return round(time.monotonic() - start, 2)


def server_case(row):
    @run_in_lab
    def run(lab):
        server, _, _ = lab.tunnel(row.server_flags)
        address = f"{lab.segment.address('server')}:8080"
        visits = ("--server", address, "--seconds", "3")
        before = lab.attack("visits", *visits, place="client").finish()["served"] / 3
        rate = honest_rate(lab, 2)
        watch = Watch(server)
        attack = lab.attack(row.attack, "--server", address, "--seconds", row.seconds, *row.arguments)
        beside = lab.attack("visits", "--server", address, "--seconds", row.seconds - 1, place="client")
        transfer = lab.transfer(honest_size(row.seconds - 1), honest_size(row.seconds - 1), HONEST_RATE)
        visited = beside.finish()
        ended = transfer.finish()
        counters = attack.finish()
        details = check_bounds(lab, watch, row.bounds)
        details["slowest_visit_ms"] = visited["slowest_ms"]
        if not lab.asan:
            check_share("visits_kept", visited["served"] / (row.seconds - 1), before, details)
            check_share("rate_kept", ended["rate"], rate, details)
        details["attack"] = said(counters)
        return details
    return run


def forward_case(row):
    @run_in_lab
    def run(lab):
        server, host, _ = lab.tunnel(row.server_flags)
        rate = honest_rate(lab, 2)
        watches = Watch(host), Watch(server)
        attack = lab.attack(row.attack, "--server", f"{lab.segment.address('server')}:8080", "--seconds", row.seconds, *row.arguments)
        transfer = lab.transfer(honest_size(row.seconds - 1), honest_size(row.seconds - 1), HONEST_RATE)
        time.sleep(1)
        served = newcomer(lab) if row.newcomer else None
        ended = transfer.finish()
        counters = attack.finish()
        details = check_bounds(lab, watches[0], row.bounds)
        check_bounds(lab, watches[1], dataclasses.replace(SERVER, log_kib=256))
        if "Host removed: myhost" in server.text():
            raise Failure("the server gave up the host that was flooded")
        details["newcomer_s"] = served or "not asked"
        if not lab.asan:
            check_share("rate_kept", ended["rate"], rate, details)
        details["attack"] = said(counters)
        return details
    return run


def peer_case(row):
    @run_in_lab
    def run(lab):
        _, host, _ = lab.tunnel()
        rate = honest_rate(lab, 2)
        watch = Watch(host)
        attack = lab.attack(row.attack, "--signal", lab.signal_url(), "--seconds", row.seconds, *row.arguments)
        transfer = lab.transfer(honest_size(row.seconds - 1), honest_size(row.seconds - 1), HONEST_RATE)
        ended = transfer.finish()
        counters = attack.finish()
        details = check_bounds(lab, watch, row.bounds)
        details["newcomer_s"] = newcomer(lab)
        if not lab.asan:
            check_share("rate_kept", ended["rate"], rate, details)
        details["attack"] = said(counters)
        return details
    return run


def client_case(kind):
    """Victim: a client whose host is not what it seems."""
    @run_in_lab
    def run(lab):
        lab.server()
        attack = lab.attack("peer", "--signal", lab.signal_url(), "--part", "host", "--target", "evilhost", "--kind", kind,
                            "--seconds", "8")
        client = lab.start("client", "client", lab.ming, "client", "--signal", lab.signal_url(), "--id", "evilhost",
                           "--local", "127.0.0.1:7001", "-alsologtostderr")
        lab.wait_listening("client", 7001, client)
        watch = Watch(client)
        counters = attack.finish()
        if not counters.get("meetings"):
            raise Failure(f"the victim was not met: {counters}")
        refused = client.child.poll()
        if refused is None:
            details = check_bounds(lab, watch, HOST)
        elif refused == 4 and kind.startswith("fingerprint"):
            details = {"exit_code": refused}  # it says that its host is not the one that was signaled, and ends
            watch.stop()
        else:
            raise Failure(f"the client ended with {refused}:\n{client.text()[-3000:]}")
        details["attack"] = said(counters)
        return details
    return run


def rogue_case(kind, part):
    """Victim: a host or a client whose signaling server is not what it seems."""
    @run_in_lab
    def run(lab):
        signal = f"{lab.segment.address('evil')}:8080"
        attack = lab.attack("rogue-server", "--listen", signal, "--kind", kind, "--target", "myhost", "--seconds", "6")
        place = "host" if part == "host" else "client"
        local = ("--remote", f"127.0.0.1:{SERVICE_PORT}") if part == "host" else ("--local", "127.0.0.1:7001")
        victim = lab.start(part, place, lab.ming, part, "--signal", f"ws://{signal}", "--id", "myhost", *local, "-alsologtostderr",
                           "--wait", "1m")
        victim.wait_for_line("signaling", 10)
        watch = Watch(victim)
        counters = attack.finish()
        bounds = Bounds(peak_mib=64, kept_mib=40, log_kib=512, settle_seconds=45) if kind == "offers" else HOST
        details = check_bounds(lab, watch, bounds)
        # The honest server comes back, at another time; the victim finds it.
        details["attack"] = said(counters)
        return details
    return run


def said(counters):
    return {name: value for name, value in counters.items() if name not in ("event", "seconds", "cpu") and "bytes" not in name}


# --- junk ----------------------------------------------------------------------------------------

@dataclasses.dataclass(frozen=True)
class JunkRow:
    name: str
    kinds: str
    spoofed: bool = False  # under the address of the real peer
    smoke: bool = False


JUNK_ROWS = (
    JunkRow("random", "random", smoke=True),
    JunkRow("stun", "stun"),
    JunkRow("dtls", "dtls,truncated,handshake,alert,hello"),
    JunkRow("rtp", "rtp"),
    JunkRow("spoofed-random", "random,rtp", spoofed=True),
    JunkRow("spoofed-stun", "stun", spoofed=True),
    JunkRow("spoofed-dtls", "dtls,truncated", spoofed=True),
    JunkRow("spoofed-handshake", "handshake,alert,hello", spoofed=True),
)
JUNK_RATE = 50_000
JUNK_SIZE = 96 * MIB
JUNK_ROUNDS = 5


def junk_case(row):
    """Full-speed transfers by turns beside junk for the host's ICE port and beside the same junk for a socket that nobody reads: so the
    generator and the kernel take the same CPU in both, and what differs is what the junk costs ming."""
    @run_in_lab
    def run(lab):
        _, host, client = lab.tunnel()
        target, real_peer = lab.udp_address(host, "host"), lab.udp_address(client, "client")
        decoy = lab.start("decoy", "host", "/usr/bin/python3", "-c",
                          "import socket,time; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind(('',9999)); time.sleep(600)")
        wait_for(lambda: any(f[1].endswith(":270F") for f in sockets(decoy)), 10, "the decoy is bound")
        source = ("--source", real_peer) if row.spoofed else ()
        lab.transfer(MIB, MIB).finish()
        watch = Watch(host)
        rates = {"junk": [], "decoy": []}
        cpu = {"junk": [], "decoy": []}
        rounds = 1 if lab.asan else 2 if lab.quick else JUNK_ROUNDS
        for turn in range(2 * rounds):
            # Who shares the machine disturbs single transfers: what looks bad after the first half is measured once more.
            if turn >= rounds and (lab.asan or median(rates["junk"]) >= KEPT_SHARE * median(rates["decoy"])):
                break
            for kind in ("junk", "decoy") if turn % 2 == 0 else ("decoy", "junk"):
                address = target if kind == "junk" else f"{lab.segment.address('host')}:9999"
                attack = lab.attack("junk", "--target", address, "--kinds", row.kinds, "--rate", JUNK_RATE, "--seconds", "30", *source)
                inner = Watch(host)
                rates[kind].append(lab.transfer(0, JUNK_SIZE, timeout=60).finish()["rate"])
                inner.stop()
                cpu[kind].append(inner.cpu)
                attack.stop()
        # How fast the generator really was.
        counters = lab.attack("junk", "--target", target, "--kinds", row.kinds, "--rate", JUNK_RATE, "--seconds", "2", *source).finish()
        sent = counters["datagrams"] / counters["seconds"]
        details = check_bounds(lab, watch, HOST)
        details.update({"datagrams_per_s": int(sent), "generator_cpu": round(counters["cpu"] / counters["seconds"], 2),
                        "mib_per_s": round(median(rates["junk"]) / MIB, 1), "decoy_mib_per_s": round(median(rates["decoy"]) / MIB, 1),
                        "host_cpu": round(median(cpu["junk"]), 2), "decoy_host_cpu": round(median(cpu["decoy"]), 2)})
        if not lab.asan:
            check_share("rate_kept", median(rates["junk"]), median(rates["decoy"]), details)
        return details
    return run


def sockets(process):
    return [line.split() for line in pathlib.Path(f"/proc/{process.pid}/net/udp").read_text().splitlines()[1:]]


def all_cases() -> typing.List[Case]:
    cases = []
    cases += [Case(f"server/{row.name}", server_case(row), row.smoke) for row in SERVER_ROWS]
    cases += [Case(f"forward/{row.name}", forward_case(row), row.smoke) for row in FORWARD_ROWS]
    cases += [Case(f"peer/{row.name}", peer_case(row), row.smoke) for row in PEER_ROWS]
    cases += [Case(f"client/{kind}", client_case(kind)) for kind in CLIENT_KINDS]
    cases += [Case(f"rogue-server/{kind}-{part}", rogue_case(kind, part)) for kind in ROGUE_KINDS for part in ("host", "client")]
    cases += [Case(f"junk/{row.name}", junk_case(row), row.smoke) for row in JUNK_ROWS]
    return cases
