"""What runs read and the repository doesn't hold: MISO's jobs with sizes, in ten orders; real traces with the parts of
seconds drawn; given spanning costs."""
from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess

from . import plan

# Compute slices of a profile, and the MiB of its memory on an A100-40GB.
PROFILES = (("1g.5gb", 1, 4864), ("2g.10gb", 2, 9856), ("3g.20gb", 3, 19968), ("4g.20gb", 4, 19968), ("7g.40gb", 7, 40192))
HALF = 0.5
# Between the jobs that `static` learns from and those that are simulated.
APART = 10_000


def rows_of(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def size_of(model: str, speeds: dict[str, dict[str, float]], memory: int) -> tuple[int, float]:
    """The smallest profile that has the memory and at least half the speed of 7g: its slices, and that speed."""
    for profile, slices, mib in PROFILES:
        speed = speeds[model].get(profile)
        if speed is not None and speed >= HALF and mib >= memory:
            return slices, speed
    raise ValueError("MISO's table has no profile for %s" % model)


def order(seed: int, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The jobs in an order of that seed, the same everywhere."""
    return sorted(rows, key=lambda row: hashlib.sha256(("%d:%s" % (seed, row["job_id"])).encode()).hexdigest())


def miso(root: str, work: str, seeds: int) -> None:
    """For each seed `miso-N.csv` and `miso-whole-N.csv`: a permutation of the jobs over the arrivals, and before it another."""
    rows = rows_of(os.path.join(root, "traces/miso100.csv"))
    speeds: dict[str, dict[str, float]] = {}
    for row in rows_of(os.path.join(root, "traces/miso_mig_speed.csv")):
        speeds.setdefault(row["model"], {})[row["profile"]] = float(row["relative_speed_vs_7g"])
    with open(os.path.join(root, "traces/miso_memory_mb.json"), encoding="utf-8") as file:
        memory = json.load(file)
    arrivals = sorted(float(row["submit_s"]) for row in rows)
    for seed in range(1, seeds + 1):
        sized = ["job_id,submit_s,gpus,gpu_milli,duration_s,tenant"]
        whole = list(sized)
        for start, name, permuted in ((0, "before", order(seed + 1000, rows)), (APART, "job", order(seed, rows))):
            for arrival, row in zip(arrivals, permuted):
                family, batch = row["tenant"].split("_train")
                slices, speed = size_of(row["tenant"], speeds, memory[family][batch])
                head = "%s-%s,%.2f" % (name, row["job_id"], start + arrival)
                gpus, milli = (1, 0) if slices == 7 else (0, 1000 * slices // 7)
                sized.append("%s,%d,%d,%.3f,%s" % (head, gpus, milli, float(row["duration_s"]) / speed, row["tenant"]))
                whole.append("%s,1,0,%s,%s" % (head, row["duration_s"], row["tenant"]))
        for path, lines in (("miso-%d.csv", sized), ("miso-whole-%d.csv", whole)):
            write(os.path.join(work, path % seed), "\n".join(lines) + "\n")


def jittered(rows: list[dict[str, str]], window: tuple[int, int], path: str, seeds: int) -> None:
    """For each seed the jobs of a window and of the one before, each at some time within its recorded second.

    A trace that knows arrivals to the second leaves open what came first within one, and a schedule hangs on that. The
    rows are in an order of the seed, too, as the models of jobs are drawn by row.
    """
    start, length = window[0], window[1] * 86_400
    kept = [row for row in rows if start - length <= float(row["submit_s"]) < start + length]
    for seed in range(1, seeds + 1):
        drawn = []
        for row in kept:
            digest = hashlib.sha256(("%d:%s" % (seed, row["job_id"])).encode()).digest()
            part = int.from_bytes(digest[8:16], "big") % 1000
            drawn.append((digest, ",".join([row["job_id"], "%s.%03d" % (row["submit_s"], part), row["gpus"],
                                            row["gpu_milli"], row["duration_s"], row["tenant"]])))
        lines = ["job_id,submit_s,gpus,gpu_milli,duration_s,tenant"] + [line for _, line in sorted(drawn)]
        write(path % seed, "\n".join(lines) + "\n")


def real(flexmig: str, work: str, name: str, trace: str, window: tuple[int, int], seeds: int) -> None:
    """`NAME-N.csv` for each seed from a trace in any form."""
    normalised = os.path.join(work, name + ".csv")
    done = subprocess.run([flexmig, "trace", "convert", trace, "--output", normalised], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError("%s can't be read: %s" % (trace, done.stderr.strip()[-2000:]))
    jittered(rows_of(normalised), window, os.path.join(work, name + "-%d.csv"), seeds)


def spanning(work: str) -> None:
    """For each given cost a file as `flexmig measure` writes them, with that cost at every number of leaves."""
    for cost in sorted({*plan.SPANNING_COSTS, 0.25, plan.NEVER}):
        points = [{"leaves": leaves, "stepSeconds": 1 / leaves * (1 + cost if leaves > 1 else 1),
                   "p10Seconds": 1, "p90Seconds": 1, "steps": 1, "runSeconds": [1],
                   "communicationShare": cost / (1 + cost) if leaves > 1 else 0, "communicationSource": "marker",
                   "relativeSpeed": 1 / (1 + cost) if leaves > 1 else 1} for leaves in (1, 2, 7)]
        document = {"format": "flexmig-spanning", "version": 1, "measurements": [{
            "model": "given", "leafProfile": "1g.5gb", "gpu": "none", "work": "fixed", "source": "wall",
            "evidence": "given, not measured", "command": ["none"], "date": "2026-11-23T00:00:00Z", "flexmig": "none",
            "points": points}]}
        write(os.path.join(work, "spanning-%s.json" % plan.text(cost)), json.dumps(document, indent=1) + "\n")


def linear(root: str, work: str) -> None:
    """A table of step times under which k slices are k times as fast as one, with the memory of MISO's models."""
    with open(os.path.join(root, "traces/miso_memory_mb.json"), encoding="utf-8") as file:
        memory = json.load(file)
    lines = ["model,batch,memory_mib,gradient_mb,s_1g,s_2g,s_3g,s_4g,s_7g"]
    for family in sorted(set(memory) - {"dummy"}):
        lines += ["%s,%s,%d,1,7,3.5,%.17g,1.75,1" % (family, batch, mib, 7 / 3)
                  for batch, mib in memory[family].items()]
    write(os.path.join(work, "linear.csv"), "\n".join(lines) + "\n")


def write(path: str, text: str) -> None:
    """Writes a file, or leaves it as it was."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    part = path + ".part"
    with open(part, "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(part, path)
