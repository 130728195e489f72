"""A rank of the test of all calls: run_cases.py. Rank 0 prints the number of comparisons as JSON."""

import json

import torch
import torch.distributed as dist

import flexmig.torch  # noqa: F401
from cases import check_all


def main():
    torch.set_num_threads(1)
    dist.init_process_group("cpu:flexmig,cuda:flexmig")
    compared = check_all("cpu")
    groups = {}
    if dist.get_world_size() > 2:
        # Groups whose ranks have other numbers than the job's.
        last = list(range(1, dist.get_world_size()))
        for ranks in [last, last[::-1][:2]]:
            group = dist.new_group(ranks)
            if dist.get_rank() in ranks:
                groups[str(ranks)] = check_all("cpu", group, large=1000)
    dist.barrier()
    if dist.get_rank() == dist.get_world_size() - 1:
        print(json.dumps({"compared": compared, "groups": groups}), flush=True)
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
