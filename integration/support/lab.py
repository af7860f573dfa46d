"""One tunnel on loopback: the signaling server, a host, a client, and what stands behind the host."""
import hashlib
import os
import pathlib
import subprocess
import tempfile

from support.processes import Failure, Process, can_connect, connect, free_port, wait_for


def read_all(stream):
    parts = []
    while True:
        part = stream.recv(1 << 20)
        if not part:
            return b"".join(parts)
        parts.append(part)


def http_get(port, path, sink=None):
    """Body of one HTTP/1.0 GET: its SHA-256 and length."""
    digest, length = hashlib.sha256(), 0
    with connect(port, 60) as stream:
        stream.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        head = b""
        while b"\r\n\r\n" not in head:
            part = stream.recv(65536)
            if not part:
                raise Failure(f"GET {path}: ended inside the response head ({len(head)} bytes)")
            head += part
        head, body = head.split(b"\r\n\r\n", 1)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise Failure(f"GET {path}: {head[:80]!r}")
        body = body or stream.recv(1 << 20)
        while body:
            digest.update(body)
            length += len(body)
            body = stream.recv(1 << 20)
            if sink:
                sink(length)
    return digest.hexdigest(), length


def run_in(lab, work, keep_logs):
    """work(lab), then the lab's end. A failure brings the last log lines of the program under test and keeps the folder."""
    failed = True
    try:
        details = work(lab)
        failed = False
        return details
    except (Failure, OSError, subprocess.SubprocessError, StopIteration, LookupError, ValueError) as error:
        logs = "".join(f"\n--- {p.name} (last lines)\n" + "\n".join(p.text().splitlines()[-12:]) for p in lab.processes
                       if lab.is_under_test(p))
        raise Failure(f"{type(error).__name__}: {error}{logs}\nlogs: {lab.folder}") from error
    finally:
        lab.close(keep_logs=failed or keep_logs)


class Lab:
    """A folder, ports and processes that end with the case."""

    def __init__(self, ming, prefix):
        self.ming = str(ming)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=prefix))
        self.processes = []
        self.signal_port = free_port()
        self.local_port = free_port()
        self.env = dict(os.environ, MING_STUN_SERVER="none")

    def start(self, name, *arguments, env=None):
        process = Process(name, arguments, self.folder, env or self.env)
        self.processes.append(process)
        return process

    def is_under_test(self, process):
        """Whether it runs the program under test, by whatever name."""
        return any(pathlib.Path(word).resolve() == pathlib.Path(self.ming) for word in process.words if word.startswith("/"))

    def server(self, *extra):
        process = self.start("server", self.ming, "--mode", "server", "--addr", f"127.0.0.1:{self.signal_port}",
                             "-alsologtostderr", *extra)
        wait_for(lambda: can_connect(self.signal_port), 10, "signaling server listens")
        return process

    def host(self, remote_port, *extra, protocol="tcp", wait=True):
        process = self.start("host", self.ming, "--mode", "host", "--signal", f"ws://127.0.0.1:{self.signal_port}",
                             "--id", "myhost", "--protocol", protocol, "--remote", f"127.0.0.1:{remote_port}",
                             "-alsologtostderr", *extra)
        if wait:
            self.wait_registered()
        return process

    def wait_registered(self, count=None):
        server = next(p for p in reversed(self.processes) if p.name == "server")
        server.wait_for_line("Host registered: myhost")

    def client(self, *extra, protocol="tcp"):
        return self.start("client", self.ming, "--mode", "client", "--signal", f"ws://127.0.0.1:{self.signal_port}",
                          "--id", "myhost", "--protocol", protocol, "--local", f"127.0.0.1:{self.local_port}",
                          "-alsologtostderr", *extra)

    def tunnel(self, remote_port, protocol="tcp", client_flags=(), host_flags=()):
        """server, host and client with the command lines of the quick start; (server, host, client)."""
        server = self.server()
        host = self.host(remote_port, *host_flags, protocol=protocol)
        client = self.client(*client_flags, protocol=protocol)
        if protocol == "tcp":
            wait_for(lambda: can_connect(self.local_port), 15, "client listens")
        else:
            client.wait_for_line(r"(?i)connected")
        return server, host, client

    def nginx(self):
        """Serves self.folder/www; its port."""
        www = self.folder / "www"
        www.mkdir(exist_ok=True)
        port = free_port()
        config = self.folder / "nginx.conf"
        config.write_text(
            f"daemon off; master_process off; pid {self.folder}/nginx.pid; error_log stderr warn;\n"
            "events { worker_connections 4096; }\n"
            f"http {{ access_log off; client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2;\n"
            f"fastcgi_temp_path {self.folder}/t3; uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;\n"
            f"keepalive_requests 10000000; sendfile on; server {{ listen 127.0.0.1:{port} backlog=4096; root {www}; }} }}\n")
        if os.geteuid() == 0:
            config.write_text("user root;\n" + config.read_text())
        self.start("nginx", "/usr/sbin/nginx", "-e", "stderr", "-p", self.folder, "-c", config)
        wait_for(lambda: can_connect(port), 10, "nginx listens")
        return port

    def make_file(self, name, size):
        """A file of pseudo-random bytes under www; its SHA-256."""
        www = self.folder / "www"
        www.mkdir(exist_ok=True)
        digest = hashlib.sha256()
        block = os.urandom(1 << 20)
        with open(www / name, "wb") as out:
            written = 0
            while written < size:
                piece = hashlib.sha256(block + written.to_bytes(8, "big")).digest() + block[32:]
                piece = piece[:min(len(piece), size - written)]
                out.write(piece)
                digest.update(piece)
                written += len(piece)
        return digest.hexdigest()

    def close(self, keep_logs):
        for process in reversed(self.processes):
            process.close()
        if not keep_logs:
            subprocess.run(["rm", "-rf", str(self.folder)], check=False)
