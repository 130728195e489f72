"""A private MPS daemon."""
from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from typing import Optional

from gpucheck.processes import read


class PrivateMps:
    """An MPS daemon with directories of its own. A system's daemon is never talked to."""

    def __init__(self, environment: dict[str, str], device: Optional[str], work: str) -> None:
        self.tool = shutil.which("nvidia-cuda-mps-control") or ""
        self.pipe, self.logs = work + "/mps", work + "/mps-log"
        self.variables = {"CUDA_MPS_PIPE_DIRECTORY": self.pipe, "CUDA_MPS_LOG_DIRECTORY": self.logs}
        self.environment = dict(environment, **self.variables,
                                **({"CUDA_VISIBLE_DEVICES": device} if device else {}))
        self.processes: set[int] = set()  # the daemon and its servers

    def start(self) -> Optional[str]:
        """None when the daemon answers, else why it does not."""
        if not self.tool:
            return "nvidia-cuda-mps-control is not on PATH"
        os.mkdir(self.pipe, 0o700)
        os.mkdir(self.logs, 0o700)
        # The daemon keeps its standard output, so that must not be a pipe to us.
        with open(self.logs + "/start", "wb") as out, contextlib.suppress(
                OSError, subprocess.TimeoutExpired):
            subprocess.run([self.tool, "-d"], env=self.environment, stdin=subprocess.DEVNULL,
                           stdout=out, stderr=out, start_new_session=True, timeout=20, check=False)
        pid_file = read(self.pipe + "/nvidia-cuda-mps-control.pid")
        self.processes.update(map(int, re.findall(r"\d+", pid_file)))
        for _ in range(5):
            if self.ask("get_server_list") is not None:
                return None
            time.sleep(0.5)
        return "the MPS daemon did not start: " + self.last_words()

    def ask(self, command: str) -> Optional[str]:
        """The daemon's answer, None when it gave none."""
        try:
            return subprocess.run([self.tool], input=command + "\n", env=self.environment,
                                  capture_output=True, text=True, timeout=15, check=True,
                                  start_new_session=True).stdout
        except (OSError, subprocess.SubprocessError):
            return None

    def last_words(self) -> str:
        lines = [line for name in ("start", "control.log", "server.log")
                 for line in read("%s/%s" % (self.logs, name)).split("\n")[-4:] if line.strip()]
        return " / ".join(lines)[:600] or "it wrote no log"

    def objection(self, ranks: list[int]) -> Optional[str]:
        """None when all waiting ranks are clients. Only they know this daemon's directory, so
        their number is proof enough where process ids differ between namespaces."""
        clients: set[int] = set()
        for server in re.findall(r"(?m)^\s*(\d+)\s*$", self.ask("get_server_list") or ""):
            self.processes.add(int(server))
            answer = self.ask("get_client_list " + server) or ""
            clients.update(map(int, re.findall(r"(?m)^\s*(\d+)\s*$", answer)))
        return None if set(ranks) <= clients or len(clients) >= len(ranks) else (
            "an MPS daemon runs, but only %d of %d ranks are its clients: %s"
            % (len(clients), len(ranks), self.last_words()))

    def stop(self) -> None:
        """Ends the daemon and its servers. Does nothing when none was started."""
        if not os.path.isdir(self.pipe):
            return
        self.objection([])  # learns the servers' ids
        self.ask("quit")
        for number in (*[0] * 100, signal.SIGTERM, *[0] * 30, signal.SIGKILL, *[0] * 30):
            # The command line is read as an id may by now belong to somebody else.
            alive = [each for each in self.processes
                     if "nvidia-cuda-mps" in read("/proc/%d/cmdline" % each)]
            for each in alive:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(each, number)
            if not alive:
                break
            time.sleep(0.1)
