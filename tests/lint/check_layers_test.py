#!/usr/bin/env python3
"""One bad file per rule of check_layers.py: each must be reported, and a clean tree must not be."""
import pathlib
import tempfile
import unittest

import check_layers

GUARDED = "#ifndef MING_{0}_\n#define MING_{0}_\n{1}\n#endif\n"


def rules_for(files):
    """The set of rules broken by a tree of {path: text}."""
    with tempfile.TemporaryDirectory() as folder:
        for path, text in files.items():
            file = pathlib.Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return {problem.split(": ")[1] for problem in check_layers.Checker(folder).run()}


class CheckLayersTest(unittest.TestCase):
    def test_a_clean_tree_has_no_problem(self):
        self.assertEqual(rules_for({
            "src/base/a.h": GUARDED.format("BASE_A_H", "#include <string>"),
            "src/base/a.cc": '// What it is.\n#include "ming/base/a.h"\n\n#include <string>\n',
            "src/net/b.cc": '#include "ming/base/a.h"\n#include <sys/socket.h>\n',
            "src/net/CMakeLists.txt": "ming_library(net\n  SRCS b.cc\n  PUBLIC ming::base\n)\n",
            "tests/net/b_test.cc": "int main() {}\n",
        }), set())

    def test_each_rule_reports_its_bad_file(self):
        core = "ming_library(tunnel_core FOLDER tunnel\n  SRCS x.cc\n)\n"
        cases = {
            "layer": {"src/base/a.cc": '#include "ming/net/b.h"\n'},
            "impure-include": {"src/tunnel/a_core.cc": '#include "ming/net/b.h"\n'},
            "system-header-in-pure-code": {"src/tunnel/x.cc": "#include <sys/socket.h>\n",
                                           "src/tunnel/CMakeLists.txt": core},
            "clock-in-pure-code": {"src/codec/a.cc": "auto t = std::chrono::steady_clock::now();\n"},
            "engine-header": {"src/webrtc/a.cc": "#include <usrsctp.h>\n"},
            "engine-header-in-header": {"src/sctp/a.h": GUARDED.format("SCTP_A_H", "#include <usrsctp.h>")},
            "threads": {"src/tunnel/a.cc": "#include <mutex>\n"},
            "heavy-header": {"src/net/a.h": GUARDED.format("NET_A_H", "#include <iostream>")},
            "header-guard": {"src/net/a.h": "#pragma once\n"},
            "own-header-first": {"src/net/a.h": GUARDED.format("NET_A_H", ""),
                                 "src/net/a.cc": '#include <string>\n#include "ming/net/a.h"\n'},
            "unknown-folder": {"src/util/a.cc": "int x;\n"},
            "sleep-in-test": {"tests/net/a_test.cc": "void F() { usleep(5); }\n"},
            "unfinished-mark": {"src/net/a.cc": "// TO" + "DO: later\n"},
            "impure-link": {"src/tunnel/CMakeLists.txt": "ming_library(tunnel_core FOLDER tunnel\n"
                                                         "  SRCS x.cc\n  PUBLIC ming::net\n)\n"},
        }
        for rule, files in cases.items():
            with self.subTest(rule=rule):
                self.assertIn(rule, rules_for(files))

    def test_a_cmake_dependency_upward_is_reported(self):
        self.assertIn("layer", rules_for({
            "src/base/CMakeLists.txt": "ming_library(base\n  SRCS a.cc\n  PUBLIC ming::net\n)\n"}))

    def test_comments_do_not_count_as_code(self):
        self.assertEqual(rules_for({"src/net/a.cc": "// #include <usrsctp.h>\n// sleep(1)\n"}), set())


if __name__ == "__main__":
    unittest.main()
