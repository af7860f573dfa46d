"""A moving world: hashed transfers through `ming` while the network between client and host gets bad, changes, goes and comes
back.

Client and host live in two homes behind NAT (integration/natlab), with a cable between that can be impaired (integration/wire).
For each event: the tunnel works again within 5 s of the network's return, for fresh connections begun ten times a second or for
the datagrams of one flow; a transfer that was under way is delivered whole or its connection is reset at both ends. Where
sockets only have to move (NAT rebinding, another address) it must be delivered. Needs root.
"""
import functools
import pathlib
import sys
import time

from moving import events
from moving.world import HANG_S, world
from support.cases import Case, parse_arguments, run_suite
from support.processes import Failure, wait_for

MIB = 1 << 20
SIDES = {"a": "client's side", "b": "host's side"}
# name, event, whether a connection must live through it
EVENTS = (
    ("rebinding", events.rebinding, True),
    ("roaming", events.roaming, True),
    ("public-address", events.new_public_address, True),
    ("wan-flap", events.wan_flap, False),
    ("black-out-5s", events.black_out(5), False),
    ("black-out-30s", events.black_out(30), False),
)
# name, settings of both directions of the wire, MiB each way
IMPAIRMENTS = (
    ("loss-and-reordering", "delay=20ms loss=2% reorder=2%", 4),
    ("bursts", "delay=20ms burst-start=0.3% burst-length=8", 4),
    ("duplication", "delay=20ms duplicate=10%", 16),
    ("jitter", "delay=30ms jitter=15ms", 16),
    ("narrow", "delay=20ms rate=5Mbit queue=30kB", 4),
)
SMOKE = ("rebinding-a", "roaming-b-udp", "mtu-black-hole")


def event_case(event, survives, side, arguments, protocol="tcp", **how):
    with world(arguments, protocol=protocol, **how) as moving:
        moving.start_tunnel()
        return moving.across(lambda within: event(within, side), survives)


def event_cases():
    for name, event, survives in EVENTS:
        for side, where in SIDES.items():
            for protocol in ("tcp", "udp"):
                run = functools.partial(event_case, event, survives, side, protocol=protocol)
                suffix = "-udp" if protocol == "udp" else ""
                yield Case(f"{name}-{side}{suffix}", run, cell=(name, f"{protocol.upper()}, {where}"))
    for side, where in SIDES.items():
        run = functools.partial(event_case, events.narrower_link, True, side, wire_at=f"home_{side}")
        yield Case(f"mtu-1280-{side}", run, cell=("mtu-1280", f"TCP, {where}"))
    run = functools.partial(event_case, events.black_hole, True, "a", wire_at="router_a")
    yield Case("mtu-black-hole", run, cell=("mtu-black-hole", "TCP, client's side"))


def named_servers_case(event, side, arguments):
    with world(arguments) as moving:
        moving.use_names()
        moving.start_tunnel()
        return moving.across(lambda within: event(within, side), survives=True)


def turn_lost(arguments):
    """Both homes behind symmetric NAT: without a relay there is no path."""
    with world(arguments, kinds=("sym", "sym")) as moving:
        moving.use_two_turn_servers()
        moving.start_tunnel()
        return moving.across(lambda within: events.turn_lost(within, "a"), survives=False)


def server_cases():
    for name, event in (("signaling-replaced", events.signaling_replaced), ("signaling-moved", events.signaling_moved),
                        ("names-gone", events.names_gone), ("names-gone-rebinding", events.names_gone_and_rebinding)):
        for side, where in SIDES.items():
            yield Case(f"{name}-{side}", functools.partial(named_servers_case, event, side), cell=(name, f"TCP, {where}"))
    yield Case("turn-lost", turn_lost, cell=("turn-lost", "TCP, client's side"))


JUMBO, SMALL = 9000 - 28, 1200  # datagrams


def jumbo_case(arguments):
    """Packets of 9000 bytes from end to end: large datagrams are found and used; then those above 1500 bytes vanish."""
    with world(arguments, wire_at="router_a") as moving:
        moving.use_jumbo_frames()
        moving.wire.set("delay=5ms")
        moving.start_tunnel()

        def event(within):
            wait_for(lambda: all(JUMBO in sizes for sizes in within.packet_sizes()), 20, "both ends use jumbo frames")
            return events.jumbo_black_hole(within, "a")
        details = moving.across(event, survives=True)
        for sizes in moving.packet_sizes():
            behind = sizes[sizes.index(JUMBO) + 1:]
            if not behind or behind[0] != SMALL:
                raise Failure(f"no fall from {JUMBO} to {SMALL} bytes: {sizes}")
        details["packet_sizes"] = moving.packet_sizes()
        return details


def probing_off_case(arguments):
    """The same without probes: one end's --path-mtu off keeps both to 1200 bytes."""
    with world(arguments, wire_at="router_a") as moving:
        moving.use_jumbo_frames()
        moving.start_tunnel(rate=None, client=("--path-mtu", "off"))
        moving.fate(moving.start_transfer(16 * MIB, rate=None), survives=True)
        if any(moving.packet_sizes()):
            raise Failure(f"other packet sizes in spite of --path-mtu off: {moving.packet_sizes()}")
        return {"cell": "complete"}


def impaired_case(settings, mib, arguments):
    """A tunnel made, and a transfer of so many MiB each way, over a cable that is bad from the beginning."""
    with world(arguments, wire_at="router_a") as moving:
        moving.wire.set(settings)
        moving.start_tunnel(rate=None)
        transfer = moving.start_transfer(mib * MIB, rate=None)
        begun = time.monotonic()
        moving.fate(transfer, survives=True, seconds=300)
        rate = 2 * mib * MIB * 8 / (time.monotonic() - begun) / 1e6
        return {"mbit_per_s": round(rate, 1), "wire": moving.wire.counters(), "cell": f"{rate:.1f} Mbit/s, complete"}


def gib_over_a_bad_cable(arguments):
    """1 GiB under 2 % loss and 40 ms with reordering."""
    with world(arguments, wire_at="router_a") as moving:
        moving.wire.set("delay=20ms loss=2% reorder=2%")
        moving.start_tunnel(rate=None)
        transfer = moving.lab.start_transfer(1024 * MIB, 0, timeout=HANG_S)
        begun = time.monotonic()
        moving.fate(transfer, survives=True, seconds=2 * 3600)
        seconds = time.monotonic() - begun
        rate = 1024 * MIB * 8 / seconds / 1e6
        return {"seconds": round(seconds), "mbit_per_s": round(rate, 1), "wire": moving.wire.counters()}


def gib_on_the_move(arguments):
    """1 GiB each way across a NAT rebinding and an address change at both sides, over one connection of the application."""
    with world(arguments) as moving:
        moving.start_tunnel(rate=20 * MIB)
        transfer = moving.start_transfer(1024 * MIB, rate=20 * MIB)
        details = {}
        for mib, name, event, side in ((100, "rebinding-a", events.rebinding, "a"), (300, "roaming-b", events.roaming, "b"),
                                       (500, "rebinding-b", events.rebinding, "b"), (700, "roaming-a", events.roaming, "a")):
            moving.wait_for_progress(transfer, mib * MIB, seconds=300)
            with moving.probe() as probes:
                details[f"{name}_works_again_s"] = round(moving.wait_until_working(probes, event(moving, side)), 2)
        details["connection"] = moving.fate(transfer, survives=True, seconds=600)
        return details


def cases():
    yield from event_cases()
    yield from server_cases()
    for name, settings, mib in IMPAIRMENTS:
        yield Case(name, functools.partial(impaired_case, settings, mib), cell=(name, "TCP, client's side"))
    yield Case("jumbo-black-hole", jumbo_case, cell=("jumbo-black-hole", "TCP, client's side"))
    yield Case("jumbo-probing-off", probing_off_case)
    yield Case("gib-on-the-move", gib_on_the_move)
    yield Case("gib-over-a-bad-cable", gib_over_a_bad_cable)


def add_options(parser):
    parser.add_argument("--wire", type=lambda p: pathlib.Path(p).resolve(),
                        help="the program ming_wire; by default beside the one under test")
    parser.add_argument("--seed", type=int, default=1, help="of what the wire draws")


def main():
    arguments = parse_arguments(__doc__, add_options)
    arguments.wire = arguments.wire or arguments.ming.parent / "ming_wire"
    chosen = [Case(case.name, case.run, case.name in SMOKE, case.cell) for case in cases()]
    return run_suite("moving", chosen, arguments)


if __name__ == "__main__":
    sys.exit(main())
