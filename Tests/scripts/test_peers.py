"""Tests of Benchmarks/Peers: what the harness of the benchmark's peers answers, through real FIFOs.

The C harness is built against the system's Open MPI into a temporary directory, and once more with a peer whose results
are wrong. What these prove: the protocol, the samples' number, and that wrong results are noticed. What they cannot
prove: that any of the times are right.

Where mpicc is missing they are skipped; with FLEXMIG_REQUIRE_ALL=1 they fail where scripts/install-dependencies promises
the headers of Open MPI.
"""

import contextlib
import os
import select
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = os.path.join(ROOT, "Benchmarks", "Peers")
INSTALL = os.path.join(ROOT, "scripts", "install-peers")
OPERATIONS = ["allreduce", "reducescatter", "allgather", "broadcast", "reduce", "gather", "scatter", "alltoall",
              "sendrecv", "barrier"]
TYPES = ["float32", "float64", "int32", "int64", "uint8", "float16", "bfloat16"]
FLAGS = ["-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11"]

# One rank alone: an all-reduce that leaves out the last element, a gather that does nothing, and nothing else.
WRONG_PEER = '''
#include <string.h>
#include "harness.h"
static int supports(enum operation operation, enum type type) { (void)operation; return type == INT32; }
static void allreduce(const struct call *call) { ((int *)call->out)[call->block - 1] ^= 1; }
static void gather(const struct call *call) { (void)call; }
static void broadcast(const struct call *call) { (void)call; }
int main(int argc, char **argv) {
    struct peer peer = {.supports = supports};
    peer.perform[ALLREDUCE] = allreduce;
    peer.perform[GATHER] = gather;
    peer.perform[BROADCAST] = broadcast;
    return argc == 2 ? serve(&peer, 0, 1, argv[1]) : 64;
}
'''

# Prints the values and sums of 16-bit types that are not exactly those that the compiler has: none.
CHECK_16_BITS = '''
#include <stdio.h>
#include <string.h>
#include "values.h"
int main(void) {
    struct call half, brain, whole;
    call_shape(&half, ALLREDUCE, FLOAT16, 2000, 1, 2);
    call_shape(&brain, ALLREDUCE, BFLOAT16, 2000, 1, 2);
    call_shape(&whole, ALLREDUCE, FLOAT32, 4000, 1, 2);
    if (call_allocate(&half) || call_allocate(&brain) || call_allocate(&whole)) return 1;
    call_fill(&half, 7), call_fill(&brain, 7), call_fill(&whole, 7);
    for (int i = 0; i < 1000; i++) {
        float wanted = ((float *)whole.in)[i];
        unsigned bits = (unsigned)((unsigned short *)brain.in)[i] << 16, got = ((unsigned short *)half.in)[i];
        float value;
        memcpy(&value, &bits, 4);
        // Of a half: 5 bits of exponent with bias 15, 10 bits of fraction.
        float of_half = got == 0 ? 0 : (float)(1 << (got >> 10)) / (float)(1 << 15) * (1 + (float)(got & 1023) / 1024);
        if (value != wanted || of_half != wanted) printf("%d: %g %g %g\\n", i, wanted, value, of_half);
    }
    return 0;
}
'''


def missing():
    """Why Open MPI cannot be built against; None when it can."""
    if shutil.which(mpi("mpicc")) is None:
        return "mpicc is missing"
    if shutil.which(mpi("mpirun")) is None:
        return "mpirun is missing"
    header = subprocess.run([mpi("mpicc"), "-x", "c", "-E", "-"], input="#include <mpi.h>\n", capture_output=True,
                            text=True)
    return None if header.returncode == 0 else "mpi.h is missing"


def mpi(program):
    """Debian's name of Open MPI's program, where it has one: others may be the default."""
    return program + ".openmpi" if shutil.which(program + ".openmpi") else program


def is_promised():
    with open(os.path.join(ROOT, "scripts", "install-dependencies"), encoding="utf-8") as script:
        text = script.read()
    return "libopenmpi-dev" in text or "mpicc" in text


class Session:
    """Ranks that run, and the caller's side of their FIFOs."""

    def __init__(self, command, ranks, directory):
        for rank in range(ranks):
            os.mkfifo(os.path.join(directory, f"command.{rank}"))
            os.mkfifo(os.path.join(directory, f"result.{rank}"))
        with open(os.path.join(directory, "startline"), "wb") as startline:
            startline.write(bytes(4096))
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.commands, self.results = [], []
        for rank in range(ranks):
            self.commands.append(self.open_command(os.path.join(directory, f"command.{rank}")))
            self.results.append(open(os.path.join(directory, f"result.{rank}"), encoding="utf-8"))

    def open_command(self, path):
        """Opens a FIFO for writing, unless the ranks end before they open it."""
        while self.process.poll() is None:
            try:
                file = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
                os.set_blocking(file, True)
                return os.fdopen(file, "w", encoding="utf-8")
            except OSError:
                select.select([self.process.stderr], [], [], 0.01)
        raise AssertionError(f"the ranks ended: {self.process.stderr.read()}")

    def ask(self, line):
        for command in self.commands:
            command.write(line + "\n")
            command.flush()
        return [result.readline().rstrip("\n") for result in self.results]

    def end(self, quit_line="quit\n"):
        for command in self.commands:
            command.write(quit_line)
            command.close()
        ends = [result.read() for result in self.results]
        status = self.process.wait(timeout=60)
        return status, ends, self.process.stderr.read()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for file in self.commands + self.results + [self.process.stderr]:
            with contextlib.suppress(OSError):
                file.close()


class HarnessTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = missing()
        if reason and os.environ.get("FLEXMIG_REQUIRE_ALL") == "1" and is_promised():
            raise AssertionError(reason)
        if reason:
            raise unittest.SkipTest(reason)
        directory = tempfile.TemporaryDirectory(prefix="flexmig-peers-")
        cls.addClassCleanup(directory.cleanup)
        cls.rank = os.path.join(directory.name, "rank")
        sources = [os.path.join(PEERS, name) for name in ["harness.c", "values.c", "mpi.c"]]
        subprocess.run([mpi("mpicc"), *FLAGS, "-o", cls.rank, *sources], check=True)

    def start(self, ranks):
        directory = tempfile.TemporaryDirectory(prefix="flexmig-peers-")
        self.addCleanup(directory.cleanup)
        session = Session([mpi("mpirun"), "--allow-run-as-root", "--oversubscribe", "--bind-to", "none", "-q", "-np",
                           str(ranks), self.rank, directory.name], ranks, directory.name)
        self.addCleanup(session.close)
        return session

    def assert_samples(self, answers, batches):
        for answer in answers:
            words = answer.split()
            self.assertEqual(words[:1], ["ok"], answer)
            self.assertEqual(len(words), 1 + batches, answer)
            for sample in words[1:]:
                self.assertGreater(float(sample), 0, answer)
                self.assertRegex(sample, r"\A[0-9]+(\.[0-9])?\Z")

    def test_every_operation(self):
        for ranks in [2, 3]:
            session = self.start(ranks)
            for operation in OPERATIONS:
                for size in [0, 4, 1000, 100_000]:
                    for method in ["repeat", "rewrite"]:
                        line = f"measure {operation} float32 {size} {method} 2 3 2"
                        with self.subTest(line, ranks=ranks):
                            self.assert_samples(session.ask(line), 3)
            status, ends, errors = session.end()
            self.assertEqual((status, ends), (0, [""] * ranks), errors)

    def test_every_type_of_every_operation_is_measured_or_unsupported(self):
        session = self.start(2)
        for operation in OPERATIONS:
            for kind in TYPES:
                line = f"measure {operation} {kind} 1000 rewrite 0 1 1"
                with self.subTest(line):
                    answers = session.ask(line)
                    if kind in ["float16", "bfloat16"] and answers[0] == "unsupported":
                        self.assertIn(operation, ["allreduce", "reduce", "reducescatter"])
                        self.assertEqual(answers, ["unsupported"] * 2)
                    else:
                        self.assert_samples(answers, 1)
        self.assertEqual(session.end()[0], 0)

    def test_large_tensors(self):
        session = self.start(2)
        self.assert_samples(session.ask("measure allreduce float32 5000000 rewrite 1 2 1"), 2)
        self.assert_samples(session.ask("measure alltoall int64 9000000 repeat 1 2 1"), 2)
        self.assertEqual(session.end()[0], 0)

    def test_bad_commands_are_errors_and_the_next_is_answered(self):
        session = self.start(2)
        for line in ["", "frobnicate", "measure", "measure allreduce float32 8 repeat 1 1",
                     "measure allreduce float32 8 repeat 1 1 1 1", "measure allgreduce float32 8 repeat 1 1 1",
                     "measure allreduce float33 8 repeat 1 1 1", "measure allreduce float32 -8 repeat 1 1 1",
                     "measure allreduce float32 8x repeat 1 1 1", "measure allreduce float32 8 again 1 1 1",
                     "measure allreduce float32 8 repeat -1 1 1", "measure allreduce float32 8 repeat 1 0 1",
                     "measure allreduce float32 8 repeat 1 1 0", "measure allreduce uint8 99999999999 repeat 1 1 1",
                     "measure allreduce float32 99999999999999999999999 repeat 1 1 1", "measure " + "x" * 5000]:
            with self.subTest(line[:60]):
                for answer in session.ask(line):
                    self.assertRegex(answer, r"\Aerror .+")
                self.assert_samples(session.ask("measure allreduce float32 8 repeat 1 2 1"), 2)
        self.assertEqual(session.end()[0], 0)

    def test_the_end_of_the_commands_ends_the_ranks(self):
        session = self.start(2)
        self.assert_samples(session.ask("measure barrier uint8 0 repeat 1 2 3"), 2)
        self.assertEqual(session.end(quit_line="")[:2], (0, ["", ""]))


class WrongPeerTest(unittest.TestCase):
    """They need a C compiler, and no MPI."""

    def setUp(self):
        self.compiler = shutil.which("cc") or shutil.which("clang")
        if self.compiler is None:
            if os.environ.get("FLEXMIG_REQUIRE_ALL") == "1":
                self.fail("there is no C compiler")
            self.skipTest("there is no C compiler")
        directory = tempfile.TemporaryDirectory(prefix="flexmig-peers-")
        self.addCleanup(directory.cleanup)
        self.directory = directory.name

    def compile(self, text, names):
        program, source = os.path.join(self.directory, "program"), os.path.join(self.directory, "program.c")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        sources = [os.path.join(PEERS, name) for name in names]
        subprocess.run([self.compiler, *FLAGS, "-I", PEERS, "-o", program, source, *sources], check=True)
        return program

    def test_wrong_results_are_errors(self):
        session = Session([self.compile(WRONG_PEER, ["harness.c", "values.c"]), self.directory], 1, self.directory)
        self.addCleanup(session.close)
        for method in ["repeat", "rewrite"]:
            with self.subTest(method):
                self.assertEqual(session.ask(f"measure allreduce int32 400 {method} 2 2 2")[0][:38],
                                 "error wrong result: element 99 of oper")
                self.assertEqual(session.ask(f"measure gather int32 400 {method} 2 2 2")[0][:37],
                                 "error wrong result: element 0 of oper")
                # Alone, the root has nothing to send.
                self.assertEqual(session.ask(f"measure broadcast int32 400 {method} 2 2 2")[0][:3], "ok ")
                self.assertEqual(session.ask(f"measure allreduce int64 400 {method} 2 2 2"), ["unsupported"])
                self.assertEqual(session.ask(f"measure barrier int32 0 {method} 2 2 2"), ["unsupported"])
        self.assertEqual(session.end()[0], 0)

    def test_16_bit_values(self):
        program = self.compile(CHECK_16_BITS, ["values.c"])
        result = subprocess.run([program], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stdout), (0, ""))


class InstallerTest(unittest.TestCase):
    def run_installer(self, *arguments):
        return subprocess.run([INSTALL, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True)

    def test_help_list_and_usage_errors(self):
        with tempfile.TemporaryDirectory(prefix="flexmig-peers-") as directory:
            help_text = self.run_installer("--help")
            self.assertEqual(help_text.returncode, 0, help_text.stderr)
            self.assertIn("Examples:", help_text.stdout)
            listing = self.run_installer("--into", directory, "--list")
            self.assertEqual(listing.returncode, 0, listing.stderr)
            lines = [line.split(None, 1) for line in listing.stdout.splitlines()]
            self.assertEqual([line[0] for line in lines],
                             ["openmpi", "openmpi5", "mpich", "mpich5", "impi", "gloo", "deepspeed"])
            self.assertEqual({line[1] for line in lines}, {"not installed"})
            for arguments in [["--into"], ["nccl"], ["--frobnicate"]]:
                self.assertEqual(self.run_installer(*arguments).returncode, 64)
            self.assertEqual(os.listdir(directory), [])


if __name__ == "__main__":
    unittest.main()
