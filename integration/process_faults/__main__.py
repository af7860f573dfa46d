#!/usr/bin/python3
"""Faults on the processes of a tunnel: python3 -m process_faults --ming PATH [--set full]

In a network namespace of its own, as root: killed, paused, without descriptors, memory, disk or processor time, under a clock
that jumps.
What each fault may break is written beside it (process_faults/cases.py); that nothing else does is what is checked.
"""
import subprocess
import sys

from process_faults import cases, orders
from support.cases import Case, in_own_network_namespace, parse_arguments, run_suite
from support.lab import Lab
from support.processes import Failure


def of_fault(fault, victim):
    run = cases.one(fault, victim)
    return Case(f"{fault.__name__}-{victim}",
                lambda arguments: run(arguments.ming, arguments.set == "full", arguments.keep_logs),
                smoke=(fault.__name__, victim) in cases.SMOKE, cell=(fault.__name__.replace("_", " "), victim))


def of_order(case):
    def run(arguments):
        lab = Lab(arguments.ming, "ming-faults-")
        failed = True
        try:
            details = case(lab, arguments.set == "full")
            failed = False
            return details
        except (Failure, OSError, subprocess.SubprocessError, StopIteration) as error:
            raise Failure(f"{type(error).__name__}: {error}\nlogs: {lab.folder}") from error
        finally:
            lab.close(keep_logs=failed or arguments.keep_logs)
    return Case(case.__name__, run, smoke=case is not orders.paused_host)


def main():
    arguments = parse_arguments(__doc__)
    in_own_network_namespace()
    suite = [of_fault(fault, victim) for fault, victims in cases.FAULTS.items() for victim in victims]
    return run_suite("process_faults", [of_order(case) for case in orders.CASES] + suite, arguments)


if __name__ == "__main__":
    sys.exit(main())
