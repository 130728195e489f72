"""The backend "flexmig" of torch.distributed: collectives between ranks of one host through shared memory.

    import flexmig.torch
    torch.distributed.init_process_group("flexmig")

docs/torch-backend.md tells what there is.
"""

try:
    import torch
    import torch.distributed
except ModuleNotFoundError as problem:
    if problem.name != "torch":
        raise
    raise ImportError(
        "torch-missing: flexmig.torch needs PyTorch 2.6 or later, which is not installed here; for CPUs: "
        "pip install torch --index-url https://download.pytorch.org/whl/cpu") from problem

if not torch.distributed.is_available():
    raise ImportError("torch-missing: this PyTorch was built without torch.distributed")
if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 6):
    raise ImportError(f"torch-missing: flexmig.torch needs PyTorch 2.6 or later, not {torch.__version__}")

from flexmig import library
from flexmig.library import FlexmigError
from flexmig.torch import job_size
from flexmig.torch.ddp import DistributedDataParallel
from flexmig.torch.group import DEVICES, ProcessGroup

library.load()

__all__ = ["DistributedDataParallel", "FlexmigError", "ProcessGroup", "empty", "statistics"]


def _group(group):
    found = group if group is not None else torch.distributed.group.WORLD
    if not isinstance(found, ProcessGroup):
        raise FlexmigError("invalid-argument", 'the process group is not one of the backend "flexmig"')
    return found


def empty(*size, dtype=None, group=None):
    """A CPU tensor of zeros in memory that all ranks of the group reach, where collectives are fastest.

    A collective: all ranks of the group call it in the same order with the same size. The memory is /dev/shm's and is
    given back with the last view of the tensor.
    """
    shape = list(size[0]) if len(size) == 1 and not isinstance(size[0], int) else list(size)
    return _group(group).empty(shape, dtype or torch.get_default_dtype())


def statistics(group=None):
    """What the group's collectives did so far: {"all_reduce": {"calls": 3, "bytes": 48, "direct": 3}, ...}."""
    return _group(group).statistics()


def _make(options, _):
    return ProcessGroup(options)


if "flexmig" not in torch.distributed.Backend.backend_list:
    torch.distributed.Backend.register_backend("flexmig", _make, extended_api=True, devices=list(DEVICES))
    job_size.check_before_stores()
