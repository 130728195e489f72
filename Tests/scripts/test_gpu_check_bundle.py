"""Tests of scripts/gpu-check-bundle: the archive is small enough, whole, and runs from anywhere.

The programs are those that need no Swift, where .build/static has them, else those of the build.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "gpu-check-bundle")
BUILD = os.environ.get("FLEXMIG_BUILD") or os.path.join(ROOT, ".build", "release")
STATIC = os.path.join(ROOT, ".build", "static", "release")
IS_STATIC = all(os.path.exists(os.path.join(STATIC, name)) for name in ("flexmig", "flexmig-supervisor"))


class UsageTests(unittest.TestCase):
    def test_help_and_wrong_usage(self):
        done = subprocess.run([SCRIPT, "--help"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0)
        for word in ("Examples:", "Exit codes:", "--allow-missing"):
            self.assertIn(word, done.stdout)
        for wrong in (["--nonsense"], ["--output"], ["--output", "/nonexistent/x.tar.xz"]):
            done = subprocess.run([SCRIPT, *wrong], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stdout), (64, ""), wrong)
            self.assertIn("--help", done.stderr)


class BundleTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not os.path.exists(os.path.join(BUILD, "flexmig")):
            if os.environ.get("FLEXMIG_REQUIRE_ALL") == "1":
                raise RuntimeError("%s/flexmig is not built" % BUILD)
            raise unittest.SkipTest("flexmig is not built")
        holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(holder.cleanup)
        cls.archive, cls.root = holder.name + "/bundle.tar.xz", holder.name + "/flexmig-gpu-check"
        done = subprocess.run([SCRIPT, "--output", cls.archive, "--allow-missing", "--programs",
                               STATIC if IS_STATIC else BUILD], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        cls.left_out = re.findall(r"left out: (\S+),", done.stderr)
        with tarfile.open(cls.archive) as tar:
            cls.members = tar.getmembers()
            tar.extractall(holder.name)

    def test_size(self):
        self.assertLess(os.path.getsize(self.archive), 60 << 20)

    def test_contents(self):
        names = {member.name.partition("/")[2] for member in self.members}
        wanted = {"gpu-check", "bin/flexmig", "bin/flexmig-supervisor", "scripts/gpu-check", "LICENSE"}
        wanted |= {"scripts/gpucheck/" + name for name in os.listdir(os.path.join(ROOT, "scripts", "gpucheck"))
                   if name.endswith(".py")}
        for built, name in (("libflexmig-collectives.so", "libflexmig.so"),
                            ("libnccl-net-flexmig.so", "libnccl-net-flexmig.so")):
            self.assertEqual(os.path.exists(os.path.join(BUILD, built)), "lib/" + name in names, name)
            self.assertEqual(".build/release/" + built in self.left_out, "lib/" + name not in names)
        self.assertEqual(wanted - names, set())
        self.assertFalse([name for name in names if "__pycache__" in name])
        self.assertEqual({(member.uid, member.gid, member.uname) for member in self.members}, {(0, 0, "")})

    def test_runs_without_swift_from_anywhere(self):
        environment = {"PATH": os.path.dirname(sys.executable) + ":/usr/bin:/bin", "HOME": "/nonexistent"}
        done = subprocess.run([self.root + "/gpu-check", "--help"], capture_output=True, text=True, cwd="/",
                              env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nccl-plugin-collnet", done.stdout)
        if IS_STATIC:
            done = subprocess.run([self.root + "/bin/flexmig", "--help"], capture_output=True, text=True, cwd="/",
                                  env=environment)
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_finds_its_own_libraries(self):
        code = "from gpucheck.routes import find_parts; print(find_parts(None)[:2])"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/",
                              env={"PYTHONPATH": self.root + "/scripts", "PYTHONDONTWRITEBYTECODE": "1"})
        root = os.path.realpath(self.root)
        found = tuple(path if os.path.exists(path) else None for path in (
            root + "/lib/libnccl-net-flexmig.so", root + "/lib/libflexmig.so"))
        self.assertEqual(done.stdout.strip(), repr(found), done.stderr)


if __name__ == "__main__":
    unittest.main()
