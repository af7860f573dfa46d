"""Acceptance cases: `ming conformance` against `ming host` and `ming client`. Every protocol case has to hold."""
import json
import subprocess

from support.processes import Failure, free_port

# Of a client every case needs an offer of its own, half a second each: the smoke set takes a sample of each group.
CLIENT_SAMPLE = ("server/answer,signaling/description,signaling/early,sdp/form,sdp/session-level,ice/check-form,ice/role-conflict,"
                 "ice/wrong-password,dtls/as-,dtls/wrong-fingerprint,sctp/,dcep/,tunnel/bytes,tunnel/burst,tunnel/datagrams,"
                 "tunnel/close-delivers,tunnel/far-close,x-ming/half-close,x-ming/keeps-credit")


def judge(lab, role, protocol, *flags):
    """Runs the command; the number of cases that hold. Failure names those that do not, or were skipped."""
    done = subprocess.run([lab.ming, "conformance", "--role", role, "--protocol", protocol, "--signal",
                           f"ws://127.0.0.1:{lab.signal_port}", "--id", "myhost", "--json", *flags],
                          capture_output=True, text=True, check=False, timeout=600, env=lab.env)
    try:
        report = json.loads(done.stdout)
    except ValueError as error:
        raise Failure(f"exit code {done.returncode}, no report: {done.stdout[-500:]}{done.stderr[-500:]}") from error
    others = [f"{one['verdict']} {one['id']}: {one['detail']}" for one in report["results"] if one["verdict"] != "holds"]
    if others or done.returncode != 0 or report["version"] != 1:
        raise Failure(f"exit code {done.returncode}: " + "; ".join(others))
    return report["holds"]


def of_host(lab, protocol, *flags):
    port = free_port()
    lab.server()
    lab.host(port, protocol=protocol)
    return judge(lab, "host", protocol, "--target", f"127.0.0.1:{port}", *flags)


def of_client(lab, protocol, *flags):
    lab.server()
    lab.client(protocol=protocol)
    return judge(lab, "client", protocol, "--local", f"127.0.0.1:{lab.local_port}", *flags)


def conformance_host(lab, _full):
    """All cases against a TCP host."""
    return {"hold": of_host(lab, "tcp")}


def conformance_client(lab, full):
    """Cases against a TCP client: all of them, or a sample of each group."""
    return {"hold": of_client(lab, "tcp", *(() if full else ("--only", CLIENT_SAMPLE)))}


def conformance_udp_host(lab, full):
    """The same against a UDP host: all of them, or those of its channels and datagrams."""
    return {"hold": of_host(lab, "udp", *(() if full else ("--only", "dcep/,tunnel/")))}


def conformance_udp_client(lab, full):
    """The same against a UDP client."""
    return {"hold": of_client(lab, "udp", *(() if full else ("--only", "dcep/,tunnel/")))}


CASES = [conformance_host, conformance_client, conformance_udp_host, conformance_udp_client]
