"""Every call of the backend on one device, against a reference that each rank computes on its own in float64.

Run by the ranks of a job: check_all(device) returns the number of comparisons, and raises AssertionError with what was
called. CPU and CUDA run the same ones.
"""

import itertools

import torch
import torch.distributed as dist

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
INTEGERS = [torch.int8, torch.uint8, torch.int32, torch.int64]
MOVED = [*FLOATS, *INTEGERS, torch.int16, torch.bool, torch.complex64]
OPS = {"SUM": dist.ReduceOp.SUM, "AVG": dist.ReduceOp.AVG, "PRODUCT": dist.ReduceOp.PRODUCT, "MIN": dist.ReduceOp.MIN,
       "MAX": dist.ReduceOp.MAX}
BITWISE = {"BAND": dist.ReduceOp.BAND, "BOR": dist.ReduceOp.BOR, "BXOR": dist.ReduceOp.BXOR}
COUNTS = [0, 1, 7, 1000, 70001]


class Cases:
    def __init__(self, device, group=None, large=3_000_001):
        self.device, self.group = torch.device(device), group
        self.rank, self.size = dist.get_rank(group), dist.get_world_size(group)
        self.large = large
        self.compared = 0

    # -- What the ranks have

    def values(self, rank, count, dtype, number=0):
        """The same on every rank that asks for this rank's; small, so that sums are exact in most types."""
        seeded = torch.Generator().manual_seed(1000 * number + rank)
        if dtype == torch.bool:
            return torch.randint(0, 2, (count,), generator=seeded).bool()
        if dtype.is_complex:
            return torch.complex(
                torch.randn(count, generator=seeded), torch.randn(count, generator=seeded)).to(dtype)
        low = 0 if dtype == torch.uint8 else -3
        return torch.randint(low, 4, (count,), generator=seeded).to(dtype)

    def own(self, count, dtype, number=0):
        return self.values(self.rank, count, dtype, number).to(self.device)

    def everybody(self, count, dtype, number=0):
        return [self.values(rank, count, dtype, number) for rank in range(self.size)]

    def reduced(self, parts, name, dtype):
        if name in BITWISE:
            fold = {"BAND": torch.bitwise_and, "BOR": torch.bitwise_or, "BXOR": torch.bitwise_xor}[name]
            result = parts[0]
            for part in parts[1:]:
                result = fold(result, part)
            return result
        if dtype == torch.bool:
            stacked = torch.stack(parts)
            return stacked.any(0) if name in ("SUM", "MAX") else stacked.all(0)
        # Integers in 64 bits, which wrap as narrower ones do after the conversion; an integer mean goes towards zero.
        wide = torch.int64 if not dtype.is_floating_point else torch.float64
        stacked = torch.stack([part.to(wide) for part in parts])
        result = {"SUM": lambda: stacked.sum(0), "PRODUCT": lambda: stacked.prod(0), "MIN": lambda: stacked.amin(0),
                  "MAX": lambda: stacked.amax(0), "AVG": lambda: stacked.sum(0)}[name]()
        if name == "AVG":
            if dtype.is_floating_point:
                result = result / self.size
            else:
                result = torch.div(result.to(dtype).to(wide), self.size, rounding_mode="trunc")
        return result.to(dtype)

    # -- Comparing

    def same(self, found, wanted, what):
        self.compared += 1
        assert found.dtype == wanted.dtype and found.numel() == wanted.numel(), what
        found = found.cpu().reshape(-1)
        if found.dtype.is_floating_point:
            tolerance = {torch.float64: 1e-12, torch.float32: 1e-6}.get(found.dtype, 1e-2)
            ok = torch.allclose(found.double(), wanted.reshape(-1).double(), rtol=tolerance, atol=tolerance)
        else:
            ok = torch.equal(found, wanted.reshape(-1))
        if not ok:
            wrong = (found != wanted.reshape(-1)).nonzero().reshape(-1)
            raise AssertionError(
                f"{what}: {wrong.numel()} of {found.numel()} elements differ, first at {int(wrong[0])}: "
                f"{found[wrong[0]].item()} and not {wanted.reshape(-1)[wrong[0]].item()}")

    def empty(self, count, dtype):
        return torch.ones(count, dtype=dtype, device=self.device) if dtype != torch.bool else \
            torch.zeros(count, dtype=dtype, device=self.device)

    # -- Calls

    def check_all(self):
        for check in [self.all_reduce, self.reduce_scatter, self.reduce, self.moves, self.all_to_all, self.messages,
                      self.uneven, self.coalesced, self.objects, self.in_the_background, self.large_ones]:
            check()
        dist.barrier(self.group)
        return self.compared

    def reductions(self):
        for dtype, name in itertools.product([*FLOATS, *INTEGERS], OPS):
            yield dtype, name, OPS[name]
        for dtype, name in itertools.product(INTEGERS, BITWISE):
            yield dtype, name, BITWISE[name]
        for name in ["SUM", "MIN", "MAX", "PRODUCT"]:
            yield torch.bool, name, OPS[name]

    def all_reduce(self):
        for number, (dtype, name, op) in enumerate(self.reductions()):
            for count in COUNTS:
                tensor = self.own(count, dtype, number)
                dist.all_reduce(tensor, op, self.group)
                self.same(tensor, self.reduced(self.everybody(count, dtype, number), name, dtype),
                          f"all_reduce {name} {dtype} {count}")

    def reduce_scatter(self):
        for number, (dtype, name, op) in enumerate(self.reductions()):
            for count in COUNTS[:-1]:
                wanted = self.reduced(self.everybody(count * self.size, dtype, number), name, dtype)
                wanted = wanted[self.rank * count:(self.rank + 1) * count]
                tensor = self.own(count * self.size, dtype, number)
                output = self.empty(count, dtype)
                dist.reduce_scatter_tensor(output, tensor, op, self.group)
                self.same(output, wanted, f"reduce_scatter_tensor {name} {dtype} {count}")
                output = self.empty(count, dtype)
                parts = [part.clone() for part in tensor.split(count)] if count else \
                    [tensor.clone() for _ in range(self.size)]
                dist.reduce_scatter(output, parts, op, self.group)
                self.same(output, wanted, f"reduce_scatter {name} {dtype} {count}")

    def reduce(self):
        for number, (dtype, name, op) in enumerate(self.reductions()):
            for root in {0, self.size - 1}:
                tensor = self.own(1000, dtype, number)
                dist.reduce(tensor, group=self.group, op=op, group_dst=root)
                if self.rank == root:
                    self.same(tensor, self.reduced(self.everybody(1000, dtype, number), name, dtype),
                              f"reduce {name} {dtype} to {root}")

    def moves(self):
        for dtype, count in itertools.product(MOVED, COUNTS):
            what = f"{dtype} {count}"
            parts, whole = self.everybody(count, dtype), torch.cat(self.everybody(count, dtype))
            output = self.empty(count * self.size, dtype)
            dist.all_gather_into_tensor(output, self.own(count, dtype), self.group)
            self.same(output, whole, f"all_gather_into_tensor {what}")
            outputs = [self.empty(count, dtype) for _ in range(self.size)]
            dist.all_gather(outputs, self.own(count, dtype), self.group)
            for output, part in zip(outputs, parts):
                self.same(output, part, f"all_gather {what}")
            for root in {0, self.size - 1}:
                tensor = self.own(count, dtype)
                dist.broadcast(tensor, group=self.group, group_src=root)
                self.same(tensor, parts[root], f"broadcast {what} from {root}")
                outputs = [self.empty(count, dtype) for _ in range(self.size)] if self.rank == root else None
                dist.gather(self.own(count, dtype), outputs, group=self.group, group_dst=root)
                for output, part in zip(outputs or [], parts):
                    self.same(output, part, f"gather {what} to {root}")
                output = self.empty(count, dtype)
                inputs = [part.to(self.device) for part in parts] if self.rank == root else None
                dist.scatter(output, inputs, group=self.group, group_src=root)
                self.same(output, parts[self.rank], f"scatter {what} from {root}")

    def all_to_all(self):
        for dtype in MOVED:
            count = 33
            wanted = torch.cat([part[self.rank * count:(self.rank + 1) * count]
                                for part in self.everybody(count * self.size, dtype)])
            tensor, output = self.own(count * self.size, dtype), self.empty(count * self.size, dtype)
            dist.all_to_all_single(output, tensor, group=self.group)
            self.same(output, wanted, f"all_to_all_single {dtype}")
            outputs = [self.empty(count, dtype) for _ in range(self.size)]
            dist.all_to_all(outputs, [part.clone() for part in tensor.split(count)], self.group)
            self.same(torch.cat(outputs), wanted, f"all_to_all {dtype}")
            # Rank r gives rank s r + 2 s rows, some none.
            sent = [self.rank + 2 * other for other in range(self.size)]
            got = [other + 2 * self.rank for other in range(self.size)]
            tensor, output = self.own(sum(sent) * 3, dtype).view(-1, 3), self.empty(sum(got) * 3, dtype).view(-1, 3)
            dist.all_to_all_single(output, tensor, got, sent, self.group)
            wanted = []
            for other in range(self.size):
                rows = [other + 2 * receiver for receiver in range(self.size)]
                whole = self.values(other, sum(rows) * 3, dtype).view(-1, 3)
                wanted.append(whole.split(rows)[self.rank])
            self.same(output, torch.cat(wanted), f"all_to_all_single {dtype}, uneven")

    def messages(self):
        if self.size == 1:
            return
        after, before = (self.rank + 1) % self.size, (self.rank - 1) % self.size
        for dtype, count in itertools.product(MOVED, [0, 5, 100_000]):
            # All ranks send first.
            tensor, output = self.own(count, dtype), self.empty(count, dtype)
            works = [dist.isend(tensor, group=self.group, group_dst=after),
                     dist.irecv(output, group=self.group, group_src=before)]
            for work in works:
                work.wait()
            self.same(output, self.values(before, count, dtype), f"isend, irecv {dtype} {count}")
        outputs = [self.empty(3, torch.float32) for _ in range(4)]
        sends = [dist.isend(self.own(3, torch.float32, tag), group=self.group, group_dst=after, tag=tag)
                 for tag in range(4)]
        for tag in reversed(range(4)):
            dist.recv(outputs[tag], group=self.group, group_src=before, tag=tag)
            self.same(outputs[tag], self.values(before, 3, torch.float32, tag), f"recv with tag {tag}")
        for work in sends:
            work.wait()
        if self.group is None:
            self.from_anybody()

    def from_anybody(self):
        if self.rank != 0:
            dist.send(self.own(10, torch.int64), 0, tag=9)
            return
        senders = set()
        for _ in range(1, self.size):
            output = self.empty(10, torch.int64)
            sender = dist.recv(output, tag=9)
            self.same(output, self.values(sender, 10, torch.int64), f"recv of anybody, rank {sender}")
            senders.add(sender)
        assert senders == set(range(1, self.size)), senders

    def uneven(self):
        counts = [3 * rank + 1 for rank in range(self.size)]
        outputs = [self.empty(count, torch.float32) for count in counts]
        dist.all_gather(outputs, self.own(counts[self.rank], torch.float32), self.group)
        for rank, output in enumerate(outputs):
            self.same(output, self.values(rank, counts[rank], torch.float32), "all_gather of different sizes")
        output = self.empty(counts[self.rank], torch.float32)
        parts = [self.own(count, torch.float32, 50 + other) for other, count in enumerate(counts)]
        dist.reduce_scatter(output, parts, group=self.group)
        self.same(output, self.reduced(self.everybody(counts[self.rank], torch.float32, 50 + self.rank), "SUM",
                                       torch.float32), "reduce_scatter of different sizes")

    def coalesced(self):
        counts = [5, 1, 300]
        tensors = [self.own(count, torch.float32, count) for count in counts]
        with dist.distributed_c10d._coalescing_manager(self.group, async_ops=True) as manager:
            for tensor in tensors:
                dist.all_reduce(tensor, group=self.group)
        manager.wait()
        for tensor, count in zip(tensors, counts):
            self.same(tensor, self.reduced(self.everybody(count, torch.float32, count), "SUM", torch.float32),
                      "coalesced all_reduce")
        # The older way, of calls of any kind.
        tensor, other = self.own(10, torch.float32), self.own(10, torch.float32, 1)
        self.group_or_world()._start_coalescing(self.device)
        dist.all_reduce(tensor, group=self.group, async_op=True)
        dist.broadcast(other, group=self.group, group_src=0, async_op=True)
        batch = self.group_or_world()._end_coalescing(self.device)
        batch.wait()
        assert batch.is_completed() and batch.is_success()
        self.same(tensor, self.reduced(self.everybody(10, torch.float32), "SUM", torch.float32), "a batch")
        self.same(other, self.values(0, 10, torch.float32, 1), "a batch")

    def group_or_world(self):
        return self.group or dist.group.WORLD

    def objects(self):
        found = [None] * self.size
        dist.all_gather_object(found, {"rank": self.rank, "text": "x" * self.rank}, self.group)
        assert found == [{"rank": rank, "text": "x" * rank} for rank in range(self.size)], found
        self.compared += 1

    def in_the_background(self):
        tensors = [self.own(1000, torch.float32, number) for number in range(20)]
        works = [dist.all_reduce(tensor, group=self.group, async_op=True) for tensor in tensors]
        sums = [work.get_future().then(lambda future: future.value()[0].sum()) for work in works[::2]]
        for number, (work, tensor) in enumerate(zip(works, tensors)):
            work.wait()
            self.same(tensor, self.reduced(self.everybody(1000, torch.float32, number), "SUM", torch.float32),
                      "all_reduce in the background")
        for number, future in enumerate(sums):
            assert future.wait().item() == tensors[2 * number].sum().item()
        assert all(work.is_completed() and work.is_success() for work in works)

    def large_ones(self):
        for count in [self.large, 4 * self.large]:
            tensor = self.own(count, torch.float32)
            dist.all_reduce(tensor, group=self.group)
            self.same(tensor, self.reduced(self.everybody(count, torch.float32), "SUM", torch.float32),
                      f"all_reduce of {count}")
        tensor = self.own(self.large, torch.float32)
        dist.broadcast(tensor, group=self.group, group_src=self.size - 1)
        self.same(tensor, self.values(self.size - 1, self.large, torch.float32), "a large broadcast")


def check_all(device, group=None, **options):
    return Cases(device, group, **options).check_all()
