"""The bar: each line compares one metric of one party with another, as a ratio in one run, or takes it as it is."""
import dataclasses

from endtoend.results import short


@dataclasses.dataclass(frozen=True)
class Target:
    """`against` None: the value itself. `lower`: smaller is better. `minus`: the difference, not the ratio."""
    text: str
    against_text: str
    what: tuple      # (workload, party, metric)
    against: tuple
    floor: float
    target: float
    unit: str = "x"
    lower: bool = False
    minus: bool = False

    def measured(self, results):
        """The figure to compare with floor and target, or None."""
        value = results.get(*self.what)
        if value is None:
            return None
        if self.against is None:
            return value.median
        other = results.get(*self.against)
        if other is None or (other.median == 0 and not self.minus):
            return None
        return value.median - other.median if self.minus else value.median / other.median

    def verdict(self, results):
        figure = self.measured(results)
        if figure is None:
            return "not measured"
        reaches = (lambda bar: figure <= bar) if self.lower else (lambda bar: figure >= bar)
        if reaches(self.target):
            return "target"
        return "floor" if reaches(self.floor) else "BELOW"

    def row(self, results):
        figure = self.measured(results)
        shown = [f"{short(value)}{self.unit}" if value is not None else "-" for value in (figure, self.floor, self.target)]
        return [self.text, self.against_text, *shown, self.verdict(results)]


HEAD = ["workload", "against", "measured", "floor", "target", "verdict"]

TUNNEL = (
    Target("bulk, 1 stream, 1200-byte packets", "Pion v3 forwarder", ("bulk 1 up", "ming-1200", "mbit_s"),
           ("bulk 1 up", "pion", "mbit_s"), 8, 12),
    Target("same, MB per CPU-second", "Pion v3 forwarder", ("bulk 1 up", "ming-1200", "mb_per_cpu_s"),
           ("bulk 1 up", "pion", "mb_per_cpu_s"), 6, 10),
    Target("bulk, agreed path MTU", "own 1200-byte rate", ("bulk 1 up", "ming", "mbit_s"),
           ("bulk 1 up", "ming-1200", "mbit_s"), 1.6, 2.2),
    Target("bulk, 100 streams", "own 1 stream", ("bulk 100 up", "ming", "mbit_s"), ("bulk 1 up", "ming", "mbit_s"), 0.9, 1.0),
    Target("wrk -c 100, keep-alive", "nginx stream, 2 hops", ("wrk 100", "ming", "requests_s"),
           ("wrk 100", "nginx", "requests_s"), 0.8, 1.0),
    Target("ping-pong p50, alone", "Pion v3 forwarder", ("ping-pong", "ming", "p50_us"), ("ping-pong", "pion", "p50_us"), 1.0, 0.5,
           lower=True),
    Target("ping-pong p99, beside bulk", "own p99 alone", ("ping-pong beside bulk", "ming", "p99_us"), ("ping-pong", "ming", "p99_us"),
           5000, 2000, unit=" us more", lower=True, minus=True),
    Target("description known to channel open", "", ("set-up", "ming", "open_ms"), None, 20, 5, unit=" ms", lower=True),
    Target("idle peer connection, memory", "", ("idle peers", "ming", "peer_kb"), None, 150, 80, unit=" KB", lower=True),
    Target("idle stream, memory", "", ("idle streams", "ming", "stream_kb"), None, 8, 2, unit=" KB", lower=True),
    Target("UDP 1200 B, highest rate under 0.1 % loss", "Pion v3 forwarder", ("udp 1200", "ming", "datagrams_s"),
           ("udp 1200", "pion", "datagrams_s"), 5, 10),
    Target("50 ms RTT, no loss, 1 stream", "TCP on the same wire", ("rtt 50 loss 0", "ming", "mbit_s"),
           ("rtt 50 loss 0", "direct", "mbit_s"), 0.6, 0.9),
    Target("50 ms RTT, 1 % loss", "one plain association (Pion's)", ("rtt 50 loss 1", "ming", "mbit_s"),
           ("rtt 50 loss 1", "pion", "mbit_s"), 4, 20),
)

REVERSE = (
    Target("reverse: bulk, 1 stream", "nginx stream, 2 hops", ("reverse bulk 1", "reverse", "mbit_s"),
           ("reverse bulk 1", "nginx", "mbit_s"), 1.0, 1.25),
    Target("reverse: bulk, 100 streams", "nginx stream, 2 hops", ("reverse bulk 100", "reverse", "mbit_s"),
           ("reverse bulk 100", "nginx", "mbit_s"), 1.0, 1.25),
    Target("reverse: CPU per GB and hop", "read/write relay", ("reverse bulk 1", "reverse", "cpu_s_per_gb_hop"),
           ("reverse bulk 1", "copy", "cpu_s_per_gb_hop"), 0.7, 0.5, lower=True),
    Target("reverse: wrk -c 100, keep-alive", "nginx stream, 2 hops", ("reverse wrk 100", "reverse", "requests_s"),
           ("reverse wrk 100", "nginx", "requests_s"), 1.0, 1.15),
    Target("reverse: connection for each request, opened ahead", "nginx stream, 2 hops",
           ("reverse wrk 100 close", "reverse-ahead", "requests_s"), ("reverse wrk 100 close", "nginx", "requests_s"), 0.9, 1.4),
    Target("reverse: idle connection, user memory", "", ("reverse idle", "reverse", "connection_kb"), None, 4, 1.5,
           unit=" KB", lower=True),
)


def rows(results, targets):
    return [HEAD, *(target.row(results) for target in targets)]
