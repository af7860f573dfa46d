"""What a figure depends on beside the programs: processor, kernel, versions, congestion control, load."""
import os
import pathlib
import platform
import re
import subprocess

PACKAGES = ("libnice10", "libgnutls30", "libusrsctp2", "golang-github-pion-webrtc.v3-dev", "golang-1.19-go", "nginx-light", "nginx",
            "libnginx-mod-stream", "haproxy", "socat", "openssh-server", "wrk")


def describe(tools):
    return {"processor": _processor(), "processors": os.cpu_count(), "kernel": ".".join(platform.release().split(".")[:2]),
            "congestion_control": pathlib.Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip(),
            "ming": _first_line(tools.ming, "version"), "packages": _packages()}


def load_average():
    return os.getloadavg()[0]


def _processor():
    found = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def _first_line(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or [""])[0]


def _packages():
    versions = {}
    for package in PACKAGES:
        done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package], capture_output=True, text=True,
                              check=False)
        status, _, version = done.stdout.partition(" ")
        if status == "installed":
            versions[package] = version
    return versions
