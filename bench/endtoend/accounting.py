"""What processes cost: CPU time and memory of process trees, from /proc."""
import contextlib
import dataclasses
import os
import pathlib

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Memory:
    """Bytes. `pss` shares pages among their users; `private` is what would be free again without the process."""
    rss: int
    pss: int
    private: int

    def __add__(self, other):
        return Memory(self.rss + other.rss, self.pss + other.pss, self.private + other.private)


def parse_stat(text):
    """(parent, CPU seconds of the process and of its ended children) of one /proc/PID/stat; names may hold blanks and brackets."""
    fields = text[text.rindex(")") + 2:].split()
    return int(fields[1]), sum(map(int, fields[11:15])) * TICK_S


def parse_smaps(text):
    sizes = {}
    for line in text.splitlines()[1:]:
        name, value = line.split(":")
        sizes[name] = int(value.split()[0]) * 1024
    return Memory(sizes["Rss"], sizes["Pss"], sizes["Private_Clean"] + sizes["Private_Dirty"])


def tree(roots):
    """{pid: CPU seconds} of these processes and all below them."""
    parents, seconds = {}, {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                pid = int(entry.name)
                parents[pid], seconds[pid] = parse_stat(pathlib.Path(entry.path, "stat").read_text())
    found = {pid for pid in roots if pid in seconds}
    while True:
        below = {pid for pid, parent in parents.items() if parent in found} - found
        if not below:
            return {pid: seconds[pid] for pid in found}
        found |= below


def cpu_seconds(roots):
    return sum(tree(roots).values())


def memory(roots):
    total = Memory(0, 0, 0)
    for pid in tree(roots):
        with contextlib.suppress(OSError):
            total += parse_smaps(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text())
    return total
