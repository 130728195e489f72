"""What became of the hypotheses of parameters.md, from the committed tables."""
from __future__ import annotations

from .results import difference

Rows = list[dict[str, str]]
FIGURES = {"makespan": "makespan", "jct": "mean JCT"}
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
    for row, figure in worse(found, rivals):
        value = difference(row, figure)
        lines.append([row["group"], row["workload"], row["load"], row["queue"], row["variant"] or "-", FIGURES[figure], row["against"],
                      "%+.1f ±%.1f %%" % (value.mean, value.half or 0)])
    return markdown(["group", "workload", "load", "queue", "variant", "figure", "worse than", "by"], lines)


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
            "of %d comparisons significantly better in %d, worse in %d, undecided in %d" % (
                total, good, len(bad), total - good - len(bad))]


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
    clean = [row for row in rows if float(row["refused"]) == 0 and float(row["rival_refused"]) == 0]
    parts = []
    for words, some in (("with memory", [row for row in rows if row["group"] != "no-memory"]),
                        ("with jobs that need no memory", [row for row in rows if row["group"] == "no-memory"])):
        if some:
            best = min(some, key=lambda row: difference(row, "makespan").mean)
            value = difference(best, "makespan")
            parts.append("%s, best cell: %s %s %s%s against `%s` %+.1f ±%.1f %%%s" % (
                words, best["workload"], best["load"], best["queue"], " " + best["variant"] if best["variant"] else "",
                best["against"], value.mean, value.half or 0,
                " (refused %s jobs)" % best["refused"] if float(best["refused"]) > 0 else ""))
    for cost in ("0.05", "0.1", "0.2"):
        cheap = [row for row in found if row["group"] == "sensitivity" and row["model"] == "fixed"
                 and row["variant"] == "linear speeds spanning +%s drain 180s" % cost]
        for rival in ("drain", "static", "partial"):
            for queue in ("fifo", "backfill"):
                values = [difference(row, "makespan").mean for row in cheap
                          if row["against"] == rival and row["queue"] == queue]
                if values:
                    parts.append("no memory, linear speeds, spanning adds %s of a step, %s, against `%s`: %s" % (
                        cost, queue, rival, span(values)))
    reached = [row for row in clean if difference(row, "makespan").mean <= -17]
    parts.append("%d of %d comparisons without refusals reach 17 %%" % (len(reached), len(clean)))
    return ["H5: the paper's claim, up to 17 % better makespan, by our reconstruction `fixed`",
            "reached in some cells" if reached else "not reproduced", "<br>".join(parts)]


def h6(found: Rows) -> list[str]:
    parts = []
    bad = False
    for row in found:
        if row["group"] == "main" and row["workload"] in ("philly-whole", "miso-whole") \
                and row["against"] == "static" and row["model"] in ("whole", "partial", "fgd", "drain", "hybrid"):
            values = [difference(row, figure) for figure in FIGURES]
            bad = bad or (row["model"] != "hybrid" and any(value.mean < -0.5 for value in values))
            parts.append("%s, %s, `%s`: makespan %+.2f, mean JCT %+.2f %%" % (
                row["workload"], row["queue"], row["model"], values[0].mean, values[1].mean))
    return ["H6: the controls, against `static` (all GPUs whole there)", "refuted" if bad else "holds", "<br>".join(parts)]
