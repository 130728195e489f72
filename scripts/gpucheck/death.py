"""A rank is killed in the middle of an all-reduce. The others must fail, not hang."""
from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from typing import Any

LIMIT_S = 30.0  # from the death of the rank to the end of the last survivor
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
