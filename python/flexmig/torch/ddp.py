"""DistributedDataParallel whose buckets lie in memory that all ranks reach."""

import contextlib

import torch
from torch.nn.parallel import DistributedDataParallel as _DistributedDataParallel
from torch.utils._python_dispatch import TorchDispatchMode

from flexmig.library import FlexmigError
from flexmig.torch.group import ProcessGroup


class _Buckets(TorchDispatchMode):
    """While it is on, the flat CPU tensors that DDP's reducer makes for its buckets are shared ones."""

    def __init__(self, group):
        super().__init__()
        self._group = group

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        if function is torch.ops.aten.empty.memory_format and len(arguments[0]) == 1 \
                and torch.device(keywords.get("device") or "cpu").type == "cpu" and arguments[0][0] > 0 \
                and (keywords.get("dtype") or torch.get_default_dtype()).is_floating_point:
            try:
                return self._group.empty(list(arguments[0]), keywords.get("dtype") or torch.get_default_dtype())
            except FlexmigError as error:
                # On all ranks alike. Ordinary memory does as well, only slower.
                if error.name != "out-of-shared-memory":
                    raise
        return function(*arguments, **keywords)


class DistributedDataParallel(_DistributedDataParallel):
    """torch.nn.parallel.DistributedDataParallel; on CPU tensors its all-reduces copy nothing.

    The same arguments and results. Where the process group is not one of "flexmig", it is PyTorch's own.
    """

    def _ddp_init_helper(self, *arguments, **keywords):
        with self._shared_buckets():
            return super()._ddp_init_helper(*arguments, **keywords)

    def _shared_buckets(self):
        if isinstance(self.process_group, ProcessGroup) and self.device_type == "cpu":
            return _Buckets(self.process_group)
        return contextlib.nullcontext()

    def _until_rebuilt(self):
        """Once, in a forward pass after the first backward one, the reducer makes its buckets anew."""
        is_over = self._has_rebuilt_buckets or (self.find_unused_parameters and not self.static_graph)
        return contextlib.nullcontext() if is_over else self._shared_buckets()

    def _pre_forward(self, *inputs, **keywords):
        with self._until_rebuilt():
            return super()._pre_forward(*inputs, **keywords)

    def join_hook(self, **keywords):
        # A rank without inputs rebuilds with the others.
        hook = super().join_hook(**keywords)
        main = hook.main_hook

        def main_hook():
            with self._until_rebuilt():
                main()

        hook.main_hook = main_hook
        return hook
