"""Workloads of the WebRTC tunnel."""
import re
import time

from endtoend import load
from endtoend.parties import CROWD
from endtoend.places import wire_place
from endtoend.rounds import interleave, prepare, start_web_servers, stop
from support.processes import Failure

TUNNELS = ("direct", "ming", "ming-1200", "before", "pion", "nginx", "ssh-L")


def bulk(bench):
    parties = prepare(bench, TUNNELS)
    workloads = {f"bulk {streams} {direction}": lambda party, s=streams, d=direction: load.bulk(party, s, d, bench.seconds)
                 for streams, direction in ((1, "up"), (100, "up"), (1, "both"))}
    interleave(bench, parties, workloads)
    stop(parties)


def latency(bench):
    parties = prepare(bench, [name for name in TUNNELS if name != "ming-1200"])
    interleave(bench, parties, {
        "ping-pong": lambda party: load.ping_pong(party, bench.seconds),
        "ping-pong beside bulk": lambda party: load.ping_pong(party, bench.seconds, streams=1)})
    stop(parties)


def http(bench):
    parties = prepare(bench, [name for name in TUNNELS if name != "ming-1200"])
    start_web_servers(parties)
    workloads = {f"wrk {count}": lambda party, c=count: load.wrk(party, c, bench.seconds) for count in (1, 64, 100)}
    workloads["wrk 100 close"] = lambda party: load.wrk(party, 100, bench.seconds, keep_alive=False)
    interleave(bench, parties, workloads)
    stop(parties)


def udp(bench):
    """One way, from the application to the service; the last rate found is where the next search begins."""
    parties = prepare(bench, ("direct", "ming", "before", "pion"), protocol="udp")
    found = {}

    def highest(party, size):
        metrics = load.datagram_rate(party, size, found.get((party.name, size), 8000))
        found[party.name, size] = metrics["datagrams_s"] * 0.97
        return metrics
    interleave(bench, parties, {f"udp {size}": lambda party, s=size: highest(party, s) for size in (100, 1200)})
    stop(parties)


# Each prints how long it took from both descriptions to the open channel.
SET_UP_LINES = {"ming": r"Set up in ([0-9.]+) ms", "before": r"Set up in ([0-9.]+) ms", "pion": r"channel open after ([0-9.]+) ms"}


def cold_start(party):
    """From the start of a client to the first byte back through it, and what the client says of its session."""
    begun = time.monotonic()
    party.restart_client()
    with party.place.near.connect("127.0.0.1", party.entry_port()) as application:
        application.sendall(b"x")
        if application.recv(1) != b"x":
            raise Failure(f"{party.name}: no first byte")
    metrics = {"cold_ms": (time.monotonic() - begun) * 1000}
    said = re.search(SET_UP_LINES[party.name], party.client.text())
    if said:
        metrics["open_ms"] = float(said[1])
    return metrics


def set_up(bench):
    names = ("direct", "ming", "before", "pion", "nginx", "ssh-L")
    parties = prepare(bench, names)
    interleave(bench, parties, {"first byte": lambda party: warm_first_byte(party, 200)})
    with_session = {name: party for name, party in parties.items() if name in SET_UP_LINES}
    for party in with_session.values():
        load.start_echo(party)
    interleave(bench, with_session, {"set-up": cold_start})
    stop(parties)


def warm_first_byte(party, count):
    result = load.first_byte(party, count)
    return {name: result[name] for name in ("p50_us", "p99_us")}


PEERS, STREAMS = 20, min(1000, CROWD)
STREAMS_A_SECOND = 400  # at 2000 Pion loses some on a busy machine
KB = 1000


def memory(bench):
    """Growth of the private memory of host and client; what the kernel holds is not counted."""
    parties = prepare(bench, ("ming", "before", "pion"))
    for party in parties.values():
        load.start_echo(party)
    interleave(bench, parties, {"idle peers": peer_memory, "idle streams": stream_memory})
    stop(parties)


def peer_memory(party):
    party.begin_anew()  # what an allocator kept of the last round would hide what this one needs
    before = party.host_memory()
    with party.more_clients(PEERS):
        grown = party.host_memory().private - before.private
    return {"peer_kb": grown / PEERS / KB}


def stream_memory(party):
    """Of the end that needs more."""
    party.begin_anew()
    with load.held_connections(party, 1):
        before = party.host_memory(), party.client_memory()
    with load.held_connections(party, STREAMS, STREAMS_A_SECOND):
        after = party.host_memory(), party.client_memory()
    host, client = ((now.private - then.private) / STREAMS / KB for now, then in zip(after, before))
    return {"stream_kb": max(host, client), "host_kb": host, "client_kb": client}


ROUND_TRIPS_MS, LOSSES = (20, 50, 100, 200), (0, 0.1, 1)
CELLS_OF_TARGETS = ((50, 0), (50, 1))


def rtt(bench):
    """One stream over a wire with half the round trip and the loss in each direction. The cells of the targets are measured round by
    round, the others once."""
    if not bench.tools.wire.exists():
        raise Failure(f"{bench.tools.wire} is not built (-DMING_INTEGRATION=ON)")

    def make_place(run, label):
        return wire_place(run, label, bench.tools.wire, "delay=10ms")
    parties = prepare(bench, ("direct", "direct-cubic", "ming", "before", "pion"), make_place=make_place)
    for round_trip in ROUND_TRIPS_MS:
        for loss in LOSSES:
            cell = {f"rtt {round_trip} loss {loss:g}": lambda party, r=round_trip, l=loss: over_wire(party, r, l, 1.5 * bench.seconds)}
            interleave(bench, parties, cell, bench.rounds if (round_trip, loss) in CELLS_OF_TARGETS else 1)
    stop(parties)


def over_wire(party, round_trip, loss, seconds):
    """A tunnel of its own, so that no window remembers the last cell; measured when slow start had its time."""
    party.place.wire.clear(f"delay={round_trip / 2:g}ms loss={loss:g}%")
    party.begin_anew()
    return load.bulk(party, 1, "up", seconds, "--warm", 0.5 + 0.015 * round_trip, *party.load_flags)
