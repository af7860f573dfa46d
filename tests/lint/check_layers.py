#!/usr/bin/env python3
"""Checks the layering of the source tree (docs/architecture.md): which folder may include which, which files are
pure, where engine headers, gflags and threads may appear. Prints one line a violation; exits 1 if there is any.

usage: check_layers.py ROOT
"""
import pathlib
import re
import sys

# Folder -> folders whose headers it may include. A folder may always include itself.
PURE = ["base", "codec", "link"]
LAYERS = {
    "base": [],
    "codec": ["base"],
    "link": ["base"],
    "net": ["base", "link"],
    "tls": ["base"],
    "sctp": ["base"],
    "ice": ["base", "codec", "net"],
    "ws": ["base", "link", "net"],
    "signaling": ["base", "codec", "link", "net", "ws"],
    "webrtc": ["base", "codec", "link", "net", "ice", "tls", "sctp"],
    "tunnel": ["base", "codec", "link", "net"],
    "p2p": PURE + ["net", "tls", "sctp", "ice", "ws", "signaling", "webrtc", "tunnel"],
    "reverse": PURE + ["net", "tls", "tunnel"],
    "conformance": PURE + ["net", "tls", "sctp", "ice", "ws"],
    "admin": PURE + ["net", "ws"],
    "cli": PURE + ["net", "tls", "sctp", "ice", "ws", "signaling", "webrtc", "tunnel", "p2p", "reverse", "conformance", "admin"],
}
# Exceptions, each with its reason: (folder, included folder) or (file, header).
ALLOWED_EDGES = {
    ("tls", "link"): "TlsSession is a ByteStream over a ByteStream (interfaces only)",
    ("sctp", "link"): "SctpStack takes its timer from a TimerService (interfaces only)",
    ("ice", "link"): "IceAgent takes its timers from a TimerService (interfaces only)",
}
ALLOWED_FILES = {
    ("src/base/ip_address.cc", "arpa/inet.h"): "text forms of addresses; opens no socket",
}

ENGINES = {  # header prefix -> folders (or files) whose .cc files may include it
    "nice/": ["src/ice/"],
    "agent.h": ["src/ice/"],
    "glib": ["src/ice/", "src/net/glib_bridge", "src/ws/", "tests/net/glib_bridge"],
    "gio/": ["src/ice/", "src/net/glib_bridge"],
    "gnutls/": ["src/tls/", "tests/tls/"],
    "usrsctp": ["src/sctp/"],
    "libwebsockets": ["src/ws/"],
    "openssl/": ["src/ws/", "tests/ws/"],
    "yaml-cpp/": ["src/cli/", "fuzz/"],
    "gflags/": ["src/cli/"],
    "nlohmann/": ["src/codec/", "src/admin/", "src/cli/", "src/signaling/", "tests/", "fuzz/"],
}
THREAD_HEADERS = {"thread", "mutex", "atomic", "condition_variable", "future", "shared_mutex", "pthread.h", "semaphore.h"}
THREAD_FILES = ("src/net/post_queue", "src/net/resolver", "tests/", "bench/load/")
SYSTEM_HEADER = re.compile(r"^(sys/|netinet/|arpa/|net/|linux/|unistd\.h|fcntl\.h|netdb\.h|ifaddrs\.h|poll\.h|signal\.h"
                           r"|csignal|ctime|time\.h)")
HEAVY_IN_HEADERS = {"iostream", "regex"}

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
CLOCK = re.compile(r"(system_clock|steady_clock|high_resolution_clock)::now|clock_gettime|gettimeofday|\btime\(nullptr\)")
SLEEP = re.compile(r"(sleep_for|sleep_until|\busleep|\bnanosleep|[^a-z_]sleep)\s*\(")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
LIBRARY = re.compile(r"ming_library\((\w+)(.*?)\n\)", re.S)


def strip_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def folder_of(path):
    return path.split("/")[1]


def core_stems(root):
    """Stems ("src/tunnel/relay") of the files that belong to a <folder>_core target."""
    stems = set()
    for cmake in root.glob("src/*/CMakeLists.txt"):
        for name, body in LIBRARY.findall(cmake.read_text()):
            if name.endswith("_core"):
                for source in re.findall(r"(\w+)\.cc", body):
                    stems.add(f"src/{cmake.parent.name}/{source}")
    return stems


def is_pure(path, cores):
    stem = path.rsplit(".", 1)[0]
    return folder_of(path) in PURE or stem in cores or stem.endswith("_core")


class Checker:
    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.cores = core_stems(self.root)
        self.problems = []

    def complain(self, path, rule, text):
        self.problems.append(f"{path}: {rule}: {text}")

    def run(self):
        for pattern in ("src/**/*", "tests/**/*", "fuzz/**/*", "bench/**/*"):
            for file in sorted(self.root.glob(pattern)):
                if file.suffix not in (".h", ".cc"):
                    continue
                path = str(file.relative_to(self.root))
                raw = file.read_text()
                self.check_text(path, raw)
                if path.startswith(("src/", "tests/support/")):
                    self.check_own_header(path, raw)
                if path.startswith("src/"):
                    self.check_source(path, raw)
                self.check_engines(path, raw)
        for cmake in sorted(self.root.glob("src/*/CMakeLists.txt")):
            self.check_cmake(cmake)
        return self.problems

    def check_text(self, path, raw):
        code = strip_comments(raw)
        if path.startswith("tests/") and SLEEP.search(code):
            self.complain(path, "sleep-in-test", "wait for a condition instead")
        match = UNFINISHED.search(raw)
        if match:
            self.complain(path, "unfinished-mark", match.group(0))
        if path.startswith("src/") and path.endswith(".h"):
            guard = "MING_" + re.sub(r"[/.]", "_", path[len("src/"):]).upper() + "_"
            if f"#ifndef {guard}\n#define {guard}\n" not in raw:
                self.complain(path, "header-guard", f"want {guard}")

    def check_source(self, path, raw):
        folder = folder_of(path)
        if folder not in LAYERS:
            self.complain(path, "unknown-folder", f"add {folder} to the layer table and a design note")
            return
        pure = is_pure(path, self.cores)
        code = strip_comments(raw)
        if pure and CLOCK.search(code):
            self.complain(path, "clock-in-pure-code", CLOCK.search(code).group(0))
        for _, header in INCLUDE.findall(code):
            self.check_include(path, folder, pure, header)

    def check_own_header(self, path, raw):
        """tests/headers compiles only those headers alone that no source includes first."""
        header = path.rsplit(".", 1)[0] + ".h"
        if path.endswith(".h") or not (self.root / header).exists():
            return
        first = INCLUDE.search(strip_comments(raw))
        want = "ming/" + header.split("/", 1)[1]
        if first is None or first.group(2) != want:
            self.complain(path, "own-header-first", f"include {want} before anything else")

    def check_include(self, path, folder, pure, header):
        ours = re.match(r"ming/(\w+)/", header)
        if ours:
            target = ours.group(1)
            allowed = target == folder or target in LAYERS[folder] or (folder, target) in ALLOWED_EDGES
            if not allowed:
                self.complain(path, "layer", f"{folder} may not include {header}")
            elif pure and target not in PURE and target != folder:
                self.complain(path, "impure-include", f"pure code may not include {header}")
            return
        if (path, header) in ALLOWED_FILES:
            return
        if pure and SYSTEM_HEADER.match(header):
            self.complain(path, "system-header-in-pure-code", header)
        if path.endswith(".h") and header in HEAVY_IN_HEADERS:
            self.complain(path, "heavy-header", f"<{header}> in a header")

    def check_engines(self, path, raw):
        for _, header in INCLUDE.findall(strip_comments(raw)):
            if header in THREAD_HEADERS and not path.startswith(THREAD_FILES):
                self.complain(path, "threads", f"<{header}> belongs in net/post_queue and net/resolver only")
            for prefix, homes in ENGINES.items():
                if not header.startswith(prefix):
                    continue
                if not path.startswith(tuple(homes)):
                    self.complain(path, "engine-header", f"<{header}> belongs in {' '.join(homes)}")
                elif path.startswith("src/") and path.endswith(".h"):
                    self.complain(path, "engine-header-in-header", f"<{header}>: forward-declare instead")

    def check_cmake(self, cmake):
        folder = cmake.parent.name
        path = str(cmake.relative_to(self.root))
        for name, body in LIBRARY.findall(cmake.read_text()):
            for dep in re.findall(r"ming::(\w+)", body):
                target = dep[:-len("_core")] if dep.endswith("_core") else dep
                allowed = target == folder or target in LAYERS.get(folder, []) or (folder, target) in ALLOWED_EDGES
                if not allowed:
                    self.complain(path, "layer", f"{name} may not link ming::{dep}")
                if name.endswith("_core") and dep not in PURE and not dep.endswith("_core"):
                    self.complain(path, "impure-link", f"{name} may not link ming::{dep}")


def main():
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    problems = Checker(sys.argv[1]).run()
    for problem in problems:
        print(problem)
    print(f"layer check: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
