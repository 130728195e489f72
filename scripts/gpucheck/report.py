"""The report for people, and the comparison of the routes."""
from __future__ import annotations

from typing import Any


def compare(checks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The median of each route side by side, for each number of ranks, operation and size."""
    rows: dict[tuple[int, str, int], dict[str, Any]] = {}
    for result in checks:
        for row in result.get("measurements", []) if result["check"] == "bandwidth" else []:
            key = (result["ranks"], row["operation"], row["bytes"])
            entry = rows.setdefault(key, {
                "ranks": key[0], "operation": key[1], "bytes": key[2],
                "link_bound_us": row["link_bound_us"], "median_us": {}, "busbw_gb_s": {},
                "percent_of_link_bound": {}})
            for name in ("median_us", "busbw_gb_s", "percent_of_link_bound"):
                entry[name][result["route"]] = row[name]
    for entry in rows.values():
        times = entry["median_us"]
        entry["speedup"] = {
            "%s over %s" % pair: round(times[pair[1]] / times[pair[0]], 3)
            for pair in (("nccl-plugin", "nccl-socket"), ("nccl-plugin", "gloo"),
                         ("nccl-plugin-collnet", "nccl-plugin"),
                         ("nccl-plugin-collnet", "nccl-socket"), ("nccl-plugin-collnet", "gloo"),
                         ("flexmig", "gloo")) if times.get(pair[0]) and times.get(pair[1])}
    return list(rows.values())


def human(size: int) -> str:
    for unit, shift in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << shift and size % (1 << shift) == 0:
            return "%d %s" % (size >> shift, unit)
    return "%d B" % size


def table(document: dict[str, Any]) -> str:
    """All of it as text."""
    about = document["environment"]
    lines = ["%-9s %s" % (key, about.get(key))
             for key in ("gpu", "driver", "cuda", "nccl", "torch")]
    lines += ["evidence  %s" % document["evidence"], ""]
    for result in document["checks"]:
        lines.append("%(check)-12s %(route)-20s %(ranks)d ranks  %(mode)-13s %(outcome)-11s "
                     "%(reason)s" % result)
        for row in result["measurements"] if result["check"] == "host-link" else []:
            lines.append("    %-8s %-4s median %.1f us  each way %.1f GB/s" % (
                human(row["bytes"]), row["direction"], row["median_us"], row["each_way_gb_s"]))
    modes = {result["mode"] for result in document["checks"] if result["check"] == "bandwidth"}
    for ranks in sorted({entry["ranks"] for entry in document["comparisons"]}):
        entries = [entry for entry in document["comparisons"] if entry["ranks"] == ranks]
        names = list(dict.fromkeys(name for entry in entries for name in entry["median_us"]))
        lines += ["", "%d ranks%s, %s: median us, bus bandwidth GB/s, %% of the link bound"
                  % (ranks, "" if "cpu" in modes else " on one GPU", " and ".join(sorted(modes)))]
        if modes & {"time-sliced", "cpu"}:
            lines.append("These timings are not comparable with MIG: the ranks ran in turns."
                         if "time-sliced" in modes else "A dry run without a GPU.")
        lines.append(" ".join(["%-14s %8s" % ("", "")] + ["%26s" % name for name in names]))
        for entry in entries:
            cells = []
            for name in names:
                percent = entry["percent_of_link_bound"].get(name)
                cells.append("%26s" % ("-" if name not in entry["median_us"] else
                             "%.1f %8.3f %5s" % (
                                 entry["median_us"][name], entry["busbw_gb_s"][name],
                                 "-" if percent is None else "%.1f" % percent)))
            lines.append(" ".join(["%-14s %8s" % (entry["operation"], human(entry["bytes"]))]
                                  + cells))
        for entry in entries:
            if entry["operation"] == "all_reduce" and entry["bytes"] >= 64 << 20:
                lines += ["%s at %s: %.2f times" % (pair, human(entry["bytes"]), factor)
                          for pair, factor in entry["speedup"].items()]
    return "\n".join(lines)
