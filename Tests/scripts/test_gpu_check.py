"""Tests of scripts/gpu-check. They need neither a GPU nor PyTorch.

The ranks run a small torch made of scalars (FAKE_TORCH), and where MPS matters a small
nvidia-cuda-mps-control (FAKE_MPS). What these prove: parsing, verdicts, exit codes, the JSON, and
that nothing is left behind. What they cannot prove: anything about NCCL, CUDA or MPS themselves.
"""

import importlib.machinery
import importlib.util
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


def load():
    sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
    try:
        loader = importlib.machinery.SourceFileLoader("gpu_check", SCRIPT)
        spec = importlib.util.spec_from_loader("gpu_check", loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules["gpu_check"] = module
        loader.exec_module(module)
        return module
    finally:
        sys.dont_write_bytecode = before


gpu_check = load()

# FAKE_BEHAVIOUR is a word such as "refuse"; what the fakes do not look for means that all works.
FAKE_TORCH = '''
import contextlib, os, sys, time, types
behaviour = os.environ["FAKE_BEHAVIOUR"]
if behaviour == "missing":
    raise ModuleNotFoundError("No module named 'torch'")
if behaviour == "broken":
    raise OSError("libcudart.so.13: cannot open shared object file")
__version__, float32, uint8 = "9.9.9", "float32", "uint8"
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
    def tolist(self): return [self.value]
    def copy_(self, other, non_blocking): return self
    def pin_memory(self): return self

def zeros(count, dtype=None, device="cpu"): return Tensor(0, device)
def ones(count, dtype=None, device="cpu"): return Tensor(1, device)

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
from torch import behaviour
rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
is_available = is_nccl_available = is_gloo_available = lambda: True

def init_process_group(backend, init_method, timeout):
    assert os.environ["MASTER_ADDR"] == "127.0.0.1" and int(os.environ["MASTER_PORT"]) > 0
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
    if hosts and behaviour == "works":
        print("box-7:1:2 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[0] [send] via NET/Socket/0",
              flush=True)
    if behaviour == "die":
        os.kill(os.getpid(), signal.SIGSEGV)

def all_reduce(tensor):
    if behaviour == "no-gloo-cuda" and tensor.is_cuda:
        raise RuntimeError("CUDA tensors are not supported by this backend")
    tensor.value *= world

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
NCCL_2_27 = """\
node-a:101:101 [0] NCCL INFO cudaDriverVersion 13000
node-a:101:101 [0] NCCL INFO NCCL version 2.27.5+cuda12.9
node-a:101:140 [0] NCCL INFO NCCL_HOSTID set by environment to gpu-check-0.
node-a:101:140 [0] NCCL INFO NET/Socket : Using [0]lo:127.0.0.1<0>
node-a:101:140 [0] NCCL INFO Using network Socket
node-a:101:140 [0] NCCL INFO Channel 00/02 : 0 1
node-a:101:150 [0] NCCL INFO Channel 00/0 : 1[0] -> 0[0] [receive] via NET/Socket/0
node-a:101:150 [0] NCCL INFO Channel 01/0 : 1[0] -> 0[0] [receive] via NET/Socket/0
node-a:101:150 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[0] [send] via NET/Socket/0/Shared
node-a:101:140 [0] NCCL INFO Connected all rings, use ring PXN 0 GDR 0
"""


class ValueTests(unittest.TestCase):
    def test_sizes(self):
        for text, size in (("8", 8), ("64K", 65536), ("16MiB", 16 << 20), ("1g", 1 << 30),
                           (" 4 KB ", 4096)):
            self.assertEqual(gpu_check.parse_size(text), size, text)
        for text in ("", "0", "7", "-8", "8.5K", "8T", "2G", "x"):
            with self.assertRaises(ValueError, msg=text):
                gpu_check.parse_size(text)

    def test_all_reduce_takes_the_slowest_rank_of_each_iteration(self):
        row = gpu_check.make_row(4000, None, [[1e-6, 4e-6, 1e-6], [2e-6, 1e-6, 2e-6]])
        self.assertEqual((row["n"], row["median_us"], row["p10_us"]), (3, 2.0, 2.0))
        self.assertEqual((row["algbw_gb_s"], row["busbw_gb_s"]), (2.0, 2.0))

    def test_bus_bandwidth_and_p10(self):
        samples = [number * 1e-3 for number in range(1, 12)]  # 1 to 11 ms
        row = gpu_check.make_row(6_000_000, None, [samples] * 4)
        self.assertEqual((row["median_us"], row["p10_us"]), (6000.0, 2000.0))
        self.assertEqual((row["algbw_gb_s"], row["busbw_gb_s"]), (1.0, 1.5))

    def test_link_rates_of_processes_add_up_and_both_ways_count_twice(self):
        ranks = [[1e-3] * 5, [2e-3] * 6]
        one, both = (gpu_check.make_row(2_000_000, way, ranks) for way in ("h2d", "both"))
        self.assertEqual((one["n"], one["each_way_gb_s"], one["total_gb_s"]), (5, 3.0, 3.0))
        self.assertEqual((both["each_way_gb_s"], both["total_gb_s"]), (3.0, 6.0))
        self.assertEqual(one["median_us"], 2000.0)

    def test_redaction(self):
        text = ("node-a:101:102 [0] NCCL INFO Bootstrap: Using eth0:10.1.2.3<0>\n"
                "node-a and node-abc; GPU-01234567-89ab-cdef-0123-456789abcdef; lo:127.0.0.1; "
                "MIG-01234567-89ab-cdef-0123-456789abcdef; fe80::1:2; version 2.27.5+cuda12.9; "
                + os.path.expanduser("~") + "/x")
        self.assertEqual(
            gpu_check.redact({"key": [text, 3, None]}, host="node-a"),
            {"key": ["host:101:102 [0] NCCL INFO Bootstrap: Using eth0:<address><0>\n"
                     "host and node-abc; GPU-<uuid>; lo:127.0.0.1; MIG-<uuid>; <address>; "
                     "version 2.27.5+cuda12.9; ~/x", 3, None]})


class ReadingTests(unittest.TestCase):
    def test_socket_route(self):
        self.assertEqual(gpu_check.parse_nccl_log(NCCL_2_27), {
            "version": "2.27.5", "network": "Socket", "refusal": None,
            "transports": {"NET/Socket": 3}})

    def test_other_transports(self):
        start = "h:1:2 [0] NCCL INFO Channel 00"
        for line, name in (("/0 : 0[0] -> 1[0] via P2P/CUMEM", "P2P/CUMEM"),
                           ("/0 : 0[0] -> 1[1] via SHM/direct/direct", "SHM/direct/direct"),
                           ("/0 : 0[3] -> 8[3] [send] via NET/IB/2(1)/GDRDMA", "NET/IB/GDRDMA"),
                           (" : 0[1a000] -> 1[1b000] via direct shared memory", "SHM"),
                           ("/1 : 0[0] -> 1[0] [send] via NET/flexmig/0", "NET/flexmig")):
            self.assertEqual(gpu_check.parse_nccl_log(start + line)["transports"], {name: 1}, line)

    def test_refusals_of_each_version(self):
        for words in ("Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 59000",
                      "Multiple ranks detected using the same GPU on this node. Set "
                      "NCCL_MULTI_RANK_GPU_ENABLE=1",
                      "Multiple Ranks are using the same GPU/Partition. Set "
                      "NCCL_MULTI_RANK_GPU_ENABLE=1 to enable this configuration."):
            log = "\nh:1:2 [0] init.cc:903 (initTransportsRank) NCCL WARN %s\nh:1:2 more" % words
            self.assertEqual(gpu_check.parse_nccl_log(log)["refusal"], words)
        self.assertIsNone(gpu_check.parse_nccl_log("NCCL INFO comm 0x1 rank 0")["refusal"])

    def test_devices(self):
        plain = "GPU 0: NVIDIA A (UUID: GPU-aa)\nGPU 1: NVIDIA A (UUID: GPU-bb)\n"
        mig = ("GPU 0: NVIDIA H (UUID: GPU-aa)\n"
               "  MIG 1g.10gb     Device  0: (UUID: MIG-11)\n"
               "  MIG 1g.10gb     Device  1: (UUID: MIG-22)\n"
               "GPU 1: NVIDIA H (UUID: GPU-bb)\n  MIG 7g.80gb Device 0: (UUID: MIG-33)\n")
        for visible, listing, ranks, gpu in (
                (None, "", [None, None], None), (None, plain, ["GPU-aa"] * 2, "GPU-aa"),
                ("", plain, ["", ""], None), ("1,0", plain, ["1", "1"], None),
                ("GPU-bb", plain, ["GPU-bb"] * 2, "GPU-bb"),
                (None, mig, ["MIG-11", "MIG-22"], "GPU-aa"),
                ("MIG-22", mig, ["MIG-22"] * 2, "GPU-aa"),
                ("MIG-22, MIG-11", mig, ["MIG-22", "MIG-11"], "GPU-aa"),
                ("MIG-11,MIG-33", mig, ["MIG-11"] * 2, "GPU-aa"),  # not on one GPU
                ("GPU-bb", mig, ["MIG-33"] * 2, "GPU-bb")):
            self.assertEqual(gpu_check.select_devices(visible, listing), (ranks, gpu), visible)


def group(*ranks, trouble=None, log=""):
    return gpu_check.Group([list(events) for events in ranks], [log] * len(ranks), trouble, 1.0)


def case(right=True, digest="d", name="float32 x 1 sum"):
    return {"event": "case", "name": name, "type": "float32", "right": right, "digest": digest}


class VerdictTests(unittest.TestCase):
    ERROR = {"event": "error", "message": "RuntimeError: NCCL error"}
    WARNING = "h:1:2 [0] init.cc:1 NCCL WARN Duplicate GPU detected : rank 0 and rank 1"

    def refuses(self, nccl, *ranks, **more):
        return gpu_check.judge_refuses(group(*ranks, **more), nccl)[0]

    def test_refusal(self):
        failed = ("failed", "RuntimeError: NCCL error")
        self.assertEqual(self.refuses("2.27.5", [self.ERROR], [self.ERROR], trouble=failed,
                                      log=self.WARNING), "as-expected")
        self.assertEqual(self.refuses("2.27.5", [self.ERROR], [], trouble=failed), "failed")
        self.assertEqual(self.refuses("2.27.5", [], [], trouble=("timed-out", "no answer"),
                                      log=self.WARNING), "timed-out")

    def test_acceptance_depends_on_the_version(self):
        for nccl, outcome in (("2.27.5", "contradicts"), ("2.30.7", "contradicts"),
                              ("2.31.2", "as-expected"), (None, "contradicts")):
            self.assertEqual(self.refuses(nccl, [case()], [case()]), outcome, nccl)
        self.assertEqual(self.refuses("2.31.2", [case()], [case(right=False)]), "contradicts")

    def test_hostid(self):
        sockets = {"NET/Socket": 4}
        for ranks, transports, trouble, outcome in (
                (([case()], [case()]), sockets, None, "as-expected"),
                (([case()], [case(right=False)]), sockets, None, "contradicts"),
                (([case(right=False)], []), sockets, ("timed-out", "late"), "contradicts"),
                (([case()], [case(digest="e")]), sockets, None, "contradicts"),
                (([case()], [case()]), {"NET/Socket": 4, "P2P/CUMEM": 1}, None, "contradicts"),
                (([case()], [case()]), {}, None, "failed"),
                (([case()], []), sockets, ("timed-out", "late"), "timed-out")):
            self.assertEqual(gpu_check.judge_hostid(group(*ranks, trouble=trouble), transports)[0],
                             outcome)

    def test_rows_that_every_rank_has_survive_a_time_out(self):
        rows = [{"event": "row", "bytes": size, "seconds": [1e-3] * 5} for size in (8, 64)]
        ended = group(rows, rows[:1], trouble=("timed-out", "late"))
        self.assertEqual([row["bytes"] for row in gpu_check.measured(ended)], [8])


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
            "PYTHONDONTWRITEBYTECODE": "1", "NCCL_HOSTID": "must not reach a rank"}

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
        for word in ("examples:", "exit codes:", "--timeout", "hostid-sockets"):
            self.assertIn(word, done.stdout)
        self.assertNotIn("--worker", done.stdout)
        for wrong in (["--nonsense"], ["--only", "x"], ["--sizes", "3"], ["--timeout", "0"],
                      ["--timeout", "nan"], ["word"], ["--json", "/nonexistent/x.json"],
                      ["--qui"]):
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
        self.assertFalse(document["modes"]["mps"]["available"])
        self.assertIn("not on PATH", document["modes"]["mps"]["reason"])
        (check,) = document["checks"]
        self.assertEqual((check["mode"], check["comparable"]), ("time-sliced", False))
        self.assertIn("2.27.5 refused: Duplicate GPU detected", check["reason"])
        self.assertIn("[time-sliced]", self.out)

    def test_measurements_in_both_modes(self):
        self.add_mps()
        code, document = self.run_script("works", "--only", "all-reduce", "--only", "host-link",
                                         "--quick", "--sizes", "8,64K")
        self.assertEqual(code, 0, self.err)
        self.assertEqual([mode for mode in document["modes"].values() if not mode["available"]], [])
        checks = {(check["mode"], check["route"]): check for check in document["checks"]}
        self.assertEqual(len(checks), 10)
        for (mode, route), check in checks.items():
            self.assertEqual(check["comparable"], mode == "mps" or route == "gloo cpu", route)
            self.assertTrue(check["measurements"], route)
        self.assertEqual([row["bytes"] for row in checks["mps", "gloo cpu"]["measurements"]],
                         [8, 65536])
        self.assertIn("(time-sliced, not comparable)", self.out)
        self.assertEqual(checks["mps", "nccl hostid"]["transports"], {"NET/Socket": 2})
        calls = self.mps_calls()
        self.assertEqual((calls[0], calls[-1], calls.count("-d")), ("-d", "quit", 1))

    def test_unsupported_gloo_is_no_failure(self):
        code, document = self.run_script("no-gloo-cuda", "--only", "all-reduce", "--sizes", "8")
        outcomes = {check["route"]: check["outcome"] for check in document["checks"]}
        self.assertEqual(outcomes, {"nccl hostid": "failed", "gloo cuda": "skipped",
                                    "gloo cpu": "as-expected"})
        self.assertEqual(code, 1)

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

    def test_two_mig_instances_make_a_mode_of_their_own(self):
        self.write("bin/nvidia-smi", textwrap.dedent("""\
            #!%s
            import sys
            print("GPU 0: NVIDIA H100 (UUID: GPU-aa)\\n  MIG 1g Device 0: (UUID: MIG-11)\\n"
                  "  MIG 1g Device 1: (UUID: MIG-22)" if sys.argv[1] == "-L" else
                  "580.10.20, Enabled, Default")
            """) % sys.executable)
        os.chmod(self.path("bin/nvidia-smi"), 0o755)
        _, document = self.run_script("refuse", "--only", "nccl-refuses")
        self.assertEqual(list(document["modes"]), ["mig-instances"])
        self.assertTrue(document["checks"][0]["comparable"])
        self.assertEqual((document["environment"]["driver"], document["environment"]["mig_mode"]),
                         ("580.10.20", "Enabled"))

    def test_time_out_ends_the_whole_group(self):
        """The ranks and their children ignore TERM, so only KILL to the group ends them."""
        self.add_mps()
        code, document = self.run_script("hang", "--only", "nccl-refuses", "--timeout", "2")
        self.assertEqual(code, 1, self.err)
        self.assertEqual([check["outcome"] for check in document["checks"]], ["timed-out"] * 2)
        self.assertEqual(len(self.recorded_pids()), 9)  # 2 modes x 2 ranks x 2, and the daemon
        self.assertEqual(self.mps_calls()[-1], "quit")

    def test_a_route_that_is_not_proven_is_not_reported_as_measured(self):
        code, document = self.run_script("no-log", "--only", "all-reduce", "--sizes", "8")
        outcomes = {check["route"]: check["outcome"] for check in document["checks"]}
        self.assertEqual((code, outcomes["nccl hostid"], outcomes["gloo cuda"]),
                         (1, "contradicts", "as-expected"))

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
