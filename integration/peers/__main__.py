#!/usr/bin/python3
"""ming against peers that are not its code: Pion, aiortc, Chromium in both roles, WebSocket clients at its signaling server.

The client offers, so the client of a cell is its offerer, its host the answerer; the answerer is DTLS client (active) or
server (passive). Runs in a network namespace of its own. The smoke set has one cell of every client, with less data.
"""
import contextlib
import re
import subprocess
import sys
import tempfile

from peers import probes
from peers.world import SENDS, TAKES, GoPrograms, World, prepare_network, require, versions
from support.cases import Case, has_own_network_namespace, in_own_network_namespace, parse_arguments, run_suite
from support.processes import Failure, Skip

CLIENTS = ("ming", "Pion", "Pion old", "aiortc", "Chromium")
# Two foreign peers meet through our server only where that is the signaling server's proof: at a Pion host.
PAIRS = [(host, client) for host in ("ming", "Pion") for client in CLIENTS] + [("aiortc", "ming"), ("Chromium", "ming")]
MIB = 1 << 20
MATRIX = "answerer / offerer"


def flags_of(host, client, protocol, answers):
    """(flags of the host, flags of the client).

    Where the answerer of TCP is passive, the foreign peer also sends the longest messages that the other takes, with an empty
    one before each.
    """
    if answers == "active":
        return (), ()
    if host == client == "ming":
        raise Skip("ming answers active to every offer that lets it choose, and its own offers do")
    if (host, client) == ("ming", "aiortc"):
        raise Skip("aiortc numbers its channels by its ICE role, not by its DTLS role (RFC 8832, section 6): as offerer it has "
                   "to be DTLS server")

    def long_messages(kind, other):
        if protocol == "udp":
            return ()
        return ("--message-size", str(min(SENDS[kind], TAKES[other])), "--empty-messages")
    host_flags = () if host == "ming" else ("--setup", "passive", *long_messages(host, client.split()[0]))
    client_flags = () if client == "ming" else long_messages(client, host)
    if host == "ming":
        client_flags += ("--setup", "active")  # which leaves the answerer no choice
    return host_flags, client_flags


def tcp_probes(world, host, client, full):
    one_only = client == "Pion old"  # one connection in its life: only one of the probes
    size = (100 if full else 8) * MIB
    details = {"mbit_per_s": probes.bulk(world, size)}
    if not one_only:
        close = (4 if full else 1) * MIB
        details["end_after_s"] = probes.close_by_application(world, close)
        probes.close_by_service(world, close)
        channels = 200 if full else 20
        opening = 15 if host == client == "Pion" else channels  # docs/interop.md tells why
        probes.channels_at_once(world, channels, 65536, opening)
        if "ming" in (host, client) and client != "aiortc":  # and why not the others
            probes.channels_at_once(world, channels, 1000, opening)
    details["cell"] = f"{details['mbit_per_s']} Mbit/s"
    return details


def udp_probes(world, host, client, full):
    with probes.udp_socket() as sock:
        drops_oversize = "ming" in (host, client) and client not in ("Pion", "Pion old")
        repeated = probes.datagram_sizes(sock, world, drops_oversize)
        repeated += probes.numbered_datagrams(sock, world, 1000)
        if client != "Pion old":  # it answers the first source for ever
            mbit, again = probes.bulk_datagrams(world, (100 if full else 2) * MIB)
            repeated += again + probes.sources_at_once(world, 200 if full else 20)
            return {"mbit_per_s": mbit, "repeated": repeated, "cell": f"{mbit} Mbit/s"}
    return {"repeated": repeated, "cell": "1000 echoes"}


def matrix_case(host, client, protocol, answers, go_programs):
    def run(arguments):
        require(host, client)
        host_flags, client_flags = flags_of(host, client, protocol, answers)
        full = arguments.set == "full"
        with case_world(arguments, go_programs) as world:
            world.server()
            world.start_host(host, world.serve(protocol), protocol, *host_flags)
            world.start_client(client, protocol, *client_flags)
            return tcp_probes(world, host, client, full) if protocol == "tcp" else udp_probes(world, host, client, full)
    name = "/".join((f"{host}-host", f"{client}-client", protocol, answers)).replace(" ", "-").lower()
    return Case(name, run, smoke=host == "ming" and protocol == "tcp" and answers == "active" and client != "Pion old",
                cell=(f"{host} host, {protocol.upper()}, answers {answers}", f"{client} client"), table=MATRIX)


def page_case(go_programs):
    """A page that makes and hashes all bytes itself: the browser is the application."""
    def run(arguments):
        require("ming", "Chromium")
        size = (100 if arguments.set == "full" else 8) * MIB
        with case_world(arguments, go_programs) as world:
            world.server()
            world.start_host("ming", world.serve("tcp"), "tcp")
            page = world.start_client("Chromium", "tcp", "--exchange", str(size))
            page.wait_for_line("exchange: .*\n", 300)
            said = re.search("exchange: (.*)", page.text())[1]
            if not re.fullmatch(r"[0-9.]+", said):
                raise Failure(f"the page says {said}")
            world.service.wait_for_line(f'"outcome": "complete".*"received": {size}')
            mbit = probes.rate(size, float(said))
            return {"mbit_per_s": mbit, "cell": f"{mbit} Mbit/s"}
    return Case("ming-host/chromium-page/tcp", run, smoke=True, cell=("ming host, TCP, the page hashes", "Chromium client"),
                table=MATRIX)


# A check of the WebSocket clients, and the flags of the server that it needs.
SIGNALING_CHECKS = {
    "forwards-both-ways": (), "duplicate-id": (), "empty-id": (), "unknown-target": (), "answers-pings": (),
    "sends-pings": ("--ping-interval", "1s", "--peer-timeout", "3s"),
    "silent-peer": ("--ping-interval", "1s", "--peer-timeout", "3s"),
    "silent-newcomer": ("--first-message-timeout", "1s"), "size-limit": (), "fragments": (), "close-codes": (),
    "binary-frame": (), "bad-text": (), "token": ("--valid-tokens", "right"), "many-connections": (),
}


def signaling_case(library, check, flags, go_programs):
    """One check of a WebSocket library at the signaling server."""
    def run(arguments):
        require(library)
        with case_world(arguments, go_programs) as world:
            world.server(*flags)
            program = [sys.executable, "-m", "peers.websockets_client"]
            if library == "Gorilla":
                program = [go_programs.path("gorilla")]
            pairs = 450 if arguments.set == "full" else 50
            command = [*program, "--url", f"ws://127.0.0.1:{world.signal_port}", "--check", check, "--count", str(pairs)]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
            if done.returncode:
                raise Failure(done.stderr[-2000:])
            return {"cell": f"{2 * pairs} at once" if check == "many-connections" else "holds"}
    return Case(f"signaling/{library}/{check}".lower(), run, smoke="pings" not in check and "silent" not in check,
                cell=(check, library), table="signaling server")


@contextlib.contextmanager
def case_world(arguments, go_programs):
    """A world that ends with the case; the last log lines where that failed."""
    world = World(arguments.ming, go_programs)
    failed = True
    try:
        yield world
        failed = False
    except (Failure, OSError, subprocess.SubprocessError) as error:
        logs = "".join(f"\n--- {p.name} (last lines)\n" + "\n".join(p.text().splitlines()[-15:]) for p in world.processes)
        raise Failure(f"{type(error).__name__}: {error}{logs}\nlogs: {world.folder}") from error
    finally:
        world.close(keep_logs=failed or arguments.keep_logs)


def main():
    arguments = parse_arguments(__doc__)
    in_own_network_namespace()
    if has_own_network_namespace():
        prepare_network()
    print("peers:", ", ".join(f"{peer} {version}" for peer, version in versions().items()), flush=True)
    with tempfile.TemporaryDirectory(prefix="ming-peers-go-") as folder:
        go_programs = GoPrograms(folder)
        cases = [matrix_case(host, client, protocol, answers, go_programs)
                 for protocol in ("tcp", "udp") for answers in ("active", "passive") for host, client in PAIRS]
        cases.append(page_case(go_programs))
        cases += [signaling_case(library, check, flags, go_programs)
                  for library in ("Gorilla", "websockets") for check, flags in SIGNALING_CHECKS.items()]
        return run_suite("peers", cases, arguments)


if __name__ == "__main__":
    sys.exit(main())
