"""Measures ming beside its opponents: ./run bench [GROUP...]"""
import argparse
import contextlib
import json
import pathlib
import sys
import time
import traceback

from endtoend import document, machine
from endtoend.groups import GROUPS, run_group
from endtoend.parties import PARTIES
from endtoend.results import Results, merged
from endtoend.rounds import Bench
from natlab.namespaces import Run
from support.processes import Skip, raise_descriptor_limit

DOCS = pathlib.Path("docs")


class Tools:
    """Programs beside packages."""

    def __init__(self, arguments, run):
        self.ming, self.load, self.before, self.run = arguments.ming, arguments.load, arguments.before, run
        self.wire = self.ming.parent / "ming_wire"
        self._go = None

    def pion(self):
        from peers.world import GoPrograms  # pylint: disable=import-outside-toplevel
        if self._go is None:
            self._go = GoPrograms(self.run.folder)
        return self._go.path("pion")

    def has(self, party):
        return party in PARTIES and (self.before is not None or "before" not in party)


def parse_arguments():
    def program(text):
        return pathlib.Path(text).resolve()
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="GROUP", help=f"any of: {' '.join(GROUPS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="two short rounds: to look, not to publish")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--seconds", type=float, help="of one measurement, default 1.2")
    parser.add_argument("--parties", default="", metavar="NAME[,NAME]", help=f"only these of: {' '.join(PARTIES)}")
    parser.add_argument("--before", type=program, metavar="MING", help="another build of ming, measured in the same run")
    parser.add_argument("--write-docs", action="store_true", help="put the results into docs/performance.md and draw docs/performance.svg")
    parser.add_argument("--update", action="store_true", help="keep what the JSON file holds of other groups")
    parser.add_argument("--from-json", type=pathlib.Path, metavar="FILE", help="measure nothing: report what such a file holds")
    parser.add_argument("--ming", type=program, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--load", type=program, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=pathlib.Path, default=pathlib.Path("build/bench.json"), help="default build/bench.json")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.groups if name not in GROUPS]
    unknown += [name for name in arguments.parties.split(",") if name and name not in PARTIES]
    if unknown:
        parser.error(f"unknown: {' '.join(unknown)}")
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 5)
    arguments.seconds = arguments.seconds or (1 if arguments.quick else 1.2)
    arguments.load = arguments.load or arguments.ming.parent / "ming_load"
    return arguments


def measure(arguments, results):
    """The whole run; what it was run on."""
    run = Run()
    try:
        tools = Tools(arguments, run)
        bench = Bench(run, tools, results, arguments.rounds, arguments.seconds, tuple(filter(None, arguments.parties.split(","))))
        about = {**machine.describe(tools), "rounds": bench.rounds, "seconds": bench.seconds, "load_before": machine.load_average(),
                 "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "groups": {}}
        for name in arguments.groups or GROUPS:
            try:
                about["groups"][name] = {"load_before": machine.load_average(), "took_s": round(run_group(name, bench))}
            except Exception:  # pylint: disable=broad-except  # a defect of one group must not hide the results of the others
                results.fail(name, "", traceback.format_exc(limit=1))
                print(f"  {name} was not measured: {traceback.format_exc()}", file=sys.stderr, flush=True)
            except KeyboardInterrupt:
                about["interrupted_in"] = name
                break
        return about
    finally:
        with contextlib.suppress(KeyboardInterrupt):  # it comes when all is removed; what was measured is still reported
            run.close(keep_logs=False)


def main():
    arguments = parse_arguments()
    raise_descriptor_limit()
    if arguments.from_json:
        stored = json.loads(arguments.from_json.read_text())
        results, about = Results.from_json(stored), stored["about"]
    else:
        results = Results()
        try:
            about = measure(arguments, results)
        except Skip as why:
            print(f"bench: {why}", file=sys.stderr)
            return 1
        if arguments.update and arguments.json.exists():
            results, about = merged(json.loads(arguments.json.read_text()), results, about)
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(json.dumps({"version": 1, "about": about, **results.as_json()}, indent=1) + "\n")
    print(f"\n{document.report(results, about)}")
    if arguments.write_docs:
        document.write(DOCS, results, about)
    print(f"\nevery round: {arguments.from_json or arguments.json}", flush=True)
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
