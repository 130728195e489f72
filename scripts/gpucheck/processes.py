"""Ranks as child processes: started together, under a time limit, ended in every case."""
from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, NamedTuple, Optional, Sequence

from gpucheck.outcomes import FAILED, TIMED_OUT
from gpucheck.privacy import progress

ENTRY = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "gpu-check")
PEER_GRACE_S = 5.0  # how long the other ranks may go on after one has failed
NOTHING = re.compile(r"(?!)")
Objection = Callable[["list[int]"], Optional[str]]  # given process ids, why they must not go on


def read(path: str) -> str:
    with contextlib.suppress(OSError):
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    return ""


class Group(NamedTuple):
    """How a group of ranks ended; events and logs have one entry for each rank."""
    events: list[list[dict[str, Any]]]
    logs: list[str]
    trouble: Optional[tuple[str, str]]  # outcome and reason, unless every rank got to its end
    seconds: float
    ends: list[Optional[float]]  # when each rank told its end or vanished, in seconds from the start
    heard: list[list[tuple[float, str]]]  # lines that were listened for, and when they were seen
    statuses: list[Optional[int]]  # exit statuses

    def found(self, kind: str) -> list[list[dict[str, Any]]]:
        return [[event for event in rank if event["event"] == kind] for rank in self.events]


class Listener:
    """Reads what a rank writes, as it comes, for lines that match."""

    def __init__(self, paths: Sequence[str], pattern: re.Pattern[str]) -> None:
        self.offsets, self.pattern = dict.fromkeys(paths, 0), pattern
        self.heard: list[tuple[float, str]] = []

    def listen(self, now: float) -> None:
        for path, offset in self.offsets.items():
            with contextlib.suppress(OSError), open(path, "rb") as file:
                file.seek(offset)
                # What follows the last newline is not finished.
                whole = file.read().rpartition(b"\n")[0]
                self.offsets[path] += len(whole) + 1 if whole else 0
                self.heard += [(now, line) for line in whole.decode(errors="replace").split("\n")
                               if self.pattern.search(line)]


def wait_all(processes: Sequence[subprocess.Popen[bytes]], limit: float) -> bool:
    """True when all have exited. Does not reap: their ids, also the groups' ids, stay ours."""
    flags, until = os.WEXITED | os.WNOHANG | os.WNOWAIT, time.monotonic() + limit
    while any(os.waitid(os.P_PID, process.pid, flags) is None for process in processes):
        if time.monotonic() >= until:
            return False
        time.sleep(0.02)
    return True


def end_groups(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ends each process and all that is in its group: TERM, 2 s, KILL. Reaps the leaders."""
    for number, pause in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 10.0)):
        for process in processes:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, number)
        wait_all(processes, pause)
    for process in processes:
        if process.poll() is None:
            progress("process %d cannot be ended; the driver holds it" % process.pid)


def run_program(command: Sequence[str], environment: dict[str, str], timeout: float, work: str
                ) -> tuple[Optional[int], str]:
    """Exit status (None when time ran out) and output of a program, which is ended in any case."""
    with tempfile.TemporaryFile(dir=work) as output:
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        in_time = False
        try:
            in_time = wait_all([process], timeout)
        finally:
            end_groups([process])
        output.seek(0)
        return (process.returncode if in_time else None), output.read().decode(errors="replace")


def run_group(job: dict[str, Any], environments: Sequence[dict[str, str]],
              timeout: float, work: str, at_ready: Optional[Objection] = None,
              grace: float = PEER_GRACE_S, listen_for: re.Pattern[str] = NOTHING) -> Group:
    """Runs one rank per environment until all came to an end or time is up. Ranks say "ready"
    once they hold their CUDA context, and then wait for the file "go"; `at_ready` is asked in
    between and may object. Once a rank failed, the others have `grace` seconds. Nothing that was
    started outlives the call. What the ranks write is listened to for lines with `listen_for`."""
    folder, ranks = tempfile.mkdtemp(dir=work), range(len(environments))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]),
                  "LOCAL_RANK": "0", "WORLD_SIZE": str(len(environments))}
    command = [sys.executable, ENTRY, "--play",
               json.dumps(dict(job, folder=folder, parent=os.getpid(), timeout=timeout))]
    processes: list[subprocess.Popen[bytes]] = []
    trouble: Optional[tuple[str, str]] = None
    start, limit, heartbeat = time.monotonic(), timeout, 10.0
    ends: list[Optional[float]] = [None] * len(environments)
    listeners = [Listener(["%s/%s.%d" % (folder, name, rank) for name in (
        "events", "nccl", "output")], listen_for) for rank in ranks if listen_for != NOTHING]
    try:
        for rank, environment in enumerate(environments):
            variables = dict(common, RANK=str(rank), NCCL_DEBUG_FILE="%s/nccl.%d" % (folder, rank))
            with open("%s/output.%d" % (folder, rank), "wb") as output:
                processes.append(subprocess.Popen(
                    command, env=dict(environment, **variables), stdin=subprocess.DEVNULL,
                    stdout=output, stderr=subprocess.STDOUT, start_new_session=True))
        while trouble is None:
            gone = [wait_all([process], 0) for process in processes]
            texts = [read("%s/events.%d" % (folder, rank)) for rank in ranks]
            done = ['"event": "done"}' in text for text in texts]
            over = [gone[r] or done[r] or '"event": "error"}' in texts[r] for r in ranks]
            ready = [over[r] or '"event": "ready"}' in texts[r] for r in ranks]
            passed = time.monotonic() - start
            for listener in listeners:
                listener.listen(passed)
            ends = [passed if over[r] and ends[r] is None else ends[r] for r in ranks]
            if all(ready) and not os.path.exists(folder + "/go"):
                waiting = [processes[rank].pid for rank in ranks if not over[rank]]
                objection = at_ready(waiting) if at_ready and waiting else None
                trouble = (FAILED, objection) if objection else None
                open(folder + "/go", "w").close()
            if all(over):
                break
            if over != done:
                limit = min(limit, passed + grace)
            if passed >= limit:
                trouble = TIMED_OUT, "no answer within %.0f s" % passed
            if passed >= heartbeat:
                heartbeat += 10.0
                progress("  still at it, %.0f s of at most %.0f s" % (passed, timeout))
            time.sleep(0.05)
    finally:
        end_groups(processes)
    # What follows the last newline is not finished.
    events = [[json.loads(line) for line in read("%s/events.%d" % (folder, rank)).split("\n")[:-1]]
              for rank in ranks]
    logs = ["".join(read("%s/%s.%d" % (folder, name, rank)) for name in ("nccl", "output"))
            .replace(folder, "<work>") for rank in ranks]
    shutil.rmtree(folder, ignore_errors=True)
    errors = [event["message"] for rank in events for event in rank if event["event"] == "error"]
    if errors and (trouble is None or trouble[0] == TIMED_OUT):
        trouble = FAILED, errors[0].strip().split("\n\n")[0][:600]
    elif trouble is None and not all(rank and rank[-1]["event"] == "done" for rank in events):
        trouble = FAILED, "a rank ended without a result, exit statuses %s" % [
            process.returncode for process in processes]
    return Group(events, logs, trouble, time.monotonic() - start, ends,
                 [listener.heard for listener in listeners],
                 [process.returncode for process in processes])
