"""Programs in C, C++ and Python use libflexmig.so, several processes of each.

The programs are in Tests/Programs/CInterface; they check what they get and print "ok". This file compiles them as
strictly as compilers can, starts them as the ranks of jobs, and looks at what they leave in /dev/shm.

FLEXMIG_BUILD names the directory with the built products, .build/release by default. What is missing is a reason to
skip, and with FLEXMIG_REQUIRE_ALL=1 to fail.
"""

import glob
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("FLEXMIG_BUILD") or os.path.join(ROOT, ".build", "release"))
LIBRARY = os.path.join(BUILD, "libflexmig-collectives.so")
INCLUDE = os.path.join(ROOT, "Sources", "CFlexmig", "include")
PROGRAMS = os.path.join(ROOT, "Tests", "Programs", "CInterface")

STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
C = ["-x", "c", "-std=c99"]
CPP = ["-x", "c++", "-std=c++11"]


def missing():
    """Why the programs can't run; None when they can."""
    for tool in ["cc", "c++"]:
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    if not os.path.exists(LIBRARY):
        return f"{LIBRARY} is not built"
    return None


class CInterfaceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        reason = missing()
        if reason and os.environ.get("FLEXMIG_REQUIRE_ALL") == "1":
            raise AssertionError(reason)
        if reason:
            raise unittest.SkipTest(reason)
        directory = tempfile.TemporaryDirectory(prefix="flexmig-c-")
        cls.addClassCleanup(directory.cleanup)
        cls.directory = directory.name
        # As it is installed: by its SONAME.
        os.symlink(LIBRARY, os.path.join(cls.directory, "libflexmig.so"))

    def compile(self, name, language=C, *extra):
        """The path of a program, compiled as a user would."""
        program = os.path.join(self.directory, f"{name}-{language[1].replace('+', 'p')}")
        if not os.path.exists(program):
            compiler = "cc" if language is C else "c++"
            done = subprocess.run(
                [compiler, *language, *STRICT, "-O1", f"-I{INCLUDE}", os.path.join(PROGRAMS, f"{name}.c"), "-x", "none",
                 f"-L{self.directory}", *(extra or ["-lflexmig", f"-Wl,-rpath,{self.directory}"]), "-pthread",
                 "-o", program],
                capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
        return program

    def start(self, command, size, timeout="30", **variables):
        """The processes of a job; nothing of it is left at the end of the test."""
        prefix = "flexmig-c-" + secrets.token_hex(6)
        self.addCleanup(lambda: self.assertEqual(glob.glob(f"/dev/shm/{prefix}*"), []))
        ranks = []
        for rank in range(size):
            ranks.append(subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                env=dict(os.environ, RANK=str(rank), WORLD_SIZE=str(size), FLEXMIG_RENDEZVOUS=prefix,
                         FLEXMIG_TIMEOUT=timeout, **variables)))
        self.addCleanup(self.end, ranks)
        return ranks

    @staticmethod
    def end(ranks):
        for rank in ranks:
            if rank.poll() is None:
                rank.kill()
            rank.communicate()

    def expect(self, ranks, *, killed=None, prints="ok\n"):
        """All ranks print the text and end well, but for one that is killed."""
        for number, rank in enumerate(ranks):
            output, errors = rank.communicate(timeout=120)
            if number == killed:
                self.assertEqual(rank.returncode, -signal.SIGKILL, errors)
            else:
                self.assertEqual((rank.returncode, output), (0, prints), f"rank {number}: {errors}")

    def test_header_compiles_alone(self):
        compilers = [["cc", *C], ["cc", "-x", "c", "-std=c11"], ["c++", *CPP], ["c++", "-x", "c++", "-std=c++20"]]
        if shutil.which("clang"):
            compilers += [["clang", *C], ["clang", "-x", "c++", "-std=c++17"]]
        for compiler in compilers:
            done = subprocess.run(
                [*compiler, *STRICT, "-fsyntax-only", "-"], input=f'#include "{INCLUDE}/flexmig.h"\n',
                capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, f"{compiler}: {done.stderr}")

    def test_all_operations(self):
        for size in [1, 2, 3]:
            for language in [C, CPP]:
                with self.subTest(size=size, language=language[1]):
                    self.expect(self.start([self.compile("all_operations", language)], size))

    def test_arguments(self):
        for size in [1, 2, 3]:
            for language in [C, CPP]:
                with self.subTest(size=size, language=language[1]):
                    self.expect(self.start([self.compile("arguments", language)], size))

    def test_failures(self):
        for size in [2, 3]:
            for what in ["mismatch", "standstill", "death", "departure", "abortion"]:
                with self.subTest(size=size, what=what):
                    ranks = self.start([self.compile("failures"), what], size)
                    self.expect(ranks, killed=size - 1 if what == "death" else None)

    def test_a_rank_that_does_not_come(self):
        ranks = self.start([self.compile("failures"), "lateness"], 2, timeout="0.5")
        # The last rank comes when its standard input is closed; by then the other one has given up.
        self.expect(ranks[:1])
        self.expect(ranks[1:])

    def test_environments_that_are_refused(self):
        program = self.compile("failures")
        for variables, status, words in [
            ({"RANK": "x", "WORLD_SIZE": "2"}, "2", "RANK is \"x\""),
            ({"RANK": "0", "WORLD_SIZE": ""}, "2", "WORLD_SIZE is not set"),
            ({"RANK": "0", "WORLD_SIZE": "2", "FLEXMIG_RENDEZVOUS": "a/b"}, "2", "FLEXMIG_RENDEZVOUS"),
            ({"RANK": "0", "WORLD_SIZE": "2", "FLEXMIG_TIMEOUT": "0.1",
              "FLEXMIG_RENDEZVOUS": "flexmig-c-" + secrets.token_hex(6)}, "3", "have not joined"),
        ]:
            with self.subTest(variables=variables):
                done = subprocess.run(
                    [program, "refused", status, words], env=dict(os.environ, **variables), capture_output=True,
                    text=True, timeout=60)
                self.assertEqual((done.returncode, done.stdout), (0, "ok\n"), done.stderr)

    def test_unloading(self):
        program = self.compile("unloaded", C, "-ldl")
        for size in [1, 2]:
            with self.subTest(size=size):
                self.expect(self.start([program, LIBRARY], size))

    def test_small_calls_allocate_nothing(self):
        for rank in self.start([self.compile("small_calls")], 2):
            output, errors = rank.communicate(timeout=120)
            self.assertEqual(rank.returncode, 0, errors)
            self.assertTrue(output.startswith("0 allocations, "), output)

    def test_ctypes(self):
        program = [sys.executable, os.path.join(PROGRAMS, "ctypes_rank.py"), LIBRARY]
        for size in [1, 2, 3]:
            with self.subTest(size=size):
                self.expect(self.start([*program, "numbers"], size))
        self.expect(self.start([*program, "death"], 3), killed=2)

    def test_examples_of_the_page(self):
        with open(os.path.join(ROOT, "docs", "c-interface.md")) as page:
            text = page.read()
        source, = re.findall(r"```c\n(.*?)```", text, re.DOTALL)
        script, = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
        program = os.path.join(self.directory, "example")
        done = subprocess.run(
            ["cc", *C, *STRICT, f"-I{INCLUDE}", "-", "-x", "none", f"-L{self.directory}", "-lflexmig", "-o", program],
            input=source, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        for command, prints in [([program], "1.0\n"), ([sys.executable, "-c", script], "1.0\n")]:
            ranks = self.start(command, 3, LD_LIBRARY_PATH=self.directory)
            self.expect(ranks[:1], prints=prints)
            self.expect(ranks[1:], prints="")

    def test_version_is_the_programs(self):
        program = os.path.join(BUILD, "flexmig")
        if not os.path.exists(program):
            self.skipTest(f"{program} is not built")
        version = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
        with open(os.path.join(INCLUDE, "flexmig.h")) as header:
            self.assertIn(f'#define FLEXMIG_VERSION "{version}"\n', header.read())


if __name__ == "__main__":
    unittest.main()
