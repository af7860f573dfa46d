"""Case T1: who may be a client, and who can read along."""
import hashlib
import hmac
import os
import socket
import subprocess
import threading
import time

from reverse import rt1
from reverse.lab import ask, expect, expect_equal
from support.processes import free_port

TOKEN = "s3cret-of-this-case"


def openssl(lab, *arguments):
    subprocess.run(["openssl", *arguments], cwd=lab.folder, check=True, capture_output=True, timeout=30)


def authority(lab, name):
    openssl(lab, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", f"{name}.key",
            "-out", f"{name}.pem", "-subj", f"/CN={name}", "-addext", "basicConstraints=critical,CA:TRUE")


def certificate(lab, name, issuer, dns=None, days=2):
    """Files <name>.pem and <name>.key, for the DNS name `dns`, or else `name`; expired where `days` is negative."""
    openssl(lab, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}")
    (lab.folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{dns or name}\n")
    openssl(lab, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial", "-days", str(days),
            "-extfile", f"{name}.ext", "-out", f"{name}.pem")


class Tap:
    """Carries connections to port B and keeps what it saw."""

    def __init__(self, port_b):
        self.port_b, self.seen = port_b, bytearray()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.port_b))
            except OSError:
                return
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def carry(self, source, sink):
        try:
            while data := source.recv(65536):
                self.seen += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def control_line(token, moment, nonce):
    mac = hmac.new(token.encode(), f"RT1|CONTROL|scripted|{moment}|{nonce}".encode(), hashlib.sha256).hexdigest()
    return f"RT1 CONTROL id=scripted ts={moment} nonce={nonce} mac={mac}"


def t1_tls(lab, _full):
    """Wrong authority, wrong name, no client certificate, wrong token: refused. The right set is served, and its bytes are unreadable on the wire."""
    for name in ("right", "wrong"):
        authority(lab, name)
    certificate(lab, "tunnel", "right")
    certificate(lab, "alpha", "right")
    certificate(lab, "stranger", "wrong", dns="alpha")
    certificate(lab, "former", "right", dns="alpha", days=-1)
    for name, text in (("token", TOKEN), ("other-token", "guess")):
        path = lab.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)

    def path(name):
        return str(lab.folder / name)

    server = lab.reverse_server("--tls-cert", path("tunnel.pem"), "--tls-key", path("tunnel.key"), "--tls-client-ca", path("right.pem"), "--token-file",
                       path("token"))
    tap = Tap(lab.b)
    port_b, lab.b = lab.b, tap.port
    right = {"--tls-ca": path("right.pem"), "--tls-name": "tunnel", "--tls-cert": path("alpha.pem"), "--tls-key": path("alpha.key"),
             "--token-file": path("token"), "--id": "alpha"}
    untrusted = "AUTH (certificate)"
    wrong = {"authority": ({"--tls-ca": path("wrong.pem")}, "issuer is unknown"),
             "name": ({"--tls-name": "elsewhere"}, "does not match"),
             "no-certificate": ({"--tls-cert": None, "--tls-key": None}, untrusted),
             "strange-certificate": ({"--tls-cert": path("stranger.pem"), "--tls-key": path("stranger.key")}, untrusted),
             "expired-certificate": ({"--tls-cert": path("former.pem"), "--tls-key": path("former.key")}, untrusted),
             "other-id": ({"--id": "beta"}, "AUTH (the certificate is for another id)"),
             "token": ({"--token-file": path("other-token")}, "AUTH (token)")}
    target = lab.service("echo")
    codes = {}
    for what, (changes, words) in wrong.items():
        flags = [word for flag, value in {**right, **changes}.items() if value for word in (flag, value)]
        client = lab.reverse_client(target, "--tls", *flags, name=what, wait=False)
        codes[what] = client.child.wait(20)
        last = client.text().splitlines()[-1]
        expect(codes[what] == 4 and last.startswith("ming: ") and words in last, f"{what}: exit code {codes[what]}, {last}")
        expect("event=client_up" not in client.text(), f"{what} came up")
    server.wait_for_line("event=data_rejected code=AUTH")
    stubborn = lab.reverse_client(target, "--tls", "--retry-auth", *(word for pair in {**right, "--id": "beta"}.items() for word in pair),
                                  name="stubborn", wait=False)
    stubborn.wait_for_line("event=reconnect_wait(.|\n)*event=reconnect_wait")
    expect_equal(stubborn.stop(), 0, "exit code")
    lab.reverse_client(target, "--tls", *(word for pair in right.items() for word in pair))
    marker = b"readable only at the ends " * 4
    with lab.call() as caller:
        expect_equal(ask(caller, marker, half_close=True), marker, "echo")
    expect(len(tap.seen) > 1000 and marker[:26] not in tap.seen and b"RT1" not in tap.seen, "the wire shows what was sent")
    tap.listener.close()
    lab.b = port_b
    return {"codes": codes}


def t1_token(lab, _full):
    """A replayed nonce, a clock that is 120 s off and a wrong token are refused; a token never stands in a log."""
    path = lab.folder / "token"
    path.write_text(TOKEN + "\n")
    path.chmod(0o600)
    server = lab.reverse_server("--token-file", str(path))
    now = int(time.time())
    good = control_line(TOKEN, now, os.urandom(16).hex())
    with rt1.link(lab.b) as lines:
        lines.send(good)
        lines.expect("OK")
    for what, line in (("replayed", good), ("120 s late", control_line(TOKEN, now - 120, os.urandom(16).hex())),
                       ("120 s early", control_line(TOKEN, now + 120, os.urandom(16).hex())),
                       ("wrong token", control_line("guess", now, os.urandom(16).hex())), ("no proof", "RT1 CONTROL id=scripted")):
        with rt1.link(lab.b) as lines:
            lines.send(line)
            expect(lines.line().startswith("ERR AUTH"), f"{what}: not refused")
            lines.expect_end()
    client = lab.reverse_client(free_port(), "--token-file", str(path))
    expect(TOKEN not in server.text() + client.text(), "the token stands in a log")
    return {}


def t2_expired_server(lab, _full):
    """A server whose certificate has expired is refused for good: exit code 4, and the reason."""
    authority(lab, "right")
    certificate(lab, "former", "right", dns="tunnel", days=-1)
    lab.reverse_server("--tls-cert", lab.folder / "former.pem", "--tls-key", lab.folder / "former.key")
    client = lab.reverse_client(1, "--tls", "--tls-ca", lab.folder / "right.pem", "--tls-name", "tunnel", wait=False)
    expect_equal(client.child.wait(20), 4, "exit code")
    expect("expired" in client.text().splitlines()[-1], client.text()[-300:])
    return {}


def t5_one_end_only(lab, _full):
    """TLS at one end only: both kinds of client say what may be wrong."""
    authority(lab, "right")
    certificate(lab, "tunnel", "right")
    server = lab.reverse_server("--tls-cert", lab.folder / "tunnel.pem", "--tls-key", lab.folder / "tunnel.key")
    plain = lab.reverse_client(1, name="plain", wait=False)
    plain.wait_for_line("wants TLS")  # in the last line where the alert came before the reset
    expect_equal(server.stop(), 0, "exit code of the server")
    lab.reverse_server(name="server-plain")
    secure = lab.reverse_client(1, "--tls", "--tls-ca", lab.folder / "right.pem", "--tls-name", "tunnel", name="secure", wait=False)
    secure.wait_for_line("does it speak TLS")
    secure.wait_for_line("event=reconnect_wait")
    return {}


CASES = [t1_tls, t1_token, t2_expired_server, t5_one_end_only]
