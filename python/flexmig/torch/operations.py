"""Collectives on CPU tensors, by a communicator. They block, and expect what group.py has checked."""

import functools
import operator

import torch
import torch.distributed as dist

from flexmig import library
from flexmig.library import FlexmigError

BYTE = library.UINT8
TYPES = {
    torch.float32: library.FLOAT32, torch.float64: library.FLOAT64, torch.float16: library.FLOAT16,
    torch.bfloat16: library.BFLOAT16, torch.int8: library.INT8, torch.uint8: library.UINT8,
    torch.int32: library.INT32, torch.int64: library.INT64, torch.uint32: library.UINT32,
    torch.uint64: library.UINT64,
}
Op = dist.ReduceOp
REDUCTIONS = {
    int(Op.SUM): library.SUM, int(Op.AVG): library.MEAN, int(Op.PRODUCT): library.PRODUCT,
    int(Op.MIN): library.MIN, int(Op.MAX): library.MAX,
}
BITWISE = {int(Op.BAND): operator.and_, int(Op.BOR): operator.or_, int(Op.BXOR): operator.xor}
# Truth values are bytes of 0 and 1.
OF_TRUTHS = {
    int(Op.SUM): library.MAX, int(Op.MAX): library.MAX, int(Op.BOR): library.MAX,
    int(Op.PRODUCT): library.MIN, int(Op.MIN): library.MIN, int(Op.BAND): library.MIN,
}


def number_of(op):
    """The number of a ReduceOp, or of one of its kinds."""
    return int(getattr(op, "op", op))


def _name(op):
    for known in ["SUM", "AVG", "PRODUCT", "MIN", "MAX", "BAND", "BOR", "BXOR", "PREMUL_SUM"]:
        if number_of(op) == int(getattr(Op, known)):
            return known
    return str(op)


class Reduction:
    """How a type is reduced: in the engine, or by gathering and folding here."""

    def __init__(self, op, dtype):
        """Raises FlexmigError "unsupported-type" or "unsupported-reduction"."""
        number = number_of(op)
        self.type, self.code, self.fold = TYPES.get(dtype), REDUCTIONS.get(number), None
        self.is_complex = dtype.is_complex
        if dtype == torch.bool:
            self.type, self.code = library.UINT8, OF_TRUTHS.get(number)
            if number == int(Op.BXOR):
                self.fold = operator.xor
        elif dtype.is_complex and number in (int(Op.SUM), int(Op.AVG)):
            part = dtype.to_real()
            self.type = TYPES.get(part)
        elif number in BITWISE and not dtype.is_floating_point and not dtype.is_complex:
            self.fold = BITWISE[number]
        if self.fold is None and self.type is None:
            known = ", ".join(str(known).removeprefix("torch.") for known in TYPES)
            raise FlexmigError(
                "unsupported-type",
                f"{dtype} has no reduction {_name(op)}; {known} have, and bool; convert the tensor")
        if self.fold is None and self.code is None:
            raise FlexmigError("unsupported-reduction", f"there is no reduction {_name(op)} of {dtype}")

    def count(self, tensor):
        return tensor.numel() * (2 if self.is_complex else 1)


@functools.lru_cache(maxsize=256)
def reduction(number, dtype):
    return Reduction(number, dtype)


def size_of(tensor):
    return tensor.numel() * tensor.element_size()


def flat(tensors):
    """One tensor over all of them where they lie one behind the other in one storage; else None."""
    first = tensors[0]
    at = first.data_ptr()
    for tensor in tensors:
        if tensor.data_ptr() != at or tensor.dtype != first.dtype:
            return None
        at += size_of(tensor)
    storage = first.untyped_storage()
    if at > storage.data_ptr() + storage.nbytes():
        return None
    return first.as_strided([sum(tensor.numel() for tensor in tensors)], [1])


def joined(tensors):
    """Their elements one behind the other: where they are, or in a copy."""
    return flat(tensors) if flat(tensors) is not None else torch.cat([tensor.reshape(-1) for tensor in tensors])


def room(tensors):
    """Like `joined`, for results: the elements are undefined, and `deal` brings them to the tensors."""
    present = flat(tensors)
    if present is not None:
        return present
    return torch.empty(sum(tensor.numel() for tensor in tensors), dtype=tensors[0].dtype)


def deal(whole, tensors):
    if whole.data_ptr() == tensors[0].data_ptr():
        return
    at = 0
    for tensor in tensors:
        tensor.copy_(whole[at:at + tensor.numel()].view(tensor.shape))
        at += tensor.numel()


def are_alike(tensors):
    return all(tensor.numel() == tensors[0].numel() and tensor.dtype == tensors[0].dtype for tensor in tensors)


def all_reduce(comm, tensor, how):
    if how.fold is not None:
        parts = torch.empty(comm.size * tensor.numel(), dtype=tensor.dtype)
        all_gather(comm, parts, tensor)
        tensor.copy_(functools.reduce(how.fold, parts.chunk(comm.size)).view(tensor.shape))
        return
    at = tensor.data_ptr()
    comm.all_reduce(at, at, how.count(tensor), how.type, how.code)


def reduce(comm, tensor, how, root):
    if how.fold is not None:
        copy = tensor.clone()
        all_reduce(comm, copy, how)
        if comm.rank == root:
            tensor.copy_(copy)
        return
    at = tensor.data_ptr()
    comm.reduce(at, at if comm.rank == root else None, how.count(tensor), how.type, how.code, root)


def broadcast(comm, tensor, root):
    comm.broadcast(tensor.data_ptr(), size_of(tensor), BYTE, root)


def all_gather(comm, output, tensor):
    comm.all_gather(tensor.data_ptr(), output.data_ptr(), size_of(tensor), BYTE)


def all_gather_list(comm, outputs, tensor):
    if are_alike(outputs):
        whole = room(outputs)
        all_gather(comm, whole, tensor)
        deal(whole, outputs)
        return
    # Of different sizes, which all ranks know.
    outputs[comm.rank].copy_(tensor)
    for rank, output in enumerate(outputs):
        broadcast(comm, output, rank)


def reduce_scatter(comm, output, tensor, how):
    if how.fold is not None:
        parts = torch.empty_like(tensor)
        comm.all_to_all(tensor.data_ptr(), parts.data_ptr(), size_of(output), BYTE)
        output.copy_(functools.reduce(how.fold, parts.reshape(-1).chunk(comm.size)).view(output.shape))
        return
    comm.reduce_scatter(tensor.data_ptr(), output.data_ptr(), how.count(output), how.type, how.code)


def reduce_scatter_list(comm, output, tensors, how):
    if are_alike(tensors):
        reduce_scatter(comm, output, joined(tensors), how)
        return
    for rank, tensor in enumerate(tensors):
        part = tensor.clone()
        reduce(comm, part, how, rank)
        if rank == comm.rank:
            output.copy_(part)


def gather(comm, outputs, tensor, root):
    if comm.rank != root:
        comm.gather(tensor.data_ptr(), None, size_of(tensor), BYTE, root)
        return
    whole = room(outputs)
    comm.gather(tensor.data_ptr(), whole.data_ptr(), size_of(tensor), BYTE, root)
    deal(whole, outputs)


def scatter(comm, output, tensors, root):
    if comm.rank != root:
        comm.scatter(None, output.data_ptr(), size_of(output), BYTE, root)
        return
    whole = joined(tensors)
    comm.scatter(whole.data_ptr(), output.data_ptr(), size_of(output), BYTE, root)


def all_to_all(comm, output, tensor):
    comm.all_to_all(tensor.data_ptr(), output.data_ptr(), size_of(tensor) // comm.size, BYTE)


def all_to_all_list(comm, outputs, tensors):
    """Tensor r of this rank goes to rank r; the sizes may differ."""
    rank, size = comm.rank, comm.size
    outputs[rank].copy_(tensors[rank].view(outputs[rank].shape))
    for step in range(1, size):
        to, source = (rank + step) % size, (rank - step) % size
        comm.sendrecv(
            tensors[to].data_ptr(), size_of(tensors[to]), to, outputs[source].data_ptr(), size_of(outputs[source]),
            source, BYTE)
