"""From the runs of each cell to the two committed tables: results.csv and differences.csv."""
from __future__ import annotations

import csv
import io

from . import plan
from .plan import Cell
from .running import Runner
from .statistics import Interval, differences, interval

# results.csv: column, the column of runs.csv, digits.
FIGURES = (
    ("refused", "refused", 1), ("makespan_h", "makespan_h", 3), ("jct_mean_h", "jct_mean_h", 4),
    ("jct_p95_h", "jct_p95_h", 3), ("queueing_mean_h", "queueing_mean_h", 4), ("slowdown_mean", "slowdown_mean", 2),
    ("utilisation_percent", "utilisation_percent", 2), ("internal_percent", "internal_fragmentation_percent", 2),
    ("external_percent", "external_fragmentation_percent", 2), ("over_lower_bound_percent", "over_lower_bound_percent", 2),
    ("spanned", "spanned", 1), ("reconfigurations", "reconfigurations", 1), ("drained_gpu_h", "drained_gpu_h", 2),
    ("restarts", "restarts", 1))
# Groups whose cells are summed up in differences.csv alone.
WITHOUT_RESULTS = ("control", "causes", "sensitivity", "drain", "no-memory", "quick", "measured")
# Models whose mean JCT by size is kept in sizes.csv.
SIZED = ("drain", "partial", "static", "migrate", "hybrid")
# What a group compares with, if not with all of `plan.AGAINST`.
ONLY_MODELS = {"sensitivity": ("fixed", "hybrid"), "drain": ("fixed", "hybrid")}


def short(name: str) -> str:
    """A model's name in tables: "static 4g+3g" is "static:4+3"."""
    if name == "static-hindsight":
        return "hindsight"
    return "static:" + name[7:].replace("g", "") if name.startswith("static ") else name


def results(runner: Runner, cell: Cell) -> list[dict[str, str]]:
    """A row for each queue and model: means over seeds."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in runner.rows(cell, "runs.csv"):
        groups.setdefault((row["queue"], short(row["model"])), []).append(row)
    table = []
    for (queue, model), rows in groups.items():
        line = {"group": cell.group, "workload": cell.workload, "load": cell.load, "variant": cell.variant,
                "queue": queue, "model": model, "seeds": str(len(rows)), "jobs": rows[0]["jobs"]}
        for name, column, digits in FIGURES:
            line[name] = "%.*f" % (digits, interval([float(row[column]) for row in rows]).mean)
        table.append(line)
    return table


def compared(runner: Runner, cell: Cell) -> list[dict[str, str]]:
    """A row for each queue, model and rival: the paired differences over the jobs that both ran, in percent."""
    groups: dict[tuple[str, str, str], list[dict[str, float]]] = {}
    for row in runner.rows(cell, "pairs.csv"):
        for model, rival, own, other in ((row["model"], row["other"], "", "other_"), (row["other"], row["model"], "other_", "")):
            if short(rival) in plan.AGAINST and short(model) != short(rival):
                groups.setdefault((row["queue"], short(model), short(rival)), []).append({
                    "both": float(row["both_ran"]), "refused": float(row[own + "refused"]),
                    "rival_refused": float(row[other + "refused"]),
                    "makespan": float(row[own + "makespan_s"]), "rival_makespan": float(row[other + "makespan_s"]),
                    "jct": float(row[own + "jct_mean_s"]), "rival_jct": float(row[other + "jct_mean_s"])})
    table = []
    for (queue, model, rival), rows in groups.items():
        if model not in ONLY_MODELS.get(cell.group, (model,)) or any(row["both"] == 0 for row in rows):
            continue
        # Common layouts stand in one table alone, so that the file stays small.
        if model.startswith("static:") and rival != "partial":
            continue
        line = {"group": cell.group, "workload": cell.workload, "load": cell.load, "variant": cell.variant,
                "queue": queue, "model": model, "against": rival}
        for name in ("both", "refused", "rival_refused"):
            line[name] = "%.1f" % interval([row[name] for row in rows]).mean
        for name in ("makespan", "jct"):
            found = differences([row[name] for row in rows], [row["rival_" + name] for row in rows])
            line[name + "_percent"] = "%.2f" % (100 * found.mean)
            line[name + "_half"] = "" if found.half is None else "%.2f" % (100 * found.half)
        table.append(line)
    return table


def sizes(runner: Runner, cell: Cell) -> list[dict[str, str]]:
    """A row for each queue, model and size: jobs and their mean completion, over all seeds."""
    groups: dict[tuple[str, str, int], tuple[float, float]] = {}
    for size in runner.sizes(cell):
        model = short(str(size["model"]))
        if model in SIZED:
            # Jobs of several GPUs together.
            key = (str(size["queue"]), model, min(int(size["slices"]), 8))
            jobs, total = groups.get(key, (0.0, 0.0))
            finished = float(size["finished"])
            groups[key] = (jobs + finished, total + finished * float(size["jct_mean_s"]))
    return [{"workload": cell.workload, "load": cell.load, "queue": queue, "model": model,
             "slices": str(slices) if slices < 8 else "more", "jobs": "%.1f" % (jobs / cell.seeds),
             "jct_mean_h": "%.3f" % (total / jobs / 3600)} for (queue, model, slices), (jobs, total) in groups.items()]


def text(rows: list[dict[str, str]]) -> str:
    """A table as CSV, its columns those of the first row."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def difference(row: dict[str, str], figure: str) -> Interval:
    """A difference as the table has it, in percent."""
    half = row[figure + "_half"]
    return Interval(float(row[figure + "_percent"]), float(half) if half else None)
