"""Is a router of the laboratory what its name says? By RFC 5780 discovery from inside, with coturn's natdiscovery."""
import concurrent.futures
import re

from natlab.lab import Lab
from natlab.routers import KINDS
from support.cases import Case
from support.processes import Failure

MAPPING = {"independent": "Endpoint Independent Mapping", "preserving": "Endpoint Independent Mapping",
           "dependent": "Address and Port Dependent Mapping"}
FILTERING = {"endpoint": "Endpoint Independent Filtering", "address": "Address Dependent Filtering",
             "port": "Address and Port Dependent Filtering"}
STRICTEST = {"double": "port", "double-sym": "sym"}  # what two translators in a row look like


def discover(arguments, name):
    """What natdiscovery says about a kind, in words; Failure if it is not what the kind promises."""
    kind, looks = KINDS[name], KINDS[STRICTEST.get(name, name)]
    with Lab(arguments.ming, name, "port", keep_logs=arguments.keep_logs) as lab:
        turn = lab.coturn()
        server = turn.addresses[0] if kind.ipv4 else next(a for a in turn.addresses if ":" in a)
        said = lab.home_a.run("turnutils_natdiscovery", "-m", "-f", "-H", server, check=False, timeout=60).stdout
        if not kind.udp:
            if "UDP reflexive addr" in said:
                raise Failure(f"{name}: UDP came through:\n{said}")
            traffic = lab.traffic(lab.router_a)
            if traffic["udp_in"] or not traffic["udp_blocked"]:
                raise Failure(f"{name}: {traffic}")
            return "UDP blocked"
        for want in (MAPPING[looks.mapping], FILTERING[looks.filtering]):
            if f"NAT with {want}!" not in said:
                raise Failure(f"{name}: not '{want}':\n{said[-3000:]}")
        ports = re.findall(r"reflexive addr: .*:(\d+)\n.*Local addr: .*:(\d+)", said)
        preserved = bool(ports) and all(public == local for public, local in ports)
        translated = kind.ipv4 and looks.mapping != "preserving"
        if preserved == translated:
            raise Failure(f"{name}: public and local ports are {ports}")
        if kind.ipv4 and ("successful hairpinning" in said) != kind.hairpin:
            raise Failure(f"{name}: hairpin is {'' if kind.hairpin else 'not '}expected:\n{said[-3000:]}")
        return f"{MAPPING[looks.mapping]}, {FILTERING[looks.filtering]}".replace("Endpoint ", "").lower()


class Discoveries:
    """All kinds at once at the first use, since each is mostly waiting; every kind is a case of its own."""

    def __init__(self):
        self.pool, self.found = None, {}

    def result(self, arguments, name):
        if not self.pool:
            self.pool = concurrent.futures.ThreadPoolExecutor(4)
            wanted = [name] if arguments.only else KINDS
            self.found = {kind: self.pool.submit(discover, arguments, kind) for kind in wanted}
        if name not in self.found:
            self.found[name] = self.pool.submit(discover, arguments, name)
        return self.found[name].result()


def cases():
    discoveries = Discoveries()

    def case(name):
        def run(arguments):
            said = discoveries.result(arguments, name)
            return {"discovered": said, "cell": said}
        return Case(f"kind/{name}", run, cell=(name, "by RFC 5780 discovery"), table="kind")
    return [case(name) for name in KINDS]
