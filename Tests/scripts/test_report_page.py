"""The page of `flexmig simulate`, in a real Chromium without a network: charts are drawn, the occupancy chart zooms.

FLEXMIG_BUILD names the directory with the built products, .build/release by default; pictures of the page are kept in
FLEXMIG_ARTEFACTS, else in .build/artefacts. What is missing is a reason to skip, and with FLEXMIG_REQUIRE_ALL=1 to fail.
"""

import os
import subprocess
import tempfile
import unittest

import chromium

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("FLEXMIG_BUILD") or os.path.join(ROOT, ".build", "release"))
PROGRAM = os.path.join(BUILD, "flexmig")
ARTEFACTS = os.environ.get("FLEXMIG_ARTEFACTS") or os.path.join(ROOT, ".build", "artefacts")
CHARTS = ["utilisation", "queued", "external", "internal", "completion", "queueing", "gantt"]

# How many pixels of a canvas are not transparent, and how many colours these have.
INK = """(() => {
    const it = document.getElementById(%r), all = it.getContext('2d').getImageData(0, 0, it.width, it.height).data;
    const colours = new Set();
    let drawn = 0;
    for (let at = 0; at < all.length; at += 4)
        if (all[at + 3]) { drawn++; colours.add(all[at] << 16 | all[at + 1] << 8 | all[at + 2]); }
    return [drawn, colours.size];
})()"""


def missing():
    """Why the page can't be tried; None when it can."""
    if chromium.program() is None:
        return "Chromium is not installed (scripts/install-dependencies test)"
    if not os.path.exists(PROGRAM):
        return f"{PROGRAM} is not built"
    return None


class ReportPageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = missing()
        if reason and os.environ.get("FLEXMIG_REQUIRE_ALL") == "1":
            raise AssertionError(reason)
        if reason:
            raise unittest.SkipTest(reason)
        directory = tempfile.TemporaryDirectory(prefix="flexmig-page-")
        cls.addClassCleanup(directory.cleanup)
        cls.out = os.path.join(directory.name, "report")
        subprocess.run(
            [PROGRAM, "simulate", "--generate", "bimodal", "--jobs", "120", "--gpus", "a100-40gb:4", "--models",
             "fixed,hybrid", "--queue", "fifo,backfill", "--seeds", "1", "--out", cls.out],
            check=True, capture_output=True, timeout=120)
        cls.browser = cls.enterClassContext(chromium.Chromium())
        os.makedirs(ARTEFACTS, exist_ok=True)

    def setUp(self):
        self.browser.errors.clear(), self.browser.requests.clear()
        self.browser.navigate(f"file://{self.out}/index.html")

    def tearDown(self):
        self.assertEqual(self.browser.errors, [])
        self.assertEqual(self.browser.requests, [], "the page is on its own")

    def ink(self, chart):
        return self.browser.evaluate(INK % chart)

    def test_all_charts_are_drawn(self):
        self.browser.screenshot(os.path.join(ARTEFACTS, "report.png"))
        for chart in CHARTS:
            drawn, colours = self.ink(chart)
            self.assertGreater(drawn, 500, chart)
            self.assertGreater(colours, 3, f"{chart}: an axis alone is no chart")
        self.assertEqual(self.browser.evaluate("document.querySelectorAll('#legend span').length"), 2)
        self.assertEqual(self.browser.evaluate("document.querySelector('#run').options.length"), 4)
        self.assertGreaterEqual(self.browser.evaluate("document.querySelectorAll('table tbody tr').length"), 4)
        self.assertIn("flexmig simulate", self.browser.evaluate("document.querySelector('pre.command').textContent"))

    def test_the_wheel_zooms_and_a_double_click_shows_all(self):
        span = "view.t1 - view.t0"
        whole = self.browser.evaluate(span)
        picture = "gantt.toDataURL()"
        before = self.browser.evaluate(picture)
        self.browser.wheel("#gantt", -600)
        self.browser.until(f"{span} < {whole} * 0.7")
        zoomed = self.browser.evaluate(picture)
        self.assertNotEqual(zoomed, before)
        self.browser.screenshot(os.path.join(ARTEFACTS, "report-zoomed.png"))
        self.browser.click("#gantt", times=2)
        self.browser.until(f"{span} === {whole}")
        self.assertNotEqual(self.browser.evaluate(picture), zoomed)

    def test_pointing_names_the_job(self):
        # The middle of the first span that is wide and visible.
        self.browser.move("#gantt")
        self.browser.evaluate(
            """(() => { const s = currentRun().spans[0], box = gantt.getBoundingClientRect();
            const x = box.left + 46 + (box.width - 50) * ((s[4] + s[5]) / 2 - view.t0) / (view.t1 - view.t0);
            const y = box.top + 4 + (box.height - 24) * (s[1] * 8 + s[2] + s[3] / 2 - view.r0) / (view.r1 - view.r0);
            gantt.dispatchEvent(new PointerEvent('pointermove', { clientX: x, clientY: y })); })()""")
        text = self.browser.evaluate("document.getElementById('pointed').textContent")
        self.assertRegex(text, r"^job .+; GPU \d+, memory slices \d+:\d+; from .+ for .+")

    def test_another_run_and_queue_are_drawn(self):
        for select, chart in [("run", "gantt"), ("queue", "queued")]:
            before = self.browser.evaluate(f"document.getElementById('{chart}').toDataURL()")
            self.browser.evaluate(
                f"(() => {{ const it = document.getElementById('{select}'); it.selectedIndex = it.options.length - 1;"
                " it.dispatchEvent(new Event('change')); })()")
            self.assertNotEqual(self.browser.evaluate(f"document.getElementById('{chart}').toDataURL()"), before, select)

    def test_errors_and_requests_are_noticed(self):
        """That an empty list of errors means something."""
        self.browser.evaluate("setTimeout(() => { throw new Error('on purpose'); }, 0)")
        self.browser.evaluate("console.error('told')")
        self.browser.evaluate("fetch('http://flexmig.example/').catch(() => 0)")
        self.browser.evaluate("new Promise(done => setTimeout(done, 50))")
        self.assertTrue(any("on purpose" in error for error in self.browser.errors), self.browser.errors)
        self.assertTrue(any("told" in error for error in self.browser.errors), self.browser.errors)
        self.assertIn("http://flexmig.example/", self.browser.requests)
        self.browser.errors.clear(), self.browser.requests.clear()


if __name__ == "__main__":
    unittest.main()
