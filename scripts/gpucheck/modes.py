"""The ways in which ranks share a GPU: MIG instances, a private MPS daemon, turns, or no GPU."""
from __future__ import annotations

import contextlib
import os
import re
import sys
from typing import Any, Iterator, Optional

from gpucheck.checks import Mode
from gpucheck.mps import PrivateMps
from gpucheck.outcomes import CannotRun
from gpucheck.processes import run_group

MIG, MPS, TIME_SLICED, CPU = "mig-instances", "mps", "time-sliced", "cpu"
DROPPED = re.compile(r"(TORCH_)?NCCL_|FLEXMIG_|GLOO_|CUDA_MPS_|CUDA_VISIBLE_DEVICES$|MASTER_|"
                     r"(LOCAL_)?RANK$|(LOCAL_)?WORLD_SIZE$")


def probe(mode: Mode, timeout: float, work: str) -> dict[str, Any]:
    """What torch says of itself and of the GPU, seen from a rank of this mode."""
    job = {"checks": ["probe"], "device": mode.device}
    group = run_group(job, mode.environments[:1], timeout, work, mode.at_ready)
    facts: dict[str, Any] = next(iter(group.found("probe")[0]), {})
    if "torch_error" in facts:
        raise CannotRun("%s cannot import PyTorch (%s)" % (sys.executable, facts["torch_error"]))
    if group.trouble:
        raise CannotRun("the GPU cannot be used: " + group.trouble[1])
    if not facts["gpu"] and mode.device == "cuda":
        raise CannotRun("PyTorch %s %s" % (facts["torch"], "sees no NVIDIA GPU" if facts["cuda"]
                                           else "is built without CUDA"))
    return facts


@contextlib.contextmanager
def open_mode(name: str, devices: list[Optional[str]], work: str, timeout: float,
              compute_mode: Optional[str] = None) -> Iterator[Mode]:
    """Sets up a way of sharing the GPU, and takes it down again. Throws CannotRun."""
    base = {key: value for key, value in os.environ.items() if not DROPPED.match(key)}
    visible = [{} if device is None else {"CUDA_VISIBLE_DEVICES": device} for device in devices]
    if name != MPS:
        if name == TIME_SLICED and compute_mode not in (None, "Default"):
            raise CannotRun("the GPU's compute mode is %s" % compute_mode)
        base["CUDA_MPS_PIPE_DIRECTORY"] = work + "/no-mps"  # empty: no daemon is found there
        os.makedirs(work + "/no-mps", exist_ok=True)
        yield Mode(name, "cpu" if name == CPU else "cuda",
                   [dict(base, **variables) for variables in visible])
        return
    mps = PrivateMps(base, devices[0], work)
    try:
        reason = mps.start()
        if reason:
            raise CannotRun(reason)
        base.update(mps.variables)
        if re.match("(GPU|MIG)-", devices[0] or ""):  # an index would be counted anew
            base.update(visible[0])
        mode = Mode(name, "cuda", [base], mps.objection)
        probe(mode, timeout, work)  # proves that a client really runs under this daemon
        yield mode
    finally:
        mps.stop()
