"""The generated tables of docs/evidence/README.md and tables.md, from the committed CSV."""
from __future__ import annotations

import csv
import io
import os
import re

from . import plan, verdicts
from .chart import LINES, MODELS, COLUMNS, break_even, series
from .inputs import write
from .results import difference
from .statistics import Interval

PAGES = ("README.md", "tables.md")
Rows = list[dict[str, str]]
RIVALS = ("drain", "partial", "static", "migrate")
MARK = re.compile(r"(<!-- begin: ([a-z-]+) -->\n).*?(<!-- end: \2 -->)", re.S)


def table(text: str) -> Rows:
    return list(csv.DictReader(io.StringIO(text)))


def with_openb(rows: Rows, path: str) -> Rows:
    """The rows with those of openb as the file has them, in the plan's order: who lacks that trace keeps what was committed."""
    try:
        with open(path, encoding="utf-8") as file:
            kept = [row for row in table(file.read()) if row["workload"].startswith("openb")]
    except FileNotFoundError:
        return rows

    def place(values: dict[str, str]) -> tuple[str, str, str, str]:
        return values.get("group", "main"), values["workload"], values["load"], values.get("variant", "")

    order = {place(vars(cell)): number for number, cell in enumerate(plan.cells("openb"))}
    return sorted(rows + kept, key=lambda row: order[place(row)])


def rewrite(folder: str) -> None:
    """Puts the tables between their marks, in every page that has some."""
    read = {}
    for name in ("results", "differences", "sizes"):
        with open(os.path.join(folder, name + ".csv"), encoding="utf-8") as file:
            read[name] = table(file.read())
    made = tables(read["results"], read["differences"], read["sizes"])
    for page in PAGES:
        path = os.path.join(folder, page)
        if not os.path.exists(path):
            continue
        with open(path, encoding="utf-8") as file:
            before = file.read()
        unknown = [match.group(2) for match in MARK.finditer(before) if match.group(2) not in made]
        if unknown:
            raise OSError("%s has a mark for a table that nobody makes: %s" % (path, ", ".join(unknown)))
        write(path, MARK.sub(lambda match: match.group(1) + "\n" + made[match.group(2)] + "\n" + match.group(3), before))


def tables(results: Rows, found: Rows, sizes: Rows) -> dict[str, str]:
    """All tables by their marks."""
    made = {
        "losses": verdicts.losses(found, ("partial", "drain")), "losses-static": verdicts.losses(found, ("static",)),
        "verdicts": verdicts.verdicts(found, results), "hybrid": against(found, "main", "hybrid"),
        "moldable": against(found, "main", "hybrid-moldable"), "fixed": against(found, "main", "fixed"),
        "fixed-no-memory": against(found, "no-memory", "fixed"),
        "hybrid-no-memory": against(found, "no-memory", "hybrid"), "measured": against(found, "measured", "hybrid"),
        "quick": quick(found), "drains": drains(found), "break-even": break_evens(found),
        "refusals": refusals(results), "missing": missing(found), "hindsight": hindsight(found), "losses-migrate": verdicts.losses(found, ("migrate",)),
        "multiple": verdicts.multiple(found), "claim": verdicts.claim(found),
        "causes": verdicts.causes(found), "against-migrate": verdicts.against_migrate(found), "migrate": against(found, "main", "migrate"), "sizes-philly": by_size(sizes, "philly-slice", "backfill")}
    for queue in ("fifo", "backfill"):
        for figure in ("jct", "makespan"):
            made["all-%s-%s" % (figure, queue)] = everybody(found, queue, figure)
    return made


def cell(value: Interval, refused: bool = False) -> str:
    """A difference: significantly worse in bold, significantly better plain, neither in parentheses."""
    text = "%+.1f" % value.mean + (" ±%.1f" % value.half if value.half is not None else "")
    text = "**%s**" % text if value.is_worse else text if value.is_better else "(%s)" % text
    return text + " r" if refused else text


def has_refused(row: dict[str, str]) -> bool:
    return float(row["refused"]) > 0 or float(row["rival_refused"]) > 0


def shown(row: dict[str, str], figure: str) -> str:
    return cell(difference(row, figure), has_refused(row))


def markdown(head: list[str], lines: list[list[str]]) -> str:
    if not lines:
        return "None.\n"
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines]) + "\n"


def against(found: Rows, group: str, model: str) -> str:
    """One model against the three rivals, a row for each cell and queue."""
    lines: dict[tuple[str, str, str], dict[tuple[str, str], str]] = {}
    for row in found:
        if row["group"] == group and row["model"] == model:
            line = lines.setdefault((row["workload"], row["load"], row["queue"]), {})
            for figure in ("makespan", "jct"):
                line[figure, row["against"]] = shown(row, figure)
    columns = [(figure, rival) for figure in ("makespan", "jct") for rival in RIVALS]
    head = ["workload", "load", "queue"] + ["%s, %s" % (figure.replace("jct", "JCT"), rival) for figure, rival in columns]
    return markdown(head, [[*key, *(line.get(column, "-") for column in columns)] for key, line in lines.items()])


def everybody(found: Rows, queue: str, figure: str) -> str:
    """Every model against `partial`, a column for each workload at its middle load."""
    places: list[tuple[str, str]] = []
    lines: dict[str, dict[tuple[str, str], str]] = {}
    for row in found:
        if row["group"] == "main" and row["queue"] == queue and row["against"] == "partial" \
                and row["load"] in ("1.0", "8 GPUs"):
            place = (row["workload"], row["load"])
            if place not in places:
                places.append(place)
            lines.setdefault(row["model"], {})[place] = shown(row, figure)
    return markdown(["model"] + [workload for workload, _ in places],
                    [[model, *(line.get(place, "-") for place in places)] for model, line in lines.items()])


def hindsight(found: Rows) -> str:
    """The unattainable layouts and `hybrid`, both against the causal ones."""
    lines: dict[tuple[str, str, str], dict[tuple[str, str], str]] = {}
    for row in found:
        if row["group"] == "hindsight" and row["against"] == "static" and row["model"] in ("hindsight", "hybrid"):
            line = lines.setdefault((row["workload"], row["load"], row["queue"]), {})
            for figure in ("makespan", "jct"):
                line[row["model"], figure] = shown(row, figure)
    columns = [(model, figure) for model in ("hindsight", "hybrid") for figure in ("makespan", "jct")]
    head = ["workload", "load", "queue"] + ["%s, %s" % (model, figure.replace("jct", "JCT")) for model, figure in columns]
    return markdown(head, [[*key, *(line.get(column, "-") for column in columns)] for key, line in lines.items()])


def missing(found: Rows) -> str:
    """Cells of the plan, openb's with them, that the tables lack."""
    there = {(row["group"], row["workload"], row["load"], row["variant"]) for row in found}
    lines = []
    for cell in plan.cells("openb"):
        if (cell.group, cell.workload, cell.load, cell.variant) not in there:
            lines.append([cell.group, cell.workload, cell.load, cell.variant or "-"])
    return markdown(["group", "workload", "load", "variant"], lines)


def quick(found: Rows) -> str:
    lines: dict[tuple[str, str, str, str], dict[tuple[str, str], str]] = {}
    for row in found:
        if row["group"] == "quick" and row["model"] in ("hybrid", "greedy", "fixed") \
                and row["against"] in ("drain", "partial"):
            line = lines.setdefault((row["variant"], row["queue"], row["model"], row["workload"]), {})
            for figure in ("makespan", "jct"):
                line[figure, row["against"]] = shown(row, figure)
    columns = [(figure, rival) for figure in ("makespan", "jct") for rival in RIVALS[:2]]
    head = ["durations known", "queue", "model", "mix"] + [
        "%s, %s" % (figure.replace("jct", "JCT"), rival) for figure, rival in columns]
    order = sorted(lines, key=lambda key: (list({k[0]: 0 for k in lines}).index(key[0]), key[1] != "fifo",
                                           ("hybrid", "greedy", "fixed").index(key[2])))
    return markdown(head, [[*key, *(lines[key].get(column, "-") for column in columns)] for key in order])


def drains(found: Rows) -> str:
    """`hybrid` against `drain` at three drain times."""
    lines: dict[tuple[str, str, str], dict[tuple[str, str], str]] = {}
    for row in found:
        if row["model"] == "hybrid" and row["against"] == "drain" and row["group"] in ("main", "drain"):
            line = lines.setdefault((row["workload"], row["load"], row["queue"]), {})
            for figure in ("makespan", "jct"):
                line[figure, row["variant"].replace("drain ", "") or "180s"] = shown(row, figure)
    columns = [(figure, drain) for figure in ("makespan", "jct") for drain in ("20s", "180s", "300s")]
    head = ["workload", "load", "queue"] + ["%s, %s" % (figure.replace("jct", "JCT"), drain.replace("s", " s"))
                                            for figure, drain in columns]
    return markdown(head, [[*key, *(line.get(column, "-") for column in columns)] for key, line in lines.items()])


def break_evens(found: Rows) -> str:
    lines = []
    known = {figure: series(found, figure) for figure in ("jct", "makespan")}
    for model in MODELS:
        for rival, drain, _, _ in LINES:
            line = [model, rival + (" %s" % drain.replace("s", " s") if rival == "drain" else "")]
            for figure in ("jct", "makespan"):
                for speeds, queue in COLUMNS:
                    points = known[figure].get((model, speeds, queue, rival, drain))
                    line.append(break_even(points) if points else "-")
            lines.append(line)
    head = ["model", "against"] + ["%s, %s, %s" % (figure.replace("jct", "JCT"), {"miso": "MISO's"}.get(speeds, speeds), queue)
                                   for figure in ("jct", "makespan") for speeds, queue in COLUMNS]
    return markdown(head, lines)


def refusals(results: Rows) -> str:
    """Who refused jobs, and how many of all."""
    lines: dict[str, list[str]] = {}
    for row in results:
        if row["group"] == "main" and row["queue"] == "fifo" and float(row["refused"]) > 0:
            lines.setdefault(row["model"], []).append("%s %s: %.1f %%" % (
                row["workload"], row["load"], 100 * float(row["refused"]) / float(row["jobs"])))
    return markdown(["model", "refused, of all jobs"], [[model, "; ".join(cells)] for model, cells in lines.items()])


def by_size(sizes: Rows, workload: str, queue: str) -> str:
    """Mean JCT in hours by the asked slices, of the main models."""
    lines: dict[tuple[str, str], dict[str, str]] = {}
    models: list[str] = []
    for row in sizes:
        if row["workload"] == workload and row["queue"] == queue:
            line = lines.setdefault((row["load"], row["slices"]), {"jobs": row["jobs"]})
            line[row["model"]] = row["jct_mean_h"]
            if row["model"] not in models:
                models.append(row["model"])
    return markdown(["load", "slices", "jobs"] + models,
                    [[*key, line["jobs"], *(line.get(model, "-") for model in models)] for key, line in lines.items()])
