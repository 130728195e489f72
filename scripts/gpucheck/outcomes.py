"""Exit codes, the outcomes of a check, and sizes."""
from __future__ import annotations

import re

EXIT_OK, EXIT_FINDING, EXIT_CANNOT_RUN, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 64, 130
AS_EXPECTED, CONTRADICTS, FAILED, TIMED_OUT, SKIPPED = (
    "as-expected", "contradicts", "failed", "timed-out", "skipped")


class CannotRun(Exception):
    """Something that the checks need is not to be had here."""


def parse_size(text: str) -> int:
    """Bytes in a text like "8", "64K" or "16MiB". Units are powers of 1024."""
    match = re.fullmatch(r"(\d+)\s*([KMG]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2].upper()] if match else 0
    if size <= 0 or size % 8 or size > 1 << 30:
        raise ValueError("not a size (a multiple of 8 bytes, at most 1G): %r" % text)
    return size
