"""Runs checks on a route, and judges what the ranks tell."""
from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import sys
import time
from typing import Any, NamedTuple, Optional, Sequence

from gpucheck import bandwidth, collectives, death, launcher, link, routes
from gpucheck.nccl import parse_nccl_log, version_number
from gpucheck.outcomes import AS_EXPECTED, CONTRADICTS, FAILED, SKIPPED, TIMED_OUT
from gpucheck.processes import Group, Objection, read, run_group, run_program

CHECKS = {
    "nccl-refuses": "stock NCCL refuses two ranks on one GPU (before 2.30.7)",
    "host-link": "copies between pinned host memory and the GPU, one process and all ranks at once",
    "collectives": "every collective and type against a float64 reference",
    "ddp": "steps of a small transformer under DDP against one process",
    "fsdp": "the same under FSDP",
    "bandwidth": "time and bus bandwidth by size, percent of what the link allows",
    "backend-suite": "the tests of Flex-MIG's backend for PyTorch (python/tests/gpu_backend.py)",
    "dead-rank": "a rank is killed in the middle of an all-reduce; the others must be told, not hang"}
SUITE_CHECKS = 5  # that python/tests/gpu_backend.py plays for each number of ranks
TIMED = {"host-link", "bandwidth"}


class Mode(NamedTuple):
    """A way of sharing the GPU."""
    name: str
    device: str  # "cuda", or "cpu" for a dry run
    environments: list[dict[str, str]]  # of rank n the entry n, the last for all further ones
    at_ready: Optional[Objection] = None

    def environment(self, rank: int) -> dict[str, str]:
        return self.environments[min(rank, len(self.environments) - 1)]


class Part(NamedTuple):
    """What the ranks told of one check: one list of events a rank."""
    events: list[list[dict[str, Any]]]
    complete: bool  # all ranks came to its end
    trouble: Optional[tuple[str, str]]
    seconds: float

    def found(self, kind: str) -> list[list[dict[str, Any]]]:
        return [[event for event in rank if event["event"] == kind] for rank in self.events]


def part_of(group: Group, check: str) -> Part:
    """The events between the check's begin and end. Trouble of the group belongs to the check
    that it interrupted."""
    parts = []
    for events in group.events:
        names = [event.get("check") if event["event"] == "begin" else None for event in events]
        start = names.index(check) if check in names else len(events)
        stop = next((at for at in range(start + 1, len(events)) if names[at]), len(events))
        parts.append(events[start:stop])
    ends = [event for rank in parts for event in rank if event["event"] == "end"]
    complete = len(ends) == len(parts)
    return Part(parts, complete, None if complete else group.trouble or (
        FAILED, "the check came to no end"), max((e["seconds"] for e in ends), default=0.0))


def shortened(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (" and %d more" % (len(names) - 6) if len(names) > 6 else "")


def judge_cases(part: Part, detour: Optional[str], route: str) -> tuple[str, str]:
    """Outcome and reason: all results right, bits alike where they must be, on the right way, and
    nothing refused but what the route may refuse."""
    cases = part.found("case")
    wrong = ["rank %d %s" % (rank, name_of(case)) for rank, mine in enumerate(cases)
             for case in mine if not case["right"]]
    differ = [name_of(same[0]) for same in zip(*cases) if len({c["same"] for c in same}) > 1]
    if wrong or differ:
        return CONTRADICTS, "wrong results: %s; different bits: %s" % (
            shortened(wrong) or "none", shortened(differ) or "none")
    if part.trouble:
        return part.trouble
    if not cases[0] or len({len(mine) for mine in cases}) > 1:
        return FAILED, "the ranks report %s cases" % [len(mine) for mine in cases]
    if detour:
        return CONTRADICTS, "the results are right, but " + detour
    refused = [event for rank in part.found("unsupported") for event in rank]
    amiss = sorted({"%(operation)s %(type)s" % event for event in refused
                    if event["operation"] not in routes.MAY_REFUSE.get(route, ())})
    if amiss and route not in routes.MAY_REFUSE_ANYTHING:
        return FAILED, "not supported: " + shortened(amiss)
    missing = sorted({"%(operation)s %(type)s" % event for event in refused})
    return AS_EXPECTED, "%d cases right%s" % (
        len(cases[0]), "; not supported: " + shortened(missing) if missing else "")


def name_of(case: dict[str, Any]) -> str:
    return "%(operation)s %(type)s x %(count)d" % case


def judge_refuses(group: Group, nccl: Optional[str]) -> tuple[str, str]:
    """Outcome and reason. A time-out counts neither as a refusal nor as a success."""
    errors = [event["message"] for rank in group.found("error") for event in rank]
    refusal = parse_nccl_log("\n".join(errors + group.logs))["refusal"]
    name = "NCCL " + (nccl or "of unknown version")
    if refusal and errors:
        return AS_EXPECTED, "%s refused: %s" % (name, refusal)
    if group.trouble:
        return group.trouble
    if not all(case["right"] for rank in group.found("case") for case in rank):
        return CONTRADICTS, name + " took two ranks on one GPU and gave wrong results"
    if version_number(nccl) >= (2, 31):
        return AS_EXPECTED, name + " took two ranks on one GPU; versions from 2.31 on may"
    return CONTRADICTS, name + " took two ranks on one GPU"


def judge_death(group: Group, limit: float) -> tuple[str, str, list[dict[str, Any]]]:
    """Outcome, reason, and of each survivor the seconds from the death to the first report of it
    and to its end, None where there was none. `limit` is for the report. An end counts as one:
    nobody hangs who has ended."""
    victim = len(group.events) - 1
    began = all(any(event["event"] == "began" for event in rank) for rank in group.events)
    died = group.ends[victim]
    if not began or died is None:
        return (*(group.trouble or (FAILED, "no rank died")), [])
    survivors: list[dict[str, Any]] = []
    for end, lines in zip(group.ends[:victim], group.heard):
        # The same look may find the death and its report, so a line may seem a little older.
        after = [(at, line) for at, line in lines if at >= died - death.EARLIER_S]
        reports = sorted([at for at, _ in after] + ([] if end is None else [end]))
        survivors.append({
            "reported_after_s": round(max(0.0, reports[0] - died), 2) if reports else None,
            "ended_after_s": None if end is None else round(max(0.0, end - died), 2),
            "report": after[0][1].strip()[:300] if after else None})
    silent = [rank for rank, told in enumerate(survivors)
              if told["reported_after_s"] is None or told["reported_after_s"] > limit]
    if silent:
        return CONTRADICTS, "%.0f s after the death of rank %d nothing had told of it on rank %s" % (
            limit, victim, ", ".join(map(str, silent))), survivors
    staying = [rank for rank, told in enumerate(survivors) if told["ended_after_s"] is None]
    how = "PyTorch had not ended the process of rank " + ", ".join(map(str, staying)) if staying \
        else "all ended within %.1f s" % max(told["ended_after_s"] for told in survivors)
    return AS_EXPECTED, "%d of %d were told within %.1f s, %s" % (
        victim, victim, max(told["reported_after_s"] for told in survivors), how), survivors


class Runner:
    """Runs checks in one mode. Results are as the JSON has them."""

    def __init__(self, args: argparse.Namespace, mode: Mode, facts: dict[str, Any],
                 parts: routes.Parts, work: str) -> None:
        self.args, self.mode, self.facts, self.parts, self.work = args, mode, facts, parts, work
        self.left_out: dict[tuple[str, int], dict[str, str]] = {}
        self.origins: dict[tuple[str, int], dict[str, Any]] = {}  # of a route's variables
        self.groups = 0  # so far

    def try_pairs(self, route: str, ranks: int) -> None:
        """Finds out, with ranks of their own, whether sends on CUDA tensors end the process, as
        they do with the gloo of some versions of PyTorch. If so, the other checks go without."""
        key = (route, ranks)
        if route == "gloo" and self.mode.device == "cuda" and key not in self.left_out:
            group = self.play(route, ranks, ["pairs"])
            limit = self.died_of_itself(route, group)
            self.left_out[key] = dict.fromkeys(collectives.PAIRS, limit) if limit else {}

    def died_of_itself(self, route: str, group: Group) -> Optional[str]:
        """What to say when the process was ended by the gloo inside PyTorch, not by a rank's
        exception: that is a limit of gloo's, which these checks are not about."""
        signals = sorted({-status for status in group.statuses if status is not None and status < 0
                          and status not in (-signal.SIGTERM, -signal.SIGKILL)})
        if route != "gloo" or self.mode.device != "cuda" or not signals:
            return None
        return "not supported by gloo of PyTorch %s: it ended the process (%s)" % (
            self.facts["torch"], ", ".join(signal.Signals(number).name for number in signals))

    def play(self, route: str, ranks: int, checks: Sequence[str], **more: Any) -> Group:
        """One group of ranks that plays the checks one after the other."""
        following = {name: more.pop(name) for name in ("grace", "listen_for") if name in more}
        job = {"checks": list(checks), "backend": routes.backend_of(route), "quick": self.args.quick,
               "device": self.mode.device, "sizes": self.args.sizes, "spoil": self.args.spoil,
               "left_out": self.left_out.get((route, ranks), {}),
               "imports": [routes.BACKEND] if route == "flexmig" else []}
        extra = {} if TIMED & set(checks) else {"NCCL_DEBUG_SUBSYS": "INIT,NET,ENV,TUNING"}
        self.groups += 1
        environments = []
        for rank in range(ranks):
            given = self.mode.environment(rank)
            found = routes.environment(route, rank, ranks, self.parts,
                                       "gpu-check-%d-%d" % (os.getpid(), self.groups), given)
            self.origins[route, ranks] = found.origin
            whole = {**given, **found.variables, **extra, **more, **dict(self.args.set or [])}
            environments.append({name: value for name, value in whole.items() if value is not None})
        return run_group(job, environments, self.args.timeout, self.work, self.mode.at_ready,
                         **following)

    def result(self, check: str, route: str, ranks: int, outcome: str, reason: str,
               group: Optional[Group] = None, **more: Any) -> dict[str, Any]:
        result = {"check": check, "route": route, "ranks": ranks, "mode": self.mode.name,
                  "outcome": outcome, "reason": reason,
                  "comparable": self.mode.name not in ("time-sliced", "cpu")}
        if group and route in launcher.RUNTIMES:
            result.update(self.origins.get((route, ranks), {}))
        if group and route.startswith("nccl"):
            log = parse_nccl_log("\n".join(group.logs))
            result.update(nccl=log["version"] or self.facts["nccl"], network=log["network"],
                          transports=log["transports"], algorithms=log["algorithms"])
        if group and outcome not in (AS_EXPECTED, SKIPPED):
            result["log_tail"] = [
                "rank %d: %s" % (rank, line) for rank, text in enumerate(group.logs)
                for line in telling(text)]
        return dict(result, **more)

    def run_refuses(self) -> dict[str, Any]:
        group = self.play("nccl-stock", 2, ["nccl-refuses"], NCCL_MULTI_RANK_GPU_ENABLE="0")
        log = parse_nccl_log("\n".join(group.logs))
        outcome, reason = judge_refuses(group, log["version"] or self.facts["nccl"])
        return self.result("nccl-refuses", "nccl-stock", 2, outcome, reason, group,
                           seconds=round(group.seconds, 1))

    def run_link(self, ranks: int) -> dict[str, Any]:
        group = self.play("gloo", ranks, ["host-link"])
        part = part_of(group, "host-link")
        outcome, reason = part.trouble or (AS_EXPECTED, "measured")
        told = [{(row["bytes"], row["direction"]): row["seconds"] for row in rank}
                for rank in part.found("row")]
        rows = [link.make_row(*key, [rank[key] for rank in told]) for key in told[0]
                if all(key in rank for rank in told)]
        return self.result("host-link", "host-link", ranks, outcome, reason, group,
                           seconds=part.seconds, measurements=rows)

    def run_suite(self, ranks: Sequence[int]) -> dict[str, Any]:
        """The backend's own tests on a GPU, which start their ranks themselves."""
        suite, answer = routes.suite_of(self.parts), os.path.join(self.work, "suite.json")
        command = [sys.executable, suite or "", "--ranks", ",".join(map(str, ranks)), "--json", answer,
                   "--library", self.parts.library or "", "--timeout", "%.0f" % self.args.timeout,
                   *["--quick"] * self.args.quick]
        environment = dict(self.mode.environment(0), **dict(self.args.set or []))
        begin = time.monotonic()
        limit = self.args.timeout * SUITE_CHECKS * len(ranks)  # it ends each of its checks itself
        status, output = run_program(command, environment, limit, self.work)
        report = None
        with contextlib.suppress(ValueError):
            report = json.loads(read(answer) or "null")
        told = (report or {}).get("checks", [])
        amiss = ["%(check)s with %(ranks)d ranks %(outcome)s" % each for each in told
                 if each["outcome"] != "holds"]
        outcome, reason = {
            None: (TIMED_OUT, "no end within %.0f s" % limit),
            0: (AS_EXPECTED, "%d checks hold" % len(told)) if told and not amiss else
               (FAILED, "it ended well, but its report tells of %s" % (shortened(amiss) or "no check")),
            1: (CONTRADICTS, "not all its checks hold: " + (shortened(amiss) or "it does not tell which")),
            }.get(status, (FAILED, "it ended with status %s" % status))
        more = {} if outcome == AS_EXPECTED else {"log_tail": telling(output)}
        return self.result("backend-suite", "flexmig", max(ranks), outcome, reason, report=report,
                           seconds=round(time.monotonic() - begin, 1), **more)

    def run_death(self, route: str, ranks: int) -> dict[str, Any]:
        limit = min(death.REPORT_LIMIT_S, self.args.timeout / 2)
        wait = min(death.END_LIMIT_S, self.args.timeout / 2)
        group = self.play(route, ranks, ["dead-rank"], grace=wait, listen_for=death.REPORT,
                          **death.SETTINGS)
        outcome, reason, survivors = judge_death(group, limit)
        if outcome == AS_EXPECTED:
            against = routes.detour(route, parse_nccl_log("\n".join(group.logs)))
            outcome, reason = (CONTRADICTS, against) if against else (outcome, reason)
        return self.result("dead-rank", route, ranks, outcome, reason, group, comparable=False,
                           seconds=round(group.seconds, 1), survivors=survivors,
                           report_limit_s=limit, waited_for_ends_s=wait, settings=death.SETTINGS)

    def run_route(self, route: str, ranks: int, checks: Sequence[str],
                  bound: Optional[tuple[float, float]]) -> list[dict[str, Any]]:
        """Plays the checks in one group. After a check that fails, a new group goes on with those
        that follow, unless the ranks never came to work together."""
        results: list[dict[str, Any]] = []
        rest = list(checks)
        if {"collectives", "bandwidth"} & set(checks):
            self.try_pairs(route, ranks)
        while rest:
            group = self.play(route, ranks, rest)
            log = parse_nccl_log("\n".join(group.logs))
            against, met = routes.detour(route, log), False
            while rest:
                check = rest.pop(0)
                part = part_of(group, check)
                met = met or any(event["event"] in ("case", "row", "unsupported")
                                 for rank in part.events for event in rank)
                results.append(self.judged(check, route, ranks, group, part, against, bound))
                if not part.complete:
                    break
            if not met:
                results += [self.result(check, route, ranks, SKIPPED, "not tried after this")
                            for check in rest]
                break
        return results

    def judged(self, check: str, route: str, ranks: int, group: Group, part: Part,
               against: Optional[str], bound: Optional[tuple[float, float]]) -> dict[str, Any]:
        more: dict[str, Any] = {"seconds": part.seconds, "unsupported": sorted({
            "%s %s" % (e["operation"], e["type"]) for e in sum(part.found("unsupported"), [])})}
        if check in ("collectives", "bandwidth") and self.left_out.get((route, ranks)):
            more["left_out"] = self.left_out[route, ranks]
        if check == "bandwidth":
            told = [{(row["operation"], row["bytes"]): row["seconds"] for row in rank}
                    for rank in part.found("row")]
            more["measurements"] = [bandwidth.make_row(*key, [rank[key] for rank in told], bound)
                                    for key in told[0] if all(key in rank for rank in told)]
            outcome, reason = part.trouble or (AS_EXPECTED, "measured")
            if outcome == AS_EXPECTED and against:
                outcome, reason = CONTRADICTS, against
        else:
            outcome, reason = judge_cases(part, against, route)
            cases = part.found("case")[0]
            more.update(cases=len(cases), types=sorted({c["type"] for c in cases} - {"none"}),
                        operations=sorted({case["operation"] for case in cases}),
                        wrong_operations=sorted({case["operation"] for case in
                                                 sum(part.found("case"), []) if not case["right"]}))
            if cases and "loss_error" in cases[0]:
                worst = sum(part.found("case"), [])
                more.update({key: max(case[key] for case in worst)
                             for key in ("loss_error", "update_error", "first_loss", "last_loss")})
        if outcome == FAILED and route in routes.MAY_REFUSE_ANYTHING and re.search(
                r"not (?:supported|implemented)|unsupported|no backend type", reason, re.I):
            outcome, reason = SKIPPED, "%s cannot do this: %s" % (route, reason)
        limit = None if part.complete or outcome == CONTRADICTS else self.died_of_itself(route, group)
        if limit and check == "fsdp":
            outcome, reason = SKIPPED, "not possible: " + limit
        return self.result(check, route, ranks, outcome, reason, group, **more)


def telling(text: str) -> list[str]:
    """The lines of a log that a person would look at first."""
    lines = text.splitlines()
    warnings = [line for line in lines[:-25] if " WARN " in line or "rror" in line]
    return warnings[:10] + lines[-25:]
