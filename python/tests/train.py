"""Trains one model twice in the same job: over gloo and over flexmig. The loss curves have to be the same.

    train.py MODEL HOW [--steps N]     rank 0 prints {"gloo": [losses], "flexmig": [losses], ...}

MODEL is cnn or transformer. HOW: ddp, buckets (flexmig's DistributedDataParallel), fsdp (FullyShardedDataParallel),
fsdp2 (fully_shard), fsdp2-shared (with buffers in memory that all ranks reach).
"""

import argparse
import json
import os
import sys

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F

import flexmig.torch


class Cnn(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 4 * 4, 64), nn.ReLU(),
            nn.Linear(64, 10))

    def forward(self, x):
        return self.layers(x)

    @staticmethod
    def batch(generator):
        return torch.randn(16, 1, 8, 8, generator=generator), torch.randint(0, 10, (16,), generator=generator)


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(100, 64)
        self.position = nn.Parameter(torch.randn(24, 64) * 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True) for _ in range(2))
        self.head = nn.Linear(64, 100)

    def forward(self, x):
        x = self.embedding(x) + self.position
        for block in self.blocks:
            x = block(x)
        return self.head(x).mean(1)

    @staticmethod
    def batch(generator):
        return torch.randint(0, 100, (8, 24), generator=generator), torch.randint(0, 100, (8,), generator=generator)


MODELS = {"cnn": Cnn, "transformer": Transformer}


def wrap(model, how, group, device):
    if how == "ddp":
        # Small buckets, so that there are several.
        return nn.parallel.DistributedDataParallel(model, process_group=group, bucket_cap_mb=0.1)
    if how == "buckets":
        return flexmig.torch.DistributedDataParallel(model, process_group=group, bucket_cap_mb=0.1)
    if how == "fsdp":
        from torch.distributed.fsdp import FullyShardedDataParallel, ShardingStrategy
        return FullyShardedDataParallel(
            model, process_group=group, sharding_strategy=ShardingStrategy.FULL_SHARD, use_orig_params=True,
            device_id=device)
    from torch.distributed.device_mesh import DeviceMesh
    from torch.distributed.fsdp import fully_shard
    mesh = DeviceMesh.from_group(group, device.type)
    for block in getattr(model, "blocks", []):
        fully_shard(block, mesh=mesh)
    model = fully_shard(model, mesh=mesh)
    if how == "fsdp2-shared":
        for module in model.modules():
            if hasattr(module, "set_allocate_memory_from_process_group_for_comm"):
                module.set_allocate_memory_from_process_group_for_comm(True)
    return model


def train(kind, how, group, steps, device):
    torch.manual_seed(0)
    model = wrap(kind().to(device), how, group, device)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    generator = torch.Generator().manual_seed(100 + dist.get_rank())
    losses = []
    for _ in range(steps):
        inputs, labels = kind.batch(generator)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs.to(device)), labels.to(device))
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    # The job's mean, by one and the same way for both.
    mean = torch.stack(losses).double().cpu()
    dist.all_reduce(mean, dist.ReduceOp.AVG)
    return mean.tolist()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("how", choices=["ddp", "buckets", "fsdp", "fsdp2", "fsdp2-shared"], nargs="+")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(arguments.device)
    dist.init_process_group("flexmig")
    gloo = dist.new_group(backend="gloo")
    for how in arguments.how:
        other = {"buckets": "ddp", "fsdp2-shared": "fsdp2"}.get(how, how)
        report = {
            "model": arguments.model, "how": how, "ranks": dist.get_world_size(),
            "gloo": train(MODELS[arguments.model], other, gloo, arguments.steps, device),
            "flexmig": train(MODELS[arguments.model], how, dist.group.WORLD, arguments.steps, device),
        }
        report["statistics"] = flexmig.torch.statistics()
        if dist.get_rank() == 0:
            print(json.dumps(report), flush=True)
    dist.barrier()
    dist.destroy_process_group()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
