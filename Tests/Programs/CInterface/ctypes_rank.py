"""A rank that uses libflexmig.so through ctypes, with nothing but the standard library. Prints "ok".

The arguments: the library's path, and "numbers", or "death" where the last rank kills itself.
"""

import array
import ctypes
import os
import signal
import sys

FLOAT32, FLOAT64, INT32, UINT8 = 1, 2, 3, 8
SUM, MEAN, MAX = 1, 2, 5
RANK_DIED = 10

flexmig = ctypes.CDLL(sys.argv[1])
flexmig.flexmig_last_error.restype = ctypes.c_char_p
flexmig.flexmig_version_string.restype = ctypes.c_char_p
flexmig.flexmig_status_name.restype = ctypes.c_char_p
assert flexmig.flexmig_abi_version() == 1


class FlexmigError(Exception):
    def __init__(self, status):
        name = flexmig.flexmig_status_name(status).decode()
        super().__init__(f"{name}: {flexmig.flexmig_last_error().decode()}")
        self.status = status
        self.rank = flexmig.flexmig_last_error_rank()


def check(status):
    if status != 0:
        raise FlexmigError(status)


def pointer(values):
    """The address of an array's elements, and their number."""
    address, count = values.buffer_info()
    return ctypes.c_void_p(address), ctypes.c_size_t(count)


class Calls(ctypes.Structure):
    _fields_ = [("calls", ctypes.c_uint64), ("bytes", ctypes.c_uint64), ("ways", ctypes.c_uint64 * 14)]


class Statistics(ctypes.Structure):
    _fields_ = [
        ("struct_size", ctypes.c_size_t), ("waited_ns", ctypes.c_uint64), ("straggler", ctypes.c_int32),
        ("reserved", ctypes.c_int32), ("calls", Calls * 16),
    ]


def numbers(comm, rank, size):
    values = array.array("f", range(1000))
    address, count = pointer(values)
    check(flexmig.flexmig_all_reduce(comm, address, address, count, FLOAT32, SUM))
    assert values == array.array("f", [size * value for value in range(1000)]), values[:5]

    one = (ctypes.c_double * 1)(rank)
    check(flexmig.flexmig_all_reduce(comm, one, one, ctypes.c_size_t(1), FLOAT64, MEAN))
    assert one[0] == (size - 1) / 2, one[0]

    text = bytearray(b"from rank 0" if rank == 0 else bytes(11))
    room = (ctypes.c_char * len(text)).from_buffer(text)
    check(flexmig.flexmig_broadcast(comm, room, ctypes.c_size_t(len(text)), UINT8, 0))
    assert text == b"from rank 0", text

    own, everybody = (ctypes.c_int32 * 2)(rank, -rank), (ctypes.c_int32 * (2 * size))()
    check(flexmig.flexmig_all_gather(comm, own, everybody, ctypes.c_size_t(2), INT32))
    assert list(everybody) == [sign * r for r in range(size) for sign in (1, -1)], list(everybody)

    # In the background, in memory that all ranks reach.
    memory, work = ctypes.c_void_p(), ctypes.c_void_p()
    check(flexmig.flexmig_alloc(comm, ctypes.c_size_t(4 * 50000), ctypes.byref(memory)))
    tensor = (ctypes.c_float * 50000).from_address(memory.value)
    assert set(tensor) == {0}
    tensor[:] = [rank + 1] * 50000
    check(flexmig.flexmig_all_reduce_async(
        comm, memory, memory, ctypes.c_size_t(50000), FLOAT32, MAX, ctypes.byref(work)))
    check(flexmig.flexmig_work_wait(work))
    check(flexmig.flexmig_work_free(work))
    assert set(tensor) == {size}
    check(flexmig.flexmig_free(memory))

    statistics = Statistics(struct_size=ctypes.sizeof(Statistics))
    check(flexmig.flexmig_get_statistics(comm, ctypes.byref(statistics)))
    assert statistics.calls[4].calls == 3, statistics.calls[4].calls
    try:
        check(flexmig.flexmig_all_reduce(comm, None, None, ctypes.c_size_t(1), FLOAT32, SUM))
        assert False
    except FlexmigError as error:
        assert str(error) == "invalid-argument: the input is NULL", error
    check(flexmig.flexmig_barrier(comm))


def death(comm, rank, size):
    if rank == size - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        check(flexmig.flexmig_barrier(comm))
        assert False
    except FlexmigError as error:
        assert error.status == RANK_DIED and error.rank == size - 1, error
        assert f"rank {size - 1} died" in str(error), error


def main():
    comm, rank, size = ctypes.c_void_p(), ctypes.c_int(), ctypes.c_int()
    check(flexmig.flexmig_init(ctypes.byref(comm)))
    check(flexmig.flexmig_rank(comm, ctypes.byref(rank)))
    check(flexmig.flexmig_size(comm, ctypes.byref(size)))
    {"numbers": numbers, "death": death}[sys.argv[2]](comm, rank.value, size.value)
    check(flexmig.flexmig_destroy(comm))
    print("ok")


if __name__ == "__main__":
    main()
