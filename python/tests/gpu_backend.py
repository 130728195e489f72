#!/usr/bin/env python3
"""Proves the CUDA path of the backend "flexmig" on a real GPU: 2 and 4 ranks share one.

    gpu_backend.py [--ranks 2,4] [--json FILE] [--library FILE] [--timeout SECONDS] [--quick]

Checks every call and type against float64 references, the stream semantics, DDP steps against gloo, FSDP steps against
DDP, and times all-reduces beside gloo. Prints a JSON report on standard output, or into a file. Exit code: 0 when all
checks hold, 1 when one does not, 2 when there is no GPU, no PyTorch with CUDA, or no libflexmig.so.
"""

import argparse
import ctypes
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = os.path.dirname(HERE)
BUILT = os.path.join(os.path.dirname(PACKAGE), ".build", "release", "libflexmig-collectives.so")
CHECKS = ["cases", "streams", "ddp", "fsdp", "times"]


# -- A rank: only here torch is imported

def check_cases(dist, torch, quick):
    from cases import check_all
    # Beyond a slot (64 MiB), so that parts follow each other.
    return {"compared": check_all("cuda", large=300_001 if quick else 5_000_003)}


def check_streams(dist, torch, quick):
    """Calls come after what the current stream has before, and what it has after wait() comes after them."""
    rank, size = dist.get_rank(), dist.get_world_size()
    total = size * (size + 1) / 2
    count = 4_000_000
    checks = 0

    def slowly_filled():
        tensor = torch.zeros(count, device="cuda")
        torch.cuda._sleep(100_000_000)   # some 60 ms; a call that did not wait for the stream would find zeros
        tensor.fill_(rank + 1)
        return tensor

    def expect(tensor, value, what):
        nonlocal checks
        checks += 1
        low, high = tensor.min().item(), tensor.max().item()
        assert low == high == value, f"{what}: {low} to {high}, not {value}"

    tensor = slowly_filled()
    dist.all_reduce(tensor)
    expect(tensor * 2, 2 * total, "a call on the default stream")

    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        tensor = slowly_filled()
        work = dist.all_reduce(tensor, async_op=True)
    work.wait()                          # lets the default stream wait, not the side stream
    expect(tensor + 1, total + 1, "a call on a side stream, awaited on the default stream")

    tensor = slowly_filled()
    work = dist.all_reduce(tensor, async_op=True)
    doubled = work.get_future().then(lambda future: future.value()[0] * 2).wait()
    expect(doubled, 2 * total, "a callback of the future")
    work.wait()

    works, tensors = [], []
    for _ in range(8):
        tensor = slowly_filled() if not quick else torch.full((count,), rank + 1.0, device="cuda")
        works.append(dist.all_reduce(tensor, async_op=True))
        tensors.append(tensor)
    for work, tensor in zip(works, tensors):
        work.wait()
        expect(tensor, total, "several calls under way")

    # A tensor that is gone while it is still copied to, and nobody waits: its memory must not be used again.
    for _ in range(5):
        work = dist.all_reduce(torch.full((count,), rank + 1.0, device="cuda"), async_op=True)
        while not work.is_success():
            time.sleep(0.0001)
        del work
        noise = torch.full((count,), -1.0, device="cuda")
        torch.cuda.synchronize()
        expect(noise, -1, "memory of a tensor that has gone")

    # Written at once after wait(): that must not reach the copy upwards.
    tensor = torch.full((count,), rank + 1.0, device="cuda")
    dist.all_reduce(tensor)
    tensor.fill_(7)
    torch.cuda.synchronize()
    expect(tensor, 7, "written after the call")

    mixed = [torch.ones(4, device="cuda"), torch.ones(4)]
    try:
        dist.all_gather([mixed[0].clone() for _ in range(size)], mixed[1])
        raise AssertionError("CPU and CUDA tensors in one call went through")
    except RuntimeError as error:
        assert "mixed-devices" in str(error), error
    dist.barrier()
    return {"checks": checks + 1}


def check_ddp(dist, torch, quick):
    import train
    gloo = dist.new_group(backend="gloo")
    device, steps, found = torch.device("cuda:0"), 4 if quick else 12, {}
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    for name, kind in train.MODELS.items():
        ours = train.train(kind, "ddp", dist.group.WORLD, steps, device)
        theirs = train.train(kind, "ddp", gloo, steps, device)
        found[name] = max(abs(a - b) for a, b in zip(ours, theirs))
        assert found[name] < 1e-5, f"{name}: {ours} over flexmig, {theirs} over gloo"
    return {"largest_difference_of_losses": found}


def check_fsdp(dist, torch, quick):
    import train
    device, steps, found = torch.device("cuda:0"), 4 if quick else 12, {}
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.deterministic = True
    for how in ["fsdp", "fsdp2"]:
        ours = train.train(train.Transformer, how, dist.group.WORLD, steps, device)
        theirs = train.train(train.Transformer, "ddp", dist.group.WORLD, steps, device)
        found[how] = max(abs(a - b) for a, b in zip(ours, theirs))
        assert found[how] < 1e-4, f"{how}: {ours}, and with DDP {theirs}"
    return {"largest_difference_of_losses": found}


def check_times(dist, torch, quick):
    """Medians of all-reduces, flexmig and gloo turn by turn; a call lasts until its result can be used."""
    groups = {"flexmig": dist.group.WORLD, "gloo": dist.new_group(backend="gloo")}
    rows = []
    for size in [4096, 262144, 26214400] if quick else [4096, 65536, 1 << 20, 26214400, 104857600]:
        tensor = torch.ones(size // 4, device="cuda")
        samples = {name: [] for name in groups}
        for turn in range(4 if quick else 16):
            for name, group in groups.items():
                tensor.fill_(1)
                torch.cuda.synchronize()
                dist.barrier()
                begun = time.perf_counter()
                dist.all_reduce(tensor, group=group)
                torch.cuda.synchronize()
                if turn >= 2:
                    samples[name].append(time.perf_counter() - begun)
        row = {"bytes": size}
        for name, times in samples.items():
            # The slowest rank's, as a training step would wait for it.
            slowest = torch.tensor(times, dtype=torch.float64)
            dist.all_reduce(slowest, dist.ReduceOp.MAX)
            row[name + "_us"] = round(slowest.median().item() * 1e6, 1)
        rows.append(row)
    return {"all_reduce": rows}


def rank_main(check, quick):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)   # PR_SET_PDEATHSIG: do not outlive the parent
    sys.path[:0] = [HERE, PACKAGE]
    import torch
    import torch.distributed as dist
    import flexmig.torch  # noqa: F401
    torch.set_num_threads(1)
    torch.cuda.set_device(0)
    dist.init_process_group("cpu:flexmig,cuda:flexmig")
    found = globals()["check_" + check](dist, torch, quick)
    torch.cuda.synchronize()
    dist.barrier()
    if dist.get_rank() == 0:
        print(json.dumps(found), flush=True)
    dist.destroy_process_group()


# -- The parent

def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_check(check, ranks, arguments):
    environment = dict(
        os.environ, FLEXMIG_LIBRARY=arguments.library, OMP_NUM_THREADS="1", WORLD_SIZE=str(ranks),
        MASTER_ADDR="127.0.0.1", MASTER_PORT=str(free_port()), GLOO_SOCKET_IFNAME="lo", FLEXMIG_TIMEOUT="60",
        FLEXMIG_RENDEZVOUS="flexmig-gpu-" + secrets.token_hex(6))
    command = [sys.executable, "-W", "ignore", os.path.abspath(__file__), "--rank", check]
    command += ["--quick"] if arguments.quick else []
    begun = time.monotonic()
    children = [
        subprocess.Popen(command, env=dict(environment, RANK=str(rank)), stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True, start_new_session=True)
        for rank in range(ranks)]
    outputs, late = [], False
    for child in children:
        try:
            outputs.append(child.communicate(timeout=max(1.0, begun + arguments.timeout - time.monotonic())))
        except subprocess.TimeoutExpired:
            late = True
            for other in children:
                if other.poll() is None:
                    os.killpg(other.pid, signal.SIGKILL)
            outputs.append(child.communicate())
    entry = {"check": check, "ranks": ranks, "seconds": round(time.monotonic() - begun, 1)}
    codes = [child.returncode for child in children]
    if not late and codes == [0] * ranks:
        return dict(entry, outcome="holds", **json.loads(outputs[0][0].splitlines()[-1]))
    lines = [f"rank {rank}: {' | '.join(errors.strip().splitlines()[-3:])}" for rank, (_, errors) in enumerate(outputs)]
    return dict(entry, outcome="timed out" if late else "fails", exit_codes=codes, errors=lines)


def facts(arguments):
    probe = ("import json, torch; p = torch.cuda.get_device_properties(0); print(json.dumps({'gpu': p.name, "
             "'torch': torch.__version__, 'cuda': torch.version.cuda}))")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", probe], capture_output=True, text=True)
    if done.returncode != 0:
        return None, "no GPU or no PyTorch with CUDA: " + (done.stderr.strip().splitlines() or ["?"])[-1]
    if not os.path.exists(arguments.library):
        return None, f"{arguments.library} is missing; build it with make build, or name it with --library"
    return json.loads(done.stdout), None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", default="2,4", type=lambda text: [int(part) for part in text.split(",")])
    parser.add_argument("--json", default="-", help="where the report goes; - is standard output")
    parser.add_argument("--library", default=os.environ.get("FLEXMIG_LIBRARY") or BUILT, help="libflexmig.so")
    parser.add_argument("--timeout", type=float, default=180, help="seconds for each check")
    parser.add_argument("--only", action="append", choices=CHECKS, help="one check; may be repeated")
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    parser.add_argument("--rank", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rank:
        return rank_main(arguments.rank, arguments.quick)
    about, problem = facts(arguments)
    if problem:
        print(f"gpu_backend: {problem}", file=sys.stderr)
        return 2
    document = {"evidence": "real MIG" if " MIG " in about["gpu"] else "real NVIDIA GPU without MIG", **about, "checks": []}
    for ranks in arguments.ranks:
        for check in arguments.only or CHECKS:
            entry = run_check(check, ranks, arguments)
            document["checks"].append(entry)
            print(f"gpu_backend: {check} with {ranks} ranks {entry['outcome']} ({entry['seconds']} s)", file=sys.stderr)
    document["ok"] = all(entry["outcome"] == "holds" for entry in document["checks"])
    text = json.dumps(document, indent=1)
    if arguments.json == "-":
        print(text)
    else:
        with open(arguments.json, "w", encoding="utf-8") as file:
            file.write(text + "\n")
    return 0 if document["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
