"""coturn in the public segment: STUN with RFC 5780, TURN over UDP, TCP and TLS, with a certificate made for the run."""
import subprocess

from support.processes import wait_for

USER, PASSWORD, REALM = "lab", "lab-secret", "lab.test"
PORT, TLS_PORT, HTTPS_PORT = 3478, 5349, 443


def host_of(address):
    return f"[{address}]" if ":" in address else address


def make_certificate(folder, name, addresses):
    """A self-signed certificate for addresses and a name; (certificate file, key file)."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    names = ",".join([f"DNS:{name}.test", *(f"IP:{address}" for address in addresses)])
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", f"/CN={name}.test", "-addext", f"subjectAltName={names}",
                    "-keyout", str(key), "-out", str(certificate)], capture_output=True, check=True)
    return certificate, key


class Coturn:
    """One TURN server; .address is what `ming` is told, .ca_file what signs it."""

    def __init__(self, space, folder, addresses, udp=True, tcp=True, tls=True):
        self.space, self.addresses = space, addresses
        self.transports = [name for name, on in (("udp", udp), ("tcp", tcp), ("tls", tls)) if on]
        self.user, self.password = USER, PASSWORD
        self.folder = folder
        self.ca_file, key = make_certificate(folder, "turn", addresses)
        options = ["--lt-cred-mech", "--fingerprint", "--no-cli", "--no-dtls", "--no-multicast-peers", "--verbose",
                   "--log-file=stdout", "--simple-log",
                   f"--realm={REALM}", f"--user={USER}:{PASSWORD}", f"--listening-port={PORT}",
                   f"--tls-listening-port={TLS_PORT}", f"--alt-tls-listening-port={HTTPS_PORT}", "--min-port=50000",
                   "--max-port=59999", f"--cert={self.ca_file}", f"--pkey={key}", f"--pidfile={folder}/turn.pid",
                   f"--userdb={folder}/turn.db"]
        options += [f"--listening-ip={address}" for address in addresses] + [f"--relay-ip={address}" for address in addresses]
        options += [flag for flag, on in (("--no-udp", udp), ("--no-tcp", tcp), ("--no-tls", tls)) if not on]
        self.process = space.start("coturn", "turnserver", "-c", "/dev/null", *options)
        self.wait_ready()

    def wait_ready(self):
        """Until it answers on the ports that it serves."""
        address = self.addresses[0]
        if "udp" in self.transports:
            wait_for(lambda: stun_answers(self.space, address, PORT), 15, "coturn answers STUN")
        if "tcp" in self.transports:
            wait_for(lambda: self.space.can_connect(address, PORT), 15, "coturn listens for TCP")
        if "tls" in self.transports:
            wait_for(lambda: self.space.can_connect(address, TLS_PORT), 15, "coturn listens for TLS")

    def address(self, ipv6=False):
        return next(host_of(a) for a in self.addresses if (":" in a) == ipv6)

    def stun_url(self, ipv6=False):
        return f"stun:{self.address(ipv6)}:{PORT}"

    def turn_url(self, transport, ipv6=False, port=None):
        """`transport`: udp, tcp or tls; `port` where it is not the usual one."""
        if transport == "tls":
            return f"turns:{self.address(ipv6)}:{port or TLS_PORT}?transport=tcp"
        return f"turn:{self.address(ipv6)}:{port or PORT}?transport={transport}"

    def _password_file(self, password):
        path = self.folder / f"password-{password}"
        path.touch(0o600)
        path.write_text(password)
        return path

    def flags(self, *transports, stun=True, ipv6=(False,), password=None, https=False):
        """What a `ming host` or `ming client` is given to use it: all its transports unless told. `https`: TLS on port 443."""
        families = list(ipv6)
        turn = [self.turn_url(transport, family, HTTPS_PORT if https and transport == "tls" else None)
                for family in families for transport in transports or self.transports]
        stun_servers = [self.stun_url(family) for family in families] if stun and "udp" in self.transports else []
        return ["--stun-server", ",".join(stun_servers) or "none", "--turn-server", ",".join(turn),
                "--turn-username", self.user,
                "--turn-password-file", str(self._password_file(password or self.password)), "--ca-file", str(self.ca_file)]


def stun_answers(space, address, port):
    """One Binding request (RFC 8489) from inside the namespace."""
    request = bytes.fromhex("000100002112a442") + bytes(range(12))
    try:
        with space.udp_socket("::" if ":" in address else None) as sock:
            sock.settimeout(0.2)
            sock.sendto(request, (address, port))
            return sock.recv(2048)[8:20] == request[8:20]
    except OSError:
        return False
