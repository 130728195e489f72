"""Gloo, as PyTorch programs use it: torch.distributed with the backend "gloo".

gloo.py RANKS DIRECTORY starts the ranks and stays until they have ended. The protocol is in README.md; fills, checks
and the start line are those of the peers in C, in the library beside this file or named by FLEXMIG_PEER_LIBRARY.
"""

import contextlib
import ctypes
import gc
import os
import signal
import subprocess
import sys
import tempfile
import time

OPERATIONS = ["allreduce", "reducescatter", "allgather", "broadcast", "reduce", "gather", "scatter", "alltoall",
              "sendrecv", "barrier"]
TYPES = ["float32", "float64", "int32", "int64", "uint8", "float16", "bfloat16"]
SIZES = [4, 8, 4, 8, 1, 2, 2]
ROUND_OF_ZEROS = 0
MOST = (1 << 31) - 1
# What PyTorch says of an operation or type that this backend lacks.
LACKS = ["not support", "unsupported", "not implemented", "invalid scalar type"]


class Call(ctypes.Structure):
    """struct call of values.h."""

    _fields_ = [("operation", ctypes.c_int), ("type", ctypes.c_int), ("rank", ctypes.c_int), ("ranks", ctypes.c_int),
                ("block", ctypes.c_size_t), ("in_count", ctypes.c_size_t), ("out_count", ctypes.c_size_t),
                ("input", ctypes.c_void_p), ("output", ctypes.c_void_p)]


def load_library():
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "libpeer.so")
    library = ctypes.CDLL(os.environ.get("FLEXMIG_PEER_LIBRARY") or beside, use_errno=True)
    library.call_shape.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_size_t, ctypes.c_int,
                                   ctypes.c_int]
    for name in ["call_allocate", "call_free", "call_spoil"]:
        getattr(library, name).argtypes = [ctypes.c_void_p]
    library.call_fill.argtypes = library.call_check.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
    library.call_check.restype = ctypes.c_int64
    library.library_open.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
    return library


class BadCommand(Exception):
    pass


class Lacking(Exception):
    pass


def parse(line):
    """The operation, type, bytes, method, warm-ups, batches and length of a command."""
    words = line.split()
    if not words or words[0] != "measure":
        raise BadCommand("unknown command")
    if len(words) != 8:
        raise BadCommand("measure takes OP TYPE BYTES METHOD WARMUPS BATCHES LENGTH")
    if words[1] not in OPERATIONS:
        raise BadCommand("unknown operation")
    if words[2] not in TYPES:
        raise BadCommand("unknown type")
    if words[4] not in ["repeat", "rewrite"]:
        raise BadCommand("unknown method")
    numbers = [words[3]] + words[5:]
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise BadCommand("BYTES, WARMUPS, BATCHES or LENGTH is not a number")
    size, warmups, batches, length = map(int, numbers)
    if warmups > MOST or not 1 <= batches <= 100000 or not 1 <= length <= MOST:
        raise BadCommand("WARMUPS, BATCHES or LENGTH is not a number in its range")
    operation, kind = OPERATIONS.index(words[1]), TYPES.index(words[2])
    if size // SIZES[kind] > MOST:
        raise BadCommand("too many elements")
    return operation, kind, size, words[4], warmups, batches, length


class Rank:
    def __init__(self, rank, ranks, directory, store):
        self.rank, self.ranks = rank, ranks
        self.library = load_library()
        import torch
        import torch.distributed as distributed
        self.torch, self.distributed = torch, distributed
        torch.set_num_threads(1)
        path = os.path.join(directory, "startline")
        if self.library.library_open(path.encode(), rank, ranks) != 0:
            sys.exit(f"rank {rank} of {ranks} cannot use {path}: {os.strerror(ctypes.get_errno())}")
        meeting = distributed.FileStore(store, ranks)
        distributed.init_process_group("gloo", store=meeting, rank=rank, world_size=ranks)
        # As for the other peers only the main thread, and only now: Gloo's own threads, which the main thread waits
        # for, would else share its CPU, and operations take up to several times longer.
        pin(rank, ranks)
        gc.disable()

    def serve(self, directory):
        with open(os.path.join(directory, f"command.{self.rank}"), encoding="utf-8") as commands, \
                open(os.path.join(directory, f"result.{self.rank}"), "w", encoding="utf-8") as result:
            for line in iter(commands.readline, ""):
                if line.strip() == "quit":
                    break
                result.write(self.answer(line) + "\n")
                result.flush()
                gc.collect()
        self.distributed.destroy_process_group()

    def answer(self, line):
        try:
            operation, kind, size, method, warmups, batches, length = parse(line)
        except BadCommand as problem:
            return f"error {problem}"
        call = Call()
        self.library.call_shape(ctypes.byref(call), operation, kind, size, self.rank, self.ranks)
        if self.library.call_allocate(ctypes.byref(call)) != 0:
            sys.exit("no memory")
        try:
            measure = Measure(self, call)
            samples = getattr(measure, method)(warmups, batches, length)
            if measure.wrong is not None:
                return "error wrong result: element %d of operation %d" % measure.wrong
            return "ok " + " ".join(f"{sample:.1f}" for sample in samples)
        except Lacking:
            return "unsupported"
        finally:
            self.library.call_free(ctypes.byref(call))

    def operation(self, call):
        """A function without arguments that performs the operation on the call's tensors."""
        name, distributed = OPERATIONS[call.operation], self.distributed
        kind = getattr(self.torch, TYPES[call.type])

        def tensor(address, count):
            memory = (ctypes.c_char * (count * SIZES[call.type])).from_address(address)
            return self.torch.frombuffer(memory, dtype=kind, count=count)

        if name == "barrier":
            return distributed.barrier
        if name in ["allreduce", "broadcast", "reduce"]:
            both = tensor(call.output, call.block)
            return {"allreduce": lambda: distributed.all_reduce(both),
                    "broadcast": lambda: distributed.broadcast(both, 0),
                    "reduce": lambda: distributed.reduce(both, 0)}[name]
        source = tensor(call.input, call.in_count) if call.in_count else None
        result = tensor(call.output, call.out_count) if call.out_count else None
        if name == "gather":
            parts = list(result.split(call.block)) if self.rank == 0 else None
            return lambda: distributed.gather(source, parts, dst=0)
        if name == "scatter":
            parts = list(source.split(call.block)) if self.rank == 0 else None
            return lambda: distributed.scatter(result, parts, src=0)
        if name == "sendrecv":
            after, before = (self.rank + 1) % self.ranks, (self.rank - 1) % self.ranks

            def exchange():
                sending = distributed.isend(source, after)
                distributed.recv(result, before)
                sending.wait()

            return exchange
        return {"reducescatter": lambda: distributed.reduce_scatter_tensor(result, source),
                "allgather": lambda: distributed.all_gather_into_tensor(result, source),
                "alltoall": lambda: distributed.all_to_all_single(result, source)}[name]


class Measure:
    def __init__(self, rank, call):
        self.library, self.call, self.pointer = rank.library, call, ctypes.byref(call)
        self.perform = rank.operation(call)
        self.round, self.performed, self.wrong = ROUND_OF_ZEROS, 0, None

    def check(self):
        wrong = self.library.call_check(self.pointer, self.round)
        if wrong >= 0 and self.wrong is None:
            self.wrong = (wrong, self.performed)

    def perform_fresh(self, is_checked):
        """Rewrites the input, performs and checks. Returns how long the operation took."""
        self.round += 1
        self.library.call_fill(self.pointer, self.round)
        if is_checked:
            self.library.call_spoil(self.pointer)
        self.library.library_wait()
        before = time.monotonic_ns()
        try:
            self.perform()
        except (RuntimeError, ValueError, TypeError) as problem:
            # All ranks are told so before they have sent anything.
            if self.performed == 0 and any(word in str(problem).lower() for word in LACKS):
                raise Lacking from None
            raise
        after = time.monotonic_ns()
        self.performed += 1
        if is_checked:
            self.check()
        return after - before

    def repeat(self, warmups, batches, length):
        self.perform_fresh(True)
        if OPERATIONS[self.call.operation] in ["allreduce", "reduce"]:
            # In place the sums would grow with every repetition; from zeros they do not.
            self.round = ROUND_OF_ZEROS
            self.library.call_fill(self.pointer, self.round)
        self.library.library_wait()
        perform, samples = self.perform, []
        for _ in range(1, warmups):
            perform()
        for _ in range(batches):
            self.library.library_wait()
            before = time.monotonic_ns()
            for _ in range(length):
                perform()
            samples.append((time.monotonic_ns() - before) / length)
        self.performed += max(0, warmups - 1) + batches * length
        self.check()
        return samples

    def rewrite(self, warmups, batches, length):
        for _ in range(warmups):
            self.perform_fresh(False)
        samples = []
        for batch in range(batches):
            total = 0
            for index in range(length):
                ends = [(0, 0), (batches - 1, length - 1)]
                total += self.perform_fresh((batch, index) in ends)
            samples.append(total / length)
        return samples


def pin(rank, ranks):
    allowed = sorted(os.sched_getaffinity(0))
    if os.environ.get("FLEXMIG_BENCH_PIN") != "0" and ranks <= min(os.sysconf("SC_NPROCESSORS_ONLN"), len(allowed)):
        os.sched_setaffinity(0, {allowed[rank]})


def launch(ranks, directory):
    """Runs the ranks; when one fails, or this process is told to end, ends the others. Returns the exit status."""
    environment = dict(os.environ, OMP_NUM_THREADS="1", GLOO_SOCKET_IFNAME="lo")
    children = []

    def end(*_):
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)

    for number in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]:
        signal.signal(number, end)
    with tempfile.TemporaryDirectory(prefix="flexmig-gloo-") as meeting:
        for rank in range(ranks):
            children.append(subprocess.Popen(
                [sys.executable, "-W", "ignore", os.path.abspath(__file__), str(ranks), directory, str(rank),
                 os.path.join(meeting, "store"), str(os.getpid())],
                env=environment, stdin=subprocess.DEVNULL))
        failure = 0
        for _ in range(ranks):
            _, status = os.wait()
            if status != 0 and failure == 0:
                failure = 1
                end()
    return failure


def main(arguments):
    if len(arguments) not in [2, 5] or not arguments[0].isdigit() or int(arguments[0]) < 1:
        print("usage: gloo.py RANKS DIRECTORY", file=sys.stderr)
        return 64
    ranks, directory = int(arguments[0]), arguments[1]
    if len(arguments) == 2:
        return launch(ranks, directory)
    # A rank ends with its launcher (PR_SET_PDEATHSIG).
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != int(arguments[4]):
        return 1
    Rank(int(arguments[2]), ranks, directory, arguments[3]).serve(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
