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


def certificate(lab, name, issuer):
    """Files <name>.pem and <name>.key, for the DNS name `name`."""
    openssl(lab, "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}")
    (lab.folder / f"{name}.ext").write_text(f"subjectAltName=DNS:{name}\n")
    openssl(lab, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{issuer}.pem", "-CAkey", f"{issuer}.key", "-CAcreateserial", "-days", "2",
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
    certificate(lab, "stranger", "wrong")
    for name, text in (("token", TOKEN), ("other-token", "guess")):
        path = lab.folder / name
        path.write_text(text + "\n")
        path.chmod(0o600)

    def path(name):
        return str(lab.folder / name)

    lab.reverse_server("--tls-cert", path("tunnel.pem"), "--tls-key", path("tunnel.key"), "--tls-client-ca", path("right.pem"), "--token-file",
                       path("token"))
    tap = Tap(lab.b)
    port_b, lab.b = lab.b, tap.port
    right = {"--tls-ca": path("right.pem"), "--tls-name": "tunnel", "--tls-cert": path("alpha.pem"), "--tls-key": path("alpha.key"),
             "--token-file": path("token"), "--id": "alpha"}
    wrong = {"authority": {"--tls-ca": path("wrong.pem")}, "name": {"--tls-name": "elsewhere"},
             "no-certificate": {"--tls-cert": None, "--tls-key": None},
             "strange-certificate": {"--tls-cert": path("stranger.pem"), "--tls-key": path("stranger.key")},
             "other-id": {"--id": "beta"}, "token": {"--token-file": path("other-token")}}
    target = lab.service("echo")
    codes = {}
    for what, changes in wrong.items():
        flags = [word for flag, value in {**right, **changes}.items() if value for word in (flag, value)]
        client = lab.reverse_client(target, "--tls", "--no-reconnect", *flags, name=what, wait=False)
        codes[what] = client.child.wait(20)
        expect(codes[what] in (3, 4) and "event=client_up" not in client.text(), f"{what}: exit code {codes[what]}")
    expect_equal(codes["token"], 4, "exit code with a wrong token")
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


CASES = [t1_tls, t1_token]
