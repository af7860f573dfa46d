"""Runs the cases of a suite: a line each, a table where cells are given, one JSON result line, and what was passed, failed, skipped."""
import argparse
import dataclasses
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import traceback
import typing

from support.processes import Failure, Skip, raise_descriptor_limit

STATES = ("passed", "failed", "skipped")
OWN_NAMESPACE = "SUITE_HAS_OWN_NETWORK_NAMESPACE"  # not MING_...: ming warns of settings that it does not know


@dataclasses.dataclass(frozen=True)
class Case:
    """`run(arguments)` returns details (a dict for the JSON line), or raises Failure or Skip. `smoke`: part of the CI set."""
    name: str
    run: typing.Callable
    smoke: bool = False
    cell: tuple = ()  # (row, column) in its table
    table: str = ""   # the heading of that table


@dataclasses.dataclass
class Result:
    state: str
    details: object
    seconds: float


def parse_arguments(description, add_options=None):
    """--ming PATH, --set, --only, --list and --keep-logs, the same for every suite."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ming", required=True, type=lambda p: pathlib.Path(p).resolve(), help="the program under test")
    parser.add_argument("--set", choices=("smoke", "full"), default="smoke")
    parser.add_argument("--only", default="", metavar="NAME[,NAME]", help="only cases whose name contains one of these")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("--second-try", action="store_true",
                        help="try a failed case once more: on machines that do other work; both tries are printed and counted")
    parser.add_argument("--keep-logs", action="store_true", help="keep the folders of passed cases, too")
    if add_options:
        add_options(parser)
    return parser.parse_args()


def run_suite(suite, cases, arguments):
    """Runs the chosen cases one after another; the exit code of the suite: 1 if a case failed."""
    if arguments.only:
        chosen = [case for case in cases if any(part in case.name for part in arguments.only.split(","))]
    else:
        chosen = [case for case in cases if case.smoke or arguments.set == "full"]
    if arguments.list:
        print("\n".join(case.name for case in chosen))
        return 0
    raise_descriptor_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # ends what the cases started, as Ctrl-C does
    results, again = {}, 0
    for case in chosen:
        result = run_case(case, arguments)
        report(case, result)
        if result.state == "failed" and arguments.second_try:
            again += 1
            result = run_case(case, arguments)
            report(case, result)
        results[case] = result
    for heading in dict.fromkeys(case.table for case in results if case.cell):
        print_table(heading, {case: result for case, result in results.items() if case.cell and case.table == heading})
    print(json.dumps({"version": 1, "suite": suite, "set": arguments.set, "results": {
        case.name: {"state": result.state, "seconds": round(result.seconds, 1), "details": result.details}
        for case, result in results.items()}}))
    count = {state: sum(1 for r in results.values() if r.state == state) for state in STATES}
    tries = f", {again} tried twice" if again else ""
    print(f"{suite}: {count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped{tries}", flush=True)
    if not chosen:
        print(f"{suite}: no case is named so", file=sys.stderr)
        return 2
    return 1 if count["failed"] else 0


def report(case, result):
    print(f"{result.state:8} {case.name:32} {result.seconds:6.1f} s  {result.details}", flush=True)


def run_case(case, arguments):
    start = time.monotonic()
    try:
        state, details = "passed", case.run(arguments)
    except Skip as why:
        state, details = "skipped", str(why)
    except Failure as error:
        state, details = "failed", str(error)
    except Exception:  # pylint: disable=broad-except  # a defect of one case must not hide the results of the others
        state, details = "failed", traceback.format_exc()
    return Result(state, details, time.monotonic() - start)


def print_table(heading, results):
    """One cell for each case: details["cell"] where given, else the state."""
    cells = {}
    for case, result in results.items():
        shown = result.details.get("cell") if isinstance(result.details, dict) else None
        cells[case.cell] = str(shown or result.state) if result.state == "passed" else result.state.upper()
    rows = list(dict.fromkeys(row for row, _ in cells))
    columns = list(dict.fromkeys(column for _, column in cells))
    table = [[heading, *columns]] + [[row, *(cells.get((row, column), "") for column in columns)] for row in rows]
    widths = [max(len(str(line[at])) for line in table) for at in range(len(columns) + 1)]
    print()
    for number, line in enumerate(table):
        print("| " + " | ".join(str(text).ljust(width) for text, width in zip(line, widths)) + " |")
        if number == 0:
            print("|" + "|".join("-" * (width + 2) for width in widths) + "|")
    print(flush=True)


def has_own_network_namespace():
    return OWN_NAMESPACE in os.environ


def in_own_network_namespace():
    """Runs this program again inside a fresh network namespace with loopback up; returns where that is not allowed."""
    if has_own_network_namespace() or os.geteuid() != 0:
        return
    if subprocess.run(["unshare", "-n", "ip", "link", "set", "lo", "up"], capture_output=True, check=False).returncode:
        return
    os.environ[OWN_NAMESPACE] = "1"
    os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable,
                          *sys.orig_argv[1:]])
