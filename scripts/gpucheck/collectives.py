"""Every collective and type, against a reference in float64 that each rank computes for itself.

Rank n's tensors follow from n alone, so every rank knows all of them and needs nobody's word for
the result. What only moves data, and all of min, max and integers, must be exact. Floating sums
may be rounded once for each addition, in the tensor's own type. Types of 8 bits that nobody adds
up are moved, and truth values are also or'ed.
"""
from __future__ import annotations

import itertools
import os
import re
from typing import Any, Callable, Iterator, NamedTuple

TYPES = ("float32", "float64", "float16", "bfloat16", "int8", "uint8", "int32", "int64")
MOVED = ("bool", "float8_e4m3fn", "float8_e5m2")  # in a PyTorch that has them
FACTOR = 0.5  # of PREMUL_SUM; the product is exact
OPERATIONS = {"all_reduce", "broadcast", "reduce", "all_gather", "all_gather_into_tensor",
              "reduce_scatter", "reduce_scatter_tensor", "all_to_all_single", "gather", "scatter",
              "send/recv", "batch_isend_irecv"}
PAIRS = ("send/recv", "batch_isend_irecv")
COUNTS = (1, 1021, 262144)  # 262,144 elements are 1 MiB of float32
LARGE = 64 << 20  # bytes, for a few of the operations
UNSUPPORTED = re.compile(r"not (?:yet )?(?:supported|implemented)|unsupported|no backend type|"
                         r"invalid (?:scalar|data) ?type|does not support|cannot use reduceop|"
                         r"unhandled reduceop|can't be cast", re.IGNORECASE)


class Case(NamedTuple):
    """One operation on one tensor."""
    operation: str
    run: Callable[[], Any]  # the result, of any shape
    want: Any  # in float64
    slack: Any  # how far an element may be off, a number or a tensor
    alike: bool = False  # whether all ranks must have the same bits


def tensor_of(torch: Any, number: int, count: int, dtype: Any, device: str,
              factors: bool = False) -> Any:
    """The tensor of rank `number`. With `factors` the product over ranks stays in range."""
    index = torch.arange(count, dtype=torch.int64, device=device)
    mixed = ((index + 1) * 2654435761 + (number + 1) * 668265263) >> 9 & 0xFFFF
    if dtype == torch.bool:
        return mixed % 3 == 0
    if dtype.is_floating_point:
        return (mixed.double() / 65536 + 0.5 if factors else (mixed - 32768).double() / 24576
                ).to(dtype)
    if factors:
        return (mixed % 3 + 1 if number < 3 else torch.ones_like(mixed)).to(dtype)
    if dtype == torch.uint8:
        return (mixed % 31).to(dtype)
    scale = {torch.int8: None, torch.int32: 1000, torch.int64: 1 << 33}[dtype]
    return (mixed % 31 - 15 if scale is None else (mixed - 32768) * scale).to(dtype)


def rounding(torch: Any, dtype: Any) -> tuple[float, float]:
    """What one rounding may change: a part of a number, and at least so much. 0 for integers."""
    if not dtype.is_floating_point or dtype.itemsize == 1:
        return 0.0, 0.0
    return torch.finfo(dtype).eps, torch.finfo(dtype).tiny * torch.finfo(dtype).eps


def is_moved(torch: Any, dtype: Any) -> bool:
    return any(dtype == getattr(torch, name, None) for name in MOVED)


def reductions(torch: Any, parts: list[Any], dtype: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, exact result and slack of sum, min, max and avg over the ranks' float64 parts, of those
    that the type has."""
    world, exact = len(parts), torch.stack(parts)
    if dtype == torch.bool:
        yield "max", exact.amax(0), 0
    if is_moved(torch, dtype):
        return
    epsilon, least = rounding(torch, dtype)
    total, size = exact.sum(0), exact.abs().sum(0)
    yield "sum", total, size * epsilon * (world - 1)
    yield "min", exact.amin(0), 0
    yield "max", exact.amax(0), 0
    # The inverse of the number of ranks is rounded, and each product; integers lose the fraction.
    slack = size / world * epsilon * (world + 2) + least * world if epsilon else 0.999
    yield "avg", total / world, slack


def cases(torch: Any, dist: Any, rank: int, world: int, dtype: Any, count: int, device: str
          ) -> Iterator[Case]:
    """All operations on tensors of `count` elements a rank."""
    parts = [tensor_of(torch, number, count, dtype, device) for number in range(world)]
    exact, mine, root = [part.double() for part in parts], parts[rank], world - 1
    ops = {name: getattr(dist.ReduceOp, name.upper()) for name in ("sum", "min", "max", "avg")}

    def empty(length: int) -> Any:
        return torch.full((length,), 99, dtype=dtype, device=device)

    def all_reduce(tensor: Any, op: Any) -> Any:
        dist.all_reduce(tensor, op=op)
        return tensor

    for name, want, slack in reductions(torch, exact, dtype):
        yield Case("all_reduce " + name, lambda: all_reduce(mine.clone(), ops[name]), want, slack,
                   alike=True)
    if not is_moved(torch, dtype):
        factors = [tensor_of(torch, number, count, dtype, device, factors=True)
                   for number in range(world)]
        product = torch.stack([part.double() for part in factors]).prod(0)
        yield Case("all_reduce prod", lambda: all_reduce(factors[rank].clone(), dist.ReduceOp.PRODUCT),
                   product, product.abs() * rounding(torch, dtype)[0] * world, alike=True)

    def broadcast() -> Any:
        tensor = mine.clone()
        dist.broadcast(tensor, src=root)
        return tensor
    yield Case("broadcast", broadcast, exact[root], 0)

    def reduce(op: Any) -> Any:
        tensor = mine.clone()
        dist.reduce(tensor, dst=root, op=op)
        return tensor if rank == root else tensor[:0]  # elsewhere the tensor is undefined
    for name, want, slack in reductions(torch, exact, dtype):
        if name in ("sum", "max"):
            here = slice(None) if rank == root else slice(0, 0)
            yield Case("reduce " + name, lambda: reduce(ops[name]), want[here],
                       slack if isinstance(slack, (int, float)) else slack[here])

    def all_gather() -> Any:
        tensors = [empty(count) for _ in range(world)]
        dist.all_gather(tensors, mine)
        return torch.cat(tensors)
    whole = torch.cat(exact)
    yield Case("all_gather", all_gather, whole, 0)

    def all_gather_into_tensor() -> Any:
        tensor = empty(count * world)
        dist.all_gather_into_tensor(tensor, mine)
        return tensor
    yield Case("all_gather_into_tensor", all_gather_into_tensor, whole, 0)

    # For these, each rank holds a part for every rank.
    rows = [tensor_of(torch, number, count * world, dtype, device) for number in range(world)]
    columns = [row.double().view(world, count)[rank] for row in rows]

    def reduce_scatter(op: Any) -> Any:
        tensor = empty(count)
        dist.reduce_scatter_tensor(tensor, rows[rank], op=op)
        return tensor
    for name, want, slack in reductions(torch, columns, dtype):
        yield Case("reduce_scatter_tensor " + name, lambda: reduce_scatter(ops[name]), want, slack)

    def all_to_all() -> Any:
        tensor = empty(count * world)
        dist.all_to_all_single(tensor, rows[rank])
        return tensor
    yield Case("all_to_all_single", all_to_all, torch.cat(columns), 0)

    def gather() -> Any:
        tensors = [empty(count) for _ in range(world)] if rank == root else None
        dist.gather(mine, tensors, dst=root)
        return torch.cat(tensors) if tensors else empty(0)
    yield Case("gather", gather, whole if rank == root else whole[:0], 0)

    def scatter() -> Any:
        tensor = empty(count)
        dist.scatter(tensor, list(rows[root].view(world, count)) if rank == root else None,
                     src=root)
        return tensor
    yield Case("scatter", scatter, rows[root].double().view(world, count)[rank], 0)

    partner = rank ^ 1

    def exchange() -> Any:
        tensor = empty(count)
        if partner >= world:
            return tensor[:0]
        steps = [lambda: dist.send(mine, partner), lambda: dist.recv(tensor, partner)]
        for step in steps if rank < partner else reversed(steps):
            step()
        return tensor
    yield Case("send/recv", exchange, exact[partner] if partner < world else whole[:0], 0)

    def ring() -> Any:
        tensor = empty(count)
        for work in dist.batch_isend_irecv([
                dist.P2POp(dist.isend, mine, (rank + 1) % world),
                dist.P2POp(dist.irecv, tensor, (rank - 1) % world)]):
            work.wait()
        return tensor
    yield Case("batch_isend_irecv", ring, exact[(rank - 1) % world], 0)


def more_cases(torch: Any, dist: Any, rank: int, world: int, dtype: Any, count: int, device: str
               ) -> Iterator[Case]:
    """What gloo has not, or not in all versions: lists of different sizes, coalesced calls, sums of
    scaled tensors."""
    sizes = [max(1, count // (number + 1)) for number in range(world)]
    parts = [tensor_of(torch, number, count, dtype, device) for number in range(world)]

    def all_gather() -> Any:
        tensors = [torch.zeros(size, dtype=dtype, device=device) for size in sizes]
        dist.all_gather(tensors, parts[rank][:sizes[rank]].clone())
        return torch.cat(tensors)
    yield Case("all_gather uneven", all_gather,
               torch.cat([part[:size] for part, size in zip(parts, sizes)]).double(), 0)
    if is_moved(torch, dtype):
        return
    exact = [part.double() for part in parts]
    _, total, slack = next(reductions(torch, exact, dtype))

    def reduce_scatter() -> Any:
        tensor = torch.zeros(sizes[rank], dtype=dtype, device=device)
        dist.reduce_scatter(tensor, [parts[rank][:size].clone() for size in sizes])
        return tensor
    mine = slice(0, sizes[rank])
    yield Case("reduce_scatter uneven", reduce_scatter, total[mine], slack[mine])

    def coalesced() -> Any:
        tensors = [parts[rank][:size].clone() for size in sizes]
        with dist.distributed_c10d._coalescing_manager():
            for tensor in tensors:
                dist.all_reduce(tensor)
        return torch.cat(tensors)
    yield Case("all_reduce coalesced", coalesced, torch.cat([total[:size] for size in sizes]),
               torch.cat([slack[:size] for size in sizes]), alike=True)

    make = getattr(dist, "_make_nccl_premul_sum", None)
    if make and dtype in (torch.float16, torch.float32, torch.float64):
        def scaled() -> Any:
            tensor = parts[rank].clone()
            dist.all_reduce(tensor, op=make(FACTOR))
            return tensor
        least = rounding(torch, dtype)[1] * world  # halves of the least numbers are rounded
        yield Case("all_reduce premul_sum", scaled, total * FACTOR, slack * FACTOR + least, alike=True)


def spoil(torch: Any, tensor: Any) -> None:
    """Makes the last element another one."""
    last = tensor[-1]
    tensor[-1] = ~last if tensor.dtype == torch.bool else (last.double() + 1).to(tensor.dtype)


def digest(torch: Any, tensor: Any) -> int:
    """A number that tells the bits of two tensors apart."""
    data = tensor.contiguous().view(torch.uint8).to(torch.int64)
    return int((data * (torch.arange(len(data), device=data.device) % 8191 + 1)).sum())


def check(rank: Any) -> None:
    torch, dist = rank.join()
    # The last rank is every root; with an odd number of ranks it has no partner.
    device, quick, spoiled = rank.job["device"], rank.job["quick"], rank.job.get("spoil")
    is_spoiler = rank.number in (1, rank.world - 1)
    large = LARGE if device == "cuda" else 4 << 20
    types = [*TYPES, *(name for name in MOVED if hasattr(torch, name))]
    runs = [(name, count, None) for name in types for count in (COUNTS[:2] if quick else COUNTS)]
    if not quick:
        runs += [(name, large // getattr(torch, name).itemsize, {
            "all_reduce sum", "broadcast", "all_gather_into_tensor", "reduce_scatter_tensor sum"})
            for name in ("float32", "bfloat16")]
    refused: set[tuple[str, str]] = set()
    left_out = rank.job.get("left_out", {})
    for operation, reason in left_out.items():
        rank.tell("unsupported", operation=operation, type="of any type", reason=reason)
    for name, count, only in runs:
        dtype = getattr(torch, name)
        # A large tensor is the whole of what is gathered or scattered.
        share = count // rank.world if only else count
        given = (torch, dist, rank.number, rank.world, dtype, share, device)
        more = iter(()) if rank.job["backend"] == "gloo" else more_cases(*given)
        for case in itertools.chain(cases(*given), more):
            if (only and case.operation not in only) or (case.operation, name) in refused \
                    or case.operation in left_out:
                continue
            try:
                got = case.run()
            except (RuntimeError, ValueError, TypeError, NotImplementedError) as error:
                # All ranks refuse alike, before anything is sent. Other errors end the check.
                if not UNSUPPORTED.search(str(error)):
                    raise
                refused.add((case.operation, name))
                rank.tell("unsupported", operation=case.operation, type=name,
                          reason=str(error).strip().split("\n")[0][:200])
                continue
            if is_spoiler and spoiled == case.operation.split()[0] and len(got):
                spoil(torch, got)
            off = (got.double() - case.want).abs()
            wrong = int((~(off <= case.slack)).sum())  # so that NaN is wrong, too
            rank.tell("case", operation=case.operation, type=name, count=share, right=wrong == 0,
                      wrong=wrong, same=digest(torch, got) if case.alike else None)
    check_barrier(rank, dist)


def check_pairs(rank: Any) -> None:
    """Only what goes from one rank to another."""
    torch, dist = rank.join()
    for case in cases(torch, dist, rank.number, rank.world, torch.float32, COUNTS[1],
                      rank.job["device"]):
        if case.operation in PAIRS:
            got = case.run()
            wrong = int((~((got.double() - case.want).abs() <= case.slack)).sum())
            rank.tell("case", operation=case.operation, type="float32", count=COUNTS[1],
                      right=wrong == 0, wrong=wrong, same=None)
    dist.barrier()


def check_barrier(rank: Any, dist: Any) -> None:
    """After a barrier, what every rank did before it has happened."""
    for number in range(20):
        mark = "%s/arrived.%d." % (rank.job["folder"], number)
        open(mark + str(rank.number), "w").close()
        dist.barrier()
        missing = sum(not os.path.exists(mark + str(each)) for each in range(rank.world))
        rank.tell("case", operation="barrier", type="none", count=number, right=missing == 0,
                  wrong=missing, same=None)
