"""Cases with programs of others at the far end: readers of the PROXY header, peers of TLS, sshd, browsers' servers."""
import os
import socket
import subprocess

from reverse import rt1
from reverse.lab import ask, connect, expect, expect_equal, listen
from reverse.trust_cases import authority, certificate
from support.processes import can_connect, free_port, wait_for


def http_body(stream, path="/"):
    """The status line and the body of one GET; b"" twice where the server hangs up."""
    try:
        answer = ask(stream, f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
    except ConnectionResetError:
        return b"", b""
    head, _, body = answer.partition(b"\r\n\r\n")
    return head.split(b"\r\n")[0], body.strip()


def nginx_reader(lab):
    """Answers with what it read in the PROXY header: source, port, destination, port."""
    port = free_port()
    config = lab.folder / f"nginx-{port}.conf"
    config.write_text(
        ("user root;\n" if os.geteuid() == 0 else "") +
        f"daemon off; master_process off; pid {lab.folder}/nginx-{port}.pid; error_log stderr warn; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {lab.folder}/t1; proxy_temp_path {lab.folder}/t2;\n"
        f"fastcgi_temp_path {lab.folder}/t3; uwsgi_temp_path {lab.folder}/t4; scgi_temp_path {lab.folder}/t5;\n"
        f"server {{ listen 127.0.0.1:{port} proxy_protocol; location / {{ return 200 \"$proxy_protocol_addr $proxy_protocol_port "
        "$proxy_protocol_server_addr $proxy_protocol_server_port\"; } } }\n")
    lab.start("nginx", "/usr/sbin/nginx", "-e", "stderr", "-p", lab.folder, "-c", config)
    wait_for(lambda: can_connect(port), 10, "nginx listens")
    return port


def haproxy_reader(lab):
    """The same by HAProxy, whose protocol it is."""
    port = free_port()
    config = lab.folder / f"haproxy-{port}.cfg"
    config.write_text(
        "defaults\n mode http\n timeout client 10s\n timeout server 10s\n timeout connect 10s\n"
        f"frontend reader\n bind 127.0.0.1:{port} accept-proxy\n"
        " http-request return status 200 content-type text/plain lf-string \"%[src] %[src_port] %[dst] %[dst_port]\"\n")
    lab.start("haproxy", "/usr/sbin/haproxy", "-db", "-f", config)
    wait_for(lambda: can_connect(port), 10, "haproxy listens")
    return port


def caller_shown(lab, start_reader):
    """Every version of the header, over IPv4 and IPv6, with and without --dial-first: the reader sees the caller's own address."""
    port = start_reader(lab)
    six = free_port()
    lab.reverse_server(listen_a=[f"127.0.0.1:{lab.a}", f"[::1]:{six}"])
    seen = {}
    for flags in (("v1",), ("v2",), ("v2", "--dial-first")):
        name = "-".join(word.strip("-") for word in flags)
        client = lab.reverse_client(port, "--proxy-protocol", *flags, name=name)
        for family, address in ((socket.AF_INET, ("127.0.0.1", lab.a)), (socket.AF_INET6, ("::1", six))):
            with socket.socket(family, socket.SOCK_STREAM) as caller:
                caller.settimeout(10)
                caller.connect(address)
                ip, caller_port = caller.getsockname()[:2]
                status, body = http_body(caller)
            expect(b" 200 " in status + b" ", f"{name}: {status!r} for a caller from {ip}")
            source, source_port, destination, destination_port = body.decode().split(" ")
            expect_equal((source, source_port), (ip, str(caller_port)), f"{name}: caller")
            expect_equal((destination.removeprefix("::ffff:"), destination_port), ("127.0.0.1", str(port)), f"{name}: destination")
        seen[name] = body.decode()
        expect_equal(client.stop(), 0, "exit code")
    # The reader reads a header indeed: without one it does not answer.
    lab.reverse_client(port, name="without")
    with lab.call() as caller:
        status, _ = http_body(caller)
        expect(b" 200 " not in status + b" ", f"without a header: {status!r}")
    return seen


def x1_proxy_nginx(lab, _full):
    """--proxy-protocol v1 and v2 as nginx reads them."""
    return caller_shown(lab, nginx_reader)


def x2_proxy_haproxy(lab, _full):
    """--proxy-protocol v1 and v2 as HAProxy reads them."""
    return caller_shown(lab, haproxy_reader)


def x3_proxy_unknown(lab, _full):
    """A server that does not say who the caller is: both readers take the header that says so, and serve."""
    for start_reader in (nginx_reader, haproxy_reader):
        port = start_reader(lab)
        for version in ("v1", "v2"):
            with rt1.Server(lab.b) as server:
                client = lab.reverse_client(port, "--proxy-protocol", version, name=f"{start_reader.__name__}-{version}", wait=False)
                control = server.accept_control()
                control.send("NEW_CONN " + "cd" * 16 + " ttl=9000")
                with server.accept() as data:
                    data.expect("RT1 DATA")
                    data.send(b"OK\nGET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
                    expect(" 200 " in data.line() + " ", f"{start_reader.__name__} {version}")
                expect_equal(client.stop(), 0, "exit code")
    return {}


class OpensslLink(rt1.Lines):
    """A connection of openssl s_client: RT1 by hand over a foreign TLS."""

    def __init__(self, lab, *flags):
        near, far = socket.socketpair()
        self.process = subprocess.Popen(
            ["openssl", "s_client", "-connect", f"127.0.0.1:{lab.b}", "-quiet", "-verify_quiet", "-CAfile", "right.pem", "-servername", "tunnel",
             "-verify_hostname", "tunnel", "-verify_return_error", *flags],
            cwd=lab.folder, stdin=far, stdout=far, stderr=subprocess.PIPE)
        far.close()
        super().__init__(near)

    def close(self):
        super().close()
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def refusal(self):
        """What openssl says of a handshake that failed."""
        try:
            _, said = self.process.communicate(timeout=10)
        finally:
            self.process.kill()
        return said.decode()


def t3_openssl_client(lab, _full):
    """openssl s_client as the client, by hand: with ALPN rt1 and without any; TLS 1.2 and 1.3; other protocols and TLS 1.1 are refused."""
    authority(lab, "right")
    certificate(lab, "tunnel", "right")
    server = lab.reverse_server("--tls-cert", lab.folder / "tunnel.pem", "--tls-key", lab.folder / "tunnel.key")
    for flags in (("-alpn", "rt1", "-tls1_3"), ("-alpn", "h2,rt1", "-tls1_2"), ()):
        with OpensslLink(lab, *flags) as control:
            control.send("RT1 CONTROL id=by-hand")
            control.expect("OK")
            control.send("PING 5")
            control.expect("PONG")
            with lab.call() as caller, OpensslLink(lab, *flags) as data:
                data.send(f"RT1 DATA {rt1.announced(control)}\nspoken first".encode())
                data.expect("OK")
                expect_equal(rt1.Lines(caller).raw(12), b"spoken first", "bytes behind the line")
                caller.sendall(b"x" * 100000)
                expect_equal(data.raw(100000) == b"x" * 100000, True, "bytes of the caller")
        wait_for(lambda: lab.metrics(server)["clients"] == 0, 5, "the client is gone")
        lab.wait_quiet(server)
    for what, flags, words in (("h2", ("-alpn", "h2"), "no application protocol"), ("TLS 1.1", ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), "alert")):
        with OpensslLink(lab, *flags) as link:
            said = link.refusal()
            expect(words in said, f"{what}: {said[-500:]}")
    return {}


def t4_openssl_server(lab, _full):
    """openssl s_server as the server, by hand, with ALPN and without: the client comes up and pings are answered."""
    authority(lab, "right")
    certificate(lab, "tunnel", "right")
    for name, flags in (("alpn", ("-alpn", "rt1")), ("bare", ()), ("tls12", ("-alpn", "rt1", "-tls1_2"))):
        near, far = socket.socketpair()
        server = subprocess.Popen(["openssl", "s_server", "-accept", f"127.0.0.1:{lab.b}", "-quiet", "-cert", "tunnel.pem", "-key", "tunnel.key",
                                   "-naccept", "1", *flags], cwd=lab.folder, stdin=far, stdout=far, stderr=subprocess.STDOUT)
        far.close()
        try:
            client = lab.reverse_client(1, "--tls", "--tls-ca", lab.folder / "right.pem", "--tls-name", "tunnel", "--retry-max", "500ms",
                                        name=f"client-{name}", wait=False)
            with rt1.Lines(near) as lines:
                lines.expect("RT1 CONTROL")
                lines.send("OK session=0011223344556677 pair-timeout=10000 heartbeat=0")
                client.wait_for_line("event=client_up")
                lines.send("PING 18446744073709551615")
                expect_equal(lines.line(), "PONG 18446744073709551615", "answer")
                expect_equal(client.stop(), 0, "exit code")
                expect_equal(lines.line(), "BYE shutdown", "last line")
        finally:
            server.kill()
            server.wait()
    return {}


def e1_ssh(lab, _full):
    """The SSH example of docs/reverse.md with a real sshd: a command runs, and 64 MiB come through it whole."""
    folder = lab.folder / "ssh"
    folder.mkdir()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True, timeout=20)
    (folder / "authorized").write_text((folder / "user.pub").read_text())
    port = free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nPidFile none\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n")
    os.makedirs("/run/sshd", exist_ok=True)
    lab.start("sshd", "/usr/sbin/sshd", "-D", "-e", "-f", folder / "config")
    wait_for(lambda: can_connect(port), 10, "sshd listens")
    commands = example(lab, 0, {":2222": f"127.0.0.1:{lab.a}", ":19090": f"127.0.0.1:{lab.b}", "SERVER:19090": f"127.0.0.1:{lab.b}",
                                "localhost:22": f"127.0.0.1:{port}"})
    start_example(lab, commands[:2])
    words = commands[2]
    expect_equal(words, ["ssh", "-p", "2222", "user@SERVER"], "the last line of the example")
    ssh = ["ssh", "-p", str(lab.a), "-i", folder / "user", "-o", f"UserKnownHostsFile={folder}/known", "-o", "StrictHostKeyChecking=no",
           "-o", "BatchMode=yes", "-o", "ConnectTimeout=10", f"{login()}@127.0.0.1"]
    done = subprocess.run([*ssh, "echo reached; exit 7"], capture_output=True, text=True, check=False, timeout=30)
    expect_equal((done.returncode, done.stdout), (7, "reached\n"), f"ssh ({done.stderr[-300:]})")
    payload = os.urandom(1 << 20) * 64
    done = subprocess.run([*ssh, "cat"], input=payload, capture_output=True, check=False, timeout=60)
    expect_equal(done.stdout == payload, True, "bytes through ssh")
    return {"bytes": len(payload)}


def login():
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()


def example(lab, number, replaced):
    """The command lines of an example of docs/reverse.md, as words, with addresses of this case in place of theirs."""
    blocks = []
    page = (lab.docs / "reverse.md").read_text().split("## Examples")[1].split("\n## ")[0]
    for part in page.split("\n\n"):
        lines = part.replace("\\\n", " ").splitlines()
        if lines and all(line.startswith("    ") for line in lines):
            blocks.append([line.split("#")[0].split() for line in lines])
    commands = []
    for words in blocks[number]:
        changed = []
        for word in words:
            address, equals, rest = word.partition("=")
            changed.append(replaced.get(word) or (replaced[address] + equals + rest if equals and address in replaced else word))
        commands.append(changed)
    return commands


def start_example(lab, commands):
    """Starts each, with no flag but those of the page, and waits until it is ready."""
    started = []
    for number, words in enumerate(commands):
        expect_equal(words[:2], ["ming", "reverse"], "the example")
        process = lab.start(f"{words[2]}-{number}", lab.ming, *words[1:])
        process.wait_for_line("event=listening" if words[2] == "server" else "event=client_up")
        started.append(process)
    return started


def e2_web_site(lab, _full):
    """The web site example: a page through curl, refused at once while the client is away, again when it is back."""
    lab.make_file("index.html", 300000)
    commands = example(lab, 1, {":80": f"127.0.0.1:{lab.a}", ":19090": f"127.0.0.1:{lab.b}", "SERVER:19090": f"127.0.0.1:{lab.b}",
                                "localhost:8080": f"127.0.0.1:{lab.nginx()}"})
    _, client = start_example(lab, commands)
    curl = ["curl", "-sS", "--fail", "-m", "20", "-o", lab.folder / "got", f"http://127.0.0.1:{lab.a}/"]
    want = (lab.folder / "www" / "index.html").read_bytes()
    expect_equal(subprocess.run(curl, check=False, timeout=30).returncode, 0, "exit code of curl")
    expect_equal((lab.folder / "got").read_bytes() == want, True, "the page")
    expect_equal(client.stop(), 0, "exit code of the client")
    away = subprocess.run([*curl, "-w", "%{time_total}"], capture_output=True, text=True, check=False, timeout=30)
    expect(away.returncode in (7, 52, 56) and float(away.stdout.split()[-1]) < 1, f"curl without a client: {away}")
    start_example(lab, commands[1:])
    expect_equal(subprocess.run(curl, check=False, timeout=30).returncode, 0, "exit code of curl with a client again")
    return {}


def e3_several(lab, _full):
    """Several clients with TLS and a token as the page says: its commands for the token and the certificate, an id, a label of two."""
    second = free_port()
    targets = {}
    for name in ("home", "web1", "web2"):
        targets[name] = listen()
    page = (lab.docs / "reverse.md").read_text()
    token = page.split("`head -c 24")[1].split("`")[0]
    subprocess.run(["sh", "-ec", "head -c 24" + token], cwd=lab.folder, check=True, timeout=10)
    recipe = "openssl req" + page.split("    openssl req")[1].split("\n    ming")[0].replace("DNS:tunnel", "DNS:localhost")
    subprocess.run(["sh", "-ec", recipe], cwd=lab.folder, check=True, timeout=10, capture_output=True)
    replaced = {":2222": f"127.0.0.1:{lab.a}", ":8080": f"127.0.0.1:{second}", ":19090": f"127.0.0.1:{lab.b}",
                "SERVER:19090": f"localhost:{lab.b}"}
    replaced.update({name: str(lab.folder / name) for name in ("server.pem", "server.key", "token")})
    commands = example(lab, 2, replaced)
    for words in commands[1:]:
        words[words.index("--target") + 1] = f"localhost:{targets[words[words.index('--id') + 1]][1]}"
        words += ["--tls-ca", str(lab.folder / "server.pem")]  # not of an authority of the system
    start_example(lab, commands)
    for port, names in ((lab.a, ["home"]), (second, ["web1", "web2"])):
        callers = [connect(port) for _ in names]
        for name in names:  # each got one of them
            served, _ = targets[name][0].accept()
            served.sendall(name.encode())
            served.close()
        expect_equal(sorted(ask(caller, b"") for caller in callers), sorted(name.encode() for name in names), f"targets behind port {port}")
    return {}


CASES = [x1_proxy_nginx, x2_proxy_haproxy, x3_proxy_unknown, t3_openssl_client, t4_openssl_server, e1_ssh, e2_web_site, e3_several]
NEEDS = {x1_proxy_nginx: ["nginx"], x2_proxy_haproxy: ["haproxy"], x3_proxy_unknown: ["nginx", "haproxy"], t3_openssl_client: ["openssl"],
         t4_openssl_server: ["openssl"], e1_ssh: ["sshd", "ssh", "ssh-keygen"], e2_web_site: ["nginx", "curl"], e3_several: ["openssl"]}
