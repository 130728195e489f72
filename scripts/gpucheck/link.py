"""Copies between pinned host memory and the device: one way, the other way, both at once."""
from __future__ import annotations

import statistics
import time
from typing import Any, Optional, Sequence

SIZES, QUICK_SIZES = [64 << 10, 1 << 20, 16 << 20, 64 << 20], [64 << 20]
SECONDS, QUICK_SECONDS = 0.3, 0.15


def make_row(size: int, direction: str, ranks: Sequence[Sequence[float]]) -> dict[str, Any]:
    """One line of results. The ranks copy side by side for the same time, so their rates add
    up."""
    tenths = [statistics.quantiles(samples, n=10, method="inclusive") for samples in ranks]
    rate = sum(size / tenth[4] for tenth in tenths) / 1e9
    return {"bytes": size, "direction": direction, "n": min(map(len, ranks)),
            "median_us": round(max(tenth[4] for tenth in tenths) * 1e6, 3),
            "p10_us": round(max(tenth[0] for tenth in tenths) * 1e6, 3),
            "each_way_gb_s": round(rate, 6),
            "total_gb_s": round(rate * (2 if direction == "both" else 1), 6)}


def bound(rows: Sequence[dict[str, Any]]) -> Optional[tuple[float, float]]:
    """The best rates seen from and to the device, in GB/s, None where nothing was measured."""
    best = [max((row["each_way_gb_s"] for row in rows if row["direction"] in (way, "both")),
                default=0.0) for way in ("d2h", "h2d")]
    return (best[0], best[1]) if all(best) else None


def measure(rank: Any) -> None:
    torch, dist = rank.join()
    up, down = torch.cuda.Stream(), torch.cuda.Stream()

    def burst(copies: list[Any], times: int) -> float:
        begin = time.perf_counter()
        for stream, target, source in copies * times:
            with torch.cuda.stream(stream):
                target.copy_(source, non_blocking=True)
        torch.cuda.synchronize()
        return round((time.perf_counter() - begin) / times, 9)

    for size in QUICK_SIZES if rank.job["quick"] else SIZES:
        host = [torch.zeros(size, dtype=torch.uint8).pin_memory() for _ in range(2)]
        device = [torch.zeros(size, dtype=torch.uint8, device="cuda") for _ in range(2)]
        torch.cuda.synchronize()
        ways = [(up, device[0], host[0]), (down, host[1], device[1])]
        times = max(1, min(64, (64 << 20) // size))
        for direction, copies in (("h2d", ways[:1]), ("d2h", ways[1:]), ("both", ways)):
            burst(copies, times)  # warm-up
            dist.barrier()
            samples: list[float] = []
            until = time.perf_counter() + (QUICK_SECONDS if rank.job["quick"] else SECONDS)
            while len(samples) < 5 or (time.perf_counter() < until and len(samples) < 2000):
                samples.append(burst(copies, times))
            rank.tell("row", bytes=size, direction=direction, seconds=samples)
