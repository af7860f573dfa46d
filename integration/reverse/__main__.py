#!/usr/bin/python3
"""Acceptance cases of the reverse tunnel (RT1), with real processes on loopback, in a network namespace of its own where that is allowed.

Every case carries the id of its requirement: B..: behaviour, H..: heartbeat, S..: statistics, M..: several clients, T..: TLS and
token, U..: UDP, Z..: sanitizers. The smoke set leaves out what takes long, or does it with less data and shorter times.
"""
import pathlib
import shutil
import subprocess
import sys

from reverse import end_cases, long_cases, pairing_cases, relay_cases, trust_cases, udp_cases
from reverse.lab import ReverseLab
from support.cases import Case, in_own_network_namespace, parse_arguments, run_suite
from support.processes import Failure, Skip

CASES = [*relay_cases.CASES, *pairing_cases.CASES, *end_cases.CASES, *long_cases.CASES, *trust_cases.CASES, *udp_cases.CASES]
# What waits for long, or has no smaller version.
SLOW = {long_cases.h1_heartbeat}
NEEDS = {trust_cases.t1_tls: "openssl", relay_cases.b1_http: "nginx", long_cases.h1_heartbeat: "nft"}


def name_of(function):
    """b1_http: "B1-http"."""
    words = function.__name__.split("_")
    return "-".join([words[0].upper(), *words[1:]])


def number(name):
    """Orders b2 before b10."""
    head = name.split("-")[0]
    return (head[0], int(head[1:]))


def prepared(name, function, smoke, ming=None, tool=None):
    """The case as the suite runs it: with a lab of its own, and the last log lines where it failed."""
    def run(arguments):
        if tool and not (shutil.which(tool) or pathlib.Path("/usr/sbin", tool).exists()):
            raise Skip(f"{tool} is not installed")
        program = getattr(arguments, ming) if ming else arguments.ming
        if program is None:
            raise Skip(f"needs --{ming.replace('_', '-')}")
        lab = ReverseLab(program)
        failed = True
        try:
            details = function(lab, arguments.set == "full")
            failed = False
            return details
        except (Failure, OSError, subprocess.SubprocessError, StopIteration) as error:
            logs = "".join(f"\n--- {p.name} (last lines)\n" + "\n".join(p.text().splitlines()[-12:]) for p in lab.processes
                           if not p.name.startswith(("echo", "nginx", "source", "transfer")))
            raise Failure(f"{type(error).__name__}: {error}{logs}\nlogs: {lab.folder}") from error
        finally:
            lab.close(keep_logs=failed or arguments.keep_logs)
    return Case(name, run, smoke=smoke)


def all_cases():
    cases = [prepared(name_of(function), function, smoke=function not in SLOW, tool=NEEDS.get(function)) for function in CASES]
    cases += [prepared("Z1-asan", long_cases.z1_short_callers, smoke=False, ming="asan_ming"),
              prepared("Z1-tsan", long_cases.z1_short_callers, smoke=False, ming="tsan_ming")]
    return sorted(cases, key=lambda case: number(case.name))


def add_options(parser):
    for sanitizer in ("asan", "tsan"):
        parser.add_argument(f"--{sanitizer}-ming", type=lambda p: pathlib.Path(p).resolve(), metavar="PATH",
                            help=f"ming built with the preset {sanitizer}, for Z1")


def main():
    arguments = parse_arguments(__doc__, add_options)
    in_own_network_namespace()
    return run_suite("reverse", all_cases(), arguments)


if __name__ == "__main__":
    sys.exit(main())
