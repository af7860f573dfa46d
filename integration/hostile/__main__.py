"""Hostile peers: every attack that ming_hostile knows, on a server, a host or a client in namespaces of their own, while honest traffic
runs beside it. What is asserted for each: the victim lives, its memory, descriptors and log keep to their bounds and come back, honest
traffic is whole and keeps 80 % of its rate.

usage: PYTHONPATH=integration python3 -m hostile --ming build/release/bin/ming [--set smoke|full] [--only NAME] [--asan]

ming_hostile is looked for beside ming unless --hostile says where. With --asan, ming is a sanitizer build: what counts
is that it lives and reports nothing.
"""
import os
import pathlib
import signal
import sys

from hostile.cases import all_cases
from support.cases import parse_arguments, run_suite


def add_options(parser):
    parser.add_argument("--hostile", type=pathlib.Path, help="the attacker (default: ming_hostile beside ming)")
    parser.add_argument("--asan", action="store_true", help="ming is a sanitizer build: no bounds on memory and rates")


def main():
    arguments = parse_arguments(__doc__, add_options)
    arguments.hostile = (arguments.hostile or arguments.ming.parent / "ming_hostile").resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through the cases' own clean-up
    os.environ.setdefault("PYTHONPATH", str(pathlib.Path(__file__).resolve().parent.parent))
    return run_suite("hostile", all_cases(), arguments)


if __name__ == "__main__":
    sys.exit(main())
