"""The process group: PyTorch on one side, the engine on the other, and the order of what is started between."""

import atexit
import os
import weakref

import torch
import torch.distributed as dist

from flexmig.library import Communicator, FlexmigError
from flexmig.torch import job_size, memory, rendezvous
from flexmig.torch.calls import Calls
from flexmig.torch.messages import Messages
from flexmig.torch.work import Batch, KeptWorks, Lane, Work, completions, of_job

DEVICES = ("cpu", "cuda")
# Before 2.7 a Work is no longer one of Python's when only C++ refers to it (it has no results, errors or end then), and
# destroy_process_group tells NCCL's groups alone.
IS_OLD = tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 7)


class ProcessGroup(Calls, dist.ProcessGroup):
    """Collectives of Flex-MIG as a process group of PyTorch; made by init_process_group and new_group.

    Collectives are done in the order of their calls, by one thread of the group or by the caller who waits. Messages
    have threads of their own.
    """

    def __init__(self, options):
        rank, size = options.group_rank, options.group_size
        super().__init__(rank, size)
        job_size.check(size)
        self._store, self._timeout = options.store, options.timeout
        self._seconds = _seconds(self._timeout)
        self._ranks = list(options.global_ranks_in_group) or list(range(size))
        self._name, self._description, self._sequence = str(options.group_id), "", 0
        prefix, peers = rendezvous.agree(self._store, rank, self._ranks)
        with self._numbers_of_job():
            self._comm = Communicator(prefix, rank, size, self._seconds)
            rendezvous.clear(self._store, rank, self._ranks, self._comm)
        self._lane = Lane(f"flexmig-{self._name}")
        self._messages = Messages(prefix, rank, peers, self._seconds, self._ranks)
        self._stagings = {}
        self._devices = None
        self._batch = None
        self._works = KeptWorks()
        self._is_down = False
        _groups.add(self)

    # -- What PyTorch asks of a group

    def getBackendName(self):
        return "flexmig"

    def name(self):
        return "flexmig"

    def _get_backend_name(self):
        return "flexmig"

    def get_group_store(self):
        return self._store

    def getRank(self):
        return self.rank()

    def getSize(self):
        return self.size()

    @property
    def group_name(self):
        return self._name

    def _set_group_name(self, name):
        self._name = name
        super()._set_group_name(name)

    @property
    def group_desc(self):
        return self._description

    def _set_group_desc(self, description):
        self._description = description
        super()._set_group_desc(description)

    @property
    def _device_types(self):
        return [torch.device(name) for name in DEVICES if name == "cpu" or torch.cuda.is_available()]

    def _get_backend(self, device):
        return self

    get_backend = _get_backend

    def _set_sequence_number_for_group(self):
        self._sequence = 0

    def _get_sequence_number_for_group(self):
        return self._sequence

    def set_timeout(self, timeout):
        self._timeout = timeout

    _set_default_timeout = set_timeout

    def _has_hooks(self):
        return False

    def _wait_for_pending_works(self):
        work = Work("the end of what was started", [])
        self._lane.perform(work, lambda: None)
        work.wait()

    supports_splitting = False
    supports_coalescing = False
    supports_time_estimate = False

    def supports_tensor_alloc(self, device):
        """FSDP2 asks, after set_allocate_memory_from_process_group_for_comm."""
        return torch.device(device).type == "cpu"

    def allocate_tensor(self, size, *, dtype, device=None):
        """A tensor in memory that all ranks reach. All ranks call it, with the same size."""
        return self.empty([size] if isinstance(size, int) else list(size), dtype)

    def empty(self, shape, dtype):
        made = []
        work = Work("empty", [])

        def body():
            with self._numbers_of_job():
                made.append(memory.tensor_of(self._comm, shape, dtype))

        self._lane.perform(work, body)
        work.wait()
        return made[0]

    def statistics(self):
        """Calls, bytes and ways of this group's collectives so far; waits for those that were started."""
        told = []
        work = Work("statistics", [])
        self._lane.perform(work, lambda: told.append(self._comm.statistics()))
        work.wait()
        return told[0]

    # -- Starting

    def _numbers_of_job(self):
        return _NumbersOfJob(None if self._ranks == list(range(len(self._ranks))) else self._ranks)

    def _check(self, tensors):
        """The device of all tensors; an error for what can't be done."""
        device = None
        for tensor in tensors:
            if tensor.layout != torch.strided:
                raise FlexmigError(
                    "unsupported-layout", f"a tensor is {tensor.layout}; flexmig exchanges dense tensors: to_dense()")
            if not tensor.is_contiguous():
                raise FlexmigError(
                    "not-contiguous",
                    f"a tensor of shape {list(tensor.shape)} has strides {list(tensor.stride())}; call contiguous()")
            if tensor.is_conj() or tensor.is_neg():
                raise FlexmigError(
                    "unsupported-layout", "a tensor is a conjugate or negative view: resolve_conj(), resolve_neg()")
            if device is None:
                device = tensor.device
            elif tensor.device != device:
                raise FlexmigError(
                    "mixed-devices", f"one call has tensors on {device} and on {tensor.device}; move them to one device")
        if device is not None and device.type not in self._served():
            raise FlexmigError(
                "unsupported-device",
                f"a tensor is on {device}, and this process group was made for {', '.join(self._served())}; a Python "
                'backend serves a process group whole: give "flexmig" for all devices, or make another group with '
                'new_group(backend=...)')
        return device

    def _served(self):
        if self._devices is None:
            config = dist.distributed_c10d._world.pg_backend_config.get(self)
            if config is None:
                return DEVICES
            pairs = [pair.partition(":") for pair in str(config).split(",")]
            self._devices = tuple(device for device, _, name in pairs if name == "flexmig" and device in DEVICES)
        return self._devices

    def _begin(self, name, inputs, outputs, body, options=None, *, alike=True, in_place=False):
        """Starts body(comm, inputs, outputs) in order.

        alike: all ranks have tensors of the same sizes. in_place: there is one tensor, and body works on any part of
        it, with all ranks on the same part.
        """
        device = self._check([*inputs, *outputs])
        self._sequence += 1
        work = Work(name, outputs)
        comm, whole = self._comm, self._numbers_of_job()
        if device is None or device.type == "cpu":
            def perform():
                with whole:
                    body(comm, inputs, outputs)
        else:
            ready = torch.cuda.Event()
            ready.record(torch.cuda.current_stream(device))

            def perform():
                with whole:
                    staging = self._staging(device)
                    if in_place:
                        return staging.in_place(ready, inputs[0], lambda part: body(comm, [part], [part]), comm)
                    return staging.run(
                        ready, inputs, outputs, lambda ins, outs: body(comm, ins, outs), comm if alike else None)
        return self._start(work, perform, options)

    def _staging(self, device):
        staging = self._stagings.get(device)
        if staging is None:
            # Here and not above: torch without CUDA has no streams.
            from flexmig.torch.staging import Staging
            staging = self._stagings[device] = Staging(device)
        return staging

    def _start(self, work, perform, options):
        if getattr(options, "asyncOp", True):
            self._lane.start(work, perform)
        else:
            self._lane.perform(work, perform)
        return self._kept(work)

    def _kept(self, work):
        if self._batch is not None:
            self._batch.append(work)
        if IS_OLD:
            self._works.keep(work)
        return work

    # -- Batches

    def _start_coalescing(self, device):
        self._batch = []

    def _end_coalescing(self, device):
        batch, self._batch = self._batch, None
        return Batch(batch) if batch else None

    # -- The end

    def shutdown(self):
        """Waits for what was started, and leaves. Tensors of empty() stay valid."""
        if self._is_down:
            return
        self._is_down = True
        _groups.discard(self)
        self._messages.close()
        self._lane.close()
        for staging in self._stagings.values():
            staging.close()
        self._comm.destroy()

    def abort(self):
        """Lets all calls of this rank fail at once, and those of the others soon; then leaves."""
        if self._is_down:
            return
        self._is_down = True
        _groups.discard(self)
        self._comm.abort()
        self._messages.close(abort=True)
        self._lane.close()
        self._comm.destroy()


def _seconds(timeout):
    """How long a group waits: as long as it was told, or where it was not, FLEXMIG_TIMEOUT."""
    least, most = 0.1, 86400.0
    given = os.environ.get("FLEXMIG_TIMEOUT")
    if not given or timeout != dist.default_pg_timeout:
        return min(max(timeout.total_seconds(), least), most)
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not least <= seconds <= most:
        raise FlexmigError(
            "invalid-environment", f'FLEXMIG_TIMEOUT is "{given}"; allowed are {least:g} to {most:g} seconds')
    return seconds


class _NumbersOfJob:
    """Gives errors the job's rank numbers. No generator: it is entered for every call."""

    def __init__(self, ranks):
        self._ranks = ranks

    def __enter__(self):
        pass

    def __exit__(self, _, error, __):
        if self._ranks is not None and isinstance(error, FlexmigError):
            raise of_job(error, self._ranks) from None


if hasattr(dist.distributed_c10d, "_maybe_attach_flight_recorder"):
    # PyTorch 2.15 wants to write down the calls of every group that has devices, and then fails for groups made in Python.
    _record_others = dist.distributed_c10d._maybe_attach_flight_recorder

    def _record(group, *arguments, **keywords):
        if not isinstance(group, ProcessGroup):
            _record_others(group, *arguments, **keywords)

    dist.distributed_c10d._maybe_attach_flight_recorder = _record

if IS_OLD:
    _tell_others = dist.distributed_c10d._shutdown_backend

    def _tell(group):
        group.shutdown() if isinstance(group, ProcessGroup) else _tell_others(group)

    dist.distributed_c10d._shutdown_backend = _tell


_groups = weakref.WeakSet()


@atexit.register
def _leave():
    """A program that ends without destroy_process_group leaves no names in /dev/shm."""
    for group in list(_groups):
        group._messages.close(abort=True)
    completions.end()
