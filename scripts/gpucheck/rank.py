"""One rank: a process that plays its part of each check and tells the parent what it saw.

Events are JSON objects, one a line. A check's events stand between its "begin" and its "end".
"""
from __future__ import annotations

import ctypes
import datetime
import importlib
import json
import os
import resource
import signal
import sys
import time
import traceback
from typing import Any, Callable, NoReturn

CHECKS = {  # check: module of this package, function
    "probe": ("rank", "probe"), "nccl-refuses": ("rank", "meet"),
    "collectives": ("collectives", "check"), "ddp": ("training", "check_ddp"),
    "fsdp": ("training", "check_fsdp"), "pairs": ("collectives", "check_pairs"), "bandwidth": ("bandwidth", "measure"),
    "host-link": ("link", "measure"), "dead-rank": ("death", "check")}


class Rank:
    """What a rank knows of itself, and its line to the parent."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job, self.number = job, int(os.environ["RANK"])
        self.world = int(os.environ["WORLD_SIZE"])
        self.file = open("%s/events.%d" % (job["folder"], self.number), "a", encoding="utf-8")
        self.joined = False

    def tell(self, event: str, **fields: Any) -> None:
        self.file.write(json.dumps(dict(fields, event=event)) + "\n")
        self.file.flush()

    def ready(self) -> None:
        self.tell("ready")
        while not os.path.exists(self.job["folder"] + "/go"):
            time.sleep(0.005)

    def join(self) -> tuple[Any, Any]:
        """Returns torch and torch.distributed. The first call makes a CUDA context, waits for
        "go", and joins the others."""
        import torch
        import torch.distributed as dist
        if not self.joined:
            if self.job["device"] == "cuda":
                torch.cuda.set_device(0)  # every rank sees one device
                torch.zeros(1, device="cuda")
                torch.cuda.synchronize()
            else:
                torch.set_num_threads(1)
            for name in self.job.get("imports", []):
                importlib.import_module(name)
            self.ready()
            # Longer than the parent's limit: what ends a rank earlier is no time-out of torch.
            limit = datetime.timedelta(seconds=self.job["timeout"] + 60)
            dist.init_process_group(self.job["backend"], init_method="env://", timeout=limit)
            self.joined = True
        return torch, dist

    def synchronize(self, torch: Any) -> None:
        if self.job["device"] == "cuda":
            torch.cuda.synchronize()


def probe(rank: Rank) -> None:
    try:
        import torch
    except (ImportError, OSError) as error:  # OSError: a library that torch needs is missing
        rank.tell("probe", torch_error="%s: %s" % (type(error).__name__, error))
        return
    facts: dict[str, Any] = {"torch": str(torch.__version__), "cuda": torch.version.cuda,
                             "has": [], "gpu": None, "nccl": None}
    import torch.distributed as dist
    if dist.is_available():
        facts["has"] = ["nccl"] * dist.is_nccl_available() + ["gloo"] * dist.is_gloo_available()
    if rank.job["device"] == "cuda" and torch.version.cuda and torch.cuda.is_available():
        torch.zeros(1, device="cuda")
        torch.cuda.synchronize()
        if "nccl" in facts["has"]:
            facts["nccl"] = ".".join(map(str, torch.cuda.nccl.version()))
        device = torch.cuda.get_device_properties(0)
        facts.update(gpu=device.name, memory_bytes=int(device.total_memory),
                     multiprocessors=int(device.multi_processor_count))
    rank.tell("probe", **facts)
    if facts["gpu"]:
        rank.ready()


def meet(rank: Rank) -> None:
    """One small all-reduce: enough for NCCL to take or to refuse the ranks."""
    torch, dist = rank.join()
    tensor = torch.ones(4, device=rank.job["device"])
    dist.all_reduce(tensor)
    rank.synchronize(torch)
    right = bool((tensor == rank.world).all())
    rank.tell("case", name="all_reduce of ones", type="float32", right=right, same=None)


def find(check: str) -> Callable[[Rank], None]:
    module, function = CHECKS[check]
    return getattr(importlib.import_module("gpucheck." + module), function)


def play(job: dict[str, Any]) -> NoReturn:
    """Plays one rank, then waits for its end by the parent, so that none sees a peer vanish."""
    libc = ctypes.CDLL(None)
    libc.prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG: do not outlive the parent
    if os.getppid() != job["parent"]:
        os._exit(1)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a rank that is aborted leaves no file
    rank = Rank(job)
    try:
        for check in job["checks"]:
            rank.tell("begin", check=check)
            begin = time.monotonic()
            find(check)(rank)
            rank.tell("end", check=check, seconds=round(time.monotonic() - begin, 3))
        last = {"event": "done"}
    except Exception as error:  # the edge of the process: every failure becomes an event
        traceback.print_exc()
        last = {"event": "error", "message": "%s: %s" % (type(error).__name__, str(error)[:4000])}
    sys.stdout.flush()
    sys.stderr.flush()
    libc.fflush(None)  # NCCL writes through C's buffers
    rank.tell(**last)  # from now on the parent may end this process at any time
    while True:  # no teardown: the destructor of a communicator that failed can hang
        time.sleep(60)
