"""Plays the ranks of scripts/gpu-check with PyTorch on CPUs, as a dry run without a GPU.

What these prove: that the references, the training comparison and the noticing of a death are
right where everything works, and that each notices a spoiled result. What they cannot prove:
anything about NCCL or CUDA.

PyTorch is taken from FLEXMIG_TORCH_PYTHON, from .peers (scripts/install-peers gloo), or from this
Python; where none has it, they are skipped, and fail if FLEXMIG_TORCH_PYTHON is set.
"""

import json
import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "gpu-check")


def find_python():
    named = os.environ.get("FLEXMIG_TORCH_PYTHON")
    for python in [named] if named else [os.path.join(ROOT, ".peers/gloo/venv/bin/python"),
                                         sys.executable]:
        if os.path.exists(python) and not subprocess.run(
                [python, "-W", "ignore", "-c", "import torch.distributed as d; d.is_gloo_available() or 1/0"],
                capture_output=True).returncode:
            return python
    if named:
        raise RuntimeError("FLEXMIG_TORCH_PYTHON=%s has no PyTorch with gloo" % named)
    return None


PYTHON = find_python()


@unittest.skipUnless(PYTHON, "no Python with PyTorch (scripts/install-peers gloo)")
class DryRunTests(unittest.TestCase):
    def run_script(self, *arguments):
        done = subprocess.run(
            [PYTHON, "-W", "ignore", SCRIPT, "--cpu", "--quick", "--routes", "gloo", "--json", "-",
             *arguments], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL)
        document = json.loads(done.stdout)
        self.assertEqual(document["exit_code"], done.returncode, done.stderr)
        return done.returncode, {check["check"]: check for check in document["checks"]}, document

    def test_everything(self):
        code, checks, document = self.run_script("--ranks", "3")
        self.assertEqual(code, 0, document)
        self.assertEqual(list(checks), ["collectives", "ddp", "fsdp", "bandwidth", "dead-rank"])
        self.assertEqual({check["outcome"] for check in checks.values()}, {"as-expected"})
        self.assertEqual({check["comparable"] for check in checks.values()}, {False})
        self.assertIn("dry run", document["evidence"])
        collectives = checks["collectives"]
        self.assertEqual(collectives["types"], sorted(
            ["float32", "float64", "float16", "bfloat16", "int8", "uint8", "int32", "int64", "bool",
             "float8_e4m3fn", "float8_e5m2"]))
        for name in ("all_reduce sum", "all_reduce prod", "all_reduce min", "all_reduce max",
                     "all_reduce avg", "broadcast", "reduce sum", "all_gather",
                     "all_gather_into_tensor", "reduce_scatter_tensor sum", "all_to_all_single",
                     "gather", "scatter", "send/recv", "batch_isend_irecv", "barrier"):
            self.assertIn(name, collectives["operations"])
        for name in ("ddp", "fsdp"):
            self.assertLess(checks[name]["last_loss"], checks[name]["first_loss"], name)
        self.assertEqual({row["operation"] for row in checks["bandwidth"]["measurements"]},
                         {"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast",
                          "send_recv"})
        survivors = checks["dead-rank"]["survivors"]
        self.assertEqual(len(survivors), 2)
        for each in survivors:
            self.assertIn("RuntimeError", each["report"])

    @unittest.skipUnless(os.path.exists(os.path.join(ROOT, ".build/release/flexmig")), "flexmig is not built")
    def test_own_backend(self):
        """What gloo has not: on this backend of ours all of it, but for the sum of scaled tensors."""
        code, checks, document = self.run_script("--routes", "flexmig", "--ranks", "3", "--only", "collectives")
        found = checks["collectives"]
        self.assertEqual((code, found["outcome"]), (0, "as-expected"), document)
        for name in ("all_gather uneven", "reduce_scatter uneven", "all_reduce coalesced"):
            self.assertIn(name, found["operations"])
        for name in ("bool", "float8_e4m3fn", "float8_e5m2"):
            self.assertIn(name, found["types"])
        self.assertLessEqual({text.rsplit(" ", 1)[0] for text in found["unsupported"]}, {"all_reduce premul_sum"})
        self.assertEqual((found["variables_of"], found["changed"]), ("flexmig exec --runtime flexmig", {}))
        for spoil in ("all_gather", "reduce_scatter", "all_reduce"):
            _, checks, _ = self.run_script("--routes", "flexmig", "--ranks", "2", "--only", "collectives",
                                           "--spoil", spoil)
            found = checks["collectives"]
            self.assertEqual(found["wrong_operations"], [
                name for name in found["operations"] if name.split()[0] == spoil])

    def test_spoiled_results_are_found(self):
        for spoil, check in (("all_reduce", "collectives"), ("batch_isend_irecv", "collectives"),
                             ("ddp", "ddp"), ("fsdp", "fsdp"), ("dead-rank", "dead-rank")):
            code, checks, document = self.run_script("--ranks", "2", "--only", check, "--spoil",
                                                     spoil, "--timeout", "60" if
                                                     check != "dead-rank" else "20")
            self.assertEqual((code, checks[check]["outcome"]), (1, "contradicts"), document)

    def test_every_spoiled_case_is_found(self):
        """One element off by one, in any operation and type."""
        for spoil in ("all_gather", "all_gather_into_tensor", "reduce_scatter_tensor", "reduce",
                      "all_to_all_single", "broadcast", "gather", "scatter", "send/recv"):
            _, checks, _ = self.run_script("--ranks", "2", "--only", "collectives", "--spoil", spoil)
            found = checks["collectives"]
            self.assertEqual(found["outcome"], "contradicts", spoil)
            self.assertEqual(found["wrong_operations"], [
                name for name in found["operations"] if name.split()[0] == spoil])


if __name__ == "__main__":
    unittest.main()
