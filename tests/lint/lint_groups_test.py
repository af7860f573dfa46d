#!/usr/bin/env python3
"""lint_groups.py: what may stand in one group, and how a group is compiled."""
import os
import pathlib
import shlex
import tempfile
import unittest

import lint_groups

SOURCE = """#include "ming/a/x.h"

#define LIMIT 5

namespace ming::a {{
namespace {{

constexpr size_t kMost = 3;
{0}

}}  // namespace

void Outside::Run() {{ int kLocal = 1; }}

}}  // namespace ming::a
int main() {{}}
"""


class NamesTest(unittest.TestCase):
    def test_finds_what_namespaces_hold(self):
        found = lint_groups.names_of(SOURCE.format(
            "struct Point {\n  int x = 0;\n};\nstd::string ToText(int a,\n                   int b) {\n  return {};\n}\n"
            "enum class Kind { kOne };\nusing Bytes = std::vector<int>;\nTEST(PointTest, IsRound) {\n}"))
        self.assertEqual(found, {("#", "LIMIT"), ("ming::a", "kMost"), ("ming::a", "Point"), ("ming::a", "ToText"),
                                 ("ming::a", "Kind"), ("ming::a", "Bytes"), ("ming::a", "PointTest, IsRound"), ("", "main")})


class GroupsTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)

    def groups(self, files):
        """The members of each group of {path: (text, config, command)}."""
        for path, (text, _, _) in files.items():
            pathlib.Path(path).write_text(text)
        made = lint_groups.make_groups([(path, config, command) for path, (_, config, command) in files.items()])
        return sorted(sorted(group.members) for group in made)

    def test_sources_share_a_group(self):
        self.assertEqual(self.groups({"a.cc": ("int a = 1;", "", "c++ -c a.cc"), "b.cc": ("int b = 1;", "", "c++ -c b.cc")}),
                         [["a.cc", "b.cc"]])

    def test_what_does_not_go_together_stays_apart(self):
        first = ("int a = 1;", "", "c++ -DX=1 -Wall -c a.cc")
        for why, second in {"name": ("int a = 2;", "", "c++ -DX=1 -Wall -c b.cc"),
                            "config": ("int b = 2;", "tests", "c++ -DX=1 -Wall -c b.cc"),
                            "macro": ("int b = 2;", "", "c++ -DX=2 -Wall -c b.cc"),
                            "warnings": ("int b = 2;", "", "c++ -DX=1 -c b.cc")}.items():
            with self.subTest(why):
                self.assertEqual(self.groups({"a.cc": first, "b.cc": second}), [["a.cc"], ["b.cc"]])

    def test_the_same_name_in_another_namespace_is_no_hindrance(self):
        text = "namespace ming::{0} {{\nint a = 1;\n}}  // namespace ming::{0}\n"
        self.assertEqual(self.groups({"a.cc": (text.format("a"), "", "c++ -c a.cc"),
                                      "b.cc": (text.format("b"), "", "c++ -c b.cc")}), [["a.cc", "b.cc"]])

    def test_a_group_has_few_members(self):
        files = {f"{i}.cc": (f"int a{i} = 1;", "", f"c++ -c {i}.cc") for i in range(lint_groups.MOST_MEMBERS + 1)}
        self.assertEqual(sorted(map(len, self.groups(files)), reverse=True), [lint_groups.MOST_MEMBERS, 1])

    def test_a_group_compiles_with_what_each_member_needs(self):
        pathlib.Path("a.cc").write_text("int a = 1;")
        pathlib.Path("b.cc").write_text("int b = 1;")
        group, = lint_groups.make_groups([("a.cc", "", "c++ -I/one -isystem /sys -DA -Wall -o a.o -c a.cc"),
                                          ("b.cc", "", "c++ -I/two -isystem /sys -DB=2 -Wall -o b.o -c b.cc")])
        self.assertEqual(shlex.split(group.command("g.cc")),
                         ["c++", "-I", "/one", "-isystem", "/sys", "-I", "/two", "-DA", "-DB=2",
                          "-Wall", "-c", "g.cc"])
        self.assertIn("int a = 1;", group.text())
        self.assertIn("int b = 1;", group.text())

    def test_a_name_of_a_header_beside_another_member_stays_apart(self):
        pathlib.Path("x.h").write_text("constexpr int kLimit = 1;\n")
        self.assertEqual(self.groups({"a.cc": ('#include "x.h"\n', "", "c++ -c a.cc"),
                                      "b.cc": ('#include "x.h"\nint b = 2;\n', "", "c++ -c b.cc"),
                                      "c.cc": ("constexpr int kLimit = 2;\nint c = 3;\nint d = 4;\n", "", "c++ -c c.cc")}),
                         [["a.cc", "b.cc"], ["c.cc"]])

    def test_headers_beside_a_member_are_its_own(self):
        for folder in ("one", "two"):
            pathlib.Path(folder).mkdir()
            pathlib.Path(folder, "x.h").write_text("")
            pathlib.Path(folder, "a.cc").write_text(f'#include "x.h"\n#include "ming/a/y.h"\nint {folder} = 1;')
        group, = lint_groups.make_groups([("one/a.cc", "", "c++ -c a.cc"), ("two/a.cc", "", "c++ -c a.cc")])
        for folder in ("one", "two"):
            self.assertIn(f'#include "{os.getcwd()}/{folder}/x.h"\n#include "ming/a/y.h"\n', group.text())

    def test_finds_the_headers_of_headers(self):
        for path, text in {"a.cc": '#include "x.h"\n#include "none.h"\n#include <vector>\n', "x.h": '#include "deep.h"\n',
                           "inc/deep.h": '#include "x.h"\n'}.items():
            pathlib.Path(path).parent.mkdir(exist_ok=True)
            pathlib.Path(path).write_text(text)
        found = lint_groups.own_headers("a.cc", ["inc"])
        self.assertEqual({os.path.relpath(header) for header in found}, {"x.h", "inc/deep.h"})


if __name__ == "__main__":
    unittest.main()
