"""Runs a load through a party and takes the CPU time of its processes while it lasts."""
import json
import re
import subprocess
import time

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
        raise Failure(f"{party.name}: ming_load {command} {' '.join(map(str, arguments))}: {errors.strip()}\n{_last_words(party)}")
    return json.loads(lines[-1]), window


def _last_words(party):
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
    header = () if keep_alive else ("-H", "Connection: close")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "5s", *header,
               f"http://127.0.0.1:{party.entry_port()}/small"]
    window = Window(party)
    window.begin()
    done = party.place.near.run(*command, timeout=seconds + 30)
    window.end()
    party.check()
    try:
        metrics = parse_wrk(done.stdout)
    except Failure as error:
        raise Failure(f"{party.name}: wrk -c {connections}: {error}\n{_last_words(party)}")
    requests = metrics.pop("requests")
    if party.processes:
        metrics["cpu_us_per_request"] = window.cpu * 1e6 / requests
    return metrics
