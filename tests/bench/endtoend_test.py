#!/usr/bin/env python3
"""The parts of bench/endtoend that only compute: statistics, verdicts, tables, the search, the parsers, the picture."""
import unittest
import xml.etree.ElementTree

from endtoend import accounting, document, load, plot, search
from endtoend.results import Results, measured_table, merged, short, table
from endtoend.targets import Target
from support.processes import Failure

WRK = """Running 1s test @ http://127.0.0.1:5000/small
  Latency Distribution
     50%    1.50ms
     75%    2.00ms
     90%    3.00ms
     99%  900.00us
  28350 requests in 1.01s, 8.30MB read
Requests/sec:  28140.12
"""


def measured(**medians):
    results = Results()
    for party, value in medians.items():
        results.add("bulk", party, {"mbit_s": value})
    return results


class ResultsTest(unittest.TestCase):
    def test_the_median_of_the_rounds_counts(self):
        results = Results()
        for value in (9.0, 1.0, 5.0):
            results.add("bulk", "ming", {"mbit_s": value})
        series = results.get("bulk", "ming", "mbit_s")
        self.assertEqual((series.median, series.spread), (5.0, (1.0, 9.0)))

    def test_one_failure_voids_all_rounds_of_a_party_in_its_workload_only(self):
        results = measured(ming=1.0, pion=2.0)
        results.fail("bulk", "pion", "broke")
        self.assertIsNone(results.get("bulk", "pion", "mbit_s"))
        self.assertIsNotNone(results.get("bulk", "ming", "mbit_s"))
        self.assertIn("void", measured_table(results, "bulk", "ming"))

    def test_json_keeps_everything(self):
        results = measured(ming=1.0, pion=2.0)
        results.fail("bulk", "pion", "broke")
        again = Results.from_json(results.as_json())
        self.assertEqual(again.as_json(), results.as_json())

    def test_an_update_replaces_whole_workloads(self):
        old, new = measured(ming=1.0, pion=2.0), measured(ming=3.0)
        old.add("other", "ming", {"x": 1.0})
        old.replace(new)
        self.assertEqual(old.get("bulk", "ming", "mbit_s").median, 3.0)
        self.assertIsNone(old.get("bulk", "pion", "mbit_s"))
        self.assertIsNotNone(old.get("other", "ming", "x"))


class TargetTest(unittest.TestCase):
    def verdict(self, results, **how):
        return Target("t", "pion", ("bulk", "ming", "mbit_s"), ("bulk", "pion", "mbit_s"), **how).verdict(results)

    def test_higher_is_better(self):
        for value, verdict in ((16.0, "BELOW"), (20.0, "floor"), (24.0, "target")):
            self.assertEqual(self.verdict(measured(ming=value, pion=2.0), floor=10, target=12), verdict)

    def test_lower_is_better(self):
        for value, verdict in ((4.0, "BELOW"), (2.0, "floor"), (1.0, "target")):
            self.assertEqual(self.verdict(measured(ming=value, pion=2.0), floor=1.0, target=0.5, lower=True), verdict)

    def test_a_difference_may_be_the_measure(self):
        self.assertEqual(self.verdict(measured(ming=5.0, pion=2.0), floor=3, target=2, lower=True, minus=True), "floor")

    def test_nothing_is_claimed_that_was_not_measured(self):
        self.assertEqual(self.verdict(measured(ming=5.0), floor=1, target=2), "not measured")


class TableTest(unittest.TestCase):
    def test_columns_are_aligned(self):
        lines = table([["name", "x"], ["a", "1"], ["long name", "1,000"]]).splitlines()
        self.assertEqual(len({len(line) for line in lines}), 1)
        self.assertEqual(lines[2], "| a         |     1 |")

    def test_three_digits(self):
        self.assertEqual([short(value) for value in (1234.5, 12.34, 1.234, None)], ["1,234", "12.3", "1.23", "-"])


class SearchTest(unittest.TestCase):
    def test_finds_a_limit_from_below_and_from_above(self):
        for start in (10, 1000, 900_000):
            found = search.highest_passing(lambda rate: rate <= 54_321, start)
            self.assertTrue(54_321 / 1.05 <= found <= 54_321, found)

    def test_one_bad_moment_does_not_decide(self):
        calls = {}

        def fails_at_first(rate):
            calls[rate] = calls.get(rate, 0) + 1
            return calls[rate] > 1 and rate <= 5000
        self.assertGreater(search.highest_passing(fails_at_first, 1000), 4700)

    def test_nothing_passes(self):
        self.assertEqual(search.highest_passing(lambda _: False, 1000), 0)


class ParserTest(unittest.TestCase):
    def test_wrk(self):
        self.assertEqual(load.parse_wrk(WRK), {"requests": 28350, "requests_s": 28140.12, "p50_us": 1500.0, "p99_us": 900.0})

    def test_an_error_of_wrk_voids_the_run(self):
        for bad in ("  Socket errors: connect 0, read 3, write 0, timeout 0\n", "  Non-2xx or 3xx responses: 7\n"):
            with self.assertRaises(Failure):
                load.parse_wrk(WRK + bad)

    def test_a_process_may_be_named_anything(self):
        ticks = round(1 / accounting.TICK_S)
        line = f"7 (a) (b c) S 3 7 7 0 -1 4194304 1 0 0 0 {ticks} {ticks} {2 * ticks} 0 20 0"
        self.assertEqual(accounting.parse_stat(line), (3, 4.0))

    def test_memory(self):
        text = "00 ---p 00000000 [rollup]\nRss: 100 kB\nPss: 50 kB\nPrivate_Clean: 10 kB\nPrivate_Dirty: 20 kB\n"
        self.assertEqual(accounting.parse_smaps(text), accounting.Memory(102_400, 51_200, 30_720))


class PictureTest(unittest.TestCase):
    def test_it_is_xml_with_a_bar_for_each_value(self):
        bars = (plot.Bar("a <b>", 10.0, "10"), plot.Bar("c", 5.0, "5"))
        root = xml.etree.ElementTree.fromstring(plot.svg([plot.Panel("one", bars), plot.Panel("two", bars, logarithmic=True)]))
        rectangles = root.findall("{http://www.w3.org/2000/svg}rect")
        self.assertEqual(len(rectangles), 1 + 4)
        widths = [float(rectangle.get("width")) for rectangle in rectangles[1:3]]
        self.assertAlmostEqual(widths[0], 2 * widths[1], places=0)

    def test_the_block_of_the_page_is_replaced_and_the_rest_is_not(self):
        page = f"before\n{document.BEGIN}\nold\n{document.END}\nafter\n"
        self.assertEqual(document.replace_block(page, "new"), f"before\n{document.BEGIN}\n\nnew\n\n{document.END}\nafter\n")

    def test_what_was_kept_says_when_it_was_measured(self):
        older = {"about": {"time": "monday", "ming": "one", "groups": {"bulk": {"load_before": 1}, "udp": {"load_before": 2}}},
                 "measured": [], "failures": []}
        _, about = merged(older, Results(), {"time": "tuesday", "ming": "two", "groups": {"udp": {"load_before": 3}}})
        self.assertEqual(document.kept_lines(about), "\nMeasured monday with one, and kept: bulk.")
        self.assertEqual(about["groups"]["udp"], {"load_before": 3})

    def test_tables_say_how_many_rounds(self):
        results = Results()
        for value in (1.0, 3.0, 2.0):
            results.add("w", "p", {"m": value})
        self.assertEqual(measured_table(results, "w").splitlines()[-1].split(), "| p | 2.00 | 3 | 1.00-3.00 |".split())


if __name__ == "__main__":
    unittest.main()
