"""Tests of `flexmig cdi generate` with a real container engine: Debian's podman, and an image made of busybox.

What these prove: podman reads the file, the device nodes of exactly the chosen leaves are in the container with the numbers
of the driver's tables, though the host has none of them, the leaf list is right, and the driver's libraries are there. The
driver's tables are the simulated node's; that a CUDA program runs with them, nothing here can prove.

podman runs in a mount namespace of its own, as root, with its storage in a temporary directory. Where that can't be they are
skipped, loudly; with FLEXMIG_REQUIRE_ALL=1 they fail where scripts/install-dependencies could have installed what is missing.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("FLEXMIG_BUILD", os.path.join(ROOT, ".build", "release"))
FLEXMIG = os.path.join(BUILD, "flexmig")
PROGRAMS = ["sh", "ls", "cat", "env", "stat", "test"]

# In a mount namespace of its own: CDI files where podman 4.3 looks for them, and no cgroup v2 beside v1, which crun refuses.
INSIDE = r"""
set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/cdi
cp "$CDI_FILE" /run/cdi/
if mountpoint -q /sys/fs/cgroup/unified; then umount /sys/fs/cgroup/unified; fi
exec podman --root "$PODMAN/root" --runroot "$PODMAN/runroot" --tmpdir "$PODMAN/tmp" --storage-driver vfs \
    --cgroup-manager=cgroupfs --events-backend=none --runtime crun "$@"
"""


def missing():
    """Why podman can't be tried here, and whether installing packages would help; None where it can."""
    lacking = [name for name in ("podman", "crun", "busybox", "unshare", "mountpoint") if not shutil.which(name)]
    if lacking:
        return "%s not installed" % ", ".join(lacking), os.geteuid() == 0
    if os.geteuid() != 0:
        return "containers with device nodes need root", False
    probe = subprocess.run(["unshare", "-m", "--propagation", "private", "mount", "-t", "tmpfs", "tmpfs", "/run"],
                           capture_output=True, text=True)
    if probe.returncode != 0:
        return "this sandbox allows no mounts: %s" % probe.stderr.strip(), False
    return None


class CDITests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        problem = missing()
        if problem:
            reason, is_promised = problem
            if is_promised and os.environ.get("FLEXMIG_REQUIRE_ALL") == "1":
                raise AssertionError(reason)
            sys.stderr.write("\n*** NOT TESTED with podman: %s ***\n" % reason)
            raise unittest.SkipTest(reason)
        cls.directory = tempfile.mkdtemp(prefix="flexmig-test-cdi-")
        cls.node = os.path.join(cls.directory, "node")
        cls.flexmig("node", "flatten", "--layout", "thin", "--simulate", "a100-40gb:2")
        cls.leaves = json.loads(cls.flexmig("node", "list", "--json").stdout)["leaves"]
        image = os.path.join(cls.directory, "image")
        for folder in ("bin", "dev", "proc", "sys", "etc"):
            os.makedirs(os.path.join(image, folder))
        shutil.copy(shutil.which("busybox"), os.path.join(image, "bin", "busybox"))
        for program in PROGRAMS:
            os.symlink("busybox", os.path.join(image, "bin", program))
        cls.podman_directory = os.path.join(cls.directory, "podman")
        os.makedirs(cls.podman_directory)
        archive = os.path.join(cls.directory, "image.tar")
        subprocess.run(["tar", "-C", image, "-cf", archive, "."], check=True)
        cls.generate()
        cls.podman("import", archive, "flexmig-test:1")

    @classmethod
    def tearDownClass(cls):
        if hasattr(cls, "directory"):
            shutil.rmtree(cls.directory, ignore_errors=True)

    @classmethod
    def flexmig(cls, *arguments, check=True):
        environment = dict(os.environ, FLEXMIG_NODE_DIRECTORY=cls.node, FLEXMIG_CONFIG="/dev/null")
        done = subprocess.run([FLEXMIG, *arguments], capture_output=True, text=True, env=environment, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError("flexmig %s: %s" % (arguments, done))
        return done

    @classmethod
    def generate(cls, *arguments, suffix="yaml"):
        output = os.path.join(cls.directory, "cdi")
        cls.flexmig("cdi", "generate", "--output", output, "--format", suffix, *arguments)
        names = os.listdir(output)
        assert names == ["flexmig.dev-leaf." + suffix], names
        cls.cdi_file = os.path.join(output, names[0])

    @classmethod
    def podman(cls, *arguments, check=True):
        environment = dict(os.environ, CDI_FILE=cls.cdi_file, PODMAN=cls.podman_directory)
        done = subprocess.run(["unshare", "-m", "--propagation", "private", "bash", "-c", INSIDE, "bash", *arguments],
                              capture_output=True, text=True, env=environment, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError("podman %s: %s" % (arguments, done))
        return done

    def run_container(self, devices, *command, check=True):
        options = [option for device in devices for option in ("--device", "flexmig.dev/leaf=" + device)]
        # Limits that a sandbox without CAP_SYS_RESOURCE may set.
        return self.podman("run", "--rm", "--network", "none", "--cgroups=disabled", "--ulimit", "nofile=1024:1024",
                           "--ulimit", "nproc=1024:1024", *options, "flexmig-test:1", *command, check=check)

    def nodes(self, *devices):
        """The NVIDIA nodes in a container: path to (type, major, minor, permissions)."""
        script = ("for node in /dev/nvidia* /dev/nvidia-caps/*; do "
                  "if test ! -d $node; then stat -c '%n %F %t %T %a' $node; fi; done")
        found = {}
        for line in self.run_container(devices, "/bin/sh", "-c", script).stdout.splitlines():
            path, *kind, major, minor, mode = line.split(" ")
            found[path] = (" ".join(kind), int(major, 16), int(minor, 16), mode)
        return found

    def expected(self, leaf):
        """By NVIDIA's table: 3 + 135 a GPU + 9 a GPU instance; a thin leaf at k is instance 7 + k."""
        gpu, instance = leaf["gpu"], 7 + int(leaf["placement"].split(":")[0])
        minor = 3 + 135 * gpu + 9 * instance
        return {"/dev/nvidia%d" % gpu: (195, gpu), "/dev/nvidia-caps/nvidia-cap%d" % minor: (236, minor),
                "/dev/nvidia-caps/nvidia-cap%d" % (minor + 1): (236, minor + 1)}

    CONTROL = {"/dev/nvidiactl": (195, 255), "/dev/nvidia-uvm": (511, 0), "/dev/nvidia-uvm-tools": (511, 1)}

    def test_one_leaf(self):
        leaf = self.leaves[9]
        for path in self.expected(leaf):
            self.assertFalse(os.path.exists(path), "%s is on this host: the test proves nothing" % path)
        found = self.nodes(leaf["uuid"])
        self.assertEqual({path: (major, minor) for path, (_, major, minor, _) in found.items()},
                         {**self.expected(leaf), **self.CONTROL})
        self.assertEqual({kind for kind, _, _, _ in found.values()}, {"character special file"})
        self.assertEqual({mode for path, (_, _, _, mode) in found.items() if "caps" in path}, {"444"})

    def test_several_leaves_add_up(self):
        chosen = [self.leaves[8], self.leaves[2], self.leaves[0]]
        names = [leaf["uuid"] for leaf in chosen]
        expected = dict(self.CONTROL)
        for leaf in chosen:
            expected.update(self.expected(leaf))
        self.assertEqual({path: numbers[1:3] for path, numbers in self.nodes(*names).items()}, expected)
        lines = self.run_container(names, "/bin/env").stdout.splitlines()
        variables = sorted(line for line in lines if line.startswith("FLEXMIG_LEAF_AT_"))
        # Sorted by name they are in the order of ranks: by GPU, then by place.
        self.assertEqual([line.split("=")[1] for line in variables],
                         [self.leaves[0]["uuid"], self.leaves[2]["uuid"], self.leaves[8]["uuid"]])
        self.assertIn("NVIDIA_VISIBLE_DEVICES=void", lines)
        # And flexmig exec takes them as such.
        environment = {line.split("=")[0]: line.split("=")[1] for line in variables}
        bound = subprocess.run([FLEXMIG, "exec", "--print-environment"], capture_output=True, text=True,
                               env={**environment, "SLURM_PROCID": "1", "SLURM_NTASKS": "3", "SLURM_LOCALID": "1"})
        self.assertIn("CUDA_VISIBLE_DEVICES=" + self.leaves[2]["uuid"], bound.stdout, bound)

    def test_a_set_carries_the_list(self):
        names = [self.leaves[3]["uuid"], self.leaves[10]["uuid"]]
        for suffix in ("json", "yaml"):
            self.generate("--set", "job1=" + ",".join(names), suffix=suffix)
            lines = self.run_container(["job1"], "/bin/env").stdout.splitlines()
            self.assertIn("FLEXMIG_LEAVES=" + ",".join(names), lines)
            self.assertIn("CUDA_VISIBLE_DEVICES=" + ",".join(names), lines)
        self.assertEqual(len(self.nodes("job1")), 3 + 6)

    def test_all_and_none(self):
        self.generate()
        self.assertEqual(len(self.nodes("all")), 3 + 2 + 2 * 14)
        self.assertNotIn("nvidia", self.run_container([], "/bin/ls", "/dev").stdout)
        unknown = self.run_container(["MIG-none"], "/bin/env", check=False)
        self.assertNotEqual(unknown.returncode, 0)

    def test_a_quarantined_leaf_is_left_out(self):
        leaf = self.leaves[13]["uuid"]
        self.flexmig("node", "quarantine", leaf, "--reason", "test")
        try:
            self.generate()
            self.assertNotEqual(self.run_container([leaf], "/bin/env", check=False).returncode, 0)
            with open(self.cdi_file) as file:
                self.assertNotIn(leaf, file.read())
        finally:
            self.flexmig("node", "restore", leaf)
            self.generate()

    @unittest.skipUnless(shutil.which("cc"), "no C compiler")
    def test_libraries_of_the_driver(self):
        """A driver installed below a root of its own: its libraries are mounted where its loader has them."""
        root = os.path.join(self.directory, "root")
        libraries = os.path.join(root, "usr", "lib")
        shutil.copytree(os.path.join(self.node, "system"), root, dirs_exist_ok=True)
        os.makedirs(os.path.join(root, "etc"), exist_ok=True)
        os.makedirs(libraries, exist_ok=True)
        subprocess.run(["cc", "-shared", "-nostdlib", "-Wl,-soname,libcuda.so.1", "-x", "c", "/dev/null", "-o",
                        os.path.join(libraries, "libcuda.so.595.58.03")], check=True)
        # Another library is none of ours.
        subprocess.run(["cc", "-shared", "-nostdlib", "-Wl,-soname,libother.so.1", "-x", "c", "/dev/null", "-o",
                        os.path.join(libraries, "libother.so.1")], check=True)
        subprocess.run([shutil.which("ldconfig") or "/sbin/ldconfig", "-r", root], check=True)
        try:
            self.generate("--root", root)
            script = "ls /usr/lib; cat /usr/lib/libcuda.so.1 > /dev/null && echo read; echo x > /usr/lib/libcuda.so.1 || echo kept"
            seen = self.run_container([self.leaves[0]["uuid"]], "/bin/sh", "-c", script).stdout.split()
            self.assertEqual(seen, ["libcuda.so.1", "read", "kept"])
        finally:
            self.generate()


if __name__ == "__main__":
    unittest.main()
