"""All groups, in the order of a full run."""
import sys
import time

from endtoend import reverse_groups, tunnel_groups

GROUPS = {
    "bulk": tunnel_groups.bulk,
    "latency": tunnel_groups.latency,
    "http": tunnel_groups.http,
    "udp": tunnel_groups.udp,
    "set-up": tunnel_groups.set_up,
    "memory": tunnel_groups.memory,
    "rtt": tunnel_groups.rtt,
    "reverse-bulk": reverse_groups.bulk,
    "reverse-http": reverse_groups.http,
    "reverse-idle": reverse_groups.idle,
    "reverse-storm": reverse_groups.storm,
}


def run_group(name, bench):
    """The seconds it took."""
    start = time.monotonic()
    print(f"{name}:", file=sys.stderr, flush=True)
    GROUPS[name](bench)
    return time.monotonic() - start
