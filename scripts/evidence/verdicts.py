"""What became of the hypotheses of parameters.md, from the committed tables."""
from __future__ import annotations

from . import plan
from .results import difference
from .statistics import corrected

Rows = list[dict[str, str]]
FIGURES = {"makespan": "makespan", "jct": "mean JCT"}
CLAIM = -17.0
MAIN = ("main", "drain", "no-memory", "quick", "measured")
# H2: lowest and highest difference in percent that the quick study reported, by queue, figure and rival.
CLAIMED = {
    ("fifo", "makespan", "drain"): (-13.0, -6.0), ("fifo", "makespan", "partial"): (-7.0, -2.0),
    ("fifo", "jct", "drain"): (-55.0, -26.0), ("fifo", "jct", "partial"): (-40.0, -8.0),
    ("backfill", "makespan", "partial"): (-3.0, 2.5), ("backfill", "jct", "drain"): (-38.0, -17.0),
    ("backfill", "jct", "partial"): (-11.0, 0.0)}


def markdown(head: list[str], lines: list[list[str]]) -> str:
    if not lines:
        return "None.\n"
    return "\n".join("| " + " | ".join(line) + " |" for line in [head, ["---"] * len(head), *lines]) + "\n"


def worse(found: Rows, rivals: tuple[str, ...], groups: tuple[str, ...] = MAIN) -> list[tuple[dict[str, str], str]]:
    """Rows and figures in which `hybrid` is significantly worse, the worst first."""
    rows = [(row, figure) for row in found for figure in FIGURES
            if row["group"] in groups and row["model"] == "hybrid" and row["against"] in rivals
            and difference(row, figure).is_worse]
    return sorted(rows, key=lambda pair: -difference(*pair).mean)


def losses(found: Rows, rivals: tuple[str, ...]) -> str:
    lines = []
    total = compared(found, rivals, MAIN)
    for row, figure in worse(found, rivals):
        value = difference(row, figure)
        lines.append([row["group"], row["workload"], row["load"], row["queue"], row["variant"] or "-", FIGURES[figure], row["against"],
                      "%+.1f ±%.1f %%" % (value.mean, value.half or 0),
                      "yes" if corrected(value, seeds(row), total).is_worse else "no"])
    return markdown(["group", "workload", "load", "queue", "variant", "figure", "worse than", "by", "also for %d comparisons together" % total],
                    lines)


def multiple(found: Rows) -> str:
    """How many comparisons there are, how many would come out one way by chance, and how many did."""
    lines = []
    for words, groups, rivals in (("main, against `partial` and `drain`", ("main",), ("partial", "drain")),
                                  ("all groups of the first table", MAIN, ("partial", "drain")),
                                  ("all groups, against `static`", MAIN, ("static",)),
                                  ("main, against `migrate`", ("main",), ("migrate",))):
        values = [(difference(row, figure), seeds(row)) for row in found for figure in FIGURES
                  if row["group"] in groups and row["model"] == "hybrid" and row["against"] in rivals]
        together = [corrected(value, number, len(values)) for value, number in values]
        lines.append([words, str(len(values)), "%.0f" % (0.025 * len(values)),
                      str(sum(value.is_worse for value, _ in values)), str(sum(value.is_better for value, _ in values)),
                      str(sum(value.is_worse for value in together)), str(sum(value.is_better for value in together))])
    return markdown(["comparisons", "number", "by chance each way", "worse", "better", "worse, together", "better, together"], lines)


def seeds(row: dict[str, str]) -> int:
    return plan.SEEDS_OF.get(row["group"], plan.SEEDS)


def against_migrate(found: Rows) -> str:
    """How often `hybrid` is better, worse and undecided, by queue and figure."""
    lines = []
    for queue in ("fifo", "backfill"):
        for figure, words in FIGURES.items():
            values = [difference(row, figure) for row in found if row["group"] == "main" and row["model"] == "hybrid"
                      and row["against"] == "migrate" and row["queue"] == queue]
            if values:
                better, bad = sum(value.is_better for value in values), sum(value.is_worse for value in values)
                lines.append([queue, words, str(better), str(len(values) - better - bad), str(bad),
                              span([value.mean for value in values])])
    return markdown(["queue", "figure", "cells where better", "undecided", "worse", "differences"], lines)


def verdicts(found: Rows, results: Rows) -> str:
    lines = [h1(found), h2(found), h3(found), *h4(found), h5(found), h6(found)]
    return markdown(["hypothesis", "outcome", "figures"], lines)


def compared(found: Rows, rivals: tuple[str, ...], groups: tuple[str, ...]) -> int:
    return sum(2 for row in found if row["group"] in groups and row["model"] == "hybrid" and row["against"] in rivals)


def h1(found: Rows) -> list[str]:
    rivals = ("partial", "drain")
    bad = worse(found, rivals, ("main",))
    good = sum(difference(row, figure).is_better for row in found for figure in FIGURES
               if row["group"] == "main" and row["model"] == "hybrid" and row["against"] in rivals)
    total = compared(found, rivals, ("main",))
    return ["H1: `hybrid` is nowhere significantly worse than `partial` or `drain`", "refuted" if bad else "holds",
            "of %d comparisons significantly better in %d, worse in %d, undecided in %d; by chance %.1f each way if nothing differed" % (
                total, good, len(bad), total - good - len(bad), 0.025 * total)]


def quick(found: Rows, variant: str, model: str, rival: str, queue: str, figure: str) -> list[tuple[str, float]]:
    """By mix, the mean difference."""
    return [(row["workload"], difference(row, figure).mean) for row in found
            if row["group"] == "quick" and row["variant"] == variant and row["model"] == model
            and row["against"] == rival and row["queue"] == queue]


def span(values: list[float]) -> str:
    return "%+.1f to %+.1f %%" % (min(values), max(values)) if values else "not run"


def h2(found: Rows) -> list[str]:
    parts = []
    inside = True
    for (queue, figure, rival), (low, high) in CLAIMED.items():
        values = quick(found, "exact", "hybrid", rival, queue, figure)
        above = [mix for mix, value in values if value > high]
        below = [mix for mix, value in values if value < low]
        inside = inside and not above and not below
        note = "".join(["; worse than that in " + ", ".join(above) if above else "",
                        "; better than that in " + ", ".join(below) if below else ""])
        parts.append("%s, %s, against `%s`: %s (study: %g to %g)%s" % (
            queue, FIGURES[figure], rival, span([value for _, value in values]), low, high, note))
    return ["H2: the quick study's ranges", "hold" if inside else "refuted as ranges", "<br>".join(parts)]


def h3(found: Rows) -> list[str]:
    parts = []
    judged: list[float] = []
    for variant in ("exact", "no memory, linear speeds, spanning +5 %", "no memory, linear speeds, spanning +25 %"):
        for model in ("greedy", "fixed"):
            for queue in ("fifo", "backfill"):
                values = [value for _, value in quick(found, variant, model, "partial", queue, "makespan")]
                if "+5" not in variant and (queue == "backfill" or "+25" in variant):
                    judged += values
                parts.append("`%s`, %s, %s: makespan %s against `partial`" % (model, queue, variant, span(values)))
    return ["H3: `greedy` and `fixed` lose 2 to 20 % of makespan to `partial` with backfill, or where spanning adds 25 %",
            "holds" if judged and all(2 <= value <= 20 for value in judged) else "refuted as a range", "<br>".join(parts)]


def h4(found: Rows) -> list[list[str]]:
    lines = []
    for variant, words in (("within a factor of 2", "within a factor of two `hybrid` keeps more than half of its gain over `drain`"),
                           ("none", "not known at all, `hybrid` loses nowhere to `drain` or `partial`")):
        parts, bad = [], []
        for queue in ("fifo", "backfill"):
            exact = dict(quick(found, "exact", "hybrid", "drain", queue, "jct"))
            then = dict(quick(found, variant, "hybrid", "drain", queue, "jct"))
            partial = quick(found, variant, "hybrid", "partial", queue, "jct")
            parts.append("%s, mean JCT: %s against `drain` (exact: %s), %s against `partial`" % (
                queue, span(list(then.values())), span(list(exact.values())), span([value for _, value in partial])))
            if variant == "none":
                for row in found:
                    if row["group"] == "quick" and row["variant"] == variant and row["queue"] == queue \
                            and row["model"] == "hybrid" and row["against"] in ("drain", "partial"):
                        bad += ["%s, %s, %s, `%s`" % (row["workload"], queue, FIGURES[figure], row["against"])
                                for figure in FIGURES if difference(row, figure).is_worse]
            else:
                bad += ["%s, %s" % (mix, queue) for mix in exact if then.get(mix, 0) > exact[mix] / 2]
        if bad:
            parts.append("not in " + "; ".join(bad))
        lines.append(["H4: durations known " * (variant != "none") + "H4: durations " * (variant == "none") + words, "refuted" if bad else "holds", "<br>".join(parts)])
    return lines


def h5(found: Rows) -> list[str]:
    rows = [row for row in found if row["group"] in ("main", "no-memory", "drain") and row["model"] == "fixed"
            and row["against"] in ("drain", "static")]
    clean = [row for row in rows if not refused(row)]
    reached = [row for row in clean if difference(row, "makespan").mean <= CLAIM]
    sure = [row for row in reached if corrected(difference(row, "makespan"), seeds(row), len(clean)).is_better]
    places = sorted({"%s %s %s against `%s`" % (row["workload"], row["load"], row["queue"], row["against"]) for row in reached})
    return ["H5: the paper's claim, up to 17 % better makespan, by our reconstruction `fixed`",
            "reached in some cells" if reached else "not reached",
            "of %d comparisons without refusals %d reach 17 %%, %d of them better than 0 for all together: %s" % (
                len(clean), len(reached), len(sure), "; ".join(places) or "none")]


def refused(row: dict[str, str]) -> bool:
    return float(row["refused"]) > 0 or float(row["rival_refused"]) > 0


def claim(found: Rows) -> str:
    """Under which parameters `fixed` has a makespan 17 % below `drain` or `static`: cells that reach it, and the range."""
    sources = [("MISO's memory and speeds, ring", [row for row in found if row["group"] == "main"]),
               ("no memory, MISO's speeds, ring", [row for row in found if row["group"] == "no-memory"])]
    for speeds, words in (("miso", "MISO's"), ("linear", "linear")):
        for cost in plan.SPANNING_COSTS:
            variant = "%s speeds spanning +%s drain 180s" % (speeds, plan.text(cost))
            sources.append(("no memory, %s speeds, spanning +%g %%" % (words, 100 * cost),
                            [row for row in found if row["group"] == "sensitivity" and row["variant"] == variant]))
    lines = []
    for words, rows in sources:
        line = [words]
        for rival in ("drain", "static"):
            for queue in ("fifo", "backfill"):
                here = [row for row in rows if row["model"] == "fixed" and row["against"] == rival and row["queue"] == queue]
                values = [difference(row, "makespan").mean for row in here if not refused(row)]
                if values:
                    line.append("%d of %d; %s" % (sum(value <= CLAIM for value in values), len(values), span(values)))
                else:
                    line.append("refuses jobs in all %d" % len(here) if here else "-")
        lines.append(line)
    return markdown(["jobs and costs", "`drain` 180 s, FIFO", "`drain` 180 s, backfill", "`static`, FIFO", "`static`, backfill"], lines)


def h6(found: Rows) -> list[str]:
    parts = []
    bad = False
    names = ("philly-whole", "miso-whole")
    free = [row for row in found if row["group"] == "control" and row["against"] == "static"]
    if free:
        largest = max(abs(difference(row, figure).mean) + (difference(row, figure).half or 0) for row in free for figure in FIGURES)
        bad = largest > 0
        parts.append("where cutting and draining take no time: %d comparisons with `static`, largest difference %.2f %%" % (
            2 * len(free), largest))
    for row in found:
        if row["group"] == "main" and row["workload"] in names \
                and row["against"] == "static" and row["model"] in ("whole", "partial", "migrate", "fgd", "drain", "greedy", "hybrid"):
            values = [difference(row, figure) for figure in FIGURES]
            bad = bad or any(value.is_better for value in values)
            parts.append("%s, %s, `%s`: makespan %+.2f ±%.2f, mean JCT %+.2f ±%.2f %%" % (
                row["workload"], row["queue"], row["model"], values[0].mean, values[0].half or 0, values[1].mean, values[1].half or 0))
    return ["H6: the controls, against `static` (all GPUs whole there)", "refuted" if bad else "holds", "<br>".join(parts)]


def causes(found: Rows) -> str:
    """The experiments on the causes of losses."""
    lines = []
    for row in found:
        if row["group"] == "causes" and (row["model"], row["against"]) in (
                ("hybrid", "partial"), ("hybrid", "migrate"), ("migrate", "partial"), ("hybrid", "static")):
            lines.append([row["workload"], row["load"], row["variant"], row["queue"], row["model"], row["against"]] + [
                "%+.1f ±%.1f" % (value.mean, value.half or 0) for value in (difference(row, figure) for figure in FIGURES)])
    return markdown(["workload", "load", "variant", "queue", "model", "against", "makespan, %", "mean JCT, %"], lines)
