#!/usr/bin/env python3
"""run_clang_tidy.py with a clang-tidy that is a script: what it reports, and what it passes over."""
import contextlib
import io
import json
import os
import pathlib
import tempfile
import unittest

import run_clang_tidy

# Looks for words in the file instead of faults, and says each time that it ran.
TOOL = """#!/bin/sh
[ "$1" = --version ] && { cat version; exit 0; }
for file; do :; done
echo "$file" >> calls
echo ". include/x.h" >&2
echo "76 warnings generated." >&2
grep -q CRASH "$file" && kill -SEGV $$
grep -q BROKEN "$file" && { echo "error: no such thing" >&2; exit 1; }
grep -q FINDING "$file" && { echo "$file:1:1: error: a finding"; exit 1; }
exit 0
"""


class RunClangTidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)
        self.write({"tool": TOOL, "version": "14", ".clang-tidy": "Checks: a", "include/x.h": "int x;",
                    "a.cc": "int a;", "build/compile_commands.json": self.commands("-O0")})
        os.chmod("tool", 0o755)

    def write(self, files):
        for path, text in files.items():
            pathlib.Path(path).parent.mkdir(exist_ok=True)
            pathlib.Path(path).write_text(text)

    def commands(self, flags):
        return json.dumps([{"directory": os.getcwd(), "file": "a.cc", "command": f"c++ {flags} a.cc"}])

    def lint(self, *paths):
        """(files with findings, what was printed, files that clang-tidy was run on)"""
        run_clang_tidy.digest_of.cache_clear()
        pathlib.Path("calls").write_text("")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            bad = run_clang_tidy.Linter("build", "./tool").run(list(paths), 2)
        return bad, printed.getvalue(), pathlib.Path("calls").read_text().split()

    def test_findings_are_printed_and_counted(self):
        self.write({"b.cc": "FINDING"})
        bad, printed, _ = self.lint("a.cc", "b.cc")
        self.assertEqual(bad, 1)
        self.assertIn("b.cc:1:1: error: a finding", printed)

    def test_a_tool_that_fails_without_a_finding_is_a_failure(self):
        for word, said in {"CRASH": "signal 11", "BROKEN": "error: no such thing"}.items():
            with self.subTest(word):
                self.write({"b.cc": word})
                bad, printed, _ = self.lint("b.cc")
                self.assertEqual(bad, 1)
                self.assertIn(said, printed)
                self.assertNotIn("warnings generated", printed)

    def test_a_tool_that_is_not_there_is_a_failure(self):
        with self.assertRaises(OSError):
            run_clang_tidy.Linter("build", "./no_such_tool")

    def test_a_clean_file_is_passed_over_until_something_of_it_changes(self):
        self.assertEqual(self.lint("a.cc")[2], ["a.cc"])
        self.assertEqual(self.lint("a.cc")[2], [])
        for path, text in {"a.cc": "int b;", "include/x.h": "int y;", ".clang-tidy": "Checks: b", "version": "15",
                           "build/compile_commands.json": self.commands("-O2")}.items():
            with self.subTest(path):
                self.write({path: text})
                self.assertEqual(self.lint("a.cc")[2], ["a.cc"])
                self.assertEqual(self.lint("a.cc")[2], [])

    def test_a_finding_is_looked_at_again(self):
        self.write({"a.cc": "FINDING"})
        self.assertEqual(self.lint("a.cc")[0], 1)
        self.assertEqual(self.lint("a.cc")[0], 1)

    def many(self, **special):
        """More files than are looked at alone: {path: text}."""
        files = {f"f{i}.cc": f"int a{i} = 1;" for i in range(run_clang_tidy.FEW + 1)}
        files.update({f"{name}.cc": text for name, text in special.items()})
        entries = [{"directory": os.getcwd(), "file": path, "command": f"c++ -c {path}"} for path in files]
        self.write({**files, "build/compile_commands.json": json.dumps(entries)})
        return list(files)

    def test_many_files_are_looked_at_in_groups(self):
        paths = self.many()
        bad, printed, calls = self.lint(*paths)
        self.assertEqual(bad, 0, printed)
        self.assertEqual({os.path.basename(call) for call in calls}, {"group.cc"})
        self.assertEqual(self.lint(*paths)[2], [])

    def test_a_member_of_a_clean_group_is_looked_at_again_when_a_header_of_it_changes(self):
        paths = self.many(f3='#include "include/x.h"\nint a3 = 1;')
        self.lint(*paths)
        self.write({"include/x.h": "int z;"})
        self.assertEqual(self.lint(*paths)[2], ["f3.cc"])

    def test_the_members_of_a_group_with_findings_are_looked_at_alone(self):
        for word in ("FINDING", "BROKEN", "CRASH"):
            with self.subTest(word):
                paths = self.many(f3=f"int a3 = 1;  // {word}")
                bad, printed, calls = self.lint(*paths)
                self.assertEqual(bad, 1)
                self.assertIn("f3.cc", printed)
                self.assertNotIn("group.cc", printed)
                self.assertIn("f3.cc", calls)

    def test_a_configuration_of_a_folder_counts_for_its_files(self):
        self.write({"tests/a.cc": "int a;", "tests/.clang-tidy": "Checks: a"})
        self.assertEqual(self.lint("tests/a.cc")[2], ["tests/a.cc"])
        self.write({"tests/.clang-tidy": "Checks: b"})
        self.assertEqual(self.lint("tests/a.cc")[2], ["tests/a.cc"])
        self.assertEqual(self.lint("tests/a.cc")[2], [])

    def test_the_largest_file_is_first(self):
        self.write({"a.cc": "int a;", "b.cc": "int b;" * 9, "c.cc": "int c;" * 3})
        linter = run_clang_tidy.Linter("build", "./tool")
        with contextlib.redirect_stdout(io.StringIO()):
            linter.run(["a.cc", "b.cc", "c.cc"], 1)
        self.assertEqual(pathlib.Path("calls").read_text().split(), ["b.cc", "c.cc", "a.cc"])


if __name__ == "__main__":
    unittest.main()
