"""Runs `flexmig simulate` for the cells of a plan, and reads what it wrote."""
from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time

from .inputs import write
from .plan import Cell

KEPT = ("runs.csv", "pairs.csv", "report.json")


class RunFailed(Exception):
    """A run of flexmig ended with an error; the message has its words."""


class Runner:
    """The folder with what was run, by cell. A cell is run again when its command or flexmig is another."""

    def __init__(self, root: str, flexmig: str, work: str) -> None:
        self.root = root
        self.flexmig = flexmig
        self.work = work
        self.identity = identity(root, flexmig)

    def folder(self, cell: Cell) -> str:
        return os.path.join(self.work, "cells", cell.name.replace(" ", "_").replace(",", ""))

    def stamp(self, cell: Cell) -> str:
        parts: list[object] = [self.identity, cell.commands("")]
        # The committed measurement is an input, too, and so is what `inputs` wrote.
        for argument in cell.arguments:
            if argument.startswith(("docs/", "{work}/")):
                path = argument.replace("{work}", self.work).replace("{seed}", "1")
                with open(os.path.join(self.root, path), "rb") as file:
                    parts.append(hashlib.sha256(file.read()).hexdigest())
        return json.dumps(parts)

    def has(self, cell: Cell) -> bool:
        try:
            with open(os.path.join(self.folder(cell), "stamp.json"), encoding="utf-8") as file:
                return json.load(file)["stamp"] == self.stamp(cell)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def run(self, cell: Cell) -> None:
        folder = self.folder(cell)
        shutil.rmtree(folder, ignore_errors=True)
        begin = time.monotonic()
        for command in cell.commands(folder):
            arguments = [argument.replace("{work}", self.work) for argument in command]
            done = subprocess.run([self.flexmig, *arguments], cwd=self.root, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
            if done.returncode != 0:
                raise RunFailed("flexmig %s\nended with %d: %s" % (
                    " ".join(arguments), done.returncode, done.stderr.strip()[-2000:]))
            out = arguments[arguments.index("--out") + 1]
            for name in os.listdir(out):
                if name not in KEPT and not name.isdigit():
                    os.remove(os.path.join(out, name))
        write(os.path.join(folder, "stamp.json"), json.dumps(
            {"stamp": self.stamp(cell), "seconds": time.monotonic() - begin}) + "\n")

    def seconds(self, cell: Cell) -> float:
        """What the cell took when it was run."""
        with open(os.path.join(self.folder(cell), "stamp.json"), encoding="utf-8") as file:
            return float(json.load(file)["seconds"])

    def rows(self, cell: Cell, name: str) -> list[dict[str, str]]:
        """The rows of one of the kept files; the seed of a permutation is its number."""
        folders = [self.folder(cell)]
        if cell.permutations:
            folders = [os.path.join(folders[0], str(seed)) for seed in range(1, cell.seeds + 1)]
        rows: list[dict[str, str]] = []
        for folder in folders:
            with open(os.path.join(folder, name), newline="", encoding="utf-8") as file:
                for row in csv.DictReader(file):
                    rows.append({**row, "seed": os.path.basename(folder)} if cell.permutations else row)
        return rows

    def sizes(self, cell: Cell) -> list[dict[str, float | str]]:
        """Of every run, what jobs of each size came to."""
        folders = [self.folder(cell)]
        if cell.permutations:
            folders = [os.path.join(folders[0], str(seed)) for seed in range(1, cell.seeds + 1)]
        found: list[dict[str, float | str]] = []
        for folder in folders:
            with open(os.path.join(folder, "report.json"), encoding="utf-8") as file:
                for run in json.load(file)["runs"]:
                    found += [{"model": run["model"], "queue": run["queue"], **size} for size in run["sizes"]]
        return found


def identity(root: str, flexmig: str) -> str:
    """A digest of the program and of the traces: what the same command's bytes depend on besides."""
    digest = hashlib.sha256()
    folder = os.path.join(root, "traces")
    for path in [flexmig] + sorted(os.path.join(folder, name) for name in os.listdir(folder)):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def run_all(runner: Runner, cells: list[Cell], resume: bool) -> float:
    """Runs the cells, or with `resume` those that are missing. - Returns: seconds that all of them took."""
    total = 0.0
    begin = time.monotonic()
    for number, cell in enumerate(cells):
        if not (resume and runner.has(cell)):
            progress("%d of %d, %.0f s so far: %s" % (number + 1, len(cells), time.monotonic() - begin, cell.name))
            runner.run(cell)
        total += runner.seconds(cell)
    progress(None)
    return total


def progress(text: str | None) -> None:
    """One line on a terminal, in place; elsewhere a line each."""
    if sys.stderr.isatty():
        sys.stderr.write("\r\x1b[K" + (text or ""))
    elif text:
        sys.stderr.write(text + "\n")
    sys.stderr.flush()
