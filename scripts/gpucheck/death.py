"""A rank is killed in the middle of an all-reduce. The others must be told, not hang.

A rank's main thread waits for a kernel that waits for the dead rank, so it hears of nothing until
NCCL's communicator is aborted. What tells first is the log of NCCL and of PyTorch's watchdog, which
the parent follows; that is what a route is judged by. When the process then ends is up to PyTorch:
by default its watchdog looks up a stack trace and sleeps for a minute before it acts.
"""
from __future__ import annotations

import ctypes
import os
import re
import signal
import threading
import time
from typing import Any

REPORT_LIMIT_S = 5.0  # from the death of the rank to the report on the last survivor
EARLIER_S = 0.2  # by how much a report may seem to come before the death
END_LIMIT_S = 30.0  # how long the survivors' own ends are waited for
# A line of a survivor's that tells of the death: its own event, PyTorch's watchdog, NCCL.
REPORT = re.compile(r'"event": "noticed"|raised the following async exception|NCCL WARN .*'
                    r"(?:remote|peer|died|ended without|reset|closed)", re.IGNORECASE)
# Lets the watchdog abort the communicator, and at once: no stack trace, no dump of the flight
# recorder, and no sleep of four times the time for it.
SETTINGS = {"TORCH_NCCL_ASYNC_ERROR_HANDLING": "1", "TORCH_NCCL_WAIT_TIMEOUT_DUMP_MILSEC": "100",
            "TORCH_NCCL_DUMP_ON_TIMEOUT": "0", "TORCH_FR_BUFFER_SIZE": "0",
            "TORCH_NCCL_TRACE_BUFFER_SIZE": "0"}
COUNT = 4 << 20  # elements of float32


def check(rank: Any) -> None:
    torch, dist = rank.join()
    tensor = torch.ones(COUNT, device=rank.job["device"])
    dist.all_reduce(tensor)
    rank.synchronize(torch)
    if not bool((tensor == rank.world).all()):
        raise RuntimeError("the all_reduce before the death gave a wrong result")
    rank.tell("began")
    if rank.number == rank.world - 1:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
    elif rank.job.get("spoil") == "dead-rank":
        time.sleep(rank.job["timeout"])  # as if it hung
    try:
        while True:
            tensor.fill_(1)
            dist.all_reduce(tensor)
            rank.synchronize(torch)
    except Exception as error:  # of whatever kind: that there is one is the result
        rank.tell("noticed", error="%s: %s" % (type(error).__name__, str(error)[:400]))
        # As a program does that the error ends. Ranks further away may see no other sign.
        ctypes.CDLL(None).fflush(None)  # NCCL writes through C's buffers
        os._exit(1)
