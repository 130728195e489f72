"""What a call's tensors have to be, beyond what group.py looks at: how many there are, of which sizes and types."""

from flexmig.library import FlexmigError
from flexmig.torch import operations


def one(tensors, name):
    if len(tensors) != 1:
        raise FlexmigError("invalid-argument", f"{name} takes one tensor, not {len(tensors)}")
    return tensors[0]


def whole(name, whole, part, ranks):
    """`whole` has a part like `part` for each rank."""
    count = part.numel() * ranks
    if whole.numel() != count or whole.dtype != part.dtype:
        raise FlexmigError(
            "invalid-argument",
            f"{name}: with {ranks} ranks {part.numel()} elements of {part.dtype} need {count} of them, not "
            f"{whole.numel()} of {whole.dtype}")


def one_each(name, tensors, dtype, ranks):
    if len(tensors) != ranks:
        raise FlexmigError("invalid-argument", f"{name}: {len(tensors)} tensors for {ranks} ranks")
    for tensor in tensors:
        if tensor.dtype != dtype:
            raise FlexmigError("invalid-argument", f"{name}: one tensor has {tensor.dtype}, another one {dtype}")


def alike(name, tensors):
    if not operations.are_alike(tensors):
        raise FlexmigError("invalid-argument", f"{name}: the tensors have different numbers of elements")


def rows(name, tensor, sizes, ranks):
    """The number of rows for each rank: as given, or the same for all."""
    length = tensor.shape[0] if tensor.dim() else 0
    if not sizes:
        if length % ranks:
            raise FlexmigError("invalid-argument", f"all_to_all: the {name} has {length} rows for {ranks} ranks")
        return [length // ranks] * ranks
    if len(sizes) != ranks or sum(sizes) != length or min(sizes) < 0:
        raise FlexmigError(
            "invalid-argument",
            f"all_to_all: the {name} splits {list(sizes)} don't make up {length} rows for {ranks} ranks")
    return list(sizes)
