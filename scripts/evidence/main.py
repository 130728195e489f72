"""The command."""
from __future__ import annotations

import argparse
import os
import sys
import time

from . import inputs, page, plan, results, running
from .chart import sensitivity

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DESCRIPTION = """Runs the simulations that docs/evidence/parameters.md fixes, and writes docs/evidence/results.csv,
differences.csv, sensitivity.svg and the tables in README.md. The same program and traces give the same bytes."""
EXAMPLES = """examples:
  make evidence
  OPENB=openb_pod_list_default.csv make evidence
  scripts/make-evidence --only main --resume    one group of cells, and only what is missing
  scripts/make-evidence --page                  the page from the committed tables, without a run
"""


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make-evidence", description=DESCRIPTION, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flexmig", metavar="FILE", default=os.path.join(ROOT, ".build/release/flexmig"),
                        help="the program (default: .build/release/flexmig)")
    parser.add_argument("--work", metavar="FOLDER", default=os.path.join(ROOT, ".build/evidence"),
                        help="where runs are kept (default: .build/evidence)")
    parser.add_argument("--out", metavar="FOLDER", default=os.path.join(ROOT, "docs/evidence"),
                        help="where tables, chart and page are (default: docs/evidence)")
    parser.add_argument("--openb", metavar="FILE", default=os.environ.get("OPENB") or None,
                        help="Alibaba's openb trace (default: $OPENB; without one its rows are left as they were)")
    parser.add_argument("--only", metavar="GROUP", action="append",
                        help="run this group of cells alone and write no tables: main, hindsight, control, causes, drain, "
                             "no-memory, quick, sensitivity or measured; or the beginning of a cell's name")
    parser.add_argument("--resume", action="store_true", help="keep runs of the same program, traces and arguments")
    parser.add_argument("--sample", action="store_true", help="a few small cells that take seconds, for the tests")
    parser.add_argument("--page", action="store_true", help="only make chart and page from the committed tables")
    options = parser.parse_args(arguments)
    if options.openb:
        options.openb = os.path.abspath(options.openb)
        if not os.path.isfile(options.openb):
            parser.error("there is no %s; traces/README.md says where openb is to be had" % options.openb)
    if not options.page and not os.access(options.flexmig, os.X_OK):
        parser.error("there is no program %s; `make build` makes it" % options.flexmig)
    options.work = os.path.abspath(options.work)
    return options


def main(arguments: list[str] | None = None) -> int:
    options = parsed(arguments)
    try:
        if not options.page and not simulate(options):
            return 0
        with open(os.path.join(options.out, "differences.csv"), encoding="utf-8") as file:
            chart = sensitivity(page.table(file.read()))
        if chart:
            inputs.write(os.path.join(options.out, "sensitivity.svg"), chart)
        page.rewrite(options.out)
    except running.RunFailed as failure:
        print("make-evidence: %s" % failure, file=sys.stderr)
        return 1
    except OSError as failure:
        print("make-evidence: %s" % failure, file=sys.stderr)
        return 74
    except KeyboardInterrupt:
        running.progress(None)
        print("make-evidence: stopped; --resume goes on from here", file=sys.stderr)
        return 130
    return 0


def simulate(options: argparse.Namespace) -> bool:
    """Runs, and unless only a part was asked for writes the tables. - Returns: whether it wrote them."""
    cells = plan.sample() if options.sample else plan.cells(options.openb)
    if options.only:
        cells = [cell for cell in cells if any(cell.group == only or cell.name.startswith(only)
                                               for only in options.only)]
        if not cells:
            print("make-evidence: --only names no cells", file=sys.stderr)
            return False
    flexmig = os.path.abspath(options.flexmig)
    inputs.miso(ROOT, options.work, plan.SEEDS)
    for name, trace, window in (("philly", os.path.join(ROOT, "traces/philly2017.csv.gz"), plan.PHILLY_WINDOW),
                                ("openb", options.openb, plan.OPENB_WINDOW)):
        if any(cell.workload.startswith(name) for cell in cells):
            inputs.real(flexmig, options.work, name, trace, window, plan.SEEDS)
    inputs.spanning(options.work)
    inputs.linear(ROOT, options.work)
    runner = running.Runner(ROOT, flexmig, options.work)
    begin = time.monotonic()
    seconds = running.run_all(runner, cells, options.resume or bool(options.only))
    print("%d cells; their runs took %.0f s, this command %.0f s" % (len(cells), seconds, time.monotonic() - begin))
    if options.only:
        return False
    for name, rows in (("results.csv", [row for cell in cells if cell.group not in results.WITHOUT_RESULTS
                                        for row in results.results(runner, cell)]),
                       ("differences.csv", [row for cell in cells for row in results.compared(runner, cell)]),
                       ("sizes.csv", [row for cell in cells if cell.group == "main"
                                      for row in results.sizes(runner, cell)])):
        path = os.path.join(options.out, name)
        if not options.openb and not options.sample:
            rows = page.with_openb(rows, path)
        inputs.write(path, results.text(rows))
    return True
