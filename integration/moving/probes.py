"""What is asked of the tunnel ten times a second, to see when it works: fresh connections, or datagrams of one flow."""
import dataclasses
import socket
import threading
import time
import typing

from natlab.lab import LOCAL_PORT
from support.processes import Failure
from support.transfer import Side

INTERVAL = 0.1
PROMPT = 2.0     # a probe that takes longer did not find a working tunnel
PATIENCE = 12.0  # how long one is followed


@dataclasses.dataclass
class Probe:
    """Times of the monotonic clock."""
    started: float
    answered: typing.Optional[float] = None

    @property
    def prompt(self):
        return self.answered is not None and self.answered - self.started <= PROMPT


class Probes:
    """Runs until `close`; a subclass says what one probe is."""

    def __init__(self, lab):
        self.lab = lab
        self.probes = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.stopped.wait(INTERVAL):
            self.begin(self.note())

    def note(self):
        self.probes.append(Probe(time.monotonic()))
        return self.probes[-1]

    def begin(self, probe):
        raise NotImplementedError

    def close(self):
        self.stopped.set()
        self.thread.join()

    def working_since(self, moment):
        """Seconds from `moment` to the answer of the first probe begun after it from which on all are answered promptly.

        None if there is none yet. The youngest may still be on their way."""
        began_after = [probe for probe in self.probes if probe.started >= moment]
        now, first = time.monotonic(), None
        for probe in reversed(began_after):
            if probe.prompt:
                first = probe
            elif now - probe.started > PROMPT:
                break
        return first.answered - moment if first else None

    def wait_until_working(self, moment, seconds, steady=1.0):
        """working_since, once it held for `steady` seconds."""
        while time.monotonic() - moment < seconds + steady:
            since = self.working_since(moment)
            if since is not None and time.monotonic() - moment - since > steady:
                return since
            time.sleep(0.05)
        raise Failure(f"the tunnel did not work again within {seconds} s")

    def longest_silence(self, begin, end):
        """The longest time between two answers in a while."""
        answers = sorted(p.answered for p in self.probes if p.answered is not None and begin <= p.answered <= end)
        marks = [begin, *answers, end]
        return max(after - before for before, after in zip(marks, marks[1:]))


class ConnectionProbes(Probes):
    """Each a new TCP connection through the tunnel, with one byte each way."""

    def begin(self, probe):
        threading.Thread(target=self.attempt, args=(probe,), daemon=True).start()

    def attempt(self, probe):
        try:
            with self.lab.home_a.connect("127.0.0.1", LOCAL_PORT, timeout=PATIENCE) as stream:
                side = Side(stream, PATIENCE)
                stream.sendall((1).to_bytes(8, "big") * 2)
                if side.exchange(send=1, receive=1)["outcome"] == "complete":
                    probe.answered = time.monotonic()
        except OSError:
            pass  # it was not answered


class DatagramProbes(Probes):
    """Numbered datagrams of one flow, from one socket to the end."""

    def __init__(self, lab):
        self.sock = lab.home_a.udp_socket("127.0.0.1")
        self.sock.connect(("127.0.0.1", LOCAL_PORT))
        self.sock.settimeout(INTERVAL)
        self.listener = threading.Thread(target=self.listen, daemon=True)
        super().__init__(lab)
        self.listener.start()

    def begin(self, probe):
        try:
            self.sock.send(len(self.probes).to_bytes(8, "big"))
        except OSError:
            pass  # the client does not listen yet

    def listen(self):
        while not self.stopped.is_set():
            try:
                number = int.from_bytes(self.sock.recv(64), "big")
                self.probes[number - 1].answered = self.probes[number - 1].answered or time.monotonic()
            except socket.timeout:
                continue
            except OSError:
                time.sleep(INTERVAL)

    def close(self):
        super().close()
        self.listener.join()
        self.sock.close()
