"""PyTorch's collectives and messages: what each takes, and which operation does it.

PyTorch finds the methods by their names, from Python and from C++. Where it has renamed one, both names are here.
"""

import torch
import torch.distributed as dist

from flexmig.library import FlexmigError
from flexmig.torch import arguments, operations
from flexmig.torch.work import Work


class Calls:
    """The part of a process group that programs call. What starts them is in group.py."""

    # -- Collectives on one tensor

    def allreduce(self, tensors, opts=None, timeout=None):
        tensors = _listed(tensors)
        op = _reduction_of(opts)
        for tensor in tensors:
            self._check([tensor])
        hows = [operations.reduction(op, tensor.dtype) for tensor in tensors]

        def body(comm, _, outputs):
            for tensor, how in zip(outputs, hows):
                operations.all_reduce(comm, tensor, how)

        return self._begin("all_reduce", tensors, tensors, body, opts, in_place=len(tensors) == 1)

    allreduce_coalesced = allreduce

    def reduce(self, tensors, opts=None, op=None, timeout=None):
        tensors = _listed(tensors)
        root = opts if isinstance(opts, int) else opts.rootRank
        number = _reduction_of(op if isinstance(opts, int) else opts)
        how = operations.reduction(number, arguments.one(tensors, "reduce").dtype)
        return self._begin(
            "reduce", tensors, tensors, lambda comm, _, outputs: operations.reduce(comm, outputs[0], how, root), opts,
            in_place=True)

    def broadcast(self, tensors, opts=None, timeout=None):
        tensors = _listed(tensors)
        root = opts if isinstance(opts, int) else opts.rootRank
        arguments.one(tensors, "broadcast")
        return self._begin(
            "broadcast", tensors, tensors, lambda comm, _, outputs: operations.broadcast(comm, outputs[0], root), opts,
            in_place=True)

    # -- All-gather

    def all_gather_single(self, output, tensor, opts=None):
        arguments.whole("all_gather_into_tensor", output, tensor, self.size())
        return self._begin(
            "all_gather_into_tensor", [tensor], [output],
            lambda comm, inputs, outputs: operations.all_gather(comm, outputs[0], inputs[0]), opts)

    _allgather_base = all_gather_single

    def allgather(self, outputs, tensors, opts=None, timeout=None):
        tensor = arguments.one(_listed(tensors), "all_gather")
        places = outputs[0] if isinstance(outputs[0], (list, tuple)) else outputs
        arguments.one_each("all_gather", places, tensor.dtype, self.size())
        if places[self.rank()].numel() != tensor.numel():
            raise FlexmigError(
                "invalid-argument", f"all_gather: this rank's tensor has {tensor.numel()} elements, the place for it "
                f"{places[self.rank()].numel()}")
        return self._begin(
            "all_gather", [tensor], list(places),
            lambda comm, inputs, outputs: operations.all_gather_list(comm, outputs, inputs[0]), opts,
            alike=operations.are_alike(places))

    def allgather_coalesced(self, outputs, tensors, opts=None):
        for places in outputs:
            if len(places) != len(tensors):
                raise FlexmigError("invalid-argument", "all_gather_coalesced: a rank's list has another length")
        width = len(tensors)

        def body(comm, inputs, results):
            for index, tensor in enumerate(inputs):
                operations.all_gather_list(comm, results[index::width], tensor)

        return self._begin("all_gather_coalesced", tensors, [place for row in outputs for place in row], body, opts)

    def all_gather_single_coalesced(self, outputs, tensors, opts=None):
        for output, tensor in zip(outputs, tensors):
            arguments.whole("all_gather_into_tensor", output, tensor, self.size())

        def body(comm, inputs, results):
            for result, tensor in zip(results, inputs):
                operations.all_gather(comm, result, tensor)

        return self._begin("all_gather_into_tensor", tensors, outputs, body, opts)

    allgather_into_tensor_coalesced = all_gather_single_coalesced

    # -- Reduce-scatter

    def reduce_scatter_single(self, output, tensor, opts=None):
        return self.reduce_scatter_single_coalesced([output], [tensor], opts)

    _reduce_scatter_base = reduce_scatter_single

    def reduce_scatter_single_coalesced(self, outputs, tensors, opts=None):
        op = _reduction_of(opts)
        for output, tensor in zip(outputs, tensors):
            arguments.whole("reduce_scatter_tensor", tensor, output, self.size())
        hows = [operations.reduction(op, tensor.dtype) for tensor in tensors]

        def body(comm, inputs, results):
            for result, tensor, how in zip(results, inputs, hows):
                operations.reduce_scatter(comm, result, tensor, how)

        return self._begin("reduce_scatter_tensor", tensors, outputs, body, opts)

    reduce_scatter_tensor_coalesced = reduce_scatter_single_coalesced

    def reduce_scatter(self, outputs, tensors, opts=None, timeout=None):
        output = arguments.one(_listed(outputs), "reduce_scatter")
        parts = tensors[0] if isinstance(tensors[0], (list, tuple)) else tensors
        arguments.one_each("reduce_scatter", parts, output.dtype, self.size())
        how = operations.reduction(_reduction_of(opts), output.dtype)
        return self._begin(
            "reduce_scatter", list(parts), [output],
            lambda comm, inputs, results: operations.reduce_scatter_list(comm, results[0], inputs, how), opts,
            alike=operations.are_alike(parts))

    # -- To and from one rank

    def gather(self, outputs, tensors, opts=None, timeout=None):
        root = opts if isinstance(opts, int) else opts.rootRank
        tensor = arguments.one(_listed(tensors), "gather")
        places = []
        if root == self.rank():
            places = list(outputs[0] if isinstance(outputs[0], (list, tuple)) else outputs)
            arguments.one_each("gather", places, tensor.dtype, self.size())
            arguments.alike("gather", [*places, tensor])
        return self._begin(
            "gather", [tensor], places,
            lambda comm, inputs, results: operations.gather(comm, results, inputs[0], root), opts, alike=False)

    def scatter(self, outputs, tensors, opts=None, timeout=None):
        root = opts if isinstance(opts, int) else opts.rootRank
        output = arguments.one(_listed(outputs), "scatter")
        parts = []
        if root == self.rank():
            parts = list(tensors[0] if isinstance(tensors[0], (list, tuple)) else tensors)
            arguments.one_each("scatter", parts, output.dtype, self.size())
            arguments.alike("scatter", [*parts, output])
        return self._begin(
            "scatter", parts, [output],
            lambda comm, inputs, results: operations.scatter(comm, results[0], inputs, root), opts, alike=False)

    # -- All to all

    def all_to_all_single(self, output, tensor, output_splits, input_splits, opts=None, timeout=None):
        if not output_splits and not input_splits:
            if tensor.numel() % self.size() or output.numel() != tensor.numel() or output.dtype != tensor.dtype:
                raise FlexmigError(
                    "invalid-argument",
                    f"all_to_all: {tensor.numel()} elements of {tensor.dtype} can't become {output.numel()} of "
                    f"{output.dtype} in {self.size()} equal parts")
            return self._begin(
                "all_to_all", [tensor], [output],
                lambda comm, inputs, results: operations.all_to_all(comm, results[0], inputs[0]), opts)
        parts = arguments.rows("input", tensor, input_splits, self.size())
        places = arguments.rows("output", output, output_splits, self.size())
        return self._begin(
            "all_to_all", [tensor], [output],
            lambda comm, inputs, results: operations.all_to_all_list(
                comm, list(results[0].split(places)), list(inputs[0].split(parts))), opts, alike=False)

    alltoall_base = all_to_all_single

    def alltoall(self, outputs, tensors, opts=None, timeout=None):
        arguments.one_each("all_to_all", outputs, outputs[0].dtype, self.size())
        arguments.one_each("all_to_all", tensors, outputs[0].dtype, self.size())
        count = len(tensors)
        return self._begin(
            "all_to_all", list(tensors), list(outputs),
            lambda comm, inputs, results: operations.all_to_all_list(comm, results, inputs[:count]), opts, alike=False)

    def barrier(self, opts=None, timeout=None):
        self._sequence += 1
        events = []
        for device in self._stagings:
            # As other backends have it: what the caller put into the stream is over, too.
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(device))
            events.append(event)
        whole = self._numbers_of_job()

        def perform():
            for event in events:
                event.synchronize()
            with whole:
                self._comm.barrier()

        return self._start(Work("barrier", []), perform, opts)

    # -- Messages

    def send(self, tensors, receiver, tag=0):
        return self._message(tensors, lambda twin: self._messages.send(twin, receiver, tag), is_received=False)

    def recv(self, tensors, sender, tag=0):
        return self._message(tensors, lambda twin: self._messages.receive(twin, sender, tag), is_received=True)

    def recv_anysource(self, tensors, tag=0):
        return self._message(tensors, lambda twin: self._messages.receive_any(twin, tag), is_received=True)

    def _message(self, tensors, start, is_received):
        tensor = arguments.one(_listed(tensors), "a message")
        device = self._check([tensor])
        if device.type == "cpu":
            work = start(tensor)
        else:
            from flexmig.torch.staging import DeviceMessage
            work = DeviceMessage(tensor, start, is_received)
        return self._kept(work)


def _listed(tensors):
    return [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)


def _reduction_of(options):
    if options is None:
        return int(dist.ReduceOp.SUM)
    return operations.number_of(getattr(options, "reduceOp", options))
