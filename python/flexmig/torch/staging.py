"""CUDA tensors by way of host memory: copied down on a side stream, reduced by the processor, copied up again.

A call returns when the last copy is in a stream, and gives the event behind it. Host memory is pinned. Where all ranks
need the same number of bytes it lies where all ranks reach it (slots), so that nothing is copied once more.
"""

import datetime
import threading

import torch

from flexmig.library import FlexmigError
from flexmig.torch import memory
from flexmig.torch.operations import size_of
from flexmig.torch.work import Work

LEAST_SLOT = 1 << 20
MOST_SLOT = 64 << 20     # of larger tensors part after part is reduced
CHUNK = 4 << 20          # that is copied while another one is reduced


class Staging:
    """The streams and slots of one process group and device. Used by one thread at a time."""

    def __init__(self, device):
        self.device = device
        self.down, self.up = torch.cuda.Stream(device), torch.cuda.Stream(device)
        self._slots, self._registered = {}, set()
        self._end = None

    # -- Host memory

    def _slot(self, comm, name, size):
        """`size` bytes that all ranks reach, or pinned memory of this rank where /dev/shm has no room."""
        slot = self._slots.get(name)
        if slot is None or slot.numel() < size:
            # The copies that still read the old one come first.
            self.up.synchronize()
            self._release(name)
            self._slots[name] = slot = self._pinned(comm, max(LEAST_SLOT, 1 << (size - 1).bit_length()))
        return slot[:size]

    def _pinned(self, comm, capacity):
        try:
            shared = memory.tensor_of(comm, [capacity], torch.uint8)
        except FlexmigError as error:
            # On all ranks alike; the communicator goes on.
            if error.name != "out-of-shared-memory":
                raise
        else:
            if int(torch.cuda.cudart().cudaHostRegister(shared.data_ptr(), capacity, 0)) == 0:
                self._registered.add(shared.data_ptr())
                return shared
        return torch.empty(capacity, dtype=torch.uint8, pin_memory=True)

    def _release(self, name):
        slot = self._slots.pop(name, None)
        if slot is not None and slot.data_ptr() in self._registered:
            self._registered.remove(slot.data_ptr())
            torch.cuda.cudart().cudaHostUnregister(slot.data_ptr())

    # -- Calls

    def begin(self, ready):
        """The caller's stream has produced the tensors at the event `ready`."""
        self.down.wait_event(ready)
        if self._end is not None:
            self.down.wait_event(self._end)

    def end(self, tensors):
        event = torch.cuda.Event()
        event.record(self.up)
        for tensor in tensors:
            # Its memory is not handed out again before the copies are over.
            tensor.record_stream(self.up)
            tensor.record_stream(self.down)
        self._end = event
        return event

    def run(self, ready, inputs, outputs, body, comm=None):
        """Calls `body` with host twins of the tensors; with `comm`, in slots.

        Lists of tensors of one type have twins that lie one behind the other.
        """
        with torch.cuda.device(self.device):
            self.begin(ready)
            ins = self._twins(inputs, comm, "in")
            shared = {id(tensor): twin for tensor, twin in zip(inputs, ins)}
            outs = [shared[id(tensor)] for tensor in outputs] if all(id(t) in shared for t in outputs) \
                else self._twins(outputs, comm, "out")
            with torch.cuda.stream(self.down):
                for tensor, twin in zip(inputs, ins):
                    twin.copy_(tensor, non_blocking=True)
            self.down.synchronize()
            body(ins, outs)
            with torch.cuda.stream(self.up):
                for tensor, twin in zip(outputs, outs):
                    tensor.copy_(twin, non_blocking=True)
            return self.end([*inputs, *outputs])

    def _twins(self, tensors, comm, name):
        if not tensors:
            return []
        total = sum(map(size_of, tensors))
        if len({tensor.dtype for tensor in tensors}) > 1 or total == 0:
            return [torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True) for tensor in tensors]
        host = torch.empty(total, dtype=torch.uint8, pin_memory=True) if comm is None \
            else self._slot(comm, name, total)
        twins, at = [], 0
        for tensor in tensors:
            twins.append(host[at:at + size_of(tensor)].view(tensor.dtype).view(tensor.shape))
            at += size_of(tensor)
        return twins

    def in_place(self, ready, tensor, body, comm):
        """Calls `body` with host twins of the tensor's parts, and copies down and up meanwhile."""
        with torch.cuda.device(self.device):
            self.begin(ready)
            flat = tensor.reshape(-1) if tensor.numel() else tensor
            elements = max(1, CHUNK // tensor.element_size())
            for part in flat.split(MOST_SLOT // tensor.element_size()) if tensor.numel() else []:
                if part.data_ptr() != flat.data_ptr():
                    # The slot is used again.
                    event = torch.cuda.Event()
                    event.record(self.up)
                    self.down.wait_event(event)
                slot = self._slot(comm, "in", size_of(part)).view(tensor.dtype)
                chunks = [(slot[at:at + elements], part[at:at + elements]) for at in range(0, part.numel(), elements)]
                arrivals = []
                with torch.cuda.stream(self.down):
                    for twin, chunk in chunks:
                        twin.copy_(chunk, non_blocking=True)
                        event = torch.cuda.Event()
                        event.record(self.down)
                        arrivals.append(event)
                for (twin, chunk), arrival in zip(chunks, arrivals):
                    arrival.synchronize()
                    body(twin)
                    with torch.cuda.stream(self.up):
                        chunk.copy_(twin, non_blocking=True)
            return self.end([tensor])

    def close(self):
        with torch.cuda.device(self.device):
            self.down.synchronize()
            self.up.synchronize()
            for name in list(self._slots):
                self._release(name)


class DeviceMessage(Work):
    """A message of a CUDA tensor by way of a pinned twin.

    To send, the tensor is copied down before anything else is done. What was received is copied up in the stream of
    whoever waits, or asks whether it is there.
    """

    def __init__(self, tensor, start, is_received):
        super().__init__("a message", [tensor])
        self._tensor, self._is_received = tensor, is_received
        self._twin = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
        if not is_received:
            self._twin.copy_(tensor, non_blocking=True)
            torch.cuda.current_stream(tensor.device).synchronize()
        self._host = start(self._twin)
        self._settling = threading.Lock()

    def _settle(self):
        with self._settling:
            if self._is_received and self._event is None:
                self._tensor.copy_(self._twin, non_blocking=True)
                self._event = torch.cuda.Event()
                self._event.record(torch.cuda.current_stream(self._tensor.device))
        self.synchronize()

    def wait(self, timeout=datetime.timedelta(0)):
        self._host.wait(timeout)
        self._settle()
        return True

    def is_completed(self):
        if not self._host.is_completed():
            return False
        if self._host.is_success():
            self._settle()
        return self._event is None or self._event.query()

    def is_success(self):
        return self._host.is_success()

    def exception(self):
        return self._host.exception()

    def get_future(self):
        future = torch.futures.Future(devices=[self._tensor.device])
        result = future.then(lambda _: self.wait() and self.results)
        self._host.get_future().add_done_callback(lambda _: future.set_result(None))
        return result

    def _source_rank(self):
        return self._host._source_rank()

    source_rank = _source_rank
