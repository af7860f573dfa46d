#!/usr/bin/env python3
"""Runs clang-tidy over source files, one a process, the largest first so that no processor waits at the end. Prints the
findings of each file that has some. Exits 1 where there is a finding, or where clang-tidy could not look at a file.

A file that was clean is passed over until something it is made of has changed: itself, a header, its compile command,
the configuration, clang-tidy. What was clean is kept in BUILD/clang_tidy_clean.json.

usage: run_clang_tidy.py BUILD JOBS FILE...     (from the root of the tree; BUILD has compile_commands.json)
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

INCLUDED = re.compile(r"^\.+ (.*)$", re.M)  # what -H prints of each header
NOISE = re.compile(r"^(\.+ .*|\d+ warnings?.* generated\.|Suppressed \d+ .*|Use -header-filter=.*|)$")


@functools.lru_cache(maxsize=None)
def digest_of(path):
    """Of a file's bytes; of one that is gone: an empty text."""
    try:
        return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


class Linter:
    def __init__(self, build, tool="clang-tidy-14"):
        self.build = pathlib.Path(build)
        self.tool = tool
        self.memory = self.build / "clang_tidy_clean.json"
        entries = json.loads((self.build / "compile_commands.json").read_text())
        self.commands = {os.path.realpath(os.path.join(e["directory"], e["file"])): e["command"] for e in entries}
        version = subprocess.run([tool, "--version"], check=True, capture_output=True, text=True).stdout
        self.common = version + digest_of(".clang-tidy")
        try:
            self.clean = json.loads(self.memory.read_text())
        except (OSError, ValueError):
            self.clean = {}

    def fingerprint(self, path, headers):
        parts = [self.common, self.commands.get(os.path.realpath(path), ""), digest_of(path)]
        parts += [header + digest_of(header) for header in headers]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def is_known_clean(self, path):
        known = self.clean.get(path)
        return known is not None and known["fingerprint"] == self.fingerprint(path, known["headers"])

    def look_at(self, path):
        """The findings as text; empty: the file is clean."""
        done = subprocess.run([self.tool, "--quiet", "-p", str(self.build), "--extra-arg=-H", path],
                              capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
        if done.returncode == 0 and not done.stdout.strip():
            headers = sorted(set(INCLUDED.findall(done.stderr)))
            self.clean[path] = {"headers": headers, "fingerprint": self.fingerprint(path, headers)}
            return ""
        self.clean.pop(path, None)
        if done.stdout.strip():
            return done.stdout.rstrip()
        said = [line for line in done.stderr.splitlines() if not NOISE.match(line)]
        end = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        return "\n".join([f"{path}: clang-tidy ended with {end} and no finding"] + said[-20:])

    def run(self, paths, jobs):
        """The number of files with findings, which it prints."""
        unknown = [path for path in paths if not self.is_known_clean(path)]
        unknown.sort(key=lambda path: os.path.getsize(path), reverse=True)
        bad = 0
        try:
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                for path, findings in zip(unknown, pool.map(self.look_at, unknown)):
                    if findings:
                        bad += 1
                        print(findings, flush=True)
        finally:
            self.memory.write_text(json.dumps(self.clean))
        print(f"clang-tidy: {len(unknown)} files looked at, {len(paths) - len(unknown)} unchanged and clean, "
              f"{bad} with findings")
        return bad


def main():
    if len(sys.argv) < 4:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        linter = Linter(sys.argv[1])
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"clang-tidy cannot run: {error}", file=sys.stderr)
        return 2
    return 1 if linter.run(sys.argv[3:], int(sys.argv[2])) else 0


if __name__ == "__main__":
    sys.exit(main())
