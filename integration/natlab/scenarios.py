"""Worlds beside the matrix: no TURN server, one that refuses or is dead, one transport only. Each has its path or its end."""
import re

from natlab.expected import DIRECT, Expectation
from natlab.matrix import FIRST_BYTE_BOUND, Tunnel, equipped, seconds
from support.cases import Case
from support.processes import Failure, wait_for

DEAD_SERVER = "203.0.113.77"   # nobody is there
NO_PATH = 5                    # exit code
NO_PATH_BOUND = 25.0           # seconds: --connect-timeout is 15
RELAYED_UDP = Expectation("relayed udp", ("relayed udp", "relayed udp"))
RELAYED_TLS = Expectation("relayed tls", ("relayed tls", "relayed tls"))
# The host can reach the client's relay without one of its own.
RELAYED_TLS_OR_STRAIGHT = Expectation("relayed tls", ("relayed tls", "relayed udp or relayed tls"))
NO_SERVERS = ["--stun-server", "none"]
HEADING = "scenario"


def with_turn(turn, *urls, password=None):
    """The flags of ice for chosen TURN URLs, without STUN."""
    flags = turn.flags(password=password, stun=False)
    flags[flags.index("--turn-server") + 1] = ",".join(urls)
    return flags


def expect_path(lab, expectation, ice):
    tunnel = Tunnel(lab, "tcp", ice=ice)
    first = tunnel.use(expectation.paths)
    if first > FIRST_BYTE_BOUND:
        raise Failure(f"{expectation.label}, but the first byte came after {first:.2f} s")
    return {"path": expectation.label, "first_byte_s": round(first, 3), "cell": f"{expectation.label} {seconds(first)}"}


def expect_no_path(lab, ice, reason=None):
    """The client ends with 5 within the bound, its last line says why; the host lives on."""
    tunnel = Tunnel(lab, "tcp", ice=ice)
    took = wait_for(lambda: tunnel.client.child.poll() is not None, NO_PATH_BOUND, "the client gives up")
    text = tunnel.client.text()
    last = text.rstrip().rsplit("\n", 1)[-1]
    if tunnel.client.child.returncode != NO_PATH or "no path" not in last:
        raise Failure(f"the client ended with {tunnel.client.child.returncode}: {last}")
    if reason and not re.search(reason, text):
        raise Failure(f"nothing in the client's log matches '{reason}':\n{text[-2000:]}")
    if tunnel.host.child.poll() is not None:
        raise Failure(f"the host ended with {tunnel.host.child.returncode}")
    return {"path": "no path", "seconds": round(took, 1), "said": last, "cell": f"no path, exit {NO_PATH} after {took:.0f}s"}


def scenario(name, kind_a, kind_b, check, smoke=False):
    def run(arguments):
        with equipped(arguments, kind_a, kind_b) as lab:
            return check(lab)
    return Case(f"scenario/{name}".replace(" ", "-"), run, smoke, (f"{name} ({kind_a} / {kind_b})", "result"), HEADING)


def cases():
    return [
        scenario("symmetric and port-restricted, no TURN", "sym", "port",
                 lambda lab: expect_no_path(lab, ["--stun-server", lab.turn.stun_url()], "a relay helps"), smoke=True),
        scenario("wrong TURN credentials", "sym", "port",
                 lambda lab: expect_no_path(lab, lab.turn.flags("udp", password="wrong"),
                                            r"(?i)turn.*(credential|password|refused|unauthorized)")),
        scenario("punchable, STUN only", "port", "port",
                 lambda lab: expect_path(lab, DIRECT, ["--stun-server", lab.turn.stun_url()])),
        scenario("punchable, neither STUN nor TURN", "port", "port", lambda lab: expect_no_path(lab, NO_SERVERS)),
        scenario("a dead TURN server before a good one", "sym", "port",
                 lambda lab: expect_path(lab, RELAYED_UDP, with_turn(lab.turn, f"turn:{DEAD_SERVER}:3478?transport=udp",
                                                                     lab.turn.turn_url("udp")))),
        scenario("a dead TURN server behind a good one", "sym", "port",
                 lambda lab: expect_path(lab, RELAYED_UDP, with_turn(lab.turn, lab.turn.turn_url("udp"),
                                                                     f"turn:{DEAD_SERVER}:3478?transport=tcp"))),
        scenario("UDP blocked, TURN over UDP only", "udp-blocked", "port",
                 lambda lab: expect_no_path(lab, lab.turn.flags("udp"))),
        scenario("UDP blocked, TURN over TLS only", "udp-blocked", "port",
                 lambda lab: expect_path(lab, RELAYED_TLS_OR_STRAIGHT, lab.turn.flags("tls"))),
        scenario("only port 443 open, TURN over TLS only", "tls-only", "udp-blocked",
                 lambda lab: expect_path(lab, RELAYED_TLS, lab.turn.flags("tls", https=True))),
        scenario("relay only, asked for by the client", "port", "port",
                 lambda lab: expect_path(lab, RELAYED_UDP, [*lab.turn.flags("udp"), "--relay-only"])),
    ]
