"""The sensitivity chart: at which spanning cost and drain time one-to-many stops paying, as SVG that needs nothing else."""
from __future__ import annotations

from . import plan
from .results import difference

PANEL_WIDTH, PANEL_HEIGHT, LEFT, TOP, GAP = 230, 190, 64, 70, 34
# Beyond these percents lines are cut off.
LOW, HIGH = -100.0, 100.0
MODELS = ("hybrid", "fixed")
COLUMNS = (("miso", "fifo"), ("miso", "backfill"), ("linear", "fifo"), ("linear", "backfill"))
# Rival and drain time, colour, dashes.
LINES = (("partial", "180s", "#0b6e4f", ""), ("static", "180s", "#1f4e9c", ""), ("drain", "20s", "#e08e0b", "6 3"),
         ("drain", "180s", "#c2410c", ""), ("drain", "300s", "#7f1d1d", "2 3"))
Point = tuple[float, float]


def series(rows: list[dict[str, str]], figure: str) -> dict[tuple[str, str, str, str, str], list[Point]]:
    """By model, speeds, queue, rival and drain time: cost and the mean over mixes of the difference in percent."""
    found: dict[tuple[str, str, str, str, str], dict[float, list[float]]] = {}
    for row in rows:
        if row["group"] != "sensitivity":
            continue
        words = row["variant"].split()
        speeds, cost, drain = words[0], float(words[3]), words[5]
        if row["against"] != "drain" and drain != "180s":
            continue
        key = (row["model"], speeds, row["queue"], row["against"], drain)
        found.setdefault(key, {}).setdefault(cost, []).append(difference(row, figure).mean)
    return {key: [(cost, sum(values) / len(values)) for cost, values in sorted(points.items())]
            for key, points in found.items()}


def break_even(points: list[Point]) -> str:
    """The cost at which the difference comes above 0, on the line between two points."""
    if points[0][1] > 0:
        return "never pays"
    for (low, before), (high, after) in zip(points, points[1:]):
        if after > 0:
            return "%.2f" % (low + (high - low) * -before / (after - before))
    return "above %g" % points[-1][0]


def sensitivity(rows: list[dict[str, str]], figure: str = "jct") -> str:
    """The chart; empty where the tables have no such runs."""
    lines = series(rows, figure)
    if len({key[0] for key in lines}) < 2:
        return ""
    width = LEFT + len(COLUMNS) * (PANEL_WIDTH + GAP)
    height = TOP + len(MODELS) * (PANEL_HEIGHT + GAP + 26) + 20
    parts = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" '
             'font-family="sans-serif" font-size="11">' % (width, height, width, height),
             '<rect width="100%" height="100%" fill="white"/>',
             '<text x="%d" y="20" font-size="15">%s of one-to-many against one-to-one, by what spanning adds to a step '
             '(simulated)</text>' % (LEFT, "Mean JCT" if figure == "jct" else "Makespan")]
    x = LEFT
    for rival, drain, colour, dashes in LINES:
        label = "against %s" % rival + (" %s" % drain if rival == "drain" else "")
        parts.append('<line x1="%d" y1="38" x2="%d" y2="38" stroke="%s" stroke-width="2" stroke-dasharray="%s"/>'
                     '<text x="%d" y="42">%s</text>' % (x, x + 26, colour, dashes, x + 31, label))
        x += 160
    for row, model in enumerate(MODELS):
        for column, (speeds, queue) in enumerate(COLUMNS):
            parts += panel(lines, model, speeds, queue, LEFT + column * (PANEL_WIDTH + GAP),
                           TOP + row * (PANEL_HEIGHT + GAP + 26))
    parts.append('<text x="%d" y="%d">Below 0: one-to-many is better. Lines are means over five mixes, load 1.0, 8 GPUs, '
                 '5 seeds; lines beyond 100 %% are cut off.</text>' % (LEFT, height - 10))
    return "\n".join(parts) + "\n</svg>\n"


def panel(lines: dict[tuple[str, str, str, str, str], list[Point]], model: str, speeds: str, queue: str, left: int,
          top: int) -> list[str]:
    most = plan.SPANNING_COSTS[-1]

    def at(cost: float, value: float) -> str:
        inside = min(HIGH, max(LOW, value))
        return "%.1f,%.1f" % (left + cost / most * PANEL_WIDTH, top + (HIGH - inside) / (HIGH - LOW) * PANEL_HEIGHT)

    parts = ['<text x="%d" y="%d" font-weight="bold">%s, %s speeds, %s</text>' % (left, top - 6, model, {
        "miso": "MISO&#39;s", "linear": "linear"}[speeds], queue)]
    for value in (-100, -50, 0, 50, 100):
        start, end = at(0, value), at(most, value)
        parts.append('<line x1="%s" y1="%s" x2="%s" y2="%s" stroke="%s"/>' % (
            *start.split(","), *end.split(","), "#444" if value == 0 else "#ddd"))
        if left == LEFT:
            parts.append('<text x="%d" y="%s" text-anchor="end">%s %%</text>' % (
                left - 6, start.split(",")[1], "%+d" % value if value else "0"))
    for cost in (0, 0.25, 0.5, 0.75, 1):
        parts.append('<text x="%s" y="%d" text-anchor="middle">%g</text>' % (
            at(cost, 0).split(",")[0], top + PANEL_HEIGHT + 14, cost))
    parts.append('<text x="%d" y="%d" text-anchor="middle" fill="#444">spanning adds to a step (1: doubles it)</text>' % (
        left + PANEL_WIDTH // 2, top + PANEL_HEIGHT + 29))
    for rival, drain, colour, dashes in LINES:
        points = lines.get((model, speeds, queue, rival, drain), [])
        parts.append('<polyline fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s" points="%s"/>' % (
            colour, dashes, " ".join(at(*point) for point in points)))
    return parts
