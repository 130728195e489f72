"""PyTorch's own tests of process groups, DistributedTest, with the backend "flexmig".

    distributed_suite.py RANKS [TEST...]    prints {test: "passed" or "skipped: why" or "failed: what"} as JSON
    distributed_suite.py --record RANKS     writes distributed_suite_skips.txt and distributed_suite_passes.txt

PyTorch starts new processes for each test; here the ranks stay, and each test has a process group of its own. Tests
that PyTorch skips only because the backend isn't called "gloo" run as well.
"""

import ctypes
import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

LIMIT = 60     # seconds for one test on one rank
SEED = 1234    # of PyTorch's tests
MOST_FAILURES = 20  # then the rest is not run: each failure costs new ranks

# What these tests need, this backend has, but PyTorch runs them for "gloo" alone.
NOT_ONLY_GLOO = {
    "test_batch_isend_irecv_gloo", "test_batch_isend_irecv_gloo_tags",
    "test_all_gather_coalesced_simple", "test_all_gather_coalesced_complex", "test_all_gather_coalesced_group",
    "test_all_gather_coalesced_full_group", "test_all_gather_coalesced_with_empty",
    "test_all_to_all_single_equal_split", "test_all_to_all_single_equal_split_complex",
    "test_all_to_all_single_unequal_split", "test_all_to_all_single_unequal_split_complex", "test_all_to_all",
    "test_all_to_all_complex", "test_all_to_all_single_equal_split_group",
    "test_all_to_all_single_unequal_split_group", "test_all_to_all_group",
    "test_all_to_all_single_equal_split_full_group", "test_all_to_all_single_unequal_split_full_group",
    "test_all_to_all_full_group", "test_get_future", "test_grads_same_across_ranks_with_no_sync",
    "test_scatter_object_list",
    *(f"test_all_reduce_coalesced_{group}{op}" for group in ["", "group_", "full_group_"]
      for op in ["sum", "product", "min", "max"]),
}

# Their bodies ask for the name, too: with gloo's they train on CPUs, with others they have no model.
BY_NAME = {
    "test_accumulate_gradients_no_sync", "test_accumulate_gradients_no_sync_grad_is_view",
    "test_accumulate_gradients_no_sync_allreduce_hook", "test_accumulate_gradients_no_sync_allreduce_with_then_hook",
}
NOT_ONLY_GLOO |= BY_NAME


def rank_main(rank, ranks, folder, names):
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL), 0, 0, 0)  # PR_SET_PDEATHSIG: ends with its parent
    import torch
    import torch.distributed as dist
    import flexmig.torch  # noqa: F401
    from torch.testing._internal import common_distributed, common_utils
    for known in common_distributed.DistTestCases.backend_feature.values():
        known.add("flexmig")
    # Groups of two ranks are tested with 4 ranks, too; PyTorch asks for 8.
    common_distributed.skip_if_small_worldsize = lambda function: function
    from torch.testing._internal.distributed import distributed_test

    torch.set_num_threads(1)
    meeting = dist.FileStore(os.path.join(folder, "meeting"), ranks)
    meetings = iter(range(1 << 30))

    def meet(wait_for=None, timeout=10):
        """PyTorch's own looks every tenth of a second."""
        key = f"meeting-{next(meetings)}"
        meeting.add(key, 1)
        end = time.monotonic() + timeout
        while meeting.add(key, 0) < ranks:
            if time.monotonic() > end:
                raise RuntimeError("barrier timeout")
            time.sleep(0.002)

    distributed_test.Barrier.sync = meet
    reasons = {skip.exit_code: skip.message for skip in common_distributed.TEST_SKIPS.values()}

    class Suite(distributed_test.DistributedTest._DistTestBase, common_utils.TestCase):
        world_size = property(lambda self: str(ranks))
        init_method = property(lambda self: f"file://{self.file_name}")

        def _barrier(self, *arguments, **keywords):
            meet()

    def run(name):
        suite = Suite(name)
        suite.rank = rank
        suite.file_name = os.path.join(folder, "store-" + name)
        method = getattr(Suite, name)
        if getattr(method, "__unittest_skip__", False):
            if name not in NOT_ONLY_GLOO:
                return "skipped: " + method.__unittest_skip_why__
            # Some versions of unittest wrap what they skip, some only mark it.
            while getattr(method, "__unittest_skip__", False) and hasattr(method, "__wrapped__"):
                method = method.__wrapped__
        common_utils.set_rng_seed(SEED)  # 2.6 has none by itself
        dist.init_process_group(
            "flexmig", init_method=suite.init_method, world_size=ranks, rank=rank,
            timeout=datetime.timedelta(seconds=LIMIT))
        try:
            distributed_test.BACKEND = "gloo" if name in BY_NAME else "flexmig"
            method(suite)
            suite._barrier()
            return "passed"
        except unittest.SkipTest as skip:
            return f"skipped: {skip}"
        except SystemExit as skip:
            return "skipped: " + reasons.get(skip.code, f"exit {skip.code}")
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()

    names = names or sorted(name for name in dir(Suite) if name.startswith("test_"))
    with open(os.path.join(folder, f"result.{rank}"), "w", encoding="utf-8") as results:
        for name in names:
            signal.alarm(LIMIT)
            begun = time.monotonic()
            try:
                outcome = run(name)
            except BaseException as problem:
                outcome = f"failed: {type(problem).__name__}: {problem}"
                if os.environ.get("FLEXMIG_SUITE_TRACE"):
                    import traceback
                    traceback.print_exc()
            print(json.dumps([name, outcome, round(time.monotonic() - begun, 2)]), file=results, flush=True)
            if outcome.startswith("failed"):
                break
            # A test that is skipped in its body is left by all ranks at their own time.
            meet()
    os._exit(0)


def start(ranks, folder, names):
    environment = dict(
        os.environ, BACKEND="flexmig", WORLD_SIZE=str(ranks), TEMP_DIR=folder, OMP_NUM_THREADS="1",
        MASTER_ADDR="127.0.0.1")
    return [
        subprocess.Popen(
            [sys.executable, "-W", "ignore", os.path.abspath(__file__), "--rank", str(rank), str(ranks), folder, *names],
            env=dict(environment, RANK=str(rank)), stdout=sys.stderr)
        for rank in range(ranks)]


def run(ranks, names=()):
    """The outcome of each test. After a failure the rest goes on with new ranks."""
    outcomes, left = {}, list(names)
    while True:
        with tempfile.TemporaryDirectory(prefix="flexmig-suite-") as folder:
            for name in ["test_dir", "init_dir"]:
                os.mkdir(os.path.join(folder, name))
            children = start(ranks, folder, left)
            # When one has failed, the others wait for it in vain.
            while all(child.poll() is None for child in children):
                time.sleep(0.05)
            failed = False
            for child in children:
                try:
                    child.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    child.kill()
                    child.wait()
                failed = failed or child.returncode != 0
            rows = []
            for rank in range(ranks):
                with open(os.path.join(folder, f"result.{rank}"), encoding="utf-8") as file:
                    rows.append({name: (outcome, seconds) for name, outcome, seconds in map(json.loads, file)})
        seen = sorted(set().union(*rows))
        for name in seen:
            told = [row.get(name, ("failed: the rank had ended or was waiting", 0))[0] for row in rows]
            problems = [text for text in told if text.startswith("failed")]
            known = [text for text in problems if "the rank had ended" not in text]
            outcomes[name] = (known or problems or [text for text in told if text == "passed"] or told)[0]
            seconds = max(row.get(name, ("", 0))[1] for row in rows)
            if problems or seconds > 5:
                print(f"{seconds} s", file=sys.stderr)
                print(f"{name}: {outcomes[name]}", file=sys.stderr, flush=True)
        if not left:
            left = all_names()
        rest = [name for name in left if name not in outcomes]
        if sum(text.startswith("failed") for text in outcomes.values()) >= MOST_FAILURES:
            outcomes.update((name, f"failed: not run after {MOST_FAILURES} failures") for name in rest)
            rest = []
        if not rest:
            return outcomes
        if not seen or len(rest) == len(left):
            outcomes[rest[0]] = f"failed: the ranks ended with {[child.returncode for child in children]}"
            rest = rest[1:]
        left = rest


def all_names():
    listing = subprocess.run(
        [sys.executable, "-W", "ignore", os.path.abspath(__file__), "--list"], check=True, text=True,
        env=dict(os.environ, BACKEND="flexmig", WORLD_SIZE="4"), stdout=subprocess.PIPE).stdout
    # Some versions of PyTorch print what they miss, too.
    return [name for name in listing.split() if name.startswith("test_")]


def record(ranks):
    import torch
    outcomes = sorted(run(ranks).items())
    failed = [name for name, outcome in outcomes if outcome.startswith("failed")]
    if failed:
        sys.exit(f"nothing is recorded, as these failed: {', '.join(failed)}")
    version, stem = torch.__version__.partition("+")[0], os.path.splitext(os.path.abspath(__file__))[0]
    where = f"of its DistributedTest with this backend on CPUs, {ranks} ranks"
    with open(f"{stem}_skips.txt", "w", encoding="utf-8") as file:
        print(f"# What PyTorch {version} skips {where}, and its reasons.", file=file)
        for name, outcome in outcomes:
            if outcome != "passed":
                print(f"{name}: {outcome.removeprefix('skipped: ')}", file=file)
    with open(f"{stem}_passes.txt", "w", encoding="utf-8") as file:
        print(f"# What passes {where}, with PyTorch {version}.", file=file)
        for name, outcome in outcomes:
            if outcome == "passed":
                print(name, file=file)


def main(arguments):
    if arguments[0] == "--rank":
        rank_main(int(arguments[1]), int(arguments[2]), arguments[3], arguments[4:])
    elif arguments[0] == "--list":
        import flexmig.torch  # noqa: F401
        from torch.testing._internal.distributed.distributed_test import DistributedTest
        print("\n".join(sorted(name for name in dir(DistributedTest._DistTestBase) if name.startswith("test_"))))
    elif arguments[0] == "--record":
        record(int(arguments[1]))
    else:
        print(json.dumps(run(int(arguments[0]), arguments[1:]), indent=1, sort_keys=True))


if __name__ == "__main__":
    main(sys.argv[1:])
