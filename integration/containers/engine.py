"""A docker daemon for a run, the one that is there or our own that leaves nothing behind; and the image others begin from."""
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from support.processes import Failure, Process, Skip, wait_for

BASE_IMAGE = "debian:bookworm-slim"
# What dockerd makes in the namespace it runs in and leaves there.
NFT_TABLES = ("ip nat", "ip filter", "ip6 nat", "ip6 filter")
CGROUPS = pathlib.Path("/sys/fs/cgroup")
IP_FORWARD = pathlib.Path("/proc/sys/net/ipv4/ip_forward")


class HostState:
    """What dockerd changes outside of its folders: remembered before it starts, put back after it has stopped."""

    def __init__(self):
        self.forward = IP_FORWARD.read_text()
        self.tables = self._tables()
        self.links = self._links()
        self.groups = self._groups()

    @staticmethod
    def _tables():
        listed = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=False).stdout
        return {line.removeprefix("table ") for line in listed.splitlines()}

    @staticmethod
    def _links():
        listed = subprocess.run(["ip", "-o", "link"], capture_output=True, text=True, check=False).stdout
        return {match for match in re.findall(r"^\d+: ([^:@]+)", listed, re.M)}

    @staticmethod
    def _groups():
        return set(CGROUPS.glob("*/docker")) | set(CGROUPS.glob("docker"))

    def restore(self):
        for table in self._tables() - self.tables:
            if table in NFT_TABLES:
                subprocess.run(["nft", "delete", "table", *table.split()], capture_output=True, check=False)
        for link in self._links() - self.links:
            if link == "docker0" or link.startswith("br-"):
                subprocess.run(["ip", "link", "del", link], capture_output=True, check=False)
        for group in self._groups() - self.groups:
            for folder in [*sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True), group]:
                with contextlib.suppress(OSError):  # somebody else's process may be in it by now
                    folder.rmdir()
        IP_FORWARD.write_text(self.forward)


class Engine:
    """The daemon, and commands to it. `data_root`: where a daemon of our own keeps images between runs; nothing: nowhere."""

    def __init__(self, data_root=None):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ming-docker-"))
        self.data_root = pathlib.Path(data_root).resolve() if data_root else self.folder / "data"
        self.keeps_images = data_root is not None
        self.env = dict(os.environ, DOCKER_BUILDKIT="0", COMPOSE_DOCKER_CLI_BUILD="0")
        self.daemon = self.state = None
        self.made_base = False
        try:
            self._find_or_start()
        except BaseException:
            self.close()
            raise

    def _find_or_start(self):
        for tool in ("docker", "docker-compose"):
            if not shutil.which(tool):
                raise Skip(f"{tool} is not installed")
        if self._answers():
            return
        if os.geteuid() != 0:
            raise Skip("no docker daemon answers, and only root can start one")
        if not shutil.which("dockerd"):
            raise Skip("no docker daemon answers, and dockerd is not installed")
        self.state = HostState()
        socket = self.folder / "docker.sock"
        self.env["DOCKER_HOST"] = f"unix://{socket}"
        self.daemon = Process("dockerd", ("dockerd", "--data-root", self.data_root, "--exec-root", self.folder / "exec",
                                          "-H", f"unix://{socket}", "-p", self.folder / "dockerd.pid"), self.folder)
        try:
            wait_for(lambda: self._answers() or self.daemon.child.poll() is not None, 30, "dockerd answers")
        except Failure as why:
            raise Skip(f"dockerd cannot be started: {why}")
        if self.daemon.child.poll() is not None:
            lines = self.daemon.text().strip().splitlines() or ["it said nothing"]
            raise Skip(f"dockerd cannot be started: {lines[-1]}")

    def _answers(self):
        return subprocess.run(["docker", "info"], env=self.env, capture_output=True, check=False).returncode == 0

    def docker(self, *arguments, check=True, timeout=60):
        """Runs docker; its result with text. Failure with what it said where it fails."""
        return self._run(("docker", *arguments), self.env, check, timeout)

    def run(self, arguments, env=None, check=True, timeout=60):
        return self._run(arguments, dict(self.env, **(env or {})), check, timeout)

    @staticmethod
    def _run(arguments, env, check, timeout):
        words = [str(argument) for argument in arguments]
        try:
            done = subprocess.run(words, env=env, capture_output=True, text=True, check=False, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise Failure(f"{' '.join(words[:6])}: not within {timeout} s")
        if check and done.returncode != 0:
            raise Failure(f"{' '.join(words[:6])} ended with {done.returncode}:\n{(done.stdout + done.stderr)[-3000:]}")
        return done

    def inspect(self, container, template):
        return self.docker("inspect", "-f", template, container).stdout.strip()

    def need_base_image(self):
        """From a registry, or made here from the packages of the mirror that this machine itself uses. Says which."""
        if self.docker("image", "inspect", BASE_IMAGE, check=False).returncode == 0:
            return "present"
        if self._pull():
            return "pulled"
        if os.geteuid() != 0 or not shutil.which("debootstrap"):
            raise Skip(f"{BASE_IMAGE}: no registry is reachable, and debootstrap is missing or needs root")
        tree, archive = self.folder / "base", self.folder / "base.tar"
        self.run(("debootstrap", "--variant=minbase", "bookworm", tree, own_mirror()), timeout=900)
        for package in tree.glob("var/cache/apt/archives/*.deb"):
            package.unlink()
        self.run(("tar", "-C", tree, "-cf", archive, "."), timeout=300)
        self.docker("import", "-c", 'CMD ["bash"]', archive, BASE_IMAGE, timeout=300)
        shutil.rmtree(tree)
        archive.unlink()
        self.made_base = True
        return "made by debootstrap"

    def _pull(self):
        try:
            return self.docker("pull", BASE_IMAGE, check=False, timeout=60).returncode == 0
        except Failure:
            return False

    def close(self):
        if self.daemon is None:
            if self.made_base:
                self.docker("image", "rm", BASE_IMAGE, check=False)
        else:
            self._stop_daemon()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _stop_daemon(self):
        self.daemon.child.send_signal(signal.SIGTERM)
        try:
            self.daemon.child.wait(60)
        except subprocess.TimeoutExpired:
            pass
        self.daemon.close()
        for line in pathlib.Path("/proc/self/mounts").read_text().splitlines()[::-1]:
            target = line.split()[1]
            if target.startswith((str(self.folder), str(self.data_root))):
                subprocess.run(["umount", "-l", target], capture_output=True, check=False)
        self.state.restore()


def own_mirror():
    """The first Debian mirror of this machine's apt sources."""
    folder = pathlib.Path("/etc/apt")
    for file in sorted(folder.glob("sources.list.d/*.sources")):
        match = re.search(r"^URIs:\s*(\S+)", file.read_text(), re.M)
        if match:
            return match.group(1)
    for file in [folder / "sources.list", *sorted(folder.glob("sources.list.d/*.list"))]:
        match = re.search(r"^deb\s+(?:\[[^]]*\]\s+)?(\S+)", file.read_text() if file.exists() else "", re.M)
        if match:
            return match.group(1)
    raise Skip("this machine's apt sources name no mirror")
