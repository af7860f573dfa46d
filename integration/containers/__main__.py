#!/usr/bin/python3
"""Builds the images of docker/, brings up docker/compose.yaml, uses the tunnel across its containers: python3 -m containers ...

The program under test is the one inside the image, built from this source tree, whatever --ming says. Where no docker daemon
runs, one is started in a temporary folder and stopped again; where no registry is reachable, the base image is made by
debootstrap. What cannot be had is skipped with its reason. The cases build on one another, in their order.
"""
import os
import signal
import subprocess
import sys
import time
import urllib.request

from containers.engine import Engine
from containers.stack import Stack
from support.cases import Case, parse_arguments, run_suite
from support.processes import Failure, Skip, wait_for

MIB = 1 << 20
# Said so in docs/ming.md: with everything back the tunnel works again within five seconds.
RECOVERY_SECONDS = 5.0
ALL = ("signaling", "client", "host")


class World:
    """The daemon and the stack, made when the first case needs them."""

    def __init__(self, data_root):
        self.data_root = data_root
        self.engine = self.stack = None
        self.missing = None

    def need_engine(self):
        if self.missing:
            raise Skip(self.missing)
        if self.engine is None:
            try:
                self.engine = Engine(self.data_root)
            except Skip as why:
                self.missing = str(why)
                raise
        return self.engine

    def need_stack(self):
        """The stack with its images built."""
        if self.stack is None or not self.stack.built:
            raise Skip("the images were not built")
        return self.stack

    def close(self):
        if self.stack:
            self.stack.close()
        if self.engine:
            self.engine.close()


def image(world):
    """Both images are built from source; the one of ming is small and runs as nobody in particular."""
    engine = world.need_engine()
    start = time.monotonic()
    base = engine.need_base_image()
    world.stack = Stack(engine)
    world.stack.build()
    seconds = round(time.monotonic() - start)
    name = world.stack.images["ming"]
    sizes = {what: int(engine.inspect(what, "{{.Size}}")) for what in (name, "debian:bookworm-slim")}
    user = engine.inspect(name, "{{.Config.User}}")
    if user in ("", "0", "root"):
        raise Failure(f"the image runs as {user or 'root'}")
    added = (sizes[name] - sizes["debian:bookworm-slim"]) / MIB
    if added > 150:
        raise Failure(f"{added:.0f} MiB over the base image")
    said = engine.docker("run", "--rm", name, "version").stdout.splitlines()[0]
    if world.stack.settings["COMMIT"].split("-")[0] not in said:
        raise Failure(f"built from {world.stack.settings['COMMIT']}, and says {said}")
    look = "ls /ming 2>/dev/null; command -v g++ cmake || true"
    files = engine.docker("run", "--rm", "--entrypoint", "sh", name, "-c", look).stdout
    if files.strip():
        raise Failure(f"the image holds tools or sources: {files}")
    return {"base": base, "built_in_s": seconds, "mib_over_base": round(added), "user": user}


def health(world):
    """Docker sees `healthy` by the image's own check, `unhealthy` of a process that hangs; `docker stop` ends it with 0."""
    engine, stack = world.need_engine(), world.need_stack()
    name = f"{stack.name}-health"
    engine.docker("run", "-d", "--name", name, "--health-interval", "1s", "--health-timeout", "1s", "--health-retries", "2",
                  stack.images["ming"], "server", "--addr", ":8080")
    try:
        state = lambda: engine.inspect(name, "{{.State.Health.Status}}")  # noqa: E731
        healthy = wait_for(lambda: state() == "healthy", 30, "the server is healthy")
        engine.docker("kill", "-s", "STOP", name)
        unhealthy = wait_for(lambda: state() == "unhealthy", 30, "the stopped server is unhealthy")
        engine.docker("kill", "-s", "CONT", name)
        wait_for(lambda: state() == "healthy", 30, "the continued server is healthy")
        engine.docker("stop", "-t", "20", name)
        code = engine.inspect(name, "{{.State.ExitCode}}")
        if code != "0":
            raise Failure(f"docker stop: exit code {code}")
    finally:
        engine.docker("rm", "-f", name, check=False)
    return {"healthy_after_s": round(healthy, 1), "unhealthy_after_s": round(unhealthy, 1)}


def fetch(port, seconds=10):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=seconds) as answer:
        return answer.read()


def page(world):
    """As docs/containers.md says it: up, and the page of the other home is there, straight through both NATs."""
    stack = world.need_stack()
    stack.up()
    healthy = stack.wait_healthy(*ALL)
    if b"two NATs" not in fetch(stack.local_port):
        raise Failure("another page came")
    status = stack.status("client")
    if status["path"] != "direct udp":
        raise Failure(f"the path is {status['path']}, want direct udp: the routers can be crossed")
    return {"healthy_after_s": round(healthy, 1), "path": status["path"]}


def transfer(world):
    """Hashed data both ways at once."""
    stack = world.need_stack()
    stack.serve_transfers()
    stack.wait_healthy("host", "client")
    wait_for(lambda: stack.is_ready("client"), 30, "the client has a path to the new host")
    size = 64 * MIB
    end = stack.transfer(size, size)
    return {"mib_each_way": size // MIB, "mbit_per_s": round(2 * size * 8 / end["seconds"] / 1e6)}


def recovered(stack, since, what):
    """Seconds from `since` until a transfer came through whole; Failure where it took longer than promised."""
    def works():
        return stack.end_of(stack.start_transfer(1024, 1024, timeout=2))["outcome"] == "complete"
    wait_for(works, 60, f"the tunnel works after {what}")
    seconds = time.monotonic() - since
    if seconds > RECOVERY_SECONDS:
        raise Failure(f"{what}: works again after {seconds:.1f} s, want {RECOVERY_SECONDS}")
    return seconds


def router_paused(world):
    """A router hangs for 5 s under a transfer, which goes on or breaks for both sides; the tunnel is back within 5 s."""
    stack = world.need_stack()
    running = stack.start_transfer(20 * MIB, 20 * MIB, rate=2 * MIB, timeout=40)
    time.sleep(1)  # in the midst of it
    stack.compose("pause", "router_a")
    try:
        wait_for(lambda: not stack.is_ready("client"), 15, "the client notices")
        time.sleep(5)
    finally:
        stack.compose("unpause", "router_a")
    back = recovered(stack, time.monotonic(), "the pause")
    end = stack.end_of(running)
    if end["outcome"] not in ("complete", "reset"):
        raise Failure(f"the transfer ended with {end}")
    counters = stack.status("client")["metrics"]
    return {"works_again_after_s": round(back, 1), "transfer": end["outcome"], "reconnects": counters["reconnects_total"]}


def host_killed(world):
    """The host's process dies: its restart policy brings it back, the client finds it within 5 s of its start."""
    engine, stack = world.need_engine(), world.need_stack()
    name = stack.container("host")
    # A process that dies by itself: docker does not restart what `docker kill` ended, it takes that for somebody's wish.
    pid = int(engine.inspect(name, "{{.State.Pid}}"))
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        raise Skip("the daemon's processes are not this machine's, or not ours to kill")
    wait_for(lambda: engine.inspect(name, "{{.RestartCount}} {{.State.Running}}") == "1 true", 15, "docker starts it again")
    back = recovered(stack, time.monotonic(), "the restart")
    stack.transfer(MIB, MIB)
    return {"works_again_after_s": round(back, 1)}


def relayed(world):
    """Behind a symmetric NAT no direct path exists: the TURN server carries it."""
    stack = world.need_stack()
    stack.up("router_b", ROUTER_B="symmetric")
    # Containers that share a network with home_b stay; the new router has no memory of their mappings.
    stack.compose("restart", "-t", "5", "host", "client")
    stack.wait_healthy("host", "client")
    wait_for(lambda: stack.is_ready("client"), 30, "there is a path")
    path = stack.status("client")["path"]
    if path != "relayed udp":
        raise Failure(f"the path is {path}, want relayed udp")
    end = stack.transfer(8 * MIB, 8 * MIB)
    return {"path": path, "mbit_per_s": round(2 * 8 * MIB * 8 / end["seconds"] / 1e6)}


def orderly_stop(world):
    """docker stop ends each role with exit code 0."""
    engine, stack = world.need_engine(), world.need_stack()
    codes = {}
    for service in ("client", "host", "signaling"):
        name = stack.container(service)
        engine.docker("stop", "-t", "20", name)
        codes[service] = int(engine.inspect(name, "{{.State.ExitCode}}"))
    if any(codes.values()):
        raise Failure(f"exit codes {codes}")
    return {"exit_codes": codes}


CASES = [image, health, page, transfer, router_paused, host_killed, relayed, orderly_stop]


def prepared(case, world):
    def run(_arguments):
        try:
            return case(world)
        except (Failure, OSError, subprocess.SubprocessError, LookupError, ValueError) as error:
            logs = world.stack.logs() if world.stack and world.stack.is_up else ""
            raise Failure(f"{type(error).__name__}: {error}\n{logs}") from error
    return Case(case.__name__, run)


def add_options(parser):
    parser.add_argument("--data-root", metavar="DIR", help="where a daemon of our own keeps its images for the next run")


def main():
    arguments = parse_arguments(__doc__, add_options)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    world = World(arguments.data_root)
    try:
        return run_suite("containers", [prepared(case, world) for case in CASES], arguments)
    finally:
        world.close()


if __name__ == "__main__":
    sys.exit(main())
