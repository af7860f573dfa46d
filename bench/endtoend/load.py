"""Runs a load through a party and takes the CPU time of its processes while it lasts."""
import contextlib
import json
import re
import subprocess
import time

from endtoend.search import highest_passing
from support.processes import Failure

MEGA = 1e6


class Window:
    """The time that counts, with what the party's processes used in it."""

    def __init__(self, party):
        self.party = party
        self.begun = self.cpu_begun = self.seconds = self.cpu = None

    def begin(self):
        self.begun, self.cpu_begun = time.monotonic(), self.party.cpu_seconds()

    def end(self):
        self.cpu = self.party.cpu_seconds() - self.cpu_begun
        self.seconds = time.monotonic() - self.begun


def ming_load(party, command, *arguments, limit=60):
    """(JSON of the load, Window). Failure where the load or the party failed."""
    child = subprocess.Popen([str(word) for word in (party.tools.load, command, "--service", party.service(), "--entry", party.entry(),
                                                     *arguments)],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    window = Window(party)
    try:
        lines = []
        for line in child.stdout:
            if line == "begin\n":
                window.begin()
            elif line == "end\n":
                window.end()
            else:
                lines.append(line)
        _, errors = child.communicate(timeout=limit)
    finally:
        child.kill()
        child.wait()
    party.check()
    if child.returncode or not lines:
        raise Failure(f"{party.name}: ming_load {command} {' '.join(map(str, arguments))}: {errors.strip()}\n{last_words(party)}")
    return json.loads(lines[-1]), window


def last_words(party):
    return "\n".join(f"{process.name}: {process.text()[-600:]}" for process in party.processes)


def bulk_metrics(result, window):
    """Throughput and its price. Bytes count once, where they are received."""
    moved = result["up_bytes"] + result["down_bytes"]
    metrics = {"mbit_s": moved * 8 / result["seconds"] / MEGA, "fairness": result["fairness"]}
    if window.cpu:
        metrics["mb_per_cpu_s"] = moved / MEGA / window.cpu
        metrics["cpu_s_per_gb"] = window.cpu / (moved / 1e9)
        metrics["cpu_cores"] = window.cpu / window.seconds
    return metrics


def bulk(party, streams, direction, seconds, *more):
    return bulk_metrics(*ming_load(party, "streams", "--streams", streams, "--direction", direction, "--seconds", seconds, *more))


def ping_pong(party, seconds, streams=0, direction="up"):
    """Round trips of 64 bytes, one after another, maybe beside bulk streams."""
    result, window = ming_load(party, "streams", "--streams", streams, "--direction", direction, "--ping-size", 64,
                               "--seconds", seconds)
    metrics = {name: result["ping"][name] for name in ("p50_us", "p99_us", "p999_us")}
    if streams:
        metrics["mbit_s"] = bulk_metrics(result, window)["mbit_s"]
    elif window.cpu:
        metrics["cpu_us_per_round_trip"] = window.cpu * 1e6 / result["ping"]["count"]
    return metrics


_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


def parse_wrk(text):
    """What `wrk --latency` prints: requests, seconds, percentiles; Failure where it saw an error."""
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    total = re.search(r"(\d+) requests in ([0-9.]+)(us|ms|s|m)", text)
    if errors and any(map(int, errors.groups())) or refused:
        raise Failure((errors or refused).group(0))
    if not total or int(total[1]) == 0:
        raise Failure(f"wrk counted nothing:\n{text}")
    metrics = {"requests": int(total[1]), "requests_s": float(re.search(r"Requests/sec:\s+([0-9.]+)", text)[1])}
    for share in ("50", "99"):
        value = re.search(rf"\s{share}%\s+([0-9.]+)(us|ms|s)", text)
        metrics[f"p{share}_us"] = float(value[1]) * _UNITS[value[2]]
    return metrics


def wrk(party, connections, seconds, keep_alive=True):
    """Small GETs by `connections` connections, kept or one for each request."""
    whole = max(1, round(seconds))  # wrk counts so
    header = () if keep_alive else ("-H", "Connection: close")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{whole}s", "--latency", "--timeout", "5s", *header,
               f"http://127.0.0.1:{party.entry_port()}/small"]
    window = Window(party)
    window.begin()
    done = party.place.near.run(*command, timeout=whole + 30)
    window.end()
    party.check()
    try:
        metrics = parse_wrk(done.stdout)
    except Failure as error:
        raise Failure(f"{party.name}: wrk -c {connections}: {error}\n{last_words(party)}")
    requests = metrics.pop("requests")
    if party.processes:
        metrics["cpu_us_per_request"] = window.cpu * 1e6 / requests
    return metrics


LOSS_LIMIT = 0.001


def datagram_rate(party, size, start, seconds=0.6):
    """The highest rate of datagrams, one way, of which fewer than LOSS_LIMIT get lost, and what one of them costs."""
    best = {}

    def passes(rate):
        nonlocal best
        result, window = ming_load(party, "datagrams", "--size", size, "--rate", rate, "--seconds", seconds)
        good = result["loss"] < LOSS_LIMIT and result["sent_s"] > 0.97 * rate  # a load that cannot keep its pace proves nothing
        if good and result["sent_s"] > best.get("datagrams_s", 0):
            best = {"datagrams_s": result["sent_s"], "mbit_s": result["sent_s"] * size * 8 / MEGA}
            if party.processes:
                best["cpu_us_per_datagram"] = window.cpu * 1e6 / result["sent"]
        return good
    if not highest_passing(passes, start):
        raise Failure(f"{party.name}: no rate of datagrams gets through without loss")
    return best


def first_byte(party, count):
    """From connect() to the first byte back, one connection after another."""
    result, _ = ming_load(party, "connect", "--count", count)
    return result


@contextlib.contextmanager
def held_connections(party, count, rate=2000):
    """So many connections, opened at this rate, each proven by one byte each way, idle from then on."""
    holder = subprocess.Popen([str(party.tools.load), "crowd", "--entry", party.entry(), "--count", str(count), "--seconds",
                               str(count / rate), "--hold", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        lines = [holder.stdout.readline() for _ in range(3)]
        if len(lines) < 3 or not lines[2]:
            raise Failure(f"{party.name}: the connections ended: {lines}")
        result = json.loads(lines[2])
        if result["lost"]:
            raise Failure(f"{party.name}: {result['lost']} of {count} connections were lost\n{last_words(party)}")
        yield result
    finally:
        holder.stdin.close()
        holder.kill()
        holder.wait()
        party.check()


def start_echo(party):
    service = party.place.far.start(f"echo-{party.place.far.label}", party.tools.load, "echo", "--service",
                                    party.service().split("/")[1])
    service.wait_for_line("ready")
    return service


def storm(party, count, seconds):
    """`count` callers within `seconds`, a byte each way."""
    done = subprocess.run([str(party.tools.load), "crowd", "--entry", party.entry(), "--count", str(count), "--seconds", str(seconds)],
                          capture_output=True, text=True, check=False, timeout=60)
    party.check()
    if done.returncode:
        raise Failure(f"{party.name}: {done.stderr}")
    result = json.loads(done.stdout.splitlines()[-1])
    return {"answered": result["answered"], "lost": result["lost"], "all_answered_s": result["seconds"], "p50_us": result["p50_us"],
            "p99_us": result["p99_us"]}
