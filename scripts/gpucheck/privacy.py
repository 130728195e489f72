"""What is shown to people or kept names no machine and no person."""
from __future__ import annotations

import os
import re
import socket
import sys
from typing import Any, Optional


def redact(value: Any, host: Optional[str] = None) -> Any:
    """Takes out, at any depth, what names a machine or a person."""
    if isinstance(value, dict):
        return {key: redact(item, host) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [redact(item, host) for item in value]
    if not isinstance(value, str):
        return value
    host, home = host or socket.gethostname(), os.path.expanduser("~")
    value = re.sub(r"[\w.\-]+(:\d+:\d+ \[\d+\] )", r"host\1", value)  # a line of NCCL's log
    value = re.sub(r"\b(GPU|MIG)-(?:GPU-)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",
                   r"\1-<uuid>", value)
    value = re.sub(r"\b(?!127\.)\d{1,3}(?:\.\d{1,3}){3}\b|\bfe80:[0-9a-fA-F:]+", "<address>", value)
    if len(host) > 2 and host != "localhost":
        value = re.sub(r"(?<![\w.\-])%s(?![\w\-])" % re.escape(host), "host", value)
    return value.replace(home + os.sep, "~" + os.sep) if len(home) > 1 else value


def progress(text: str) -> None:
    print("gpu-check: " + redact(text), file=sys.stderr, flush=True)
