#!/usr/bin/python3
"""Acceptance cases of the reverse tunnel (RT1), with real processes on loopback, in a network namespace of its own where that is allowed.

Every case carries the id of its requirement: B..: behaviour, H..: heartbeat, S..: statistics, M..: several clients, T..: TLS and
token, U..: UDP, A..: connections opened ahead, X..: the PROXY header, E..: examples of docs/reverse.md, L..: lines, limits and timers,
Z..: sanitizers. The smoke set leaves out what takes more than 15 s, or does it with less data and shorter times.
"""
import pathlib
import sys

from reverse import ahead_cases, end_cases, foreign_cases, long_cases, pairing_cases, relay_cases, rule_cases, trust_cases, udp_cases
from reverse.lab import ReverseLab
from support.cases import Case, in_own_network_namespace, parse_arguments, run_suite
from support.lab import run_in
from support.processes import Skip, need_tool

CASES = [*relay_cases.CASES, *pairing_cases.CASES, *end_cases.CASES, *long_cases.CASES, *trust_cases.CASES, *udp_cases.CASES,
         *foreign_cases.CASES, *rule_cases.CASES, *ahead_cases.CASES]
# What waits for long, or has no smaller version.
SLOW = {long_cases.h1_heartbeat}
# More than 15 s in full, so smaller in the smoke set.
SMALLER = {long_cases.h2_back_off, relay_cases.b23_splice}
NEEDS = {trust_cases.t1_tls: ["openssl"], trust_cases.t2_expired_server: ["openssl"], trust_cases.t5_one_end_only: ["openssl"],
         relay_cases.b1_http: ["nginx"], long_cases.h1_heartbeat: ["nft"], **foreign_cases.NEEDS}


def name_of(function):
    """b1_http: "B1-http"."""
    words = function.__name__.split("_")
    return "-".join([words[0].upper(), *words[1:]])


def number(name):
    """Orders b2 before b10."""
    head = name.split("-")[0]
    return (head[0], int(head[1:]))


def in_full(function, arguments):
    return arguments.set == "full" or function not in SMALLER


def prepared(name, function, smoke, ming=None):
    """The case as the suite runs it, with a lab of its own; `ming`: the option that names its program."""
    def run(arguments):
        for tool in NEEDS.get(function, ()):
            need_tool(tool)
        program = getattr(arguments, ming) if ming else arguments.ming
        if program is None:
            raise Skip(f"needs --{ming.replace('_', '-')}")
        return run_in(ReverseLab(program), lambda lab: function(lab, in_full(function, arguments)), arguments.keep_logs)
    return Case(name, run, smoke=smoke)


def all_cases():
    cases = [prepared(name_of(function), function, smoke=function not in SLOW) for function in CASES]
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
