"""Acceptance cases: a program on Pion WebRTC v3 in the role of the original's host and client, through ming's signaling server."""
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

from support.processes import Failure, can_connect, connect, free_port, wait_for

HERE = pathlib.Path(__file__).parent
GO = "/usr/lib/go-1.19/bin/go"
PION = "/usr/share/gocode/src/github.com/pion/webrtc"
MIB = 1 << 20
BUILT = {}


def pion_peer(lab):
    """Builds the program once; its path."""
    if "pion" not in BUILT:
        gopath = lab.folder / "gopath"
        shutil.copytree(HERE.parent / "peers" / "pion", gopath / "src" / "pionpeer")
        binary = pathlib.Path(lab.folder.parent, f"ming-pionpeer-{os.getpid()}")
        env = dict(os.environ, GO111MODULE="off", GOFLAGS="", GOPATH=f"{gopath}:/usr/share/gocode",
                   GOCACHE=str(lab.folder / "gocache"))
        done = subprocess.run([GO, "build", "-o", binary, "pionpeer"], env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failure(done.stderr)
        BUILT["pion"] = binary
    return BUILT["pion"]


def echo_hashed(port, size):
    """Sends `size` bytes and reads as many back at the same time; both hashes must be equal."""
    block = os.urandom(MIB)
    sent, got, length = hashlib.sha256(), hashlib.sha256(), 0
    with connect(port, 60) as stream:
        def push():
            for number in range(size // MIB):
                piece = number.to_bytes(8, "big") + block[8:]
                sent.update(piece)
                stream.sendall(piece)
        pusher = threading.Thread(target=push)
        pusher.start()
        while length < size:
            data = stream.recv(min(MIB, size - length))
            if not data:
                raise Failure(f"ended after {length} of {size} bytes")
            got.update(data)
            length += len(data)
        pusher.join()
    if sent.digest() != got.digest():
        raise Failure("the hashes differ")


def exchange_datagrams(port, count):
    """Sends `count` numbered datagrams one at a time; each must come back with its own content."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        deadline = time.monotonic() + 15
        sock.settimeout(0.3)
        while True:  # the first ones may be lost while the path is being built
            if time.monotonic() > deadline:
                raise Failure("no echo at all")
            try:
                sock.sendto(b"hello", ("127.0.0.1", port))
                if sock.recv(65536) == b"hello":
                    break
            except OSError:
                continue
        sock.settimeout(0.2)
        try:
            while True:
                sock.recv(65536)
        except socket.timeout:
            pass
        sock.settimeout(3)
        for number in range(count):
            payload = hashlib.sha256(str(number).encode()).digest() * (1 + number % 37)
            sock.sendto(payload, ("127.0.0.1", port))
            if sock.recv(65536) != payload:
                raise Failure(f"datagram {number} differs")


def behind_host(lab, protocol):
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    port = free_port(kind)
    service = "echo" if protocol == "tcp" else "udp-echo"
    lab.start("echo", sys.executable, "-m", "support.services", service, str(port))
    if protocol == "tcp":
        wait_for(lambda: can_connect(port), 10, "the echo listens")
    return port


def pion_process(lab, mode, port, protocol, style="new"):
    place = "--remote" if mode == "host" else "--local"
    return lab.start("pion-" + mode, pion_peer(lab), "--mode", mode, "--signal", f"ws://127.0.0.1:{lab.signal_port}", "--id",
                     "myhost", "--protocol", protocol, place, f"127.0.0.1:{port}", "--style", style)


def exchange(lab, protocol, full):
    if protocol == "udp":
        exchange_datagrams(lab.local_port, 1000)
    else:
        echo_hashed(lab.local_port, (100 if full else 8) * MIB)


def pion_client_to_ming_host(protocol, style):
    def case(lab, full):
        port = behind_host(lab, protocol)
        lab.server()
        lab.host(port, protocol=protocol)
        peer = pion_process(lab, "client", lab.local_port, protocol, style)
        peer.wait_for_line("listening")
        exchange(lab, protocol, full)
        if protocol == "tcp" and style == "new":
            for _ in range(5):
                echo_hashed(lab.local_port, MIB)
        return {}
    case.__name__ = f"pion_client_{protocol}_{style}"
    return case


def ming_client_to_pion_host(protocol):
    def case(lab, full):
        port = behind_host(lab, protocol)
        lab.server()
        pion_process(lab, "host", port, protocol).wait_for_line("host registered")
        lab.client(protocol=protocol)
        if protocol == "tcp":
            wait_for(lambda: can_connect(lab.local_port), 15, "the client listens")
        exchange(lab, protocol, full)
        if protocol == "tcp":
            for _ in range(5):
                echo_hashed(lab.local_port, MIB)
        return {}
    case.__name__ = f"pion_host_{protocol}"
    return case


CASES = [pion_client_to_ming_host("tcp", "old"), pion_client_to_ming_host("tcp", "new"),
         pion_client_to_ming_host("udp", "new"), ming_client_to_pion_host("tcp"), ming_client_to_pion_host("udp")]


def missing():
    """Why the cases cannot run here; empty if they can."""
    absent = [path for path in (GO, PION) if not pathlib.Path(path).exists()]
    return f"not installed: {' '.join(absent)}" if absent else ""


def remove_built():
    for path in BUILT.values():
        path.unlink(missing_ok=True)
