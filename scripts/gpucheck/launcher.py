"""The environment that `flexmig run` gives a rank, asked of the launcher itself, so that a route is
tried as users get it."""
from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple, Optional

from gpucheck.processes import ENTRY

RUNTIMES = {"nccl-stock": "nccl", "nccl-socket": "nccl-socket", "nccl-plugin": "nccl-plugin",
            "nccl-plugin-collnet": "nccl-plugin", "flexmig": "flexmig"}
# The launcher binds each rank to a leaf. Here may be none: these are made up, and not passed on.
MADE_UP_LEAF = "MIG-gpu-check-%d"
OF_LEAF = {"CUDA_VISIBLE_DEVICES", "FLEXMIG_LEAF"}
LIMIT_S = 60.0


class Answer(NamedTuple):
    """What the launcher would set, or why it gave no answer."""
    variables: dict[str, str]
    reason: Optional[str]


def ask(program: Optional[str], route: str, rank: int, ranks: int, job: str, given: dict[str, str]
        ) -> Answer:
    """Asks `program`, flexmig, for one rank of `job`, as if the rank were this Python with the
    environment `given`."""
    runtime = RUNTIMES.get(route)
    if runtime is None:
        return Answer({}, "Flex-MIG has no such route")
    if program is None:
        return Answer({}, "flexmig is not built")
    place = {"FLEXMIG_RANK": str(rank), "FLEXMIG_WORLD_SIZE": str(ranks), "FLEXMIG_JOB_ID": job,
             "FLEXMIG_LEAVES": ",".join(MADE_UP_LEAF % each for each in range(ranks))}
    try:
        done = subprocess.run(
            [program, "exec", "--runtime", runtime, "--print-environment", "--", sys.executable,
             ENTRY], env=dict(given, **place), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=LIMIT_S)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Answer({}, "%s does not work: %s" % (program, error))
    if done.returncode:
        words = " ".join(done.stderr.split())[:300] or "exit status %d" % done.returncode
        return Answer({}, "flexmig refused: " + words)
    told = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    del place["FLEXMIG_LEAVES"]
    kept = {name: value for name, value in told.items() if name not in OF_LEAF}
    return Answer(dict(place, **kept), None)
