"""How long each collective takes by size, one call at a time, and what the link would allow.

The rates are those of nccl-tests: algbw is the size by the time, busbw counts the passes of the
data that a ring needs, so that it can be compared over numbers of ranks. The size is the whole
tensor: what an all-gather gives, what a reduce-scatter takes.
"""
from __future__ import annotations

import statistics
import time
from typing import Any, Callable, Optional, Sequence

SIZES = [8, 4 << 10, 32 << 10, 256 << 10, 2 << 20, 16 << 20, 64 << 20, 256 << 20]
QUICK_SIZES = [8, 256 << 10, 64 << 20]
OTHER_SIZES, QUICK_OTHER_SIZES = [64 << 10, 1 << 20, 64 << 20], [64 << 20]
CPU_SIZES, CPU_OTHER_SIZES = [8, 64 << 10, 1 << 20], [64 << 10]
SECONDS, QUICK_SECONDS = 0.4, 0.15  # to spend on each operation and size
LEAST, MOST = 3, 100  # samples
OPERATIONS = {  # passes of the data that a ring of n ranks needs
    "all_reduce": lambda n: 2 * (n - 1) / n, "all_gather": lambda n: (n - 1) / n,
    "reduce_scatter": lambda n: (n - 1) / n, "all_to_all": lambda n: (n - 1) / n,
    "broadcast": lambda n: 1, "send_recv": lambda n: 1}
# How much of the tensor must go up from the GPU and down to it, of all n ranks together, when all
# share one link. A tensor that the host holds can be read by all, but each rank reads for itself.
CROSSINGS: dict[str, Callable[[int], tuple[float, float]]] = {
    "all_reduce": lambda n: (n, n), "all_gather": lambda n: (1, n - 1),
    "reduce_scatter": lambda n: (n - 1, 1), "all_to_all": lambda n: (n - 1, n - 1),
    "broadcast": lambda n: (1, n - 1), "send_recv": lambda n: (n, n)}


def make_row(operation: str, size: int, ranks: Sequence[Sequence[float]],
             link: Optional[tuple[float, float]]) -> dict[str, Any]:
    """One line of results, from each rank's samples in seconds. A collective lasts as long as its
    slowest rank. `link` is the GPU's link from and to the device, in GB/s."""
    world, samples = len(ranks), [max(calls) for calls in zip(*ranks)]
    tenths = statistics.quantiles(samples, n=10, method="inclusive")
    rate = size / tenths[4] / 1e9
    row = {"operation": operation, "bytes": size, "n": len(samples),
           "median_us": round(tenths[4] * 1e6, 3), "p10_us": round(tenths[0] * 1e6, 3),
           "algbw_gb_s": round(rate, 6), "busbw_gb_s": round(rate * OPERATIONS[operation](world), 6),
           "link_bound_us": None, "percent_of_link_bound": None}
    if link:
        up, down = CROSSINGS[operation](world)
        bound = size * max(up / link[0], down / link[1]) / 1e9
        row.update(link_bound_us=round(bound * 1e6, 3),
                   percent_of_link_bound=round(100 * bound / tenths[4], 2))
    return row


def make_call(torch: Any, dist: Any, operation: str, size: int, rank: int, world: int, device: str
              ) -> tuple[Callable[[], Any], Callable[[], bool]]:
    """A call to time, and a test of the result of its first run. The size is made a multiple of
    the ranks."""
    count = max(world, size // 4 // world * world) if operation != "all_reduce" else size // 4
    tensor = torch.ones(count, device=device)
    part, parted = torch.ones(count // world, device=device), torch.zeros(count, device=device)

    def exchange() -> None:
        for work in dist.batch_isend_irecv([dist.P2POp(dist.isend, tensor, (rank + 1) % world),
                                            dist.P2POp(dist.irecv, parted, (rank - 1) % world)]):
            work.wait()
    if operation == "broadcast" and rank:
        tensor.zero_()
    call, result, value = {
        "all_reduce": (lambda: dist.all_reduce(tensor), tensor, world),
        "all_gather": (lambda: dist.all_gather_into_tensor(parted, part), parted, 1),
        "reduce_scatter": (lambda: dist.reduce_scatter_tensor(part, tensor), part, world),
        "all_to_all": (lambda: dist.all_to_all_single(parted, tensor), parted, 1),
        "broadcast": (lambda: dist.broadcast(tensor, 0), tensor, 1),
        "send_recv": (exchange, parted, 1)}[operation]

    def is_right() -> bool:
        right = bool((result == value).all())
        if operation == "all_reduce":
            tensor.zero_()  # sums of ones would overflow
        return right
    return call, is_right


def measure(rank: Any) -> None:
    from gpucheck.collectives import UNSUPPORTED
    torch, dist = rank.join()
    device, quick, given = rank.job["device"], rank.job["quick"], rank.job["sizes"]
    if device == "cpu":
        sizes, others = given or CPU_SIZES, given or CPU_OTHER_SIZES
    elif quick:
        sizes, others = given or QUICK_SIZES, given or QUICK_OTHER_SIZES
    else:
        sizes, others = given or SIZES, given or OTHER_SIZES
    budget = QUICK_SECONDS if quick else SECONDS
    for operation in OPERATIONS:
        if operation == "send_recv" and rank.job.get("left_out"):
            rank.tell("unsupported", operation=operation, type="of any type",
                      reason=next(iter(rank.job["left_out"].values())))
            continue
        for size in sizes if operation == "all_reduce" else others:
            call, is_right = make_call(torch, dist, operation, size, rank.number, rank.world,
                                       device)

            def timed() -> float:
                begin = time.perf_counter()
                call()
                rank.synchronize(torch)
                return round(time.perf_counter() - begin, 9)
            try:
                timed()
            except (RuntimeError, ValueError, NotImplementedError) as error:
                if not UNSUPPORTED.search(str(error)):
                    raise
                rank.tell("unsupported", operation=operation, type="float32",
                          reason=str(error).strip().split("\n")[0][:200])
                break
            if not is_right():
                raise RuntimeError("%s of %d bytes of ones gave a wrong result" % (operation, size))
            # All ranks must make the same number of calls, so they agree on the time of one.
            pace = torch.tensor([min(timed(), timed())], device=device)
            dist.all_reduce(pace, op=dist.ReduceOp.MAX)
            times = int(min(MOST, max(LEAST, budget / max(1e-7, float(pace)))))
            rank.tell("row", operation=operation, bytes=size,
                      seconds=[timed() for _ in range(times)])
