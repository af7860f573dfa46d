"""The cable that delays, loses, reorders and limits (integration/wire), in place of a link of the laboratory."""
import json
import subprocess

from support.processes import Failure, Process, wait_for


class Wire:
    """ming_wire between two ends; `a` is the inner one, nearer to the home. It ends with its standard input or with the run."""

    def __init__(self, program, run, a, b, seed=1):
        places = [f"{end.space.name}/{end.interface}" for end in (a, b)]
        self.process = Process("wire", (program, seed, *places), run.folder, stdin=subprocess.PIPE)
        run.processes.append(self.process)
        self.answers = 0
        self.process.wait_for_line("ready")

    def command(self, line):
        """One command; its answer."""
        self.answers += 1
        self.process.child.stdin.write(f"{line}\n".encode())
        self.process.child.stdin.flush()
        wait_for(lambda: self.process.text().count("\n") > self.answers, 10, f"the wire answers '{line}'")
        answer = self.process.text().splitlines()[self.answers]
        if answer.startswith("error"):
            raise Failure(f"wire: {line}: {answer}")
        return answer

    def set(self, settings, direction="both"):
        """Changes what is named, as "delay=20ms loss=2%"."""
        self.command(f"set {direction} {settings}")

    def clear(self, settings="", direction="both"):
        """A perfect cable, but for `settings`."""
        self.command(f"clear {direction} {settings}".rstrip())

    def mtu(self, size):
        self.command(f"mtu {size}")

    def counters(self):
        """{"a-b": {"carried": ..., "lost": ...}, "b-a": ...}"""
        return json.loads(self.command("count"))
