"""Workloads of the reverse tunnel."""
import sys

from endtoend import load
from endtoend.parties import CROWD, DESCRIPTORS
from endtoend.rounds import interleave, prepare, start_web_servers, stop

RELAYS = ("direct", "reverse", "reverse-copy", "reverse-before", "copy", "nginx", "haproxy", "socat", "ssh-R")


HOPS = 2


def bulk(bench):
    parties = prepare(bench, RELAYS)
    workloads = {f"reverse bulk {streams}": lambda party, s=streams: bulk_by_hop(party, s, bench.seconds) for streams in (1, 100)}
    interleave(bench, parties, workloads)
    stop(parties)


def bulk_by_hop(party, streams, seconds):
    metrics = load.bulk(party, streams, "down", seconds)
    if party.processes:
        metrics["cpu_s_per_gb_hop"] = metrics.pop("cpu_s_per_gb") / HOPS
    return metrics


def http(bench):
    parties = prepare(bench, (*RELAYS, "reverse-ahead"))
    start_web_servers(parties)
    interleave(bench, parties, {
        "reverse wrk 100": lambda party: load.wrk(party, 100, bench.seconds),
        "reverse wrk 100 close": lambda party: load.wrk(party, 100, bench.seconds, keep_alive=False)})
    stop(parties)


IDLE_PARTIES = ("reverse", "reverse-before", "copy", "nginx", "haproxy")


def say_crowd():
    print(f"  {CROWD:,} connections: a process may have {DESCRIPTORS:,} descriptors", file=sys.stderr, flush=True)


def idle(bench):
    """Private memory of one hop for each connection that carries nothing; the kernel's buffers are not counted."""
    say_crowd()
    parties = prepare(bench, IDLE_PARTIES)
    interleave(bench, parties, {"reverse idle": hold_idle})
    stop(parties)


def hold_idle(party):
    party.begin_anew()  # what an allocator kept of the last crowd would hide what this one needs
    service = load.start_echo(party)
    try:
        with load.held_connections(party, 1):
            before = party.memory()
        with load.held_connections(party, CROWD) as held:
            grown = party.memory()
    finally:
        service.close()
    return {"connection_kb": (grown.private - before.private) / CROWD / HOPS / 1000, "connections": CROWD, "lost": held["lost"]}


def storm(bench):
    """A crowd of callers within one second."""
    say_crowd()
    parties = prepare(bench, ("direct", *IDLE_PARTIES))
    for party in parties.values():
        load.start_echo(party)
    interleave(bench, parties, {"reverse storm": lambda party: load.storm(party, CROWD, 1)})
    stop(parties)
