"""The backend "flexmig" with a real PyTorch: real processes, real shared memory, CPU tensors.

FLEXMIG_BUILD names the folder with the built products, .build/release by default. What is missing is a reason to skip,
and with FLEXMIG_REQUIRE_ALL=1 to fail.
"""

import glob
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import typing
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.abspath(os.environ.get("FLEXMIG_BUILD") or os.path.join(ROOT, ".build", "release"))
LIBRARY = os.path.join(BUILD, "libflexmig-collectives.so")
SKIPS = os.path.join(HERE, "distributed_suite_skips.txt")
PASSES = os.path.join(HERE, "distributed_suite_passes.txt")
PYTHON = [sys.executable, "-W", "ignore"]


def missing():
    """Why the tests can't run; None when they can."""
    if not os.path.exists(LIBRARY):
        return f"{LIBRARY} is not built"
    probe = "import numpy, expecttest, torch.distributed as d; assert d.is_gloo_available()"
    done = subprocess.run([*PYTHON, "-c", probe], capture_output=True, text=True)
    if done.returncode != 0:
        return (f"{sys.executable} has no PyTorch with gloo ({done.stderr.strip().splitlines()[-1]}); scripts/"
                "install-dependencies test installs it, and FLEXMIG_TORCH_PYTHON names another python for make test")
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class BackendTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = missing()
        if reason and os.environ.get("FLEXMIG_REQUIRE_ALL") == "1":
            raise AssertionError(reason)
        if reason:
            raise unittest.SkipTest(reason)

    def environment(self, **variables):
        found = {name: value for name, value in os.environ.items() if not name.startswith("FLEXMIG_")}
        return dict(found, PYTHONPATH=os.path.dirname(HERE), FLEXMIG_LIBRARY=LIBRARY, OMP_NUM_THREADS="1",
                    GLOO_SOCKET_IFNAME="lo", PYTHONDONTWRITEBYTECODE="1", **variables)

    def start(self, size, *command, **variables):
        """The ranks of a job, as torchrun would start them; nothing of it is left at the end of the test."""
        prefix = "flexmig-test-torch-" + secrets.token_hex(6)
        self.addCleanup(lambda: self.assertEqual(glob.glob(f"/dev/shm/{prefix}*"), []))
        environment = self.environment(
            WORLD_SIZE=str(size), MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free_port()), FLEXMIG_RENDEZVOUS=prefix,
            FLEXMIG_TIMEOUT="60", **variables)
        ranks = [
            subprocess.Popen([*PYTHON, *command], env=dict(environment, RANK=str(rank)), cwd=HERE,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for rank in range(size)]
        self.addCleanup(self.end, ranks)
        return ranks

    @staticmethod
    def end(ranks):
        for rank in ranks:
            if rank.poll() is None:
                rank.kill()
            rank.communicate()

    def run_on_leaves(self, leaves, *command):
        """A whole `flexmig run` on a simulated node, which ends well."""
        with tempfile.TemporaryDirectory(prefix="flexmig-node-") as node:
            environment = self.environment(FLEXMIG_SIMULATE="a100-40gb:1", FLEXMIG_NODE_DIRECTORY=node)
            flexmig = os.path.join(BUILD, "flexmig")
            subprocess.run([flexmig, "node", "flatten", "--layout", "thin"], check=True, env=environment,
                           capture_output=True)
            done = subprocess.run(
                [flexmig, "run", "--leaves", str(leaves), "--", *PYTHON, *command], cwd=HERE,
                env=environment, capture_output=True, text=True, timeout=150)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def expect(self, ranks, killed=None):
        """All ranks end well, but for one that is killed. Returns what they print."""
        outputs = []
        for number, rank in enumerate(ranks):
            output, errors = rank.communicate(timeout=150)
            wanted = -signal.SIGKILL if number == killed else 0
            self.assertEqual(rank.returncode, wanted, f"rank {number}: {output} {errors}")
            outputs.append(output)
        return outputs


class CallTests(BackendTest):
    def test_all_calls_and_types(self):
        for size in [1, 2, 4]:
            with self.subTest(size=size):
                *_, last = self.expect(self.start(size, "run_cases.py"))
                found = json.loads(last)
                self.assertGreater(found["compared"], 1000)
                self.assertEqual(len(found["groups"]), 2 if size > 2 else 0)

    def test_torchrun(self):
        """Without flexmig run: the store alone tells where to meet."""
        done = subprocess.run(
            [*PYTHON, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", str(free_port()),
             "troubles.py", "memory"], cwd=HERE, env=self.environment(), capture_output=True, text=True, timeout=120)
        self.assertEqual((done.returncode, done.stdout.replace("\n", "")), (0, "okok"), done.stderr)

    def test_wheel(self):
        """The wheel alone, installed by pip: without the sources or a path to the library."""
        with tempfile.TemporaryDirectory(prefix="flexmig-wheel-") as folder:
            built = subprocess.run(
                [sys.executable, os.path.join(ROOT, "scripts", "make-wheel"), "--library", LIBRARY, "--into", folder],
                capture_output=True, text=True)
            self.assertEqual(built.returncode, 0, built.stderr)
            wheel = built.stdout.strip()
            # pip takes it wherever the library can be loaded.
            needs = subprocess.run(["readelf", "-V", "-W", LIBRARY], capture_output=True, text=True, check=True).stdout
            major, minor = max((int(major), int(minor)) for major, minor in re.findall(r"GLIBC_(\d+)\.(\d+)", needs))
            self.assertIn(f"-manylinux_{major}_{minor}_", wheel)
            place = os.path.join(folder, "site")
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                            "--no-deps", "--no-index", "--target", place, wheel], check=True)
            program = ("import torch, torch.distributed as dist, flexmig.torch, flexmig.library as library; "
                       "dist.init_process_group('flexmig'); t = torch.ones(3); dist.all_reduce(t); "
                       "print(t.tolist(), library.library_path()); dist.destroy_process_group()")
            environment = dict(self.environment(), PYTHONPATH=place, WORLD_SIZE="2", MASTER_ADDR="127.0.0.1",
                               MASTER_PORT=str(free_port()))
            del environment["FLEXMIG_LIBRARY"]
            ranks = [subprocess.Popen([*PYTHON, "-c", program], env=dict(environment, RANK=str(rank)), cwd=folder,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for rank in range(2)]
            self.addCleanup(self.end, ranks)
            for output in self.expect(ranks):
                self.assertEqual(output, f"[2.0, 2.0, 2.0] {place}/flexmig/libflexmig.so\n")

    def test_examples_of_the_page(self):
        with open(os.path.join(ROOT, "docs", "torch-backend.md"), encoding="utf-8") as page:
            first, second = re.findall(r"```python\n(.*?)```", page.read(), re.DOTALL)
        whole = first.replace("dist.destroy_process_group()", second + "dist.destroy_process_group()")
        outputs = self.expect(self.start(3, "-c", whole))
        self.assertEqual(outputs, ["3\n", "", ""])

    def test_without_pytorch(self):
        program = "import sys; sys.modules['torch'] = None; import flexmig.torch"
        done = subprocess.run([*PYTHON, "-c", program], env=self.environment(), capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("torch-missing: flexmig.torch needs PyTorch 2.6 or later", done.stderr)

    def test_without_the_library(self):
        done = subprocess.run([*PYTHON, "-c", "import flexmig.torch"], capture_output=True, text=True,
                              env=dict(self.environment(), FLEXMIG_LIBRARY="/nowhere/libflexmig.so"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere/libflexmig.so can't be loaded", done.stderr)
        self.assertIn("make wheel", done.stderr)


class TroubleTests(BackendTest):
    def trouble(self, size, what, killed=None):
        outputs = self.expect(self.start(size, "troubles.py", what), killed)
        for rank, output in enumerate(outputs):
            self.assertEqual(output, "" if rank == killed else "ok\n")

    def test_what_is_refused(self):
        self.trouble(2, "arguments")

    def test_different_calls(self):
        self.trouble(2, "mismatch")

    def test_deaths(self):
        for what, size in [("death", 3), ("death_in_backward", 2), ("death_in_group", 3), ("death_in_message", 2)]:
            with self.subTest(what=what):
                self.trouble(size, what, killed=size - 1)

    def test_messages(self):
        for what in ["wrong_message", "late_message", "last_message"]:
            with self.subTest(what=what):
                self.trouble(2, what)
        self.trouble(2, "no_receiver", killed=1)

    def test_lateness(self):
        self.trouble(2, "lateness")

    def test_abort(self):
        self.trouble(2, "abort")

    def test_groups_of_subgroups(self):
        self.trouble(4, "subgroups")

    def test_the_end_of_a_program(self):
        self.trouble(2, "end_in_a_callback")

    def test_destroyed(self):
        self.trouble(2, "destroyed")

    def test_shared_memory(self):
        self.trouble(2, "memory")

    def test_several_hosts(self):
        self.trouble(2, "hosts")

    def test_settings(self):
        self.trouble(1, "settings")

    def test_group_larger_than_job(self):
        self.trouble(1, "larger")

    def test_group_larger_than_job_under_run(self):
        done = self.run_on_leaves(2, "troubles.py", "larger_under_run")
        self.assertEqual(sorted(done.stdout.splitlines()), ["[rank 0] ok", "[rank 1] ok"], done.stderr)

    def test_another_backend_beside(self):
        self.trouble(2, "other_backend")


class TrainingTests(BackendTest):
    """The same model trained over gloo and over flexmig, in one job on a simulated node."""

    def train(self, leaves, model, *how):
        done = self.run_on_leaves(leaves, "train.py", model, *how)
        reports = [json.loads(line) for line in re.findall(r"^\[rank 0\] (\{.*\})$", done.stdout, re.MULTILINE)]
        self.assertEqual([report["how"] for report in reports], list(how), done.stdout)
        for report in reports:
            with self.subTest(leaves=leaves, model=model, how=report["how"]):
                self.assertEqual(report["ranks"], leaves)
                self.assertEqual(len(report["flexmig"]), 12)
                for ours, theirs in zip(report["flexmig"], report["gloo"]):
                    self.assertAlmostEqual(ours, theirs, delta=1e-5)
                self.assertNotEqual(report["flexmig"][0], report["flexmig"][-1])
        return {report["how"]: report["statistics"] for report in reports}

    def can_shard_on_cpus(self):
        """PyTorch 2.6's fully_shard needs streams that only GPUs have, over gloo as well."""
        done = subprocess.run([*PYTHON, "-c", "import torch; print(torch.__version__)"], capture_output=True, text=True)
        return tuple(int(part) for part in done.stdout.split(".")[:2]) >= (2, 7)

    def test_cnn(self):
        for leaves in [2, 4]:
            self.train(leaves, "cnn", "ddp", "fsdp", *["fsdp2"] * self.can_shard_on_cpus())

    def test_transformer(self):
        for leaves in [2, 4]:
            sharded = ["fsdp2", "fsdp2-shared"] * self.can_shard_on_cpus()
            statistics = self.train(leaves, "transformer", "ddp", "buckets", "fsdp", *sharded)
            # The shared buckets were really used, and the sharded ways really went through this backend.
            self.assertNotIn("direct", statistics["ddp"]["all_reduce"])
            self.assertGreater(statistics["buckets"]["all_reduce"]["direct"], 20)
            if not sharded:
                continue
            self.assertGreater(statistics["fsdp2"]["reduce_scatter"]["calls"], 20)
            self.assertNotIn("direct", statistics["fsdp2"]["reduce_scatter"])
            self.assertGreater(statistics["fsdp2-shared"]["reduce_scatter"]["direct"], 20)


class SuiteTests(BackendTest):
    """PyTorch's own DistributedTest."""

    def test_suite(self):
        done = subprocess.run([*PYTHON, os.path.join(HERE, "distributed_suite.py"), "4"], env=self.environment(),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=600)
        self.assertEqual(done.returncode, 0)
        outcomes = json.loads(done.stdout)
        self.assertEqual({name: text for name, text in outcomes.items() if text.startswith("failed")}, {})
        self.compare(outcomes)

    def compare(self, outcomes, version=None):
        """`version`: of the PyTorch that was run, by default of this python's."""
        skips, passes = recorded(SKIPS), recorded(PASSES)
        if version is None:
            version = subprocess.run([*PYTHON, "-c", "import torch; print(torch.__version__)"], capture_output=True,
                                     text=True, check=True).stdout
        skipped = {name: text.removeprefix("skipped: ") for name, text in outcomes.items() if text != "passed"}
        # Other versions have other tests, but what passes with one isn't skipped with another.
        self.assertEqual({name: skipped[name] for name in passes.names if name in skipped}, {})
        self.assertGreater(len(outcomes.keys() & passes.names.keys()), len(passes.names) / 2, "known tests are missing")
        if version.startswith(skips.version + "."):
            what = "differs from what was found; if that is right: distributed_suite.py --record 4"
            self.assertEqual(skips.names, skipped, f"{SKIPS} {what}")
            self.assertEqual(passes.names.keys(), outcomes.keys() - skipped.keys(), f"{PASSES} {what}")

    def test_another_version_skips_nothing_that_passes(self):
        """The comparison itself, with outcomes that another PyTorch could have."""
        passes = dict.fromkeys(recorded(PASSES).names, "passed")
        self.compare({**passes, "test_of_that_version": "skipped: it needs a GPU"}, "1.0.0")
        with self.assertRaisesRegex(AssertionError, "not supported here"):
            self.compare({**passes, "test_all_reduce_sum": "skipped: not supported here"}, "1.0.0")
        with self.assertRaises(AssertionError):
            self.compare(dict.fromkeys(passes, "skipped: not supported here"), "1.0.0")
        with self.assertRaisesRegex(AssertionError, "known tests are missing"):
            self.compare({"test_of_that_version": "passed"}, "1.0.0")


class Recorded(typing.NamedTuple):
    """A file of distributed_suite.py --record: a version of PyTorch, and tests with what is said of them."""

    version: str
    names: dict


def recorded(path):
    with open(path, encoding="utf-8") as file:
        first, *lines = file.read().splitlines()
    pairs = [line.partition(": ") for line in lines if line and not line.startswith("#")]
    return Recorded(re.search(r"PyTorch (\d+\.\d+)", first)[1], {name: text for name, _, text in pairs})


if __name__ == "__main__":
    unittest.main()
