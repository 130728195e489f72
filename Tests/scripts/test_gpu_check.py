"""Tests of how scripts/gpu-check runs and ends. They need neither a GPU nor PyTorch.

The ranks run a small torch made of scalars (FAKE_TORCH), and where MPS matters a small
nvidia-cuda-mps-control (FAKE_MPS). What these prove: parsing, verdicts, exit codes, the JSON, and
that nothing is left behind. What they cannot prove: anything about NCCL, CUDA or MPS themselves.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "gpu-check")

# FAKE_BEHAVIOUR is a word such as "refuse"; what the fakes do not look for means that all works.
FAKE_TORCH = '''
import contextlib, os, sys, time, types
behaviour = os.environ["FAKE_BEHAVIOUR"]
if behaviour == "missing":
    raise ModuleNotFoundError("No module named 'torch'")
if behaviour == "broken":
    raise OSError("libcudart.so.13: cannot open shared object file")
__version__, uint8 = "9.9.9", "uint8"
version = types.SimpleNamespace(cuda="13.0")

class Tensor:
    def __init__(self, value, device):
        self.value, self.is_cuda = value, device == "cuda"
        pipe = os.environ.get("CUDA_MPS_PIPE_DIRECTORY", "")
        if self.is_cuda and os.path.exists(pipe + "/nvidia-cuda-mps-control.pid"):
            if behaviour != "not-a-client":
                open(pipe + "/client.%d" % os.getpid(), "w").close()
    def __eq__(self, other):
        return types.SimpleNamespace(all=lambda: self.value == other)
    def zero_(self): self.value = 0
    def fill_(self, value): self.value = value
    def __float__(self): return float(self.value)
    def tolist(self): return [self.value]
    def copy_(self, other, non_blocking): return self
    def pin_memory(self): return self

def zeros(count, dtype=None, device="cpu"): return Tensor(0, device)
def ones(count, dtype=None, device="cpu"): return Tensor(1, device)
def tensor(values, device="cpu"): return Tensor(values[0], device)

cuda = types.SimpleNamespace(
    is_available=lambda: behaviour != "no-gpu", set_device=lambda index: None,
    synchronize=lambda: time.sleep(0.0001), Stream=object,
    stream=lambda stream: contextlib.nullcontext(),
    nccl=types.SimpleNamespace(version=lambda: (2, 27, 5)),
    get_device_properties=lambda index: types.SimpleNamespace(
        name=os.environ.get("FAKE_GPU", "NVIDIA Fake"), total_memory=1 << 30,
        multi_processor_count=7))
'''
FAKE_DISTRIBUTED = '''
import os, signal, sys, time
import types
from torch import behaviour
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
is_available = is_nccl_available = is_gloo_available = lambda: True

def init_process_group(backend, init_method, timeout):
    assert os.environ["MASTER_ADDR"] == "127.0.0.1" and int(os.environ["MASTER_PORT"]) > 0
    assert os.environ["FLEXMIG_LOCAL_WORLD_SIZE"] == str(world) and "FLEXMIG_DEBUG" not in os.environ
    assert not os.environ.get("CUDA_VISIBLE_DEVICES", "").startswith("MIG-gpu-check")
    hosts = os.environ.get("NCCL_HOSTID")
    if backend == "nccl" and not hosts and behaviour == "refuse":
        print("box-7:%d:42 [0] init.cc:903 NCCL WARN Duplicate GPU detected : rank %d and rank %d "
              "both on CUDA device 59000" % (os.getpid(), rank, 1 - rank))
        raise RuntimeError("NCCL error, invalid usage\\nLast error:\\n"
                           "Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 59000")
    if behaviour == "hang" or (behaviour == "uneven" and rank == 1):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = os.fork()
        if child:
            with open(os.environ["FAKE_PIDS"], "a") as file:
                file.write("%d\\n%d\\n" % (os.getpid(), child))
        time.sleep(600)
    if behaviour == "uneven":
        raise RuntimeError("rank 0 gave up")
    if hosts and behaviour != "no-log":
        net = os.environ["NCCL_NET"]
        print("box-7:1:2 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[0] [send] via NET/%s/0" % net)
        if os.environ.get("NCCL_COLLNET_ENABLE") == "1" and behaviour != "no-collnet":
            print("box-7:1:2 [0] NCCL INFO CollNet 00/0 : 0 [send] via COLLNET/%s/0" % net)
        sys.stdout.flush()
    if behaviour == "die":
        os.kill(os.getpid(), signal.SIGSEGV)

class ReduceOp: MAX = "max"

def all_reduce(tensor, op=None):
    if behaviour == "no-gloo-cuda" and tensor.is_cuda and not os.environ.get("NCCL_HOSTID"):
        raise RuntimeError("CUDA tensors are not supported by this backend")
    if behaviour == "wrong":
        tensor.value += 1
    if op is None:
        tensor.value *= world

def copy(target, source): target.value = source.value
def set_one(tensor, peer): tensor.value = 1
def reduce_scatter_tensor(target, source): target.value = source.value * world
def broadcast(tensor, root): tensor.value = 1
def isend(tensor, peer): pass
def P2POp(operation, tensor, peer): return operation(tensor, peer)
def batch_isend_irecv(operations): return [types.SimpleNamespace(wait=lambda: None)]
all_gather_into_tensor = all_to_all_single = copy
irecv = set_one
def barrier(): pass
'''
FAKE_MPS = '''
import glob, os, re, signal, subprocess, sys
pipe = os.environ["CUDA_MPS_PIPE_DIRECTORY"]
pid_file = pipe + "/nvidia-cuda-mps-control.pid"
command = sys.argv[1] if len(sys.argv) > 1 else sys.stdin.readline().strip()
with open(os.environ["FAKE_MPS_LOG"], "a") as file:
    file.write(command + "\\n")
if command == "-d":
    print("a word on standard output", flush=True)
    code = "import time; time.sleep(600)  # nvidia-cuda-mps-control"
    daemon = subprocess.Popen([sys.executable, "-c", code])  # keeps our standard output open
    open(pid_file, "w").write("%d\\n" % daemon.pid)
    open(os.environ["FAKE_PIDS"], "a").write("%d\\n" % daemon.pid)
elif not os.path.exists(pid_file):
    sys.exit("Cannot find MPS control daemon process")
elif command == "get_server_list":
    print(open(pid_file).read().strip())
elif command.startswith("get_client_list"):
    for path in glob.glob(pipe + "/client.*"):
        if os.path.exists("/proc/" + path.rsplit(".", 1)[1]):
            print(path.rsplit(".", 1)[1])
elif command == "quit":
    os.kill(int(open(pid_file).read()), signal.SIGKILL)
'''
def is_running(pid):
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class RunTests(unittest.TestCase):
    """Runs the script as a user would, on the fake torch."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(dir="/tmp")
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        for name in ("bin", "tmp", "torch"):
            os.mkdir(os.path.join(self.folder, name))
        self.write("torch/__init__.py", FAKE_TORCH)
        self.write("torch/distributed.py", FAKE_DISTRIBUTED)
        self.json, self.pids = self.path("result.json"), self.path("pids")
        self.environment = {
            "PATH": self.path("bin"), "PYTHONPATH": self.folder, "TMPDIR": self.path("tmp"),
            "HOME": self.folder, "FAKE_PIDS": self.pids, "FAKE_MPS_LOG": self.path("mps-calls"),
            "PYTHONDONTWRITEBYTECODE": "1", "NCCL_HOSTID": "must not reach a rank",
            "FLEXMIG_DEBUG": "nor this", "FLEXMIG_LOCAL_WORLD_SIZE": "77"}

    def tearDown(self):
        running = [pid for pid in self.recorded_pids() if is_running(pid)]
        for pid in running:
            os.kill(pid, signal.SIGKILL)
        self.assertEqual(running, [], "processes are left")
        self.assertEqual(os.listdir(self.path("tmp")), [], "temporary files are left")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def recorded_pids(self):
        if not os.path.exists(self.pids):
            return []
        with open(self.pids, encoding="utf-8") as file:
            return [int(line) for line in file]

    def add_mps(self):
        self.write("bin/nvidia-cuda-mps-control", "#!%s\n%s" % (sys.executable, FAKE_MPS))
        os.chmod(self.path("bin/nvidia-cuda-mps-control"), 0o755)

    def mps_calls(self):
        with open(self.path("mps-calls"), encoding="utf-8") as file:
            return file.read().split("\n")[:-1]

    def start(self, behaviour, *arguments, **more):
        return subprocess.Popen(
            [sys.executable, SCRIPT, "--json", self.json, *arguments], stdin=subprocess.DEVNULL,
            env=dict(self.environment, FAKE_BEHAVIOUR=behaviour, **more), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            # A shell ignores SIGINT for what it runs in the background, and gpu-check respects that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def finish(self, process):
        self.out, self.err = process.communicate(timeout=60)
        document = None
        if os.path.exists(self.json):
            with open(self.json, encoding="utf-8") as file:
                document = json.load(file)
            self.assertEqual(document["exit_code"], process.returncode, self.err)
        return process.returncode, document

    def run_script(self, behaviour, *arguments, **more):
        return self.finish(self.start(behaviour, *arguments, **more))

    def test_help_and_wrong_usage(self):
        done = subprocess.run([sys.executable, SCRIPT, "--help"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0)
        for word in ("examples:", "exit codes:", "--timeout", "nccl-plugin-collnet", "dead-rank"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("--play", done.stdout)
        for wrong in (["--nonsense"], ["--only", "x"], ["--sizes", "3"], ["--timeout", "0"],
                      ["--timeout", "nan"], ["word"], ["--json", "/nonexistent/x.json"], ["--qui"],
                      ["--routes", "x"], ["--ranks", "1"], ["--ranks", "2,9"], ["--ranks", "two"],
                      ["--set", "NAME"], ["--set", "=1"], ["--plugin", "/nonexistent.so"],
                      ["--mode", "turns"], ["--spoil", "nothing"]):
            done = subprocess.run([sys.executable, SCRIPT, *wrong], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (64, ""), wrong)
            self.assertIn("gpu-check:", done.stderr)

    def test_cannot_run_here(self):
        for behaviour, words in (("missing", "cannot import PyTorch"), ("broken", "libcudart"),
                                 ("no-gpu", "sees no NVIDIA GPU")):
            code, document = self.run_script(behaviour)
            self.assertEqual((code, document["result"]), (2, "cannot-run"))
            self.assertIn(words, document["reason"])
            self.assertIn("cannot run here", self.err)
            self.assertIsNone(document["evidence"])
            self.assertEqual((self.out, document["checks"]), ("", []))

    def test_json_on_standard_output_stands_alone(self):
        self.json = "-"
        self.run_script("missing")
        self.assertEqual(json.loads(self.out)["exit_code"], 2)

    def test_refusal_without_mps(self):
        code, document = self.run_script("refuse", "--only", "nccl-refuses")
        self.assertEqual((code, document["result"]), (0, "as-expected"), self.err)
        self.assertEqual(document["evidence"], "real NVIDIA GPU without MIG")
        self.assertEqual(document["environment"]["nccl"], "2.27.5")
        self.assertEqual(document["environment"]["nccl_variables_ignored"], ["NCCL_HOSTID"])
        self.assertEqual(document["environment"]["flexmig_variables_ignored"],
                         ["FLEXMIG_DEBUG", "FLEXMIG_LOCAL_WORLD_SIZE"])
        self.assertFalse(document["modes"]["mps"]["available"])
        self.assertIn("not on PATH", document["modes"]["mps"]["reason"])
        (check,) = document["checks"]
        self.assertEqual((check["mode"], check["comparable"]), ("time-sliced", False))
        self.assertIn("2.27.5 refused: Duplicate GPU detected", check["reason"])

    MEASURE = ("--only", "bandwidth", "--only", "host-link", "--quick", "--sizes", "8,64K",
               "--ranks", "2,3", "--routes", "nccl-socket,gloo")

    def test_measurements_under_mps(self):
        self.add_mps()
        code, document = self.run_script("works", *self.MEASURE)
        self.assertEqual(code, 0, self.err)
        self.assertEqual(document["modes"], {"mps": {"available": True, "reason": None}})
        checks = {(check["check"], check["route"], check["ranks"]): check
                  for check in document["checks"] if check["outcome"] != "skipped"}
        self.assertEqual(sorted(checks), sorted(
            [("host-link", "host-link", ranks) for ranks in (1, 2, 3)]
            + [("bandwidth", route, ranks) for route in ("nccl-socket", "gloo")
               for ranks in (2, 3)]))
        for check in checks.values():
            self.assertTrue(check["comparable"] and check["measurements"], check["route"])
        rows = checks["bandwidth", "gloo", 3]["measurements"]
        self.assertEqual([row["bytes"] for row in rows if row["operation"] == "all_reduce"],
                         [8, 65536])
        self.assertTrue(all(row["percent_of_link_bound"] > 0 for row in rows
                            if row["bytes"] == 65536), rows)
        self.assertEqual(checks["bandwidth", "nccl-socket", 2]["transports"], {"NET/Socket": 2})
        self.assertNotIn("not comparable", self.out)
        calls = self.mps_calls()
        self.assertEqual((calls[0], calls[-1], calls.count("-d")), ("-d", "quit", 1))

    def test_measurements_in_turns_are_not_comparable(self):
        self.add_mps()
        code, document = self.run_script("works", *self.MEASURE, "--mode", "time-sliced")
        self.assertEqual(code, 0, self.err)
        self.assertEqual({check["comparable"] for check in document["checks"]}, {False})
        self.assertIn("not comparable", self.out)
        self.assertFalse(os.path.exists(self.path("mps-calls")))

    def test_routes_that_cannot_be_had(self):
        """They are skipped with the reason; a run with nothing else cannot run."""
        code, document = self.run_script("works", "--only", "bandwidth", "--sizes", "8", "--ranks",
                                         "2", "--mode", "time-sliced", "--routes",
                                         "nccl-stock,nccl-socket")
        reasons = {check["route"]: check["reason"] for check in document["checks"]
                   if check["outcome"] == "skipped"}
        self.assertEqual((code, reasons["nccl-stock"]), (0, "not possible: NCCL 2.27.5"), self.err)
        code, document = self.run_script("works", "--only", "bandwidth", "--sizes", "8", "--ranks",
                                         "2", "--mode", "time-sliced", "--routes", "nccl-stock")
        self.assertEqual(code, 2, self.err)
        self.assertIn("not possible: NCCL 2.27.5", document["reason"])

    def test_plugin_routes(self):
        self.write("plugin.so", "")
        for behaviour, outcomes in (
                ("works", ["as-expected", "as-expected"]),
                ("no-collnet", ["as-expected", "contradicts"]),
                ("no-log", ["contradicts", "contradicts"])):
            code, document = self.run_script(
                behaviour, "--only", "bandwidth", "--routes", "nccl-plugin,nccl-plugin-collnet",
                "--ranks", "2", "--sizes", "64K", "--plugin", self.path("plugin.so"), "--quick")
            self.assertEqual([check["outcome"] for check in document["checks"]], outcomes)
            self.assertEqual(code, int("contradicts" in outcomes), behaviour)
        self.assertIn("names no transport", self.err)

    def test_comparison_of_routes(self):
        self.write("plugin.so", "")
        _, document = self.run_script(
            "works", "--only", "bandwidth", "--routes", "nccl-socket,nccl-plugin,gloo", "--ranks",
            "2", "--sizes", "64M", "--plugin", self.path("plugin.so"), "--quick")
        (row,) = [row for row in document["comparisons"] if row["operation"] == "all_reduce"]
        times = row["median_us"]
        self.assertEqual(list(times), ["gloo", "nccl-plugin", "nccl-socket"])
        self.assertAlmostEqual(row["speedup"]["nccl-plugin over gloo"],
                               times["gloo"] / times["nccl-plugin"], delta=0.01)
        self.assertIn("nccl-plugin over nccl-socket at 64 MiB:", self.out)

    def test_unsupported_gloo_is_no_failure(self):
        code, document = self.run_script("no-gloo-cuda", "--only", "bandwidth", "--sizes", "8",
                                         "--ranks", "2", "--routes", "nccl-socket,gloo")
        checks = {check["route"]: check for check in document["checks"]}
        self.assertEqual((code, checks["gloo"]["outcome"]), (0, "skipped"), self.err)
        self.assertIn("cannot do this", checks["gloo"]["reason"])
        self.assertEqual(checks["nccl-socket"]["outcome"], "as-expected")

    def test_wrong_sums_are_no_measurement(self):
        code, document = self.run_script("wrong", "--only", "bandwidth", "--sizes", "8", "--ranks",
                                         "2", "--routes", "gloo")
        self.assertEqual((code, document["checks"][0]["outcome"]), (1, "failed"))
        self.assertIn("gave a wrong result", document["checks"][0]["reason"])

    def test_daemon_without_clients_is_not_called_mps(self):
        self.add_mps()
        _, document = self.run_script("not-a-client", "--only", "nccl-refuses")
        self.assertIn("0 of 1 ranks are its clients", document["modes"]["mps"]["reason"])
        self.assertEqual(self.mps_calls()[-1], "quit")

    def test_mig_instance_is_named(self):
        _, document = self.run_script("refuse", "--only", "nccl-refuses",
                                      FAKE_GPU="NVIDIA H100 MIG 1g.10gb")
        self.assertEqual(document["evidence"], "real MIG")
        self.assertTrue(document["environment"]["mig_instance"])

    def test_mig_instances_make_a_mode_of_their_own(self):
        self.write("bin/nvidia-smi", textwrap.dedent("""\
            #!%s
            import sys
            print("GPU 0: NVIDIA H100 (UUID: GPU-aa)\\n  MIG 1g Device 0: (UUID: MIG-11)\\n"
                  "  MIG 1g Device 1: (UUID: MIG-22)" if sys.argv[1] == "-L" else
                  "580.10.20, Enabled, Default")
            """) % sys.executable)
        os.chmod(self.path("bin/nvidia-smi"), 0o755)
        _, document = self.run_script("works", "--only", "bandwidth", "--sizes", "8", "--ranks",
                                      "2,4", "--routes", "gloo")
        self.assertEqual(list(document["modes"]), ["mig-instances"])
        two, four = sorted(document["checks"], key=lambda check: check["ranks"])
        self.assertEqual((two["outcome"], two["comparable"]), ("as-expected", True))
        self.assertEqual(four["outcome"], "skipped")
        self.assertIn("only 2 MIG instances", four["reason"])
        self.assertEqual((document["environment"]["driver"], document["environment"]["mig_mode"]),
                         ("580.10.20", "Enabled"))

    def test_time_out_ends_the_whole_group(self):
        """The ranks and their children ignore TERM, so only KILL to the group ends them."""
        self.add_mps()
        code, document = self.run_script("hang", "--only", "nccl-refuses", "--timeout", "2")
        self.assertEqual(code, 1, self.err)
        self.assertEqual([check["outcome"] for check in document["checks"]], ["timed-out"])
        self.assertEqual(len(self.recorded_pids()), 5)  # 2 ranks x 2, and the daemon
        self.assertEqual(self.mps_calls()[-1], "quit")

    def test_what_comes_after_a_start_that_failed_is_not_tried(self):
        code, document = self.run_script("hang", "--routes", "nccl-socket", "--ranks", "2",
                                         "--timeout", "2", "--only", "ddp", "--only", "collectives")
        self.assertEqual([(check["check"], check["outcome"]) for check in document["checks"]],
                         [("collectives", "timed-out"), ("ddp", "skipped")])
        self.assertEqual(code, 1)

    def test_survivors_that_hang_are_found(self):
        code, document = self.run_script("works", "--only", "dead-rank", "--routes", "gloo",
                                         "--ranks", "3", "--timeout", "4")
        (check,) = document["checks"]
        self.assertEqual((code, check["outcome"]), (1, "contradicts"))
        self.assertIn("nothing had told of it on rank 0, 1", check["reason"])

    def test_death_of_a_rank_is_a_failure(self):
        code, document = self.run_script("die", "--only", "nccl-refuses")
        self.assertEqual((code, document["checks"][0]["outcome"]), (1, "failed"))
        self.assertIn("[-11, -11]", document["checks"][0]["reason"])

    def test_failure_of_one_rank_does_not_wait_for_the_limit(self):
        code, document = self.run_script("uneven", "--only", "nccl-refuses")
        self.assertEqual((code, document["checks"][0]["outcome"]), (1, "failed"))
        self.assertIn("rank 0 gave up", document["checks"][0]["reason"])
        self.assertLess(document["checks"][0]["seconds"], 60)

    def test_interrupt(self):
        self.add_mps()
        process = self.start("hang", "--only", "nccl-refuses")
        deadline = time.monotonic() + 30
        while len(self.recorded_pids()) < 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        code, document = self.finish(process)
        self.assertEqual((code, document["result"]), (130, "interrupted"))
        self.assertEqual(self.mps_calls()[-1], "quit")


if __name__ == "__main__":
    unittest.main()
