#!/usr/bin/python3
"""Faults on the processes of a tunnel: python3 -m process_faults --ming PATH [--set full]

In a network namespace of its own, as root: killed, paused, without descriptors, memory, disk or processor time, under a clock
that jumps.
What each fault may break is written beside it (process_faults/cases.py); that nothing else does is what is checked.
"""
import sys

from process_faults import cases, orders
from process_faults.world import World
from support.cases import Case, in_own_network_namespace, parse_arguments, run_suite
from support.lab import Lab, run_in


def of_fault(fault, victim):
    def run(arguments):
        return run_in(World(arguments.ming), lambda world: fault(world, victim, arguments.set == "full"), arguments.keep_logs)
    return Case(f"{fault.__name__}-{victim}", run, smoke=(fault.__name__, victim) in cases.SMOKE,
                cell=(fault.__name__.replace("_", " "), victim))


def of_order(case):
    def run(arguments):
        return run_in(Lab(arguments.ming, "ming-faults-"), lambda lab: case(lab, arguments.set == "full"), arguments.keep_logs)
    return Case(case.__name__, run, smoke=case is not orders.paused_host)


def main():
    arguments = parse_arguments(__doc__)
    in_own_network_namespace()
    suite = [of_fault(fault, victim) for fault, victims in cases.FAULTS.items() for victim in victims]
    return run_suite("process_faults", [of_order(case) for case in orders.CASES] + suite, arguments)


if __name__ == "__main__":
    sys.exit(main())
