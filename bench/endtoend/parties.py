"""Those who are measured: each carries connections from the entry of a place to the service behind it."""
import contextlib
import os
import pathlib
import resource
import subprocess

from endtoend import accounting
from endtoend.places import ENTRY_PORT, MIDDLE_PORT, SERVICE_PORT, SIGNAL_PORT
from support.processes import Failure, wait_for

LOCAL = "127.0.0.1"
DESCRIPTORS = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
MAX_CONNECTIONS = (DESCRIPTORS - 200) // 2  # a relay needs two descriptors for each
CROWD = min(10_000, MAX_CONNECTIONS * 15 // 16)  # what every relay has room for, with some of its own
PION_BUFFER = 128 << 10  # at which Pion is fastest here: more overflows the socket buffer of its peer
PION_LONG_BUFFER = 4 << 20  # over a wire, where the round trip asks for more


class Party:
    """One opponent, started in one place. `tools`: what it needs beside packages."""
    name = ""
    about = ""
    load_flags = ()  # of ming_load

    def __init__(self, place, tools, protocol="tcp"):
        self.place, self.tools, self.protocol = place, tools, protocol
        self.processes = []
        self.folder = pathlib.Path(tools.run.folder, place.near.label)
        self.folder.mkdir(exist_ok=True)

    def start(self):
        """Returns when applications can connect."""
        raise NotImplementedError

    def renew(self):
        """Before each measurement: whoever does not outlive the last one begins anew."""

    def begin_anew(self):
        self.stop()
        self.start()

    def entry(self):
        return self.place.entry()

    def service(self):
        return self.place.service()

    def entry_port(self):
        return ENTRY_PORT

    def pids(self):
        return [process.pid for process in self.processes]

    def cpu_seconds(self):
        return accounting.cpu_seconds(self.pids())

    def memory(self):
        return accounting.memory(self.pids())

    def check(self):
        """Failure where a process has ended."""
        for process in self.processes:
            if process.child.poll() is not None:
                raise Failure(f"{self.name}: {process.name} ended with {process.child.returncode}:\n{process.text()[-2000:]}")

    def stop(self):
        for process in reversed(self.processes):
            process.close()
        self.processes = []

    # -- for those below ----------------------------------------------------------------------------------------------

    def run_near(self, name, *command):
        return self._run(self.place.near, name, command)

    def run_far(self, name, *command):
        return self._run(self.place.far, name, command)

    def _run(self, space, name, command):
        process = space.start(f"{self.place.near.label}-{name}", *command, env=dict(os.environ, MING_STUN_SERVER="none"))
        self.processes.append(process)
        return process

    def wait_for_entry(self):
        self.wait_listening(self.place.near, LOCAL, ENTRY_PORT)

    def wait_listening(self, space, address, port):
        def listening():
            self.check()
            return space.can_connect(address, port)
        wait_for(listening, 15, f"{self.name} listens at {address}:{port}")


class Direct(Party):
    """No tunnel: the limit of the machine."""
    name = "direct"
    about = "no tunnel"

    def start(self):
        pass

    def entry(self):
        return f"{self.place.near.name}/{self.place.far_address}:{SERVICE_PORT}"

    def service(self):
        return f"{self.place.far.name}/{self.place.far_address}:{SERVICE_PORT}"

    def entry_port(self):
        return SERVICE_PORT


class DirectCubic(Direct):
    """As most systems are set."""
    name = "direct-cubic"
    about = "no tunnel, TCP CUBIC"
    load_flags = ("--congestion", "cubic")


class Ming(Party):
    name = "ming"
    about = "ming server, host, client"
    flags = ()

    def program(self):
        return self.tools.ming

    def start(self):
        self.start_server()
        self.start_host()
        self.start_client()

    def start_server(self):
        at = self.place.near_address
        self.run_near("server", self.tools.ming, "server", "--addr", f"{at}:{SIGNAL_PORT}", "-alsologtostderr")
        self.wait_listening(self.place.near, at, SIGNAL_PORT)

    def signal(self):
        return "--signal", f"ws://{self.place.near_address}:{SIGNAL_PORT}", "--id", "myhost", "--protocol", self.protocol

    def start_host(self):
        self.host = self.run_far("host", self.program(), "host", *self.signal(), "--remote", f"{LOCAL}:{SERVICE_PORT}",
                                 "-alsologtostderr", *self.flags)
        self.processes[0].wait_for_line("Host registered: myhost")

    def start_client(self):
        self.client = self.new_client(ENTRY_PORT)
        self.client.wait_for_line("Connected: ")

    def new_client(self, port):
        """One that listens."""
        client = self.run_near("client", self.program(), "client", *self.signal(), "--local", f"{LOCAL}:{port}", "-alsologtostderr",
                               *self.flags)
        client.wait_for_line(f"{LOCAL}:{port}")
        return client

    def restart_client(self):
        """A new client that listens and may have no session yet."""
        self.end(self.client)
        self.client = self.new_client(ENTRY_PORT)

    def end(self, process):
        self.processes.remove(process)
        process.close()

    def host_memory(self):
        return accounting.memory([self.host.pid])

    def client_memory(self):
        return accounting.memory([self.client.pid])

    @contextlib.contextmanager
    def more_clients(self, count):
        """Further clients with a session each."""
        clients = [self.new_client(ENTRY_PORT + 1 + number) for number in range(count)]
        try:
            for number, client in enumerate(clients):
                self.connect_client(client, ENTRY_PORT + 1 + number)
            yield
        finally:
            for client in clients:
                self.end(client)

    def connect_client(self, client, _port):
        client.wait_for_line("Connected: ")


class MingStandard(Ming):
    """Packets of 1200 bytes, as toward any peer across the Internet."""
    name = "ming-1200"
    about = "ming, 1200-byte packets"
    flags = ("--path-mtu", "off")


class Before(Ming):
    """Another build of ming."""
    name = "before"
    about = "the ming given with --before"

    def program(self):
        return self.tools.before


class Pion(Ming):
    """The program of the interoperability suite: detached channels, reads of 32 KiB, as the original; and a limit for what waits in a
    channel, without which the original queues without bound."""
    name = "pion"
    about = "Pion v3 forwarder"
    used = False

    def renew(self):
        """Data that is under way to a channel that was closed stays unacknowledged for ever and holds up all channels."""
        if self.used:
            self.begin_anew()
        self.used = True
        self.connect_client(self.client, ENTRY_PORT)

    def start_host(self):
        self.host = self.run_far("host", self.tools.pion(), "--mode", "host", *self.signal(), "--remote", f"{LOCAL}:{SERVICE_PORT}",
                                 "--max-buffered", self.limit())
        self.processes[0].wait_for_line("Host registered: myhost")

    def start_client(self):
        self.client = self.new_client(ENTRY_PORT)

    def new_client(self, port):
        client = self.run_near("client", self.tools.pion(), "--mode", "client", *self.signal(), "--local", f"{LOCAL}:{port}",
                               "--max-buffered", self.limit())
        client.wait_for_line("listening")
        return client

    def limit(self):
        return PION_LONG_BUFFER if self.place.wire else PION_BUFFER

    def connect_client(self, client, port):
        """It offers when the first application comes."""
        if self.protocol == "udp":
            return  # the load opens the way
        with self.place.near.connect(LOCAL, port):
            client.wait_for_line("state connected")


class TwoHops(Party):
    """The same program twice: near, and far before the service."""

    def start(self):
        self.hop(self.run_far, "far", self.place.far_address, MIDDLE_PORT, LOCAL, SERVICE_PORT)
        self.hop(self.run_near, "near", LOCAL, ENTRY_PORT, self.place.far_address, MIDDLE_PORT)
        self.wait_for_entry()

    def hop(self, run, name, address, port, to_address, to_port):
        raise NotImplementedError


class Nginx(TwoHops):
    name = "nginx"
    about = "nginx stream, 2 hops"

    def hop(self, run, name, address, port, to_address, to_port):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        config = folder / "nginx.conf"
        config.write_text(
            "load_module /usr/lib/nginx/modules/ngx_stream_module.so;\n"
            f"user root; daemon off; master_process off; pid {folder}/nginx.pid; error_log stderr error;\n"
            f"events {{ worker_connections {DESCRIPTORS}; }}\n"
            f"stream {{ server {{ listen {address}:{port} backlog=16384; tcp_nodelay on; proxy_timeout 1h;\n"
            f"proxy_pass {to_address}:{to_port}; }} }}\n")
        run(name, "/usr/sbin/nginx", "-e", "stderr", "-p", folder, "-c", config)


class Haproxy(TwoHops):
    name = "haproxy"
    about = "haproxy tcp, 2 hops"

    def hop(self, run, name, address, port, to_address, to_port):
        config = self.folder / f"{name}.cfg"
        config.write_text(
            f"global\n  nbthread 1\n  maxconn {MAX_CONNECTIONS * 31 // 32}\n  maxpipes 100\n"
            "defaults\n  mode tcp\n  option splice-auto\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n"
            f"listen tunnel\n  bind {address}:{port} backlog 16384\n  server next {to_address}:{to_port}\n")
        run(name, "/usr/sbin/haproxy", "-db", "-f", config)


class Socat(TwoHops):
    name = "socat"
    about = "socat, 2 hops"

    def hop(self, run, name, address, port, to_address, to_port):
        run(name, "socat", f"TCP-LISTEN:{port},bind={address},fork,reuseaddr,nodelay,backlog=4096",
            f"TCP:{to_address}:{to_port},nodelay")


class Copy(TwoHops):
    """The yardstick of what a hop costs; part of ming_load."""
    name = "copy"
    about = "plain read/write relay, 2 hops"

    def hop(self, run, name, address, port, to_address, to_port):
        run(name, self.tools.load, "relay", "--entry", f"{address}:{port}", "--service", f"{to_address}:{to_port}")


class Ssh(Party):
    """sshd and ssh with throw-away keys, and the cipher of the DTLS that it stands beside."""
    name = "ssh-L"
    about = "ssh -L, AES-128-GCM"

    def start(self):
        self.keys()
        self.sshd(self.run_far)
        self.ssh(self.run_near, self.place.far_address, "-L", f"{LOCAL}:{ENTRY_PORT}:{LOCAL}:{SERVICE_PORT}")
        self.wait_for_entry()

    def keys(self):
        for name in ("host", "user"):
            if not (self.folder / name).exists():
                subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / name], check=True)
        pathlib.Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists

    def sshd(self, run):
        config = self.folder / "sshd_config"
        config.write_text(f"Port {MIDDLE_PORT}\nHostKey {self.folder}/host\nAuthorizedKeysFile {self.folder}/user.pub\n"
                          "PermitRootLogin prohibit-password\nUsePAM no\nStrictModes no\nMaxStartups 1000\nPidFile none\n")
        run("sshd", "/usr/sbin/sshd", "-D", "-e", "-f", config)

    def ssh(self, run, address, *forward):
        space = self.place.near if run == self.run_near else self.place.far
        self.wait_listening(space, address, MIDDLE_PORT)
        run("ssh", "ssh", "-N", "-T", "-F", "none", "-c", "aes128-gcm@openssh.com", "-i", self.folder / "user", "-p", MIDDLE_PORT,
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "ExitOnForwardFailure=yes",
            "-o", "LogLevel=ERROR", *forward, f"root@{address}")


class SshReverse(Ssh):
    name = "ssh-R"
    about = "ssh -R, AES-128-GCM"

    def start(self):
        self.keys()
        self.sshd(self.run_near)
        self.ssh(self.run_far, self.place.near_address, "-R", f"{LOCAL}:{ENTRY_PORT}:{LOCAL}:{SERVICE_PORT}")
        self.wait_for_entry()


class Reverse(Party):
    name = "reverse"
    about = "ming reverse"
    flags = ()
    server_flags = ()
    client_flags = ()

    def program(self):
        return self.tools.ming

    def start(self):
        self.run_near("server", self.program(), "reverse", "server", "--listen-a", f"{LOCAL}:{ENTRY_PORT}",
                      "--listen-b", f"{self.place.near_address}:{MIDDLE_PORT}", "--max-conns", MAX_CONNECTIONS,
                      "--max-pending", MAX_CONNECTIONS, "-alsologtostderr", *self.flags, *self.server_flags)
        self.processes[-1].wait_for_line("event=listening")
        self.run_far("client", self.program(), "reverse", "client", "--server", f"{self.place.near_address}:{MIDDLE_PORT}",
                     "--target", f"{LOCAL}:{SERVICE_PORT}", "--max-conns", MAX_CONNECTIONS, "-alsologtostderr", *self.flags,
                     *self.client_flags)
        self.processes[0].wait_for_line("event=client_up")


class ReverseBefore(Reverse):
    name = "reverse-before"
    about = "the reverse tunnel of --before"

    def program(self):
        return self.tools.before


class ReverseAhead(Reverse):
    name = "reverse-ahead"
    about = "ming reverse, connections opened ahead"
    client_flags = ("--ahead", "256")
    server_flags = ("--ahead", "256")


class ReverseCopy(Reverse):
    name = "reverse-copy"
    about = "ming reverse, read and write"
    flags = ("--no-splice",)


PARTIES = {party.name: party for party in (
    Direct, DirectCubic, Ming, MingStandard, Before, Pion, Nginx, Haproxy, Socat, Copy, Ssh, SshReverse, Reverse, ReverseBefore,
    ReverseAhead, ReverseCopy)}
