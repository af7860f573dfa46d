"""docker/compose.yaml under names of its own: up, looking into it, down."""
import json
import pathlib
import subprocess
import time

from support.processes import Failure, free_port, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPOSE_FILE = ROOT / "docker" / "compose.yaml"
OF_MING = ("signaling", "client", "host")
OF_LAB = ("turn", "router_a", "router_b", "home_a", "home_b")
TRANSFER_PORT = 7000


class Stack:
    """One project of docker-compose. Its images have names of this run unless the daemon keeps them for the next."""

    def __init__(self, engine):
        self.engine = engine
        self.name = f"ming-test-{time.monotonic_ns() % 10**9}"
        tag = "ming-test" if engine.keeps_images else self.name
        self.images = {"ming": f"{tag}:ming", "lab": f"{tag}:lab"}
        self.local_port = free_port()
        self.settings = {"LOCAL_PORT": str(self.local_port), "COMMIT": self._commit()}
        override = {"version": "2.4", "services": {
            **{service: {"image": self.images["ming"]} for service in OF_MING},
            **{service: {"image": self.images["lab"]} for service in OF_LAB}}}
        self.override = engine.folder / "override.yaml"
        self.override.write_text(json.dumps(override))
        self.built = self.is_up = False

    @staticmethod
    def _commit():
        done = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True,
                              text=True, check=False)
        return done.stdout.strip() or "unknown"

    def compose(self, *arguments, check=True, timeout=120):
        command = ("docker-compose", "-p", self.name, "-f", COMPOSE_FILE, "-f", self.override, *arguments)
        return self.engine.run(command, self.settings, check, timeout)

    def build(self):
        self.compose("build", timeout=3600)
        self.built = True

    def up(self, *services, **settings):
        """Starts what is not running, and replaces what `settings` (variables of the file) change."""
        self.settings.update(settings)
        self.is_up = True
        self.compose("up", "-d", "--no-build", *services)

    def container(self, service):
        name = self.compose("ps", "-q", service).stdout.strip()
        if not name:
            raise Failure(f"{service} has no container")
        return name

    def health(self, service):
        return self.engine.inspect(self.container(service), "{{.State.Health.Status}}")

    def wait_healthy(self, *services, seconds=60):
        """Seconds until docker calls all of them healthy."""
        start = time.monotonic()
        for service in services:
            wait_for(lambda service=service: self.health(service) == "healthy", seconds, f"{service} is healthy")
        return time.monotonic() - start

    def status(self, service):
        """What `ming status --json` says inside the container."""
        return json.loads(self.engine.docker("exec", self.container(service), "ming", "status", "--json").stdout)

    def is_ready(self, service):
        done = self.engine.docker("exec", self.container(service), "ming", "health", "--ready", check=False)
        return done.returncode == 0

    def serve_transfers(self):
        """support.transfer behind the host, in place of the web page."""
        for home in ("home_a", "home_b"):
            name = self.container(home)
            self.engine.docker("exec", name, "mkdir", "-p", "/opt/support")
            self.engine.docker("cp", ROOT / "integration" / "support" / "transfer.py", f"{name}:/opt/support/transfer.py")
        self.engine.docker("exec", "-d", self.container("home_b"), "python3", "/opt/support/transfer.py", "serve", "127.0.0.1",
                           TRANSFER_PORT)
        self.up("host", REMOTE_PORT=str(TRANSFER_PORT))

    def start_transfer(self, up, down, rate=None, timeout=30):
        """A transfer from home_a through the tunnel, running."""
        limit = ("--rate", str(rate)) if rate else ()
        words = ["docker", "exec", self.container("home_a"), "python3", "/opt/support/transfer.py", "run", "127.0.0.1", "25565",
                 str(up), str(down), "--timeout", str(timeout), *limit]
        return subprocess.Popen(words, env=self.engine.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    @staticmethod
    def end_of(transfer, seconds=300):
        """The last line of a transfer."""
        try:
            out, _ = transfer.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            transfer.kill()
            raise Failure("the transfer does not end")
        try:
            return json.loads(out.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise Failure(f"the transfer said: {out[-2000:]}")

    def transfer(self, up, down, timeout=30):
        """A whole transfer; Failure unless every byte came."""
        end = self.end_of(self.start_transfer(up, down, timeout=timeout))
        if end["outcome"] != "complete":
            raise Failure(f"the transfer ended with {end}")
        return end

    def logs(self):
        return self.compose("logs", "--no-color", "--tail", "15", check=False).stdout

    def close(self):
        if self.is_up:
            self.compose("down", "-v", "--remove-orphans", "-t", "2", check=False)
        if self.built and not self.engine.keeps_images:
            self.engine.docker("image", "rm", *self.images.values(), check=False)
