"""libflexmig.so through ctypes: one Python call for each call of flexmig.h, on addresses and counts.

The library is the one that FLEXMIG_LIBRARY names, else the one beside this file (where a wheel has it), else
libflexmig.so as the dynamic loader finds it. Calls release the interpreter's lock.
"""

import ctypes
import os
import threading

ABI_VERSION = 1
LIBRARY_NAME = "libflexmig.so"

# flexmig_type
FLOAT32, FLOAT64, INT32, INT64, FLOAT16, BFLOAT16, INT8, UINT8, UINT32, UINT64 = range(1, 11)
# flexmig_reduction
SUM, MEAN, PRODUCT, MIN, MAX = range(1, 6)
# flexmig_kind and flexmig_way, as far as they are used
KINDS = {"barrier": 1, "broadcast": 2, "all_gather": 3, "all_reduce": 4, "reduce_scatter": 5, "reduce": 6, "gather": 7,
         "scatter": 8, "all_to_all": 9, "send": 10, "recv": 11, "split": 12, "alloc": 13}
WAYS = ["alone", "step", "inline", "flat", "staged", "direct", "single_copy"]


class FlexmigError(RuntimeError):
    """A call that failed.

    name: such as "rank-died"; those of flexmig.h, and more of the PyTorch backend (docs/torch-backend.md).
    rank: the rank that it is about; -1 for none or more than one.
    """

    def __init__(self, name, text, rank=-1):
        super().__init__(f"{name}: {text}")
        self.name, self.text, self.rank = name, text, rank

    def __reduce__(self):
        return type(self), (self.name, self.text, self.rank)


class _Calls(ctypes.Structure):
    _fields_ = [("calls", ctypes.c_uint64), ("bytes", ctypes.c_uint64), ("ways", ctypes.c_uint64 * 14)]


class _Statistics(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_size_t), ("waited_ns", ctypes.c_uint64), ("straggler", ctypes.c_int32),
                ("reserved", ctypes.c_int32), ("calls", _Calls * 16)]


_ADDRESS, _COUNT, _INT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int
_ARGUMENTS = {
    "init_with": [ctypes.c_char_p, _INT, _INT, ctypes.c_double, _ADDRESS],
    "destroy": [_ADDRESS], "abort": [_ADDRESS], "barrier": [_ADDRESS],
    "broadcast": [_ADDRESS, _ADDRESS, _COUNT, _INT, _INT],
    "all_gather": [_ADDRESS, _ADDRESS, _ADDRESS, _COUNT, _INT],
    "all_reduce": [_ADDRESS, _ADDRESS, _ADDRESS, _COUNT, _INT, _INT],
    "reduce_scatter": [_ADDRESS, _ADDRESS, _ADDRESS, _COUNT, _INT, _INT],
    "reduce": [_ADDRESS, _ADDRESS, _ADDRESS, _COUNT, _INT, _INT, _INT],
    "gather": [_ADDRESS, _ADDRESS, _ADDRESS, _COUNT, _INT, _INT],
    "scatter": [_ADDRESS, _ADDRESS, _ADDRESS, _COUNT, _INT, _INT],
    "all_to_all": [_ADDRESS, _ADDRESS, _ADDRESS, _COUNT, _INT],
    "send": [_ADDRESS, _ADDRESS, _COUNT, _INT, _INT],
    "recv": [_ADDRESS, _ADDRESS, _COUNT, _INT, _INT],
    "sendrecv": [_ADDRESS, _ADDRESS, _COUNT, _INT, _ADDRESS, _COUNT, _INT, _INT],
    "alloc": [_ADDRESS, _COUNT, _ADDRESS], "free": [_ADDRESS],
    "get_statistics": [_ADDRESS, _ADDRESS],
}

_loading = threading.Lock()
_loaded = None


def library_path():
    """Where the library is looked for."""
    given = os.environ.get("FLEXMIG_LIBRARY")
    if given:
        return given
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), LIBRARY_NAME)
    return beside if os.path.exists(beside) else LIBRARY_NAME


def load():
    """The library, loaded once. Raises ImportError that says how to get it."""
    global _loaded
    with _loading:
        if _loaded is None:
            path = library_path()
            try:
                found = ctypes.CDLL(path)
            except OSError as problem:
                raise ImportError(
                    f"{path} can't be loaded ({problem}); install Flex-MIG's wheel (make wheel), or set "
                    "FLEXMIG_LIBRARY to a libflexmig.so") from problem
            found.flexmig_last_error.restype = ctypes.c_char_p
            found.flexmig_status_name.restype = ctypes.c_char_p
            version = found.flexmig_abi_version()
            if version != ABI_VERSION:
                raise ImportError(f"{path} has the binary interface {version}; this package needs {ABI_VERSION}")
            for name, arguments in _ARGUMENTS.items():
                function = getattr(found, "flexmig_" + name)
                function.argtypes, function.restype = arguments, _INT
            _loaded = found
    return _loaded


def _failure(library, status):
    return FlexmigError(
        library.flexmig_status_name(status).decode(), library.flexmig_last_error().decode(),
        library.flexmig_last_error_rank())


class Communicator:
    """A communicator of flexmig.h. One thread at a time, but for abort().

    Its collectives take what the C functions take behind the communicator: addresses as int, counts in elements.
    They raise FlexmigError.
    """

    def __init__(self, prefix, rank, size, timeout):
        """Joins. All ranks give the same prefix and size; `timeout` is in seconds, 0 for FLEXMIG_TIMEOUT."""
        self._library = load()
        self._handle = ctypes.c_void_p()
        self.rank, self.size = rank, size
        status = self._library.flexmig_init_with(
            prefix.encode(), rank, size, timeout, ctypes.byref(self._handle))
        if status:
            raise _failure(self._library, status)

    def __getattr__(self, name):
        # A collective: made once, then found without this.
        if name.startswith("_") or name not in _ARGUMENTS:
            raise AttributeError(name)
        library, handle = self._library, self._handle
        function = getattr(library, "flexmig_" + name)

        def call(*arguments):
            status = function(handle, *arguments)
            if status:
                raise _failure(library, status)

        setattr(self, name, call)
        return call

    def alloc(self, count):
        """The address of `count` bytes that all ranks reach directly. A collective."""
        memory = ctypes.c_void_p()
        status = self._library.flexmig_alloc(self._handle, count, ctypes.byref(memory))
        if status:
            raise _failure(self._library, status)
        return memory.value

    def statistics(self):
        """Calls by kind and way: {"all_reduce": {"calls": 3, "bytes": 48, "direct": 3}, ...}."""
        numbers = _Statistics(struct_size=ctypes.sizeof(_Statistics))
        status = self._library.flexmig_get_statistics(self._handle, ctypes.byref(numbers))
        if status:
            raise _failure(self._library, status)
        result = {}
        for name, kind in KINDS.items():
            entry = numbers.calls[kind]
            if entry.calls:
                ways = {way: entry.ways[number] for number, way in enumerate(WAYS) if entry.ways[number]}
                result[name] = {"calls": entry.calls, "bytes": entry.bytes, **ways}
        return result

    def abort(self):
        """Lets this rank's calls fail, and soon those of the others. Any thread, before destroy()."""
        self._library.flexmig_abort(self._handle)

    def destroy(self):
        """Closes the communicator. Nothing else may be called afterwards."""
        handle, self._handle = self._handle, ctypes.c_void_p()
        for name in _ARGUMENTS:
            self.__dict__.pop(name, None)
        self._library.flexmig_destroy(handle)


def free(address):
    """Releases memory of Communicator.alloc; any thread, also after the communicator is gone."""
    load().flexmig_free(address)
