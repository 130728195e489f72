"""A process group can't have more ranks than its job: said before anybody waits for ranks that never come."""

import importlib
import os
import sys
from urllib.parse import parse_qs, urlparse

from flexmig.library import FlexmigError

MOST = 1024


def check(size):
    """Raises FlexmigError "group-larger-than-job". The job's size is known under `flexmig run`."""
    job = os.environ.get("FLEXMIG_WORLD_SIZE") or os.environ.get("WORLD_SIZE", "")
    if os.environ.get("FLEXMIG_JOB_ID") and job.isdigit() and size > int(job):
        raise FlexmigError(
            "group-larger-than-job",
            f"the process group has {size} ranks, the job {job}; start the job with --leaves {size}, or leave out "
            "world_size")
    if size > MOST:
        raise FlexmigError("group-larger-than-job", f"the process group has {size} ranks; {MOST} is the most")


def check_before_stores():
    """Lets init_process_group check groups of this backend before it makes the store of env:// and tcp://.

    That store waits for all ranks up to its own time limit, half an hour, and a backend is made only then.
    """
    # Where PyTorch has no such table the check comes after the store's time limit, by check().
    handlers = getattr(importlib.import_module("torch.distributed.rendezvous"), "_rendezvous_handlers", {})
    for scheme in {"env", "tcp"} & set(handlers):
        handlers[scheme] = _checking(handlers[scheme])


def _checking(handler):
    def checked(url, *arguments, **options):
        if "flexmig" in [part.rpartition(":")[2] for part in _backend().split(",")]:
            size = parse_qs(urlparse(url).query).get("world_size", [os.environ.get("WORLD_SIZE", "")])[0]
            if size.isdigit():
                check(int(size))
        return handler(url, *arguments, **options)

    return checked


def _backend():
    """The backend that init_process_group was asked for. A handler isn't told, so this looks at who called it; groups
    of other backends are none of our business, and a program may have imported init_process_group before us."""
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == "init_process_group" and "torch" in frame.f_globals.get("__name__", ""):
            return str(frame.f_locals.get("backend"))
        frame = frame.f_back
    return ""
