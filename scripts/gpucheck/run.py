"""The whole run: which checks, in which mode, on which routes."""
from __future__ import annotations

import argparse
import json
import os
from typing import Any, Callable, Optional

from gpucheck import conformance, link
from gpucheck.checks import Runner
from gpucheck.modes import CPU, MIG, MPS, TIME_SLICED, open_mode, probe
from gpucheck.nvidia import driver_facts, select_devices, smi
from gpucheck.outcomes import (AS_EXPECTED, CONTRADICTS, EXIT_FINDING, EXIT_OK, FAILED, SKIPPED,
                               TIMED_OUT, CannotRun)
from gpucheck.privacy import progress
from gpucheck.routes import ROUTES, find_parts, impossible, suite_of

TOGETHER = ("collectives", "ddp", "fsdp")  # played by one group of ranks


class Run:
    """Fills the document, and calls `keep` after every result."""

    def __init__(self, args: argparse.Namespace, document: dict[str, Any], work: str,
                 keep: Callable[[], None]) -> None:
        self.args, self.document, self.work, self.keep = args, document, work, keep
        self.about = document["environment"]
        self.parts = find_parts(args.plugin)
        self.devices: list[Optional[str]] = [None]

    def all(self) -> int:
        """Returns the exit code."""
        self.look()
        names = [CPU] if self.args.cpu else [MIG] if len(self.devices) > 1 else \
            [self.args.mode] if self.args.mode else [MPS, TIME_SLICED]
        for name in names:
            if self.in_mode(name, self.main_checks):
                break
        if self.wants("dead-rank"):
            # Killing a client of MPS may harm the others, so this one is done without.
            self.in_mode(TIME_SLICED if names[0] in (MPS, TIME_SLICED) else names[0],
                         self.death_checks)
        outcomes = {result["outcome"] for result in self.document["checks"]}
        if outcomes & {CONTRADICTS, FAILED, TIMED_OUT} or conformance.is_broken(self.document["driver_rules"]):
            return EXIT_FINDING
        if AS_EXPECTED not in outcomes:
            reasons = {result["reason"] for result in self.document["checks"]}
            raise CannotRun("no check could run: %s; modes: %s" % (
                "; ".join(sorted(reasons)) or "none was chosen", json.dumps(self.document["modes"])))
        return EXIT_OK

    def look(self) -> None:
        """Finds out where this runs."""
        gpu = None
        if not self.args.cpu:
            self.devices, gpu = select_devices(os.environ.get("CUDA_VISIBLE_DEVICES"), smi("-L"))
            self.about.update(driver_facts(gpu))
        self.about["nccl_variables_ignored"] = sorted(
            key for key in os.environ if key.startswith("NCCL_"))
        self.about["flexmig_variables_ignored"] = sorted(
            key for key in os.environ if key.startswith("FLEXMIG_"))
        self.about["nccl_conf_files"] = [path for path in ("~/.nccl.conf", "/etc/nccl.conf")
                                         if os.path.exists(os.path.expanduser(path))]
        progress("looking for PyTorch" + ("" if self.args.cpu else " and a GPU"))
        with open_mode(CPU if self.args.cpu else "probe", self.devices, self.work,
                       self.args.timeout) as plain:
            self.about.update(probe(plain, self.args.timeout, self.work))
        self.about.pop("event")
        if self.args.cpu:
            self.document["evidence"] = "none: a dry run on CPU tensors"
            return
        separate = len(self.devices) > 1
        mig = " MIG " in self.about["gpu"] or str(self.devices[0]).startswith("MIG-")
        self.about.update(mig_instance=mig, separate_instances=separate)
        self.document["evidence"] = "real MIG" if mig else "real NVIDIA GPU without MIG"
        progress("%(gpu)s, driver %(driver)s, CUDA %(cuda)s, NCCL %(nccl)s, PyTorch %(torch)s"
                 % self.about)
        # Other FLEXMIG_ variables could name a simulated node.
        kept = {key: value for key, value in os.environ.items()
                if not key.startswith("FLEXMIG_") or key == "FLEXMIG_CONFORMANCE_WRITE"}
        self.document["driver_rules"] = conformance.ask(self.parts.launcher, kept)
        progress(conformance.summary(self.document["driver_rules"]))
        if mig:
            progress("each rank has a MIG instance" if separate else "all ranks share a MIG "
                     "instance; to give each its own, name several of one GPU in "
                     "CUDA_VISIBLE_DEVICES")

    def wants(self, check: str) -> bool:
        return not self.args.only or check in self.args.only

    def in_mode(self, name: str, work: Callable[[Runner], None]) -> bool:
        """Whether the mode was to be had."""
        progress("mode " + name)
        try:
            with open_mode(name, self.devices, self.work, self.args.timeout,
                           self.about.get("compute_mode")) as mode:
                self.document["modes"][name] = {"available": True, "reason": None}
                work(Runner(self.args, mode, self.about, self.parts, self.work))
            return True
        except CannotRun as error:
            self.document["modes"][name] = {"available": False, "reason": str(error)}
            progress("  not available: %s" % error)
            return False

    def add(self, *results: dict[str, Any]) -> None:
        for result in results:
            self.document["checks"].append(result)
            progress("  %(check)s, %(route)s, %(ranks)d ranks: %(outcome)s: %(reason)s" % result)
        self.keep()

    def choices(self, runner: Runner) -> list[tuple[str, int]]:
        """The routes and numbers of ranks that can be had here; says so of the others."""
        result = []
        named = self.args.routes is not None
        for route in self.args.routes or ROUTES:
            reason = impossible(route, self.about, self.parts, runner.mode.device)
            if reason:
                # Whoever names a route wants it; NCCL's version is nobody's fault.
                failed = named and not reason.startswith("not possible")
                self.add(runner.result("any", route, max(self.args.ranks),
                                       FAILED if failed else SKIPPED, reason))
                continue
            for ranks in self.args.ranks:
                if runner.mode.name == MIG and ranks > len(self.devices):
                    self.add(runner.result("any", route, ranks, SKIPPED, "only %d MIG instances "
                                           "of this GPU are visible" % len(self.devices)))
                else:
                    result.append((route, ranks))
        return result

    def main_checks(self, runner: Runner) -> None:
        gpu = runner.mode.device == "cuda"
        bounds = {}
        if gpu and "gloo" in self.about["has"] and self.wants("host-link"):
            for ranks in (1, *self.args.ranks):
                if runner.mode.name == MIG and ranks > len(self.devices):
                    continue
                progress("host link, %d at once" % ranks)
                result = runner.run_link(ranks)
                bounds[ranks] = link.bound(result["measurements"])
                self.add(result)
        stock = "nccl-stock" in (self.args.routes or ROUTES)
        if gpu and stock and "nccl" in self.about["has"] and self.wants("nccl-refuses"):
            progress("stock NCCL")
            self.add(runner.run_refuses())
        wanted = [[check for check in TOGETHER if self.wants(check)],
                  ["bandwidth"] if self.wants("bandwidth") else []]
        if gpu and self.wants("backend-suite") and suite_of(self.parts) and "flexmig" in (
                self.args.routes or ROUTES):
            ranks = [each for each in self.args.ranks
                     if runner.mode.name != MIG or each <= len(self.devices)]
            progress("the backend's own tests")
            self.add(runner.run_suite(ranks))
        if not any(wanted):
            return
        for route, ranks in self.choices(runner):
            known = [each for each in (bounds.get(1), bounds.get(ranks)) if each]
            bound = (max(up for up, _ in known), max(down for _, down in known)) if known else None
            for checks in filter(None, wanted):
                progress("%s, %d ranks: %s" % (route, ranks, ", ".join(checks)))
                self.add(*runner.run_route(route, ranks, checks, bound))

    def death_checks(self, runner: Runner) -> None:
        for route in self.args.routes or ROUTES:
            if not impossible(route, self.about, self.parts, runner.mode.device):
                ranks = min(self.args.ranks)
                if runner.mode.name != MIG or ranks <= len(self.devices):
                    progress("%s, %d ranks: dead-rank" % (route, ranks))
                    self.add(runner.run_death(route, ranks))
