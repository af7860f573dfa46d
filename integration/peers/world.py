"""One pair of peers with a signaling server between them: each of ming, Pion, aiortc and Chromium as host or client."""
import os
import pathlib
import shutil
import subprocess
import sys

from peers import webdriver
from support.cases import has_own_network_namespace
from support.lab import Lab
from support.processes import Failure, Skip, free_port

HERE = pathlib.Path(__file__).parent
GO = "/usr/lib/go-1.19/bin/go"
GO_LIBRARIES = pathlib.Path("/usr/share/gocode/src/github.com")
PYTHON_LIBRARIES = pathlib.Path("/usr/lib/python3/dist-packages")
# What has to be there for each kind of peer.
FILES = {
    "ming": (),
    "Pion": (GO, GO_LIBRARIES / "pion/webrtc", GO_LIBRARIES / "gorilla/websocket"),
    "Gorilla": (GO, GO_LIBRARIES / "gorilla/websocket"),
    "aiortc": (PYTHON_LIBRARIES / "aiortc", PYTHON_LIBRARIES / "websockets"),
    "Chromium": (webdriver.CHROMIUM, webdriver.CHROMEDRIVER, PYTHON_LIBRARIES / "websockets"),
    "websockets": (PYTHON_LIBRARIES / "websockets",),
}
FILES["Pion old"] = FILES["Pion"]
PACKAGES = {"Pion": "golang-github-pion-webrtc.v3-dev", "aiortc": "python3-aiortc", "Chromium": "chromium",
            "Gorilla": "golang-github-gorilla-websocket-dev", "websockets": "python3-websockets"}
# The longest message that a peer takes, and that it sends at most.
TAKES = {"ming": 262144, "Pion": 32768, "aiortc": 65536, "Chromium": 262144}
SENDS = {"Pion": 65536, "Pion old": 65536, "aiortc": 262144, "Chromium": 262144}


def require(*kinds):
    """Skips the case where a peer of these kinds cannot run."""
    if not has_own_network_namespace():
        raise Skip("needs root and network namespaces")
    missing = [str(path) for kind in kinds for path in FILES[kind] if not pathlib.Path(path).exists()]
    if missing:
        raise Skip(f"not installed: {' '.join(dict.fromkeys(missing))}")


def versions():
    """{peer: version of its Debian package}; a peer that is not installed is left out."""
    found = {}
    for peer, package in PACKAGES.items():
        done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout:
            found[peer] = done.stdout
    return found


def prepare_network():
    """An address beside loopback, which some peers do not use, and a default route, which browsers want: both lead nowhere."""
    for command in ("ip link add name wan type veth peer name nowhere", "ip address add 10.77.0.1/24 dev wan",
                    "ip link set wan up", "ip link set nowhere up", "ip route add default dev wan"):
        subprocess.run(command.split(), check=True)


class GoPrograms:
    """Builds each program of this folder once, in a folder that ends with the suite."""

    def __init__(self, folder):
        self.folder, self.built = pathlib.Path(folder), {}

    def path(self, name):
        if name not in self.built:
            gopath = self.folder / "gopath"
            shutil.copytree(HERE / name, gopath / "src" / name)  # Debian's libraries are found from inside GOPATH only
            env = dict(os.environ, GO111MODULE="off", GOFLAGS="", GOPATH=f"{gopath}:/usr/share/gocode")
            if "HOME" not in env:
                env.setdefault("GOCACHE", str(self.folder / "gocache"))
            done = subprocess.run([GO, "build", "-o", self.folder / f"{name}-program", name], env=env, capture_output=True,
                                  text=True, check=False)
            if done.returncode:
                raise Failure(done.stderr)
            self.built[name] = self.folder / f"{name}-program"
        return self.built[name]


class World(Lab):
    def __init__(self, ming, go_programs):
        super().__init__(ming, "ming-peers-")
        self.go_programs = go_programs
        self.service = None

    def serve(self, protocol):
        """What stands behind the host; its port."""
        port = free_port()
        command = "serve" if protocol == "tcp" else "serve-udp"
        self.service = self.start("service", sys.executable, "-m", "support.transfer", command, "127.0.0.1", port)
        self.service.wait_for_line("listening")
        return port

    def start_host(self, kind, port, protocol, *flags):
        if kind == "ming":
            return self.host(port, *flags, protocol=protocol)
        process = self.foreign(kind, "host", "--remote", port, protocol, flags)
        process.wait_for_line("host registered", 30)
        next(p for p in self.processes if p.name == "server").wait_for_line("Host registered: myhost")
        return process

    def start_client(self, kind, protocol, *flags):
        if kind == "ming":
            process = self.client(*flags, protocol=protocol)
            process.wait_for_line("listening on")
            return process
        process = self.foreign(kind, "client", "--local", self.local_port, protocol, flags)
        process.wait_for_line("listening", 30)
        return process

    def foreign(self, kind, mode, place, port, protocol, flags):
        arguments = ("--mode", mode, "--signal", f"ws://127.0.0.1:{self.signal_port}", "--id", "myhost", "--protocol",
                     protocol, place, f"127.0.0.1:{port}", *flags)
        if kind in ("Pion", "Pion old"):
            style = ("--style", "old") if kind == "Pion old" else ()
            return self.start(f"pion-{mode}", self.go_programs.path("pion"), *arguments, *style)
        if kind == "aiortc":
            return self.start(f"aiortc-{mode}", sys.executable, "-m", "peers.aiortc_peer", *arguments)
        # The process namespace ends with its first process, and all of the browser with it.
        return self.start(f"chromium-{mode}", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
                          sys.executable, "-m", "peers.chromium_peer", *arguments, "--profile", self.folder / "profile",
                          env=dict(self.env, HOME=str(self.folder)))
