#!/usr/bin/python3
"""The tunnel across every pair of NAT kinds, in network namespaces.

What must be direct is direct, what must be relayed is relayed the right way, and where nothing helps the client says so and
ends with 5. Needs root.

The smoke set has one cell of each path and one without a path.
"""
import os
import sys

from natlab import discovery, matrix, scenarios
from support.cases import Case, parse_arguments, run_suite
from support.processes import Skip


def unavailable(case):
    def run(_arguments):
        raise Skip("network namespaces need root")
    return Case(case.name, run, case.smoke, case.cell, case.table)


def main():
    arguments = parse_arguments(__doc__)
    cases = discovery.cases() + matrix.cases() + scenarios.cases()
    return run_suite("natlab", cases if os.geteuid() == 0 else [unavailable(case) for case in cases], arguments)


if __name__ == "__main__":
    sys.exit(main())
