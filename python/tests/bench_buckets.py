"""A rank of scripts/bench-torch: all-reduces of DDP's buckets, and training steps, over flexmig and gloo in one job.

    bench_buckets.py [--bytes N,N] [--turns N]      rank 0 prints JSON

All contenders take turns. A time is that of the slowest rank, from the call until the result can be used; the median of
all turns counts. `rewrite`: each rank writes its tensor before every call, as a backward pass does.
"""

import argparse
import json
import statistics
import time

import torch
import torch.distributed as dist
import torch.nn as nn

import flexmig.torch


def slowest(times):
    found = torch.tensor(times, dtype=torch.float64)
    dist.all_reduce(found, dist.ReduceOp.MAX)
    return found.tolist()


def summary(times):
    ordered = sorted(times)
    return {"median_ms": round(statistics.median(ordered) * 1e3, 3), "least_ms": round(ordered[0] * 1e3, 3),
            "most_ms": round(ordered[-1] * 1e3, 3), "n": len(ordered)}


def all_reduces(size, turns, groups):
    """Times of all-reduces of one bucket of float32."""
    own = torch.ones(size // 4)
    contenders = {
        "gloo": (own.clone(), groups["gloo"]), "flexmig": (own.clone(), groups["flexmig"]),
        "flexmig-shared": (flexmig.torch.empty(size // 4), groups["flexmig"])}
    times = {name: [] for name in contenders}
    for turn in range(turns + 2):
        for name, (tensor, group) in contenders.items():
            tensor.copy_(own)
            dist.barrier()
            begun = time.perf_counter()
            dist.all_reduce(tensor, group=group)
            taken = time.perf_counter() - begun
            assert tensor[0] == tensor[-1] == dist.get_world_size()
            if turn >= 2:
                times[name].append(taken)
    return {name: summary(slowest(values)) for name, values in times.items()}


class Model(nn.Sequential):
    """About 100 MB of parameters and little to compute: the time of a step is that of its communication."""

    def __init__(self, width=2560, layers=4):
        super().__init__(*[nn.Linear(width, width, bias=False) for _ in range(layers)])
        self.width = width


def steps(turns, groups):
    """Times of DDP's forward and backward passes with 25 MB buckets; the optimizer is left out."""
    torch.manual_seed(0)
    wraps = {"gloo": (nn.parallel.DistributedDataParallel, groups["gloo"]),
             "flexmig": (nn.parallel.DistributedDataParallel, groups["flexmig"]),
             "flexmig-shared": (flexmig.torch.DistributedDataParallel, groups["flexmig"])}
    models, times, inputs = {}, {name: [] for name in [*wraps, "alone"]}, torch.randn(8, 2560)
    for name, (wrap, group) in wraps.items():
        models[name] = wrap(Model(), process_group=group, bucket_cap_mb=25, gradient_as_bucket_view=True)
    models["alone"] = Model()
    for turn in range(turns + 3):
        for name, model in models.items():
            model.zero_grad(set_to_none=False)
            dist.barrier()
            begun = time.perf_counter()
            model(inputs).sum().backward()
            if turn >= 3:
                times[name].append(time.perf_counter() - begun)
    return {name: summary(slowest(values)) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bytes", type=lambda text: [int(part) for part in text.split(",")],
                        default=[4096, 262144, 1048576, 26214400, 104857600])
    parser.add_argument("--turns", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    dist.init_process_group("flexmig")
    groups = {"flexmig": dist.group.WORLD, "gloo": dist.new_group(backend="gloo")}
    report = {
        "torch": torch.__version__, "ranks": dist.get_world_size(),
        "all_reduce": {str(size): all_reduces(size, arguments.turns, groups) for size in arguments.bytes},
        "ddp_step_100_MB": steps(max(3, arguments.turns // 2), groups)}
    if dist.get_rank() == 0:
        print(json.dumps(report), flush=True)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
