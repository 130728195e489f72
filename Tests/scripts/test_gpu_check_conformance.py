"""scripts/gpu-check asks `flexmig node conformance` about the driver: what it makes of the answers."""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.realpath(os.environ.get("FLEXMIG_BUILD") or os.path.join(ROOT, ".build", "release"))
sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
sys.path.insert(0, os.path.join(ROOT, "scripts"))
from gpucheck import conformance
sys.path.pop(0)
sys.dont_write_bytecode = before


class ConformanceTest(unittest.TestCase):
    def program(self, text, status=0):
        directory = tempfile.TemporaryDirectory(prefix="flexmig-conformance-")
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "flexmig")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\ncat <<'END'\n%s\nEND\necho 'flexmig: no driver' >&2\nexit %d\n" % (text, status))
        os.chmod(path, 0o755)
        return path

    def test_without_a_program(self):
        report = conformance.ask(None, {})
        self.assertFalse(conformance.is_broken(report))
        self.assertIn("not built", conformance.summary(report))

    def test_without_a_driver(self):
        report = conformance.ask(self.program("", 69), dict(os.environ))
        self.assertFalse(conformance.is_broken(report))
        self.assertIn("no driver", conformance.summary(report))

    def test_what_is_no_report(self):
        for text in ["[]", "1", "nonsense"]:
            self.assertIn("reason", conformance.ask(self.program(text), dict(os.environ)))
        self.assertIn("does not work", conformance.ask("/nonexistent/flexmig", {})["reason"])

    def test_broken_rules_are_named(self):
        report = conformance.ask(self.program(
            '{"driver": "1.2", "evidence": "real driver", "rules": ['
            '{"rule": "a", "verdict": "held"}, {"rule": "b", "verdict": "broken", "seen": "x"}]}', 1), dict(os.environ))
        self.assertTrue(conformance.is_broken(report))
        self.assertEqual(
            conformance.summary(report),
            "real driver 1.2: of 2 rules 1 held, 0 not checked, broken: b (x)")

    def test_the_program_on_a_simulated_node(self):
        """Reading alone, and writing where it is wanted."""
        program = os.path.join(BUILD, "flexmig")
        if not os.path.exists(program):
            if os.environ.get("FLEXMIG_REQUIRE_ALL") == "1":
                self.fail(f"{program} is not built")
            self.skipTest(f"{program} is not built")
        with tempfile.TemporaryDirectory(prefix="flexmig-conformance-") as directory:
            node = os.path.join(directory, "node")
            for word, number in [("", 15), ("1", 22)]:
                environment = dict(
                    os.environ, FLEXMIG_SIMULATE="h100-80gb:1", FLEXMIG_NODE_DIRECTORY=node,
                    FLEXMIG_CONFORMANCE_WRITE=word)
                report = conformance.ask(program, environment)
                self.assertNotIn("reason", report)
                self.assertFalse(conformance.is_broken(report), conformance.summary(report))
                self.assertEqual(len(report["rules"]), number)
                self.assertEqual(report["evidence"], "simulated driver")
            left = subprocess.run(
                [program, "node", "list", "--quiet", "--node-directory", node], capture_output=True, text=True, check=True)
            self.assertEqual(left.stdout, "")


if __name__ == "__main__":
    unittest.main()
