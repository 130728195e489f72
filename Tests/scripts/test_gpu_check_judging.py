"""Tests of what scripts/gpu-check makes of logs, samples and events: pure functions."""

import argparse
import os
import sys
import tempfile
import textwrap
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.realpath(os.environ.get("FLEXMIG_BUILD") or os.path.join(ROOT, ".build", "release"))
sys.dont_write_bytecode, before = True, sys.dont_write_bytecode
sys.path.insert(0, os.path.join(ROOT, "scripts"))
from gpucheck import bandwidth, checks, death, link, nccl, nvidia, outcomes, privacy, processes, routes
sys.path.pop(0)
sys.dont_write_bytecode = before

NCCL_2_27 = """\
node-a:101:101 [0] NCCL INFO cudaDriverVersion 13000
node-a:101:101 [0] NCCL INFO NCCL version 2.27.5+cuda12.9
node-a:101:140 [0] NCCL INFO NCCL_HOSTID set by environment to gpu-check-0.
node-a:101:140 [0] NCCL INFO NET/Socket : Using [0]lo:127.0.0.1<0>
node-a:101:140 [0] NCCL INFO Using network Socket
node-a:101:140 [0] NCCL INFO Channel 00/02 : 0 1
node-a:101:150 [0] NCCL INFO Channel 00/0 : 1[0] -> 0[0] [receive] via NET/Socket/0
node-a:101:150 [0] NCCL INFO Channel 01/0 : 1[0] -> 0[0] [receive] via NET/Socket/0
node-a:101:150 [0] NCCL INFO Channel 00/0 : 0[0] -> 1[0] [send] via NET/Socket/0/Shared
node-a:101:140 [0] NCCL INFO Connected all rings, use ring PXN 0 GDR 0
"""


class ValueTests(unittest.TestCase):
    def test_sizes(self):
        for text, size in (("8", 8), ("64K", 65536), ("16MiB", 16 << 20), ("1g", 1 << 30),
                           (" 4 KB ", 4096)):
            self.assertEqual(outcomes.parse_size(text), size, text)
        for text in ("", "0", "7", "-8", "8.5K", "8T", "2G", "x"):
            with self.assertRaises(ValueError, msg=text):
                outcomes.parse_size(text)

    def test_a_collective_lasts_as_long_as_its_slowest_rank(self):
        row = bandwidth.make_row("all_reduce", 4000, [[1e-6, 4e-6, 1e-6], [2e-6, 1e-6, 2e-6]], None)
        self.assertEqual((row["n"], row["median_us"], row["p10_us"]), (3, 2.0, 2.0))
        self.assertEqual((row["algbw_gb_s"], row["busbw_gb_s"]), (2.0, 2.0))
        self.assertIsNone(row["percent_of_link_bound"])

    def test_bus_bandwidth_and_p10(self):
        samples = [number * 1e-3 for number in range(1, 12)]  # 1 to 11 ms
        for operation, factor in (("all_reduce", 1.5), ("all_gather", 0.75), ("all_to_all", 0.75),
                                  ("reduce_scatter", 0.75), ("broadcast", 1), ("send_recv", 1)):
            row = bandwidth.make_row(operation, 6_000_000, [samples] * 4, None)
            self.assertEqual((row["median_us"], row["p10_us"]), (6000.0, 2000.0))
            self.assertEqual((row["algbw_gb_s"], row["busbw_gb_s"]), (1.0, factor), operation)

    def test_percent_of_the_link_bound(self):
        """Four ranks, 40 GB/s from the GPU, 50 GB/s to it, 1 GB in a second."""
        for operation, bound_ms in (
                ("all_reduce", 100),  # 4 GB up at 40
                ("all_gather", 60),  # 3 GB down at 50
                ("reduce_scatter", 75),  # 3 GB up at 40
                ("all_to_all", 75), ("broadcast", 60), ("send_recv", 100)):
            row = bandwidth.make_row(operation, 10 ** 9, [[1.0] * 3] * 4, (40.0, 50.0))
            self.assertAlmostEqual(row["link_bound_us"], bound_ms * 1e3, msg=operation)
            self.assertAlmostEqual(row["percent_of_link_bound"], bound_ms / 10, msg=operation)

    def test_link_rates_of_processes_add_up_and_both_ways_count_twice(self):
        ranks = [[1e-3] * 5, [2e-3] * 6]
        one, both = (link.make_row(2_000_000, way, ranks) for way in ("h2d", "both"))
        self.assertEqual((one["n"], one["each_way_gb_s"], one["total_gb_s"]), (5, 3.0, 3.0))
        self.assertEqual((both["each_way_gb_s"], both["total_gb_s"]), (3.0, 6.0))
        self.assertEqual(one["median_us"], 2000.0)
        self.assertIsNone(link.bound([one]))
        self.assertEqual(link.bound([one, both]), (3.0, 3.0))

    def test_redaction(self):
        text = ("node-a:101:102 [0] NCCL INFO Bootstrap: Using eth0:10.1.2.3<0>\n"
                "node-a and node-abc; GPU-01234567-89ab-cdef-0123-456789abcdef; lo:127.0.0.1; "
                "MIG-01234567-89ab-cdef-0123-456789abcdef; fe80::1:2; version 2.27.5+cuda12.9; "
                + os.path.expanduser("~") + "/x")
        self.assertEqual(
            privacy.redact({"key": [text, 3, None]}, host="node-a"),
            {"key": ["host:101:102 [0] NCCL INFO Bootstrap: Using eth0:<address><0>\n"
                     "host and node-abc; GPU-<uuid>; lo:127.0.0.1; MIG-<uuid>; <address>; "
                     "version 2.27.5+cuda12.9; ~/x", 3, None]})


class ReadingTests(unittest.TestCase):
    def test_socket_route(self):
        self.assertEqual(nccl.parse_nccl_log(NCCL_2_27), {
            "version": "2.27.5", "network": "Socket", "refusal": None,
            "transports": {"NET/Socket": 3}, "algorithms": {}})

    def test_other_transports(self):
        start = "h:1:2 [0] NCCL INFO Channel 00"
        for line, name in (("/0 : 0[0] -> 1[0] via P2P/CUMEM", "P2P/CUMEM"),
                           ("/0 : 0[0] -> 1[1] via SHM/direct/direct", "SHM/direct/direct"),
                           ("/0 : 0[3] -> 8[3] [send] via NET/IB/2(1)/GDRDMA", "NET/IB/GDRDMA"),
                           (" : 0[1a000] -> 1[1b000] via direct shared memory", "SHM"),
                           ("/1 : 0[0] -> 1[0] [send] via NET/FlexMIG/0", "NET/FlexMIG")):
            self.assertEqual(nccl.parse_nccl_log(start + line)["transports"], {name: 1}, line)
        for line in ("CollNet 01/0 : 3 [receive] via COLLNET/FlexMIG/0",
                     "Coll 01 : 3 [send] via COLLNET/FlexMIG/0"):
            log = "h:1:2 [0] NCCL INFO " + line
            self.assertEqual(nccl.parse_nccl_log(log)["transports"], {"COLLNET/FlexMIG": 1})

    def test_algorithms(self):
        log = "".join("h:1:2 [0] NCCL INFO %s\n" % line for line in (
            "AllReduce: 4096 Bytes -> Algo COLLNET_CHAIN proto SIMPLE channel{Lo..Hi}={0..1}",
            "AllReduce: 8 Bytes -> Algo 3 proto 2 time 12.5",
            "AllGather: 8 Bytes -> Algo Ring proto LL channel{Lo..Hi}={0..0}"))
        self.assertEqual(nccl.parse_nccl_log(log)["algorithms"], {
            "AllReduce": {"collnetchain/simple": 2}, "AllGather": {"ring/ll": 1}})

    def test_refusals_of_each_version(self):
        for words in ("Duplicate GPU detected : rank 1 and rank 0 both on CUDA device 59000",
                      "Multiple ranks detected using the same GPU on this node. Set "
                      "NCCL_MULTI_RANK_GPU_ENABLE=1",
                      "Multiple Ranks are using the same GPU/Partition. Set "
                      "NCCL_MULTI_RANK_GPU_ENABLE=1 to enable this configuration."):
            log = "\nh:1:2 [0] init.cc:903 (initTransportsRank) NCCL WARN %s\nh:1:2 more" % words
            self.assertEqual(nccl.parse_nccl_log(log)["refusal"], words)
        self.assertIsNone(nccl.parse_nccl_log("NCCL INFO comm 0x1 rank 0")["refusal"])

    def test_devices(self):
        plain = "GPU 0: NVIDIA A (UUID: GPU-aa)\nGPU 1: NVIDIA A (UUID: GPU-bb)\n"
        mig = ("GPU 0: NVIDIA H (UUID: GPU-aa)\n"
               "  MIG 1g.10gb     Device  0: (UUID: MIG-11)\n"
               "  MIG 1g.10gb     Device  1: (UUID: MIG-22)\n"
               "  MIG 1g.10gb     Device  2: (UUID: MIG-44)\n"
               "GPU 1: NVIDIA H (UUID: GPU-bb)\n  MIG 7g.80gb Device 0: (UUID: MIG-33)\n")
        for visible, listing, ranks, gpu in (
                (None, "", [None], None), (None, plain, ["GPU-aa"], "GPU-aa"),
                ("", plain, [""], None), ("1,0", plain, ["1"], None),
                ("GPU-bb", plain, ["GPU-bb"], "GPU-bb"),
                (None, mig, ["MIG-11", "MIG-22", "MIG-44"], "GPU-aa"),
                ("MIG-22", mig, ["MIG-22"], "GPU-aa"),
                ("MIG-22, MIG-11", mig, ["MIG-22", "MIG-11"], "GPU-aa"),
                ("MIG-11,MIG-33", mig, ["MIG-11"], "GPU-aa"),  # not on one GPU
                ("GPU-bb", mig, ["MIG-33"], "GPU-bb")):
            self.assertEqual(nvidia.select_devices(visible, listing), (ranks, gpu), visible)

    def test_versions(self):
        self.assertLess(nccl.version_number("2.28.9"), (2, 30, 7))
        self.assertGreaterEqual(nccl.version_number("2.30.7"), (2, 30, 7))
        self.assertGreaterEqual(nccl.version_number("2.31.2+cuda13.0"), (2, 31))
        self.assertLess(nccl.version_number(None), (2,))


class RouteTests(unittest.TestCase):
    def against(self, route, transports, algorithms=()):
        log = {"transports": dict.fromkeys(transports, 2), "algorithms": {
            "AllReduce": dict.fromkeys(algorithms, 1)} if algorithms else {}}
        return routes.detour(route, log)

    def test_what_proves_a_route(self):
        net, collnet, sockets = "NET/FlexMIG", "COLLNET/FlexMIG", "NET/Socket"
        for route, transports, algorithms, proven in (
                ("gloo", [], [], True), ("nccl-socket", [sockets], [], True),
                ("nccl-socket", [], [], False), ("nccl-socket", [sockets, "P2P/CUMEM"], [], False),
                ("nccl-plugin", [net], ["ring/simple"], True), ("nccl-plugin", [sockets], [], False),
                ("nccl-plugin", [net, collnet], [], False), ("nccl-plugin", [net, sockets], [], False),
                ("nccl-plugin-collnet", [net, collnet], [], True),
                ("nccl-plugin-collnet", [collnet], ["collnetchain/simple"], True),
                ("nccl-plugin-collnet", [net, collnet], ["ring/simple"], False),
                ("nccl-plugin-collnet", [net], [], False),
                ("nccl-stock", ["P2P/CUMEM"], [], True), ("nccl-stock", [sockets], [], False),
                ("nccl-stock", [], [], False)):
            reason = self.against(route, transports, algorithms)
            self.assertEqual(reason is None, proven, (route, transports, algorithms, reason))

    def test_every_rank_is_a_host_of_its_own(self):
        for parts in (routes.Parts("/p.so", "/l.so", None), routes.find_parts(None)):
            for route in ("nccl-socket", "nccl-plugin", "nccl-plugin-collnet"):
                ids = {self.environment(parts, route, rank)["NCCL_HOSTID"] for rank in range(4)}
                self.assertEqual(len(ids), 4)
            self.assertNotIn("NCCL_HOSTID", self.environment(parts, "nccl-stock", 0))

    @staticmethod
    def environment(parts, route, rank=1):
        given = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
        return routes.environment(route, rank, 4, parts, "run", given).variables

    FAKE = textwrap.dedent("""\
        #!/bin/sh
        [ "$FLEXMIG_PLUGIN" = /p.so ] && [ "$FLEXMIG_RANK/$FLEXMIG_WORLD_SIZE" = 1/4 ] || exit 3
        [ "$1 $2 $4" = "exec --runtime --print-environment" ] || exit 4
        [ "$3" != nccl ] || { echo "flexmig: no NCCL 2.31 here" >&2; exit 69; }
        echo "CUDA_VISIBLE_DEVICES=MIG-gpu-check-1"
        echo "FLEXMIG_LEAF=MIG-gpu-check-1"
        echo "FLEXMIG_LOCAL_WORLD_SIZE=4"
        echo "NCCL_MIN_NCHANNELS=8"
        echo "NCCL_COLLNET_ENABLE=1"
        echo "NCCL_ALGO=allreduce:collnetchain,ring=x"
        """)

    def test_the_launcher_gives_the_environment(self):
        with tempfile.TemporaryDirectory() as folder:
            program = folder + "/flexmig"
            with open(program, "w", encoding="utf-8") as file:
                file.write(self.FAKE)
            os.chmod(program, 0o755)
            parts = routes.Parts("/p.so", "/l.so", None, program)
            found = routes.environment("nccl-plugin-collnet", 1, 4, parts, "job", dict(os.environ))
            self.assertEqual(found.variables, dict(
                routes.TELLING, FLEXMIG_RANK="1", FLEXMIG_WORLD_SIZE="4", FLEXMIG_JOB_ID="job",
                FLEXMIG_LOCAL_WORLD_SIZE="4", NCCL_MIN_NCHANNELS="8", NCCL_COLLNET_ENABLE="1",
                NCCL_ALGO="allreduce:collnetchain,ring=x"))
            self.assertEqual(found.origin, {
                "variables_of": "flexmig exec --runtime nccl-plugin", "changed": {}})
            # The rings alone, and what a launcher that found few processors says.
            rings = {"NCCL_COLLNET_ENABLE": "0", "NCCL_MIN_NCHANNELS": "4", "NCCL_ALGO": None}
            self.assertEqual(routes.environment("nccl-plugin", 1, 4, parts, "job", dict(os.environ))
                             .origin["changed"], rings)
            few = {"NCCL_MIN_NCHANNELS": "4"}
            self.assertEqual(routes.changes("nccl-plugin", few), {})
            self.assertEqual(routes.changes("nccl-plugin-collnet", few), {
                "NCCL_COLLNET_ENABLE": "1", "NCCL_MIN_NCHANNELS": "8"})
            self.assertEqual(routes.changes("nccl-socket", few), {})
            # A refusal leaves gpu-check's own, and is told.
            refused = routes.environment("nccl-stock", 1, 4, parts, "job", dict(os.environ))
            self.assertEqual(refused.variables["NCCL_MULTI_RANK_GPU_ENABLE"], "1")
            self.assertIn("no NCCL 2.31 here", refused.origin["variables_of"])
            gone = routes.environment("nccl-socket", 1, 4, parts._replace(launcher="/nowhere"), "job", {})
            self.assertIn("/nowhere does not work", gone.origin["variables_of"])
            self.assertEqual(gone.variables["FLEXMIG_LOCAL_WORLD_SIZE"], "4")

    @unittest.skipUnless(os.path.exists(os.path.join(BUILD, "flexmig")), "flexmig is not built")
    def test_the_real_launcher(self):
        parts = routes.Parts(BUILD + "/libnccl-net-flexmig.so", BUILD + "/libflexmig-collectives.so",
                             os.path.join(ROOT, "python"), BUILD + "/flexmig")
        for route, variables in (
                ("nccl-socket", {"NCCL_NET": "Socket", "NCCL_HOSTID": "run-1"}),
                ("nccl-plugin", {"NCCL_NET": routes.PLUGIN_NAME, "NCCL_NET_PLUGIN": parts.plugin,
                                 "NCCL_HOSTID": "run-1"}),
                ("nccl-plugin-collnet", {"NCCL_NET_PLUGIN": parts.plugin, "NCCL_COLLNET_ENABLE": "1",
                                         "NCCL_MIN_NCHANNELS": "8"})):
            found = routes.environment(route, 1, 4, parts, "run", {"PATH": "/usr/bin:/bin"})
            self.assertIn("flexmig exec --runtime", found.origin["variables_of"], route)
            variables.update(FLEXMIG_LOCAL_WORLD_SIZE="4", FLEXMIG_LOCAL_RANK="1")
            self.assertEqual({name: found.variables.get(name) for name in variables}, variables)
            # Off, or as the launcher leaves it where processors are few.
            collnet = found.variables.get("NCCL_COLLNET_ENABLE", "0")
            self.assertEqual(collnet, "1" if route == "nccl-plugin-collnet" else "0", route)
            self.assertNotIn("CUDA_VISIBLE_DEVICES", found.variables)

    def test_what_cannot_be_had(self):
        none, facts = routes.Parts(None, None, None), {"has": ["nccl", "gloo"], "nccl": "2.28.9"}
        for route, device, words in (
                ("nccl-stock", "cuda", "not possible: NCCL 2.28.9"), ("nccl-socket", "cuda", None),
                ("nccl-plugin", "cuda", "is missing"), ("flexmig", "cuda", "is missing"),
                ("nccl-socket", "cpu", "needs a GPU"), ("gloo", "cpu", None)):
            reason = routes.impossible(route, facts, none, device)
            self.assertTrue(reason is None if words is None else words in reason, (route, reason))
        new = dict(facts, nccl="2.30.7")
        self.assertIsNone(routes.impossible("nccl-stock", new, none, "cuda"))
        self.assertIn("no gloo", routes.impossible("gloo", dict(facts, has=["nccl"]), none, "cpu"))


def group(*ranks, trouble=None, log="", ends=None, heard=None, statuses=None):
    return processes.Group([list(events) for events in ranks], [log] * len(ranks), trouble, 1.0,
                           ends or [1.0] * len(ranks), heard or [[] for _ in ranks],
                           statuses or [0] * len(ranks))


def case(right=True, same=1):
    return {"event": "case", "operation": "all_reduce sum", "type": "float32", "count": 1,
            "right": right, "wrong": int(not right), "same": same}


def part(*ranks, trouble=None):
    return checks.Part([list(events) for events in ranks], trouble is None, trouble, 1.0)


class VerdictTests(unittest.TestCase):
    ERROR = {"event": "error", "message": "RuntimeError: NCCL error"}
    WARNING = "h:1:2 [0] init.cc:1 NCCL WARN Duplicate GPU detected : rank 0 and rank 1"

    def refuses(self, version, *ranks, **more):
        return checks.judge_refuses(group(*ranks, **more), version)[0]

    def test_refusal(self):
        failed = ("failed", "RuntimeError: NCCL error")
        self.assertEqual(self.refuses("2.27.5", [self.ERROR], [self.ERROR], trouble=failed,
                                      log=self.WARNING), "as-expected")
        self.assertEqual(self.refuses("2.27.5", [self.ERROR], [], trouble=failed), "failed")
        self.assertEqual(self.refuses("2.27.5", [], [], trouble=("timed-out", "no answer"),
                                      log=self.WARNING), "timed-out")

    def test_acceptance_depends_on_the_version(self):
        for version, outcome in (("2.27.5", "contradicts"), ("2.30.7", "contradicts"),
                                 ("2.31.2", "as-expected"), (None, "contradicts")):
            self.assertEqual(self.refuses(version, [case()], [case()]), outcome, version)
        self.assertEqual(self.refuses("2.31.2", [case()], [case(right=False)]), "contradicts")

    def test_cases(self):
        late, refused = ("timed-out", "late"), {"event": "unsupported", "operation": "reduce",
                                                "type": "int8"}
        scaled = dict(refused, operation="all_reduce premul_sum", type="float32")
        for ranks, trouble, detour, route, outcome in (
                (([case()], [case()]), None, None, "nccl-plugin", "as-expected"),
                (([case()], [case(right=False)]), None, None, "nccl-plugin", "contradicts"),
                (([case(right=False)], []), late, None, "nccl-plugin", "contradicts"),
                (([case()], [case(same=2)]), None, None, "nccl-plugin", "contradicts"),
                (([case()], [case()]), None, "another way", "nccl-plugin", "contradicts"),
                (([case()], []), late, None, "nccl-plugin", "timed-out"),
                (([case()], []), None, None, "nccl-plugin", "failed"),
                (([], []), None, None, "nccl-plugin", "failed"),
                (([case(), refused], [case(), refused]), None, None, "nccl-plugin", "failed"),
                (([case(), scaled], [case(), scaled]), None, None, "nccl-socket", "failed"),
                # Flex-MIG's own backend may refuse what is listed, gloo what it likes.
                (([case(), refused], [case(), refused]), None, None, "flexmig", "failed"),
                (([case(), scaled], [case(), scaled]), None, None, "flexmig", "as-expected"),
                (([case(), refused], [case(), refused]), None, None, "gloo", "as-expected")):
            verdict = checks.judge_cases(part(*ranks, trouble=trouble), detour, route)
            self.assertEqual(verdict[0], outcome, (route, verdict))

    def test_only_gloo_may_fail_for_want_of_support(self):
        def judged(route):
            error = ("failed", "FlexmigError: unsupported-type: torch.float32 has no reduction SUM")
            begun = [{"event": "begin", "check": "ddp"}, {"event": "error", "message": error[1]}]
            ended = group(begun, begun, trouble=error)
            runner = checks.Runner(argparse.Namespace(), checks.Mode("mps", "cuda", []),
                                   {"torch": "2.11.0", "nccl": None}, routes.Parts(None, None, None), "")
            return runner.judged("ddp", route, 2, ended, checks.part_of(ended, "ddp"), None, None)["outcome"]
        self.assertEqual([judged(route) for route in ("gloo", "flexmig", "nccl-plugin")],
                         ["skipped", "failed", "failed"])

    def test_death(self):
        began, noticed = {"event": "began"}, {"event": "noticed", "error": "RuntimeError: gone"}
        early, soon, late = (1.0, "WARN of the start"), (3.2, "async exception"), (9.5, "async exception")
        for ranks, ends, heard, outcome, survivors in (
                # PyTorch may take long to end a process that was told at once.
                (([began], [began]), [None, 3.0], [[early, soon], []], "as-expected", [(0.2, None)]),
                (([began], [began]), [28.0, 3.0], [[soon, late], []], "as-expected", [(0.2, 25.0)]),
                (([began, noticed], [began]), [3.5, 3.0], [[soon], []], "as-expected", [(0.2, 0.5)]),
                (([began], [began]), [3.5, 3.0], [[], []], "as-expected", [(0.5, 0.5)]),
                (([began], [began]), [None, 3.0], [[], []], "contradicts", [(None, None)]),
                (([began], [began]), [None, 3.0], [[early], []], "contradicts", [(None, None)]),
                (([began], [began]), [None, 3.0], [[late], []], "contradicts", [(6.5, None)]),
                (([began], [began]), [12.0, 3.0], [[], []], "contradicts", [(9.0, 9.0)]),
                (([began], [began], [began]), [3.1, None, 3.0], [[soon], [late], []], "contradicts",
                 [(0.1, 0.1), (6.5, None)]),
                (([began], []), [3.5, 3.0], [[], []], "failed", []),  # died before anything began
                (([began], [began]), [3.5, None], [[], []], "failed", [])):
            verdict = checks.judge_death(group(*ranks, ends=ends, heard=heard), 5.0)
            told = [(each["reported_after_s"], each["ended_after_s"]) for each in verdict[2]]
            self.assertEqual((verdict[0], told), (outcome, survivors), verdict)

    def test_what_tells_of_a_death(self):
        for line in ("h:1:2 [0] misc/socket.cc:72 NCCL WARN socketProgress: Connection closed by remote peer",
                     "h:1:2 [0] flexmig:0 NCCL WARN NET/FlexMIG : the sender's process ended without closing",
                     "h:1:2 [0] flexmig:0 NCCL WARN NET/FlexMIG : rank 1 died: its process ended",
                     "[Rank 0] Collective WorkNCCL(SeqNum=52) raised the following async exception: NCCL",
                     '{"error": "RuntimeError: gone", "event": "noticed"}'):
            self.assertTrue(death.REPORT.search(line), line)
        for line in ('{"event": "began"}', "h:1:2 [0] NCCL INFO Connected all rings",
                     "h:1:2 [0] NCCL WARN NCCL_PROTO set by environment to ^LL128"):
            self.assertFalse(death.REPORT.search(line), line)

    def test_gloo_that_ends_the_process_is_no_finding_on_a_gpu(self):
        def judged(statuses, check="fsdp", route="gloo", device="cuda"):
            ended = group([{"event": "begin", "check": check}], [{"event": "begin", "check": check}],
                          trouble=("failed", "a rank ended without a result"), statuses=statuses)
            runner = checks.Runner(argparse.Namespace(), checks.Mode("mps", device, []),
                                   {"torch": "2.11.0", "nccl": None}, routes.Parts(None, None, None), "")
            return runner.judged(check, route, 2, ended, checks.part_of(ended, check), None, None)
        result = judged([-11, -15])
        self.assertEqual((result["outcome"], result["reason"]), (
            "skipped", "not possible: not supported by gloo of PyTorch 2.11.0: it ended the process (SIGSEGV)"))
        for result in (judged([1, -15]), judged([-9, -15]), judged([-11, -11], check="ddp"),
                       judged([-11, -11], route="nccl-plugin"), judged([-11, -11], route="flexmig"),
                       judged([-11, -11], device="cpu")):
            self.assertEqual(result["outcome"], "failed", result)

    def test_trouble_belongs_to_the_check_that_it_interrupted(self):
        def events(*names):
            return [{"event": "begin", "check": "ddp"}, case(),
                    {"event": "end", "check": "ddp", "seconds": 1.5}, *names]
        begun = {"event": "begin", "check": "fsdp"}
        ended = group(events(begun, case()), events(begun), trouble=("timed-out", "late"))
        first, second = (checks.part_of(ended, name) for name in ("ddp", "fsdp"))
        self.assertEqual((first.complete, first.trouble, first.seconds), (True, None, 1.5))
        self.assertEqual([len(rank) for rank in first.found("case")], [1, 1])
        self.assertEqual((second.complete, second.trouble), (False, ("timed-out", "late")))
        self.assertEqual([len(rank) for rank in second.found("case")], [1, 0])


class SuiteTests(unittest.TestCase):
    """The backend's own tests are a program; its exit status is the verdict."""

    def verdict(self, text, timeout=20.0):
        with tempfile.TemporaryDirectory() as work:
            os.makedirs(work + "/python/tests")
            with open(work + "/python/tests/gpu_backend.py", "w", encoding="utf-8") as file:
                file.write(text)
            args = argparse.Namespace(quick=True, timeout=timeout, set=[("FLEXMIG_DEBUG", "info")])
            parts = routes.Parts(None, "/l.so", work + "/python")
            mode = checks.Mode("mps", "cuda", [dict(os.environ)])
            return checks.Runner(args, mode, {}, parts, work).run_suite([2, 4])

    def test_verdicts(self):
        hears = ("import json, os, sys\nnamed = dict(zip(sys.argv[1::2], sys.argv[2::2]))\n"
                 "assert named['--library'] == '/l.so' and sys.argv[-1] == '--quick'\n"
                 "assert os.environ['FLEXMIG_DEBUG'] == 'info'\n"
                 "json.dump({'checks': [{'check': 'ddp', 'ranks': int(ranks), 'outcome': %r}\n"
                 "                      for ranks in named['--ranks'].split(',')]},\n"
                 "          open(named['--json'], 'w'))\n")
        good = self.verdict(hears % "holds")
        self.assertEqual((good["outcome"], good["reason"], len(good["report"]["checks"])),
                         ("as-expected", "2 checks hold", 2), good)
        bad = self.verdict(hears % "timed out" + "raise SystemExit(1)")
        self.assertEqual((bad["outcome"], bad["reason"]), ("contradicts", "not all its checks hold: "
                         "ddp with 2 ranks timed out, ddp with 4 ranks timed out"))
        self.assertEqual(self.verdict("pass")["outcome"], "failed")  # it tells of no check
        for text, outcome in (("raise SystemExit(1)", "contradicts"), ("raise SystemExit(7)", "failed"),
                              ("import os; os.kill(os.getpid(), 9)", "failed")):
            self.assertEqual(self.verdict(text)["outcome"], outcome)
        hung = self.verdict("print('here', flush=True); import signal; signal.pause()", timeout=5.0)
        self.assertEqual((hung["outcome"], hung["log_tail"]), ("timed-out", ["here"]))


if __name__ == "__main__":
    unittest.main()
