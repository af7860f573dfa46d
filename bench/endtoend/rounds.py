"""What every group of workloads does: start its parties once, then go round, each party one workload after the other."""
import dataclasses
import subprocess
import sys

from endtoend.parties import PARTIES
from endtoend.places import SERVICE_PORT, loopback_place
from support.processes import Failure, wait_for


@dataclasses.dataclass
class Bench:
    """What every group gets."""
    run: object          # natlab.namespaces.Run
    tools: object
    results: object
    rounds: int
    seconds: float       # of one measurement
    only: tuple          # parties asked for; empty: all of the group

    def parties(self, names):
        """Those of `names` that are to run: what was asked for, and what exists."""
        return [name for name in names if self.tools.has(name) and (not self.only or name in self.only)]


def prepare(bench, names, protocol="tcp", make_place=loopback_place):
    """Starts those of `names` that are to run, each in a place of its own: {name: party}. Who cannot start is void in all that follows."""
    started = {}
    for name in bench.parties(names):
        party = PARTIES[name](make_place(bench.run, f"{len(bench.run.namespaces)}-{name}"), bench.tools, protocol)
        try:
            party.start()
            started[name] = party
        except Failure as error:
            party.stop()
            bench.results.fail("start", name, error)
            print(f"  {name} did not start: {error}", file=sys.stderr, flush=True)
    print(f"  ready: {' '.join(started)}", file=sys.stderr, flush=True)
    return started


def interleave(bench, parties, workloads, rounds=None):
    """`workloads`: {name: function(party) -> metrics}. A-B-A-B; the first failure of a party in a workload voids it there."""
    rounds = rounds or bench.rounds
    for number in range(rounds):
        for name, function in workloads.items():
            for party in parties.values():
                if bench.results.void(name, party.name):
                    continue
                try:
                    party.renew()
                    bench.results.add(name, party.name, function(party))
                except (Failure, OSError, subprocess.SubprocessError) as error:
                    bench.results.fail(name, party.name, error)
                    print(f"  void: {name}, {party.name}: {error}", file=sys.stderr, flush=True)
        print(f"  round {number + 1} of {rounds}", file=sys.stderr, flush=True)


def stop(parties):
    for party in parties.values():
        party.stop()


def start_web_servers(parties):
    """nginx with a small file as the service of each."""
    for party in parties.values():
        folder = party.folder / "web"
        folder.mkdir()
        (folder / "small").write_text("x" * 64)
        config = folder / "nginx.conf"
        temporary = " ".join(f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config.write_text(
            f"user root; daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr error;\n"
            "events { worker_connections 32768; }\n"
            f"http {{ access_log off; keepalive_requests 100000000; {temporary} open_file_cache max=10;\n"
            f"server {{ listen 127.0.0.1:{SERVICE_PORT} backlog=16384; root {folder}; }} }}\n")
        far = party.place.far
        far.start(f"web-{party.name}", "/usr/sbin/nginx", "-e", "stderr", "-p", folder, "-c", config)
        wait_for(lambda far=far: far.can_connect("127.0.0.1", SERVICE_PORT), 10, "the web server listens")
