"""The command line."""
from __future__ import annotations

import argparse
import datetime
import json
import os
import shutil
import signal
import sys
import tempfile
from typing import Any, NoReturn, Optional, Sequence

from gpucheck import collectives, report
from gpucheck.checks import CHECKS
from gpucheck.outcomes import (AS_EXPECTED, EXIT_CANNOT_RUN, EXIT_FINDING, EXIT_INTERRUPTED,
                               EXIT_OK, EXIT_USAGE, CannotRun, parse_size)
from gpucheck.privacy import progress, redact
from gpucheck.routes import ROUTES
from gpucheck.run import Run

SPOILABLE = sorted(collectives.OPERATIONS) + ["ddp", "fsdp", "dead-rank"]
EPILOG = """\
checks:
%s

routes, for --routes:
%s

examples:
  gpu-check                                    everything, as a table
  gpu-check --quick --json -                   fewer sizes, JSON on standard output
  gpu-check --routes nccl-socket,gloo --ranks 4 --json result.json
  gpu-check --only host-link --only bandwidth --sizes 8,64K,16M
  gpu-check --routes nccl-plugin --only bandwidth --set NCCL_MIN_NCHANNELS=8
  gpu-check --cpu --quick                      a dry run without a GPU, with gloo
  gpu-check --cpu --spoil all_reduce           shows that a wrong result is found
  CUDA_VISIBLE_DEVICES=MIG-a,MIG-b gpu-check   one MIG instance for each rank

exit codes:
  0    every finding is as expected
  1    a finding contradicts the expectation, or a check failed or timed out
  2    cannot run here: no PyTorch, no CUDA, no usable NVIDIA GPU
  64   wrong usage
  130  interrupted""" % tuple("\n".join("  %-20s %s" % item for item in names.items())
                               for names in (CHECKS, ROUTES))


def make_parser() -> argparse.ArgumentParser:
    def sizes(text: str) -> list[int]:
        return sorted({parse_size(part) for part in text.split(",")})

    def seconds(text: str) -> float:
        if not 1 <= float(text) <= 86400:
            raise ValueError(text)
        return float(text)

    def routes(text: str) -> list[str]:
        for part in text.split(","):
            if part not in ROUTES:
                raise argparse.ArgumentTypeError("there is no route %r; routes: %s" % (
                    part, ", ".join(ROUTES)))
        return list(dict.fromkeys(text.split(",")))

    def ranks(text: str) -> list[int]:
        numbers = sorted({int(part) for part in text.split(",")})
        if not 2 <= numbers[0] <= numbers[-1] <= 8:
            raise ValueError(text)
        return numbers

    def setting(text: str) -> tuple[str, str]:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise argparse.ArgumentTypeError("%r is not NAME=VALUE" % text)
        return name, value

    parser = argparse.ArgumentParser(
        prog="gpu-check", allow_abbrev=False, epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Shows whether the routes between ranks that share one NVIDIA GPU (or have a\n"
                    "MIG instance of it each) are right, and how fast. Needs PyTorch with CUDA and\n"
                    "one GPU; no network, no root. Changes no setting of the GPU. Timings without\n"
                    "MPS or MIG are time-sliced, and marked as not comparable.")
    add = parser.add_argument
    add("--json", metavar="FILE", help="write the results as JSON, anew after every check; '-' puts"
        " them on standard output in place of the table")
    add("--quick", action="store_true", help="fewer sizes, shorter samples")
    add("--routes", type=routes, metavar="LIST", help="only these, with commas (default: all that "
        "can be had here)")
    add("--ranks", type=ranks, metavar="LIST", default=[2, 4], help="numbers of ranks, each 2 to 8 "
        "(default: 2,4)")
    add("--only", action="append", choices=list(CHECKS), metavar="CHECK",
        help="run only this check; may be repeated")
    add("--sizes", type=sizes, metavar="LIST", help="sizes for bandwidth in bytes, multiples of 8, "
        "with K, M or G (default: 8 to 256M)")
    add("--mode", choices=["mps", "time-sliced"], help="how to share a GPU without MIG (default: "
        "mps, where that cannot be had time-sliced)")
    add("--plugin", metavar="FILE", help="libnccl-net-flexmig.so (default: in lib/ or "
        ".build/release/)")
    add("--set", action="append", type=setting, metavar="NAME=VALUE", help="a variable for the "
        "ranks, such as NCCL_MIN_NCHANNELS=8; may be repeated. NCCL_ and FLEXMIG_ variables of the "
        "environment are not passed on")
    add("--timeout", type=seconds, default=180.0, metavar="S",
        help="hard limit for each group of ranks, 1 to 86400 (default: 180)")
    add("--cpu", action="store_true", help="a dry run on CPU tensors, which measures nothing of a "
        "GPU")
    add("--spoil", metavar="WHAT", choices=SPOILABLE, help="spoil results on one rank or two, to see that it is found: "
        "of an operation such as all_reduce, of ddp, of fsdp, or of dead-rank")
    add("--play", type=json.loads, help=argparse.SUPPRESS)
    return parser


def on_signal(number: int, frame: Any) -> NoReturn:
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)  # the clean-up that follows is not cut short
    raise KeyboardInterrupt(signal.Signals(number).name)


def write(document: dict[str, Any], path: Optional[str]) -> None:
    text = json.dumps(redact(document), indent=2, sort_keys=True)
    if path == "-":
        print(text, flush=True)
    elif path:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text + "\n")


def main(arguments: Optional[Sequence[str]] = None) -> int:
    parser = make_parser()
    try:
        args = parser.parse_args(arguments)
        if args.play:
            from gpucheck.rank import play
            play(args.play)
        if args.json and args.json != "-":
            open(args.json, "a", encoding="utf-8").close()
        if args.plugin and not os.path.isfile(args.plugin):
            parser.error("--plugin: there is no file %s" % args.plugin)
    except OSError as error:
        print("gpu-check: cannot write the results: %s" % error, file=sys.stderr)
        return EXIT_USAGE
    except SystemExit as leaving:  # argparse has its own idea of an exit code for wrong usage
        return EXIT_USAGE if leaving.code else EXIT_OK
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
            signal.signal(number, on_signal)
    document: dict[str, Any] = {
        "schema_version": 2, "tool": "gpu-check", "evidence": None, "modes": {}, "driver_rules": {}, "checks": [],
        "comparisons": [], "result": "incomplete", "reason": None, "exit_code": None,
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "environment": {"python": sys.version.split()[0], "machine": os.uname().machine,
                        "cpus": len(os.sched_getaffinity(0))},
        "options": {key: value for key, value in vars(args).items() if key != "play"}}
    # A socket's path may have about 100 characters, so the folder is kept short.
    base = "/tmp" if len(tempfile.gettempdir()) > 40 and os.access("/tmp", os.W_OK) else None
    work = tempfile.mkdtemp(prefix="gpuchk-", dir=base)

    def keep() -> None:
        document["comparisons"] = report.compare(document["checks"])
        if args.json != "-":
            write(document, args.json)
    code, result, reason = EXIT_FINDING, "incomplete", None
    try:
        code = Run(args, document, work, keep).all()
        result = AS_EXPECTED if code == EXIT_OK else "not-as-expected"
    except CannotRun as error:
        code, result, reason = EXIT_CANNOT_RUN, "cannot-run", str(error)
        progress("cannot run here: " + reason)
    except KeyboardInterrupt as error:
        code, result, reason = EXIT_INTERRUPTED, "interrupted", str(error)
        progress("interrupted")
    finally:
        shutil.rmtree(work, ignore_errors=True)
        document.update(result=result, reason=reason, exit_code=code)
        write(document, args.json)
    if args.json != "-" and document["checks"]:
        print(report.table(redact(document)))
    return code
