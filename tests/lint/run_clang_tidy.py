#!/usr/bin/env python3
"""Runs clang-tidy over source files, the largest first so that no processor waits at the end. Prints the findings of
each file that has some. Exits 1 where there is a finding, or where clang-tidy could not look at a file.

Many files are looked at in groups (lint_groups.py); what a group finds is only a reason to look at each of its members
alone, and so is that it does not compile.

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

import lint_groups

# So few files are soon looked at one by one.
FEW = 16
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
        self.version = subprocess.run([tool, "--version"], check=True, capture_output=True, text=True).stdout
        try:
            self.clean = json.loads(self.memory.read_text())
        except (OSError, ValueError):
            self.clean = {}

    def command(self, path):
        return self.commands.get(os.path.realpath(path), "")

    def configs(self, path):
        """The configuration files that count for `path`, from the root of the tree on."""
        folders = [pathlib.Path("."), *reversed(pathlib.Path(path).parents)]
        return [str(folder / ".clang-tidy") for folder in dict.fromkeys(folders) if (folder / ".clang-tidy").exists()]

    def fingerprint(self, path, headers):
        parts = [self.version, self.command(path)]
        parts += [name + digest_of(name) for name in [*self.configs(path), path, *headers]]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def is_known_clean(self, path):
        known = self.clean.get(path)
        return known is not None and known["fingerprint"] == self.fingerprint(path, known["headers"])

    def note_clean(self, path, headers):
        self.clean[path] = {"headers": sorted(headers), "fingerprint": self.fingerprint(path, sorted(headers))}

    def start(self, build, source):
        return subprocess.run([self.tool, "--quiet", "-p", str(build), "--extra-arg=-H", str(source)],
                              capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)

    def look_at(self, path):
        """The findings as text; empty: the file is clean."""
        done = self.start(self.build, path)
        if done.returncode == 0 and not done.stdout.strip():
            self.note_clean(path, set(INCLUDED.findall(done.stderr)))
            return ""
        self.clean.pop(path, None)
        if done.stdout.strip():
            return done.stdout.rstrip()
        said = [line for line in done.stderr.splitlines() if not NOISE.match(line)]
        end = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
        return "\n".join([f"{path}: clang-tidy ended with {end} and no finding"] + said[-20:])

    def place(self, group):
        """Writes a group where clang-tidy can look at it; the path of its source."""
        folder = self.build / "clang_tidy_groups" / hashlib.sha256("\n".join(group.members).encode()).hexdigest()[:16]
        for config in group.config:  # each inherits from the one above
            folder = folder / "of"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / ".clang-tidy").write_text(pathlib.Path(config).read_text())
        source = folder.resolve() / "group.cc"
        source.write_text(group.text())
        entry = {"directory": str(self.build.resolve()), "file": str(source), "command": group.command(str(source))}
        (folder / "compile_commands.json").write_text(json.dumps([entry]))
        return source

    def look_at_group(self, group):
        """The members that have to be looked at alone."""
        source = self.place(group)
        done = self.start(source.parent, source)
        if done.returncode != 0 or done.stdout.strip():
            return group.members
        root = os.path.realpath(".") + os.sep
        included = set(INCLUDED.findall(done.stderr))
        foreign = {header for header in included if not os.path.realpath(header).startswith(root)}
        for member in group.sources:
            own = lint_groups.own_headers(member.path, [folder for _, folder in member.command.includes])
            self.note_clean(member.path, foreign | own)
        return []

    def in_groups(self, paths, pool):
        """Those of `paths` that no clean group has."""
        known = [(path, self.configs(path), self.command(path)) for path in paths if self.command(path)]
        groups = [group for group in lint_groups.make_groups(known) if len(group.members) > 1]
        grouped = {path for group in groups for path in group.members}
        left = [path for members in pool.map(self.look_at_group, groups) for path in members]
        return [path for path in paths if path not in grouped] + left

    def run(self, paths, jobs):
        """The number of files with findings, which it prints."""
        unknown = [path for path in paths if not self.is_known_clean(path)]
        bad = 0
        try:
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                alone = self.in_groups(unknown, pool) if len(unknown) > FEW else unknown
                alone.sort(key=lambda path: os.path.getsize(path), reverse=True)
                for findings in pool.map(self.look_at, alone):
                    if findings:
                        bad += 1
                        print(findings, flush=True)
        finally:
            self.memory.write_text(json.dumps(self.clean))
        print(f"clang-tidy: {len(unknown)} files looked at, {len(alone)} of them alone, "
              f"{len(paths) - len(unknown)} unchanged and clean, {bad} with findings")
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
