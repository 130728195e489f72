"""docs/evidence: the tables in its pages come from its CSV, and the same script makes the same bytes of a small sample.

FLEXMIG_BUILD names the directory with the built products, .build/release by default. What is missing is a reason to
skip, and with FLEXMIG_REQUIRE_ALL=1 to fail.
"""

import csv
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from evidence import inputs, page, plan, results, verdicts  # noqa: E402
from evidence.chart import break_even  # noqa: E402
from evidence.statistics import Interval, corrected, differences, interval, quantile, QUANTILES  # noqa: E402

BUILD = os.path.abspath(os.environ.get("FLEXMIG_BUILD") or os.path.join(ROOT, ".build", "release"))
FLEXMIG = os.path.join(BUILD, "flexmig")
PAGES = os.path.join(ROOT, "docs", "evidence")
SCRIPT = os.path.join(ROOT, "scripts", "make-evidence")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


class CommittedTests(unittest.TestCase):
    def test_the_tables_in_the_pages_come_from_the_csv(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in os.listdir(PAGES):
                shutil.copy(os.path.join(PAGES, name), folder)
            made = subprocess.run([SCRIPT, "--page", "--out", folder], capture_output=True, text=True, check=False)
            self.assertEqual(made.returncode, 0, made.stderr)
            for name in page.PAGES + ("sensitivity.svg",):
                self.assertEqual(read(os.path.join(folder, name)), read(os.path.join(PAGES, name)), name)

    def test_a_changed_figure_changes_the_page(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in os.listdir(PAGES):
                shutil.copy(os.path.join(PAGES, name), folder)
            path = os.path.join(folder, "differences.csv")
            rows = page.table(read(path))
            row = next(row for row in rows if row["group"] == "main" and row["model"] == "hybrid"
                       and row["against"] == "partial" and row["workload"] == "uniform")
            row.update({"jct_percent": "77.70", "jct_half": "0.10"})
            with open(path, "w", encoding="utf-8") as file:
                file.write(results.text(rows))
            subprocess.run([SCRIPT, "--page", "--out", folder], check=True)
            self.assertIn("+77.7 ±0.1", read(os.path.join(folder, "README.md")))

    def test_the_main_cells_are_there_and_the_page_says_what_is_not(self):
        rows = page.table(read(os.path.join(PAGES, "differences.csv")))
        found = {(row["group"], row["workload"], row["load"]) for row in rows}
        for mix in plan.MIXES + ("philly-slice", "openb-ceil", "openb-nearest"):
            for load in plan.LOADS:
                self.assertIn(("main", mix, load), found)
        rest = [row for row in rows if (row["group"], row["workload"], row["load"]) != ("main", "uniform", "1.0")]
        self.assertIn("| main | uniform | 1.0 | - |", page.missing(rest))
        self.assertNotIn("| main | uniform | 1.0 | - |", page.missing(rows))

    def test_who_lacks_openb_keeps_its_rows_where_they_were(self):
        for name in ("results.csv", "differences.csv", "sizes.csv"):
            path = os.path.join(PAGES, name)
            rows = page.table(read(path))
            own = [row for row in rows if not row["workload"].startswith("openb")]
            self.assertLess(len(own), len(rows))
            self.assertEqual(results.text(page.with_openb(own, path)), read(path))

    def test_the_folder_stays_small_and_has_no_trace_of_openb(self):
        self.assertLess(sum(os.path.getsize(os.path.join(PAGES, name)) for name in os.listdir(PAGES)), 1 << 20)


class RuleTests(unittest.TestCase):
    def test_an_interval_by_hand(self):
        self.assertAlmostEqual(interval([1, 2, 3, 4, 5]).half, 2.776 * (2.5 / 5) ** 0.5)
        self.assertIsNone(interval([4]).half)
        self.assertTrue(differences([1.1, 2.2], [1, 2]).is_worse)
        self.assertFalse(differences([1.1, 1.9], [1, 2]).is_worse)
        self.assertTrue(differences([0.9, 1.81], [1, 2]).is_better)

    def test_quantiles_and_intervals_for_many_comparisons(self):
        # The table of Student's t, and two printed values for its far end.
        for freedom, value in enumerate(QUANTILES, start=1):
            self.assertAlmostEqual(quantile(0.975, freedom), value, places=3)
        self.assertAlmostEqual(quantile(0.9995, 9), 4.781, places=3)
        self.assertAlmostEqual(quantile(0.9995, 3), 12.924, places=3)
        self.assertAlmostEqual(corrected(Interval(3.0, 2.262), 10, 1).half, 2.262, places=3)
        self.assertAlmostEqual(corrected(Interval(3.0, 2.262), 10, 50).half, 4.781, places=3)
        self.assertIsNone(corrected(Interval(3.0, None), 1, 50).half)

    def test_arrivals_are_drawn_within_their_second_and_rows_in_another_order(self):
        rows = [{"job_id": str(number), "submit_s": str(86_400 * number), "gpus": "1", "gpu_milli": "0", "duration_s": "5",
                 "tenant": "t"} for number in range(40)]
        with tempfile.TemporaryDirectory() as work:
            inputs.jittered(rows, (86_400 * 10, 5), os.path.join(work, "x-%d.csv"), 2)
            made = [inputs.rows_of(os.path.join(work, "x-%d.csv" % seed)) for seed in (1, 2)]
        for drawn in made:
            # The window of five days and the five before, each once.
            self.assertEqual(sorted(int(row["job_id"]) for row in drawn), list(range(5, 15)))
            for row in drawn:
                part = float(row["submit_s"]) - 86_400 * int(row["job_id"])
                self.assertTrue(0 <= part < 1, row)
        self.assertNotEqual([row["job_id"] for row in made[0]], [row["job_id"] for row in made[1]])
        parts = [{row["job_id"]: row["submit_s"] for row in drawn} for drawn in made]
        self.assertNotEqual(parts[0], parts[1])

    def test_the_control_holds_or_is_refuted_by_its_rows(self):
        row = {"workload": "philly-whole", "load": "1.0", "queue": "fifo", "model": "partial", "against": "static",
               "makespan_percent": "0.00", "makespan_half": "0.00", "jct_percent": "0.00", "jct_half": "0.00"}
        free, main = {**row, "group": "control"}, {**row, "group": "main"}
        self.assertEqual(verdicts.h6([free, main])[1], "holds")
        self.assertEqual(verdicts.h6([{**free, "jct_percent": "0.01"}, main])[1], "refuted")
        self.assertEqual(verdicts.h6([free, {**main, "jct_percent": "-2.00", "jct_half": "1.00"}])[1], "refuted")
        self.assertEqual(verdicts.h6([free, {**main, "jct_percent": "-2.00", "jct_half": "3.00"}])[1], "holds")

    def test_where_a_line_comes_above_zero(self):
        self.assertEqual(break_even([(0, -10), (0.5, 10)]), "0.25")
        self.assertEqual(break_even([(0, 1), (0.5, 10)]), "never pays")
        self.assertEqual(break_even([(0, -3), (1, -1)]), "above 1")

    def test_only_significant_losses_are_losses(self):
        row = {"group": "main", "workload": "w", "load": "1.0", "variant": "", "queue": "fifo", "model": "hybrid",
               "against": "partial", "makespan_percent": "3.00", "makespan_half": "1.00", "jct_percent": "3.00",
               "jct_half": "3.50"}
        self.assertEqual([figure for _, figure in verdicts.worse([row], ("partial",))], ["makespan"])
        self.assertEqual(verdicts.worse([row], ("drain",)), [])

    def test_misos_jobs_have_the_sizes_that_their_table_says(self):
        with tempfile.TemporaryDirectory() as work:
            inputs.miso(ROOT, work, 2)
            rows = inputs.rows_of(os.path.join(work, "miso-1.csv"))
            self.assertEqual(len(rows), 200)
            # 17,904 MiB and 0.51 of 7g's speed on 3g: 428 thousandths are three slices for every mapping.
            big = [row for row in rows if row["tenant"] == "transformer_train128"]
            self.assertEqual({row["gpu_milli"] for row in big}, {"428"})
            before = [row["tenant"] for row in rows if row["job_id"].startswith("before")]
            after = [row["tenant"] for row in rows if row["job_id"].startswith("job")]
            self.assertEqual(sorted(before), sorted(after))
            self.assertNotEqual(before, after)
            other = inputs.rows_of(os.path.join(work, "miso-2.csv"))
            self.assertNotEqual([row["tenant"] for row in other], [row["tenant"] for row in rows])


@unittest.skipUnless(os.access(FLEXMIG, os.X_OK) or os.environ.get("FLEXMIG_REQUIRE_ALL") == "1",
                     "there is no %s" % FLEXMIG)
class SampleTests(unittest.TestCase):
    """The whole way with a few small cells: run, tables, chart."""

    @staticmethod
    def run_sample(folder, *more):
        return subprocess.run([SCRIPT, "--sample", "--flexmig", FLEXMIG, "--work", os.path.join(folder, "work"),
                               "--out", os.path.join(folder, "out"), *more], capture_output=True, text=True, check=False)

    def test_the_same_command_gives_the_same_bytes(self):
        made = []
        with tempfile.TemporaryDirectory() as folder:
            for turn in ("one", "two"):
                done = self.run_sample(os.path.join(folder, turn))
                self.assertEqual(done.returncode, 0, done.stderr)
                made.append({name: read(os.path.join(folder, turn, "out", name))
                             for name in sorted(os.listdir(os.path.join(folder, turn, "out")))})
        self.assertEqual(made[0], made[1])
        self.assertEqual(sorted(made[0]), ["differences.csv", "results.csv", "sensitivity.svg", "sizes.csv"])
        rows = list(csv.DictReader(made[0]["differences.csv"].splitlines()))
        self.assertEqual({row["group"] for row in rows}, {"main", "sensitivity"})
        self.assertTrue(all(row["makespan_half"] for row in rows))
        self.assertTrue(made[0]["sensitivity.svg"].rstrip().endswith("</svg>"))

    def test_what_was_run_is_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            first = self.run_sample(folder)
            again = self.run_sample(folder, "--resume")
            self.assertEqual((first.returncode, again.returncode), (0, 0), first.stderr + again.stderr)
            self.assertIn("1 of 3", first.stderr)
            self.assertNotIn("of 3", again.stderr)

    def test_what_is_wrong_is_said(self):
        done = subprocess.run([SCRIPT, "--openb", "/nowhere.csv"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("traces/README.md", done.stderr)
        done = subprocess.run([SCRIPT, "--flexmig", "/nowhere"], capture_output=True, text=True, check=False)
        self.assertIn("make build", done.stderr)


if __name__ == "__main__":
    unittest.main()
