"""NVIDIA's own Python binding (the package nvidia-ml-py, module pynvml) drives the simulated NVML library.

A client that nobody here wrote: it finds the library by the driver's name, declares the structs itself and knows the
calls from NVIDIA's headers. What this proves: names, signatures, struct layouts and codes are NVML's. What it cannot
prove: that a real driver behaves alike.

FLEXMIG_BUILD names the directory with the built products, .build/release by default. What is missing is a reason to
skip, and with FLEXMIG_REQUIRE_ALL=1 to fail.

Each test of a ...Client class runs in a process of its own, because the dynamic loader reads LD_LIBRARY_PATH when a
process starts, and because pynvml keeps one library a process.
"""

import ctypes
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("FLEXMIG_BUILD") or os.path.join(ROOT, ".build", "release"))
LIBRARY = os.path.join(BUILD, "libflexmig-simulated-nvml.so")
NODE = os.environ.get("FLEXMIG_SIMULATED_NODE", "")
# Set in the processes that are clients.
IS_CLIENT = os.environ.get("FLEXMIG_PYNVML_CLIENT") == "1"

# Ids and sizes of an A100 with 40 GB, as nvidia-smi prints them.
THIN, FAT, TWO, THREE, FOUR, WHOLE = 19, 15, 14, 9, 5, 0
UUID = "%s-[0-9a-f]{8}-[0-9a-f]{4}-%s[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"

if IS_CLIENT:
    import pynvml


def missing():
    """Why the clients can't run; None when they can."""
    if importlib.util.find_spec("pynvml") is None:
        return "the Python package nvidia-ml-py is not installed"
    for product in ["libflexmig-simulated-nvml.so", "flexmig", "context-holder"]:
        if not os.path.exists(os.path.join(BUILD, product)):
            return f"{os.path.join(BUILD, product)} is not built"
    return None


class PynvmlTest(unittest.TestCase):
    """One test for each test of a client class, run in another process on a new node."""

    def run_client(self, name):
        reason = missing()
        if reason:
            if os.environ.get("FLEXMIG_REQUIRE_ALL") == "1":
                self.fail(reason)
            self.skipTest(reason)
        with tempfile.TemporaryDirectory(prefix="flexmig-pynvml-") as directory:
            node = os.path.join(directory, "node")
            if not name.startswith("NoNodeClient"):
                subprocess.run(
                    [os.path.join(BUILD, "flexmig"), "node", "list", "--simulate", "a100-40gb:2",
                     "--node-directory", node],
                    check=True, capture_output=True, text=True)
            os.symlink(LIBRARY, os.path.join(directory, "libnvidia-ml.so.1"))
            client = subprocess.run(
                [sys.executable, os.path.abspath(__file__), name],
                env=dict(os.environ, LD_LIBRARY_PATH=directory, FLEXMIG_SIMULATED_NODE=node,
                         FLEXMIG_PYNVML_CLIENT="1", FLEXMIG_BUILD=BUILD),
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
            self.assertEqual(client.returncode, 0, client.stdout + client.stderr)
            self.assertIn("Ran 1 test", client.stderr)
            if os.path.exists(node):
                # Whatever a client did: the node is one that the next program can read.
                listing = subprocess.run(
                    [os.path.join(BUILD, "flexmig"), "node", "list", "--json", "--node-directory", node],
                    capture_output=True, text=True)
                self.assertEqual(listing.returncode, 0, listing.stderr)
                json.loads(listing.stdout)


class Client(unittest.TestCase):
    """A session on a new node with two A100 GPUs."""

    def setUp(self):
        pynvml.nvmlInit()
        self.addCleanup(pynvml.nvmlShutdown)
        self.gpu = pynvml.nvmlDeviceGetHandleByIndex(0)

    def create(self, profile, start, size):
        place = pynvml.c_nvmlGpuInstancePlacement_t(start, size)
        return pynvml.nvmlDeviceCreateGpuInstanceWithPlacement(self.gpu, profile, ctypes.byref(place))

    def leaf(self, profile, start, size, compute=0):
        """GPU instance, compute instance and MIG device."""
        instance = self.create(profile, start, size)
        part = pynvml.nvmlGpuInstanceCreateComputeInstance(instance, compute)
        return instance, part, pynvml.nvmlComputeInstanceGetInfo(part).device

    def gpu_instances(self, profile, room=8):
        handles = (pynvml.c_nvmlGpuInstance_t * room)()
        count = ctypes.c_uint(0)
        pynvml.nvmlDeviceGetGpuInstances(self.gpu, profile, handles, ctypes.byref(count))
        return [pynvml.nvmlGpuInstanceGetInfo(handle).id for handle in handles[:count.value]]

    def refused(self, code, call, *arguments):
        with self.assertRaises(pynvml.NVMLError) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.value, code, str(caught.exception))


class StartClient(Client):
    def test_versions(self):
        self.assertEqual(pynvml.nvmlSystemGetDriverVersion(), "595.58.03")
        self.assertTrue(pynvml.nvmlSystemGetNVMLVersion().startswith("13."))
        self.assertEqual(pynvml.nvmlSystemGetCudaDriverVersion(), 13030)

    def test_users_are_counted(self):
        pynvml.nvmlInit()
        pynvml.nvmlShutdown()
        self.assertEqual(pynvml.nvmlDeviceGetCount(), 2)

    def test_after_the_end(self):
        pynvml.nvmlShutdown()
        self.refused(pynvml.NVML_ERROR_UNINITIALIZED, pynvml.nvmlDeviceGetCount)
        pynvml.nvmlInit()
        self.assertEqual(pynvml.nvmlDeviceGetCount(), 2)

    def test_what_the_library_lacks(self):
        self.refused(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND, pynvml.nvmlDeviceGetFanSpeed, self.gpu)


class NoNodeClient(unittest.TestCase):
    def test_no_node_is_no_driver(self):
        with self.assertRaises(pynvml.NVMLError_DriverNotLoaded):
            pynvml.nvmlInit()


class GPUClient(Client):
    def test_enumeration(self):
        self.assertEqual(pynvml.nvmlDeviceGetCount(), 2)
        uuids = []
        for index in range(2):
            gpu = pynvml.nvmlDeviceGetHandleByIndex(index)
            self.assertEqual(pynvml.nvmlDeviceGetIndex(gpu), index)
            self.assertEqual(pynvml.nvmlDeviceGetMinorNumber(gpu), index)
            self.assertEqual(pynvml.nvmlDeviceGetName(gpu), "NVIDIA A100-SXM4-40GB")
            uuids.append(pynvml.nvmlDeviceGetUUID(gpu))
            self.assertRegex(uuids[-1], UUID % ("GPU", "4"))
            same = pynvml.nvmlDeviceGetHandleByUUID(uuids[-1])
            self.assertEqual(pynvml.nvmlDeviceGetIndex(same), index)
        self.assertNotEqual(*uuids)
        self.refused(pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.nvmlDeviceGetHandleByIndex, 2)
        self.refused(pynvml.NVML_ERROR_NOT_FOUND, pynvml.nvmlDeviceGetHandleByUUID, "GPU-none")

    def test_figures(self):
        pci = pynvml.nvmlDeviceGetPciInfo(self.gpu)
        self.assertEqual((pci.busId, pci.domain, pci.bus, pci.device), ("00000000:07:00.0", 0, 7, 0))
        self.assertEqual(pci.pciDeviceId, 0x20B010DE)
        by_bus = pynvml.nvmlDeviceGetHandleByPciBusId(pci.busId)
        self.assertEqual(pynvml.nvmlDeviceGetIndex(by_bus), 0)
        memory = pynvml.nvmlDeviceGetMemoryInfo(self.gpu)
        self.assertEqual(memory.total, 40960 << 20)
        self.assertEqual(memory.free + memory.used, memory.total)
        self.assertEqual(tuple(pynvml.nvmlDeviceGetCudaComputeCapability(self.gpu)), (8, 0))
        self.assertEqual(pynvml.nvmlDeviceGetArchitecture(self.gpu), pynvml.NVML_DEVICE_ARCH_AMPERE)
        self.assertEqual(pynvml.nvmlDeviceGetNumaNodeId(self.gpu), 0)
        self.refused(pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.nvmlDeviceGetUtilizationRates, self.gpu)


class ProfileClient(Client):
    def test_profiles_by_index(self):
        """NOT_SUPPORTED skips an index, INVALID_ARGUMENT ends: the loop that every client runs."""
        found = {}
        for index in range(1000):
            try:
                info = pynvml.nvmlDeviceGetGpuInstanceProfileInfo(self.gpu, index)
            except pynvml.NVMLError_NotSupported:
                continue
            except pynvml.NVMLError_InvalidArgument:
                break
            found[index] = info
        self.assertEqual(index, pynvml.NVML_GPU_INSTANCE_PROFILE_COUNT)
        ids = {index: info.id for index, info in found.items()}
        self.assertEqual(ids, {
            pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE: THIN, pynvml.NVML_GPU_INSTANCE_PROFILE_2_SLICE: TWO,
            pynvml.NVML_GPU_INSTANCE_PROFILE_3_SLICE: THREE, pynvml.NVML_GPU_INSTANCE_PROFILE_4_SLICE: FOUR,
            pynvml.NVML_GPU_INSTANCE_PROFILE_7_SLICE: WHOLE, pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV1: 20,
            pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2: FAT,
        })
        fat = found[pynvml.NVML_GPU_INSTANCE_PROFILE_1_SLICE_REV2]
        name = fat.name.decode() if isinstance(fat.name, bytes) else fat.name
        self.assertEqual(
            (name, fat.sliceCount, fat.instanceCount, fat.multiprocessorCount, fat.memorySizeMB),
            ("MIG 1g.10gb", 1, 4, 14, 9856))
        self.assertEqual((fat.copyEngineCount, fat.decoderCount, fat.isP2pSupported), (1, 1, 0))
        first = pynvml.nvmlDeviceGetGpuInstanceProfileInfo(self.gpu, 0, version=1)
        self.assertEqual((first.id, first.memorySizeMB), (THIN, 4864))

    def test_placements(self):
        for profile, expected in [
            (THIN, [(start, 1) for start in range(7)]), (FAT, [(0, 2), (2, 2), (4, 2), (6, 2)]),
            (TWO, [(0, 2), (2, 2), (4, 2)]), (THREE, [(0, 4), (4, 4)]), (FOUR, [(0, 4)]), (WHOLE, [(0, 8)]),
        ]:
            count = ctypes.c_uint(0)
            pynvml.nvmlDeviceGetGpuInstancePossiblePlacements(self.gpu, profile, None, ctypes.byref(count))
            places = (pynvml.c_nvmlGpuInstancePlacement_t * count.value)()
            pynvml.nvmlDeviceGetGpuInstancePossiblePlacements(self.gpu, profile, places, ctypes.byref(count))
            self.assertEqual([(place.start, place.size) for place in places], expected)


class InstanceClient(Client):
    def test_create_with_placement(self):
        instance = self.create(FAT, 6, 2)
        info = pynvml.nvmlGpuInstanceGetInfo(instance)
        self.assertEqual((info.id, info.profileId, info.placement.start, info.placement.size), (6, FAT, 6, 2))
        self.assertEqual(self.gpu_instances(FAT), [6])
        for start in range(6):
            self.create(THIN, start, 1)
        self.assertEqual(self.gpu_instances(THIN), [7, 8, 9, 10, 11, 12])
        self.assertEqual(pynvml.nvmlDeviceGetGpuInstanceRemainingCapacity(self.gpu, THIN), 0)

    def test_refusals(self):
        three = self.create(THREE, 0, 4)
        self.assertEqual(pynvml.nvmlDeviceGetGpuInstanceRemainingCapacity(self.gpu, THIN), 3)
        self.refused(pynvml.NVML_ERROR_INSUFFICIENT_RESOURCES, self.create, THIN, 3, 1)
        self.refused(pynvml.NVML_ERROR_INSUFFICIENT_RESOURCES, self.create, THIN, 7, 1)
        self.refused(pynvml.NVML_ERROR_INVALID_ARGUMENT, self.create, 1, 4, 2)
        self.refused(pynvml.NVML_ERROR_NOT_FOUND, pynvml.nvmlDeviceGetGpuInstanceById, self.gpu, 2)
        pynvml.nvmlGpuInstanceDestroy(three)
        self.refused(pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.nvmlGpuInstanceDestroy, three)
        self.refused(pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.nvmlGpuInstanceGetInfo, three)

    def test_life_of_a_leaf(self):
        instance, part, device = self.leaf(TWO, 2, 2, compute=1)
        self.refused(pynvml.NVML_ERROR_IN_USE, pynvml.nvmlGpuInstanceDestroy, instance)
        info = pynvml.nvmlComputeInstanceGetInfo(part)
        self.assertEqual((info.id, info.profileId, info.placement.start, info.placement.size), (0, 1, 0, 2))
        uuid = pynvml.nvmlDeviceGetUUID(device)
        self.assertRegex(uuid, UUID % ("MIG", "5"))
        pynvml.nvmlComputeInstanceDestroy(part)
        self.refused(pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.nvmlDeviceGetUUID, device)
        self.refused(pynvml.NVML_ERROR_NOT_FOUND, pynvml.nvmlDeviceGetHandleByUUID, uuid)
        pynvml.nvmlGpuInstanceDestroy(instance)
        self.assertEqual(self.gpu_instances(TWO), [])

    def test_parts_of_an_instance(self):
        instance = self.create(FOUR, 0, 4)
        for index, slices, count in [(0, 1, 4), (1, 2, 2), (2, 3, 1), (3, 4, 1)]:
            info = pynvml.nvmlGpuInstanceGetComputeInstanceProfileInfo(instance, index, 0, version=1)
            self.assertEqual((info.id, info.sliceCount, info.instanceCount), (index, slices, count))
        pynvml.nvmlGpuInstanceCreateComputeInstance(instance, 2)
        self.assertEqual(pynvml.nvmlGpuInstanceGetComputeInstanceRemainingCapacity(instance, 0), 1)
        self.refused(
            pynvml.NVML_ERROR_INSUFFICIENT_RESOURCES, pynvml.nvmlGpuInstanceCreateComputeInstance, instance, 1)
        handles = (pynvml.c_nvmlComputeInstance_t * 8)()
        count = ctypes.c_uint(0)
        pynvml.nvmlGpuInstanceGetComputeInstances(instance, 2, handles, ctypes.byref(count))
        self.assertEqual(count.value, 1)
        same = pynvml.nvmlGpuInstanceGetComputeInstanceById(instance, 0)
        self.assertEqual(pynvml.nvmlComputeInstanceGetInfo(same).profileId, 2)


class DeviceClient(Client):
    def test_mig_devices_by_index(self):
        self.assertEqual(pynvml.nvmlDeviceGetMaxMigDeviceCount(self.gpu), 7)
        made = {start: pynvml.nvmlDeviceGetUUID(self.leaf(THIN, start, 1)[2]) for start in [0, 2, 5]}
        found = {}
        for index in range(7):
            try:
                device = pynvml.nvmlDeviceGetMigDeviceHandleByIndex(self.gpu, index)
            except pynvml.NVMLError_NotFound:
                continue
            found[index] = pynvml.nvmlDeviceGetUUID(device)
            self.assertEqual(pynvml.nvmlDeviceIsMigDeviceHandle(device).value, 1)
            self.assertEqual(pynvml.nvmlDeviceGetGpuInstanceId(device), 7 + index)
            self.assertEqual(pynvml.nvmlDeviceGetComputeInstanceId(device), 0)
            parent = pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(device)
            self.assertEqual(pynvml.nvmlDeviceGetUUID(parent), pynvml.nvmlDeviceGetUUID(self.gpu))
        self.assertEqual(found, made)
        self.assertEqual(pynvml.nvmlDeviceIsMigDeviceHandle(self.gpu).value, 0)

    def test_attributes(self):
        device = self.leaf(FAT, 4, 2)[2]
        attributes = pynvml.nvmlDeviceGetAttributes(device)
        self.assertEqual(
            (attributes.multiprocessorCount, attributes.gpuInstanceSliceCount,
             attributes.computeInstanceSliceCount, attributes.memorySizeMB), (14, 1, 1, 9856))
        self.assertEqual((attributes.sharedCopyEngineCount, attributes.sharedDecoderCount), (1, 1))
        self.assertEqual(pynvml.nvmlDeviceGetMemoryInfo(device).total, 9856 << 20)
        self.assertEqual(pynvml.nvmlDeviceGetName(device), "NVIDIA A100-SXM4-40GB MIG 1g.10gb")
        self.refused(pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.nvmlDeviceGetAttributes, self.gpu)

    def test_processes(self):
        _, part, device = self.leaf(THIN, 0, 1)
        idle = self.leaf(THIN, 1, 1)[2]
        self.assertEqual(pynvml.nvmlDeviceGetComputeRunningProcesses(device), [])
        uuid = pynvml.nvmlDeviceGetUUID(device)
        # The environment alone is no context.
        os.environ["CUDA_VISIBLE_DEVICES"] = uuid
        self.assertEqual(pynvml.nvmlDeviceGetComputeRunningProcesses(device), [])
        holder = subprocess.Popen(
            [os.path.join(BUILD, "context-holder"), uuid], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual(holder.stdout.readline(), "open\n")
            for shown in [device, self.gpu]:
                processes = pynvml.nvmlDeviceGetComputeRunningProcesses(shown)
                self.assertEqual(
                    [(p.pid, p.gpuInstanceId, p.computeInstanceId, p.usedGpuMemory) for p in processes],
                    [(holder.pid, 7, 0, None)])
            self.assertEqual(pynvml.nvmlDeviceGetComputeRunningProcesses(idle), [])
            self.refused(pynvml.NVML_ERROR_IN_USE, pynvml.nvmlComputeInstanceDestroy, part)
        finally:
            holder.kill()
            holder.communicate()
        self.assertEqual(pynvml.nvmlDeviceGetComputeRunningProcesses(self.gpu), [])
        pynvml.nvmlComputeInstanceDestroy(part)
        with open(os.path.join(NODE, "events.log")) as log:
            lines = [re.sub(r"^\d+ ", "", line).split()[0] for line in log]
        self.assertEqual(lines[-3:], ["context-open", "context-close", "destroy-ci"])


class ModeClient(Client):
    def test_mode(self):
        self.assertEqual(pynvml.nvmlDeviceGetMigMode(self.gpu), [1, 1])
        instance = self.create(THIN, 0, 1)
        self.assertEqual(pynvml.nvmlDeviceSetMigMode(self.gpu, 0), pynvml.NVML_ERROR_IN_USE)
        self.assertEqual(pynvml.nvmlDeviceGetMigMode(self.gpu), [1, 0])
        pynvml.nvmlGpuInstanceDestroy(instance)
        self.assertEqual(pynvml.nvmlDeviceSetMigMode(self.gpu, 0), pynvml.NVML_SUCCESS)
        self.assertEqual(pynvml.nvmlDeviceGetMigMode(self.gpu), [0, 0])
        self.refused(pynvml.NVML_ERROR_NOT_SUPPORTED, self.create, THIN, 0, 1)
        self.assertEqual(pynvml.nvmlDeviceGetMaxMigDeviceCount(self.gpu), 0)
        self.assertEqual(pynvml.nvmlDeviceSetMigMode(self.gpu, 1), pynvml.NVML_SUCCESS)
        self.create(THIN, 0, 1)


def flexmig(*arguments):
    """The program on the client's node; what it printed."""
    done = subprocess.run(
        [os.path.join(BUILD, "flexmig"), *arguments, "--node-directory", NODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class LayoutClient(unittest.TestCase):
    """Structs as pynvml declares them."""

    def test_sizes(self):
        for name, size in [
            ("c_nvmlMemory_t", 24), ("c_nvmlMemory_v2_t", 40), ("c_nvmlGpuInstancePlacement_t", 8),
            ("c_nvmlGpuInstanceProfileInfo_t", 48), ("c_nvmlGpuInstanceProfileInfo_v2_t", 152),
            ("c_nvmlGpuInstanceInfo_t", 24), ("c_nvmlComputeInstanceProfileInfo_t", 36),
            ("c_nvmlComputeInstanceProfileInfo_v2_t", 136), ("c_nvmlComputeInstanceInfo_t", 32),
            ("c_nvmlComputeInstancePlacement_t", 8), ("c_nvmlEventData_t", 32), ("c_nvmlGpmMetric_t", 40),
            ("c_nvmlGpmSupport_t", 8), ("c_nvmlDeviceAttributes", 40), ("c_nvmlBAR1Memory_t", 24),
        ]:
            self.assertEqual(ctypes.sizeof(getattr(pynvml, name)), size, name)
        self.assertEqual(pynvml.nvmlMemory_v2, 0x2000028)
        self.assertEqual(pynvml.nvmlGpuInstanceProfileInfo_v2, 0x2000098)
        self.assertEqual(pynvml.nvmlComputeInstanceProfileInfo_v2, 0x2000088)


class FiguresClient(Client):
    def test_memory_version_2(self):
        memory = pynvml.nvmlDeviceGetMemoryInfo(self.gpu, version=pynvml.nvmlMemory_v2)
        self.assertEqual((memory.total, memory.used, memory.reserved), (40960 << 20, 0, 0))
        self.refused(
            pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH, pynvml.nvmlDeviceGetMemoryInfo, self.gpu, 0x3000028)
        self.assertEqual(pynvml.nvmlDeviceGetBAR1MemoryInfo(self.gpu).bar1Total, 64 << 30)

    def test_profile_by_id(self):
        if not hasattr(pynvml, "nvmlDeviceGetGpuInstanceProfileInfoById"):
            self.skipTest("this pynvml has no such call")
        info = pynvml.nvmlDeviceGetGpuInstanceProfileInfoById(self.gpu, FAT)
        self.assertEqual((info.id, info.memorySizeMB), (FAT, 9856))
        self.refused(
            pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.nvmlDeviceGetGpuInstanceProfileInfoById, self.gpu, 1)

    def test_parts_with_names(self):
        instance = self.create(THREE, 0, 4)
        names = []
        for index in range(3):
            info = pynvml.nvmlGpuInstanceGetComputeInstanceProfileInfo(instance, index, 0)
            names.append(info.name.decode() if isinstance(info.name, bytes) else info.name)
        self.assertEqual(names, ["MIG 1c.3g.20gb", "MIG 2c.3g.20gb", "MIG 3g.20gb"])
        count = ctypes.c_uint(0)
        pynvml.nvmlGpuInstanceGetComputeInstancePossiblePlacements(instance, 0, None, ctypes.byref(count))
        self.assertEqual(count.value, 3)
        place = pynvml.c_nvmlComputeInstancePlacement_t(2, 1)
        part = pynvml.nvmlGpuInstanceCreateComputeInstanceWithPlacement(instance, 0, ctypes.byref(place))
        self.assertEqual(pynvml.nvmlComputeInstanceGetInfo(part).placement.start, 2)
        self.refused(
            pynvml.NVML_ERROR_INSUFFICIENT_RESOURCES, pynvml.nvmlGpuInstanceCreateComputeInstanceWithPlacement,
            instance, 0, ctypes.byref(place))

    def test_neighbourhood(self):
        other = pynvml.nvmlDeviceGetHandleByIndex(1)
        self.assertEqual(pynvml.nvmlDeviceGetTopologyCommonAncestor(self.gpu, other), 50)
        self.assertEqual(pynvml.nvmlDeviceGetTopologyCommonAncestor(self.gpu, self.gpu), 0)
        near = pynvml.nvmlDeviceGetTopologyNearestGpus(self.gpu, 50)
        self.assertEqual([pynvml.nvmlDeviceGetIndex(gpu) for gpu in near], [1])
        self.assertNotEqual(sum(pynvml.nvmlDeviceGetCpuAffinity(self.gpu, 16)), 0)
        self.assertEqual(list(pynvml.nvmlDeviceGetMemoryAffinity(other, 1, 0)), [2])

    def test_no_metrics_on_ampere(self):
        self.assertEqual(pynvml.nvmlGpmQueryDeviceSupport(self.gpu).isSupportedDevice, 0)
        sample = pynvml.nvmlGpmSampleAlloc()
        self.create(THIN, 0, 1)
        self.refused(pynvml.NVML_ERROR_NOT_SUPPORTED, pynvml.nvmlGpmMigSampleGet, self.gpu, 7, sample)
        pynvml.nvmlGpmSampleFree(sample)


class EventClient(Client):
    def test_events(self):
        events = pynvml.nvmlEventSetCreate()
        types = pynvml.nvmlDeviceGetSupportedEventTypes(self.gpu)
        self.assertEqual(types & 0x8, 0x8)
        pynvml.nvmlDeviceRegisterEvents(self.gpu, types, events)
        self.refused(pynvml.NVML_ERROR_TIMEOUT, pynvml.nvmlEventSetWait, events, 1)
        flexmig("node", "fault", "xid", "94", "--gpu", "0", "--instance", "7", "--compute", "0")
        event = pynvml.nvmlEventSetWait(events, 60000)
        self.assertEqual(
            (event.eventType, event.eventData, event.gpuInstanceId, event.computeInstanceId), (0x8, 94, 7, 0))
        self.assertEqual(pynvml.nvmlDeviceGetIndex(event.device), 0)
        self.create(THIN, 0, 1)
        self.assertEqual(pynvml.nvmlEventSetWait(events, 60000).eventType, 0x100)
        pynvml.nvmlEventSetFree(events)
        self.refused(pynvml.NVML_ERROR_INVALID_ARGUMENT, pynvml.nvmlEventSetWait, events, 1)

    def test_faults(self):
        flexmig("node", "fault", "add", "code", "777", "--on", "nvmlDeviceGetCount_v2")
        self.refused(777, pynvml.nvmlDeviceGetCount)
        self.assertEqual(pynvml.nvmlDeviceGetCount(), 2)
        flexmig("node", "fault", "add", "lost", "--gpu", "0")
        self.refused(pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.nvmlDeviceGetName, self.gpu)
        flexmig("node", "fault", "clear")
        self.assertEqual(pynvml.nvmlDeviceGetName(self.gpu), "NVIDIA A100-SXM4-40GB")


class TogetherClient(Client):
    def test_pynvml_sees_what_flexmig_did(self):
        flexmig("node", "flatten", "--layout", "full", "--gpu", "0")
        self.assertEqual(self.gpu_instances(THIN), [7, 8, 9, 10, 11, 12])
        self.assertEqual(self.gpu_instances(FAT), [6])
        leaves = {leaf["uuid"] for leaf in json.loads(flexmig("node", "list", "--json"))["leaves"]}
        devices = [pynvml.nvmlDeviceGetMigDeviceHandleByIndex(self.gpu, index) for index in range(7)]
        self.assertEqual({pynvml.nvmlDeviceGetUUID(device) for device in devices}, leaves)
        self.assertEqual(
            [pynvml.nvmlDeviceGetAttributes(device).memorySizeMB for device in devices], [4864] * 6 + [9856])

    def test_flexmig_sees_what_pynvml_did(self):
        made = {pynvml.nvmlDeviceGetUUID(self.leaf(*shape)[2]): shape
                for shape in [(TWO, 0, 2, 1), (THIN, 3, 1, 0), (THREE, 4, 4, 2)]}
        leaves = json.loads(flexmig("node", "list", "--json"))["leaves"]
        self.assertEqual(
            {leaf["uuid"]: (leaf["profile"], leaf["placement"]) for leaf in leaves},
            {uuid: ({TWO: "2g.10gb", THIN: "1g.5gb", THREE: "3g.20gb"}[shape[0]], f"{shape[1]}:{shape[2]}")
             for uuid, shape in made.items()})


CLIENTS = [
    StartClient, NoNodeClient, LayoutClient, GPUClient, ProfileClient, FiguresClient, InstanceClient, DeviceClient,
    ModeClient, EventClient, TogetherClient,
]


def runner(name):
    return lambda self: self.run_client(name)


for client in CLIENTS:
    for test in unittest.TestLoader().getTestCaseNames(client):
        word = re.sub(r"client$", "", client.__name__.lower())
        setattr(PynvmlTest, f"test_{word}_{test[len('test_'):]}", runner(f"{client.__name__}.{test}"))


def load_tests(loader, tests, pattern):
    """Discovery sees the tests that start clients, never the clients' own."""
    return loader.loadTestsFromTestCase(PynvmlTest)


if __name__ == "__main__":
    if IS_CLIENT:
        suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:], sys.modules["__main__"]))
        sys.exit(0 if unittest.TextTestRunner().run(suite).wasSuccessful() else 1)
    unittest.main()
