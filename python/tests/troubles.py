"""Ranks to which something happens: troubles.py WHAT. Each prints "ok", but for those that die."""

import datetime
import os
import signal
import socket
import sys
import time

import torch
import torch.distributed as dist

import flexmig.torch
from flexmig import FlexmigError
from flexmig.torch import rendezvous
from flexmig.torch.messages import Messages


def refused(name, call, *words):
    try:
        call()
    except RuntimeError as error:
        text = str(error)
        assert name in text and all(word in text for word in words), f"{name}, {words}: {text}"
        return error
    raise AssertionError(f"there was no error {name}")


def arguments():
    """What can't be done is said before anything is sent, so the group goes on."""
    size, rank = dist.get_world_size(), dist.get_rank()
    refused("not-contiguous", lambda: dist.all_reduce(torch.ones(4, 4).t()), "[4, 4]", "contiguous()")
    refused("unsupported-type", lambda: dist.all_reduce(torch.ones(4, dtype=torch.int16)), "int16", "float32")
    refused("unsupported-type", lambda: dist.all_reduce(torch.ones(4).to(torch.float8_e4m3fn)), "float8_e4m3fn")
    refused("unsupported-reduction", lambda: dist.all_reduce(torch.ones(4), dist.ReduceOp.BAND), "BAND")
    refused("unsupported-reduction", lambda: dist.all_reduce(torch.ones(4).bool(), dist.ReduceOp.AVG), "AVG")
    short, group = torch.ones(4 * size, dtype=torch.int16), dist.group.WORLD
    refused("unsupported-type", lambda: dist.reduce(short, 0), "int16", "convert")
    refused("unsupported-type", lambda: dist.reduce_scatter_tensor(short[:4].clone(), short), "int16")
    refused("unsupported-type", lambda: dist.reduce_scatter(short[:4].clone(), list(short.chunk(size))), "int16")
    refused("unsupported-type", lambda: group.allreduce_coalesced([torch.ones(4), short]), "int16")
    scaled = dist._make_nccl_premul_sum(0.5)
    for tensor in [torch.ones(4), torch.ones(4).long(), torch.ones(4).to(torch.complex64), torch.ones(4).bool()]:
        refused("unsupported-reduction", lambda: dist.all_reduce(tensor, scaled), "PREMUL_SUM")
    refused("unsupported-reduction", lambda: dist.reduce(torch.ones(4), 0, scaled), "PREMUL_SUM")
    refused("unsupported-reduction", lambda: dist.reduce_scatter_tensor(
        torch.ones(4), torch.ones(4 * size), scaled), "PREMUL_SUM")
    for sparse in [torch.eye(4).to_sparse(), torch.eye(4).to_sparse_csr()]:
        dense = [torch.ones(4, 4) for _ in range(size)]
        for call in [lambda: dist.all_reduce(sparse), lambda: dist.broadcast(sparse, 0), lambda: dist.reduce(sparse, 0),
                     lambda: dist.all_gather(dense, sparse), lambda: dist.all_gather([sparse] * size, dense[0]),
                     lambda: dist.reduce_scatter(dense[0], [sparse] * size), lambda: dist.all_to_all(dense, [sparse] * size),
                     lambda: dist.send(sparse, 1 - rank), lambda: dist.recv(sparse, 1 - rank)]:
            refused("unsupported-layout", call, "sparse", "to_dense()")
    # PyTorch's DDP sums gradients that are sparse, too.
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Embedding(8, 2, sparse=True))
    refused("unsupported-layout", lambda: model(torch.tensor([1, 2])).sum().backward(), "sparse")
    refused("unsupported-device", lambda: dist.all_reduce(torch.ones(4, device="meta")), "meta")
    refused("mixed-devices", lambda: dist.all_gather([torch.ones(4)] * size, torch.ones(4, device="meta")), "cpu")
    refused("invalid-argument", lambda: dist.group.WORLD.all_gather_single(torch.ones(1), torch.ones(4), None))
    refused("invalid-argument", lambda: dist.group.WORLD.all_to_all_single(
        torch.ones(4), torch.ones(4), [1] * size, [9] * size, None), "splits")
    # PyTorch's own words.
    try:
        dist.all_gather([torch.ones(4)] * (size + 1), torch.ones(4))
        raise AssertionError
    except RuntimeError as error:
        assert "invalid-argument" in str(error), error
    tensor = torch.ones(3)
    dist.all_reduce(tensor)
    assert tensor.tolist() == [size] * 3, rank


def mismatch():
    tensor = torch.ones(4 + dist.get_rank())
    refused("mismatch", lambda: dist.all_reduce(tensor))
    # From now on the group is spent, and says so.
    refused("mismatch", dist.barrier)


def death():
    last = dist.get_world_size() - 1
    if dist.get_rank() == last:
        os.kill(os.getpid(), signal.SIGKILL)
    work = dist.all_reduce(torch.ones(100000), async_op=True)
    error = refused("rank-died", work.wait, f"rank {last}")
    assert isinstance(error, FlexmigError) and error.rank == last
    assert work.is_completed() and not work.is_success() and work.exception() is error
    # For C++ and callbacks, too.
    refused("rank-died", lambda: dist.all_reduce(torch.ones(4), async_op=True).get_future().wait(), f"rank {last}")
    model = torch.nn.Linear(2, 2)
    refused("rank-died", lambda: torch.nn.parallel.DistributedDataParallel(model), f"rank {last}")


def death_in_backward():
    """DDP's reducer is in C++; the error has to come through it."""
    model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 4))
    model(torch.ones(2, 4)).sum().backward()
    last = dist.get_world_size() - 1
    if dist.get_rank() == last:
        os.kill(os.getpid(), signal.SIGKILL)
    refused("rank-died", lambda: model(torch.ones(2, 4)).sum().backward(), f"rank {last}")


def death_in_group():
    """Errors of a smaller group have the job's numbers."""
    size = dist.get_world_size()
    group = dist.new_group(list(range(1, size)))
    if dist.get_rank() == 0:
        return
    if dist.get_rank() == size - 1:
        os.kill(os.getpid(), signal.SIGKILL)
    error = refused("rank-died", lambda: dist.all_reduce(torch.ones(4), group=group), f"rank {size - 1} died")
    assert error.rank == size - 1, error.rank


def death_in_message():
    last = dist.get_world_size() - 1
    if dist.get_rank() == last:
        dist.send(torch.ones(4), 0)
        os.kill(os.getpid(), signal.SIGKILL)
    if dist.get_rank() == 0:
        tensor = torch.zeros(4)
        dist.recv(tensor, last)
        assert tensor.tolist() == [1] * 4
        refused("rank-died", lambda: dist.recv(tensor, last), f"rank {last}")
        refused("rank-died", lambda: dist.send(tensor, last), f"rank {last}")


def wrong_message():
    if dist.get_rank() == 0:
        dist.send(torch.ones(4), 1)
        dist.send(torch.full((2,), 5.0), 1)
    elif dist.get_rank() == 1:
        refused("mismatch", lambda: dist.recv(torch.ones(5), 0), "16 bytes", "20")
        tensor = torch.zeros(2)
        dist.recv(tensor, 0)
        assert tensor.tolist() == [5, 5]
    dist.barrier()


def late_message():
    """A time limit of the group's counts for messages."""
    group = dist.new_group([0, 1], timeout=datetime.timedelta(seconds=1))
    if dist.get_rank() == 0:
        refused("timed-out", lambda: dist.recv(torch.ones(5), 1, group=group), "rank 1", "1 s")
    dist.barrier()


def last_message():
    """A message that nobody has waited for goes out while the group is destroyed, the first of its pair as well."""
    store = dist.distributed_c10d._get_default_store()
    if dist.get_rank() == 0:
        close = Messages.close

        def closing(messages, abort=False):
            store.set("closing", "1")
            close(messages, abort)

        Messages.close = closing
        for number in range(3):
            dist.isend(torch.full((5,), float(number)), 1)
        dist.destroy_process_group()
    else:
        # Only now: the sender can't have joined the receiver before.
        store.wait(["closing"])
        tensor = torch.zeros(5)
        for number in range(3):
            dist.recv(tensor, 0)
            assert tensor.tolist() == [number] * 5
        dist.destroy_process_group()


def no_receiver():
    """A message to a rank that has died, or never asks, doesn't keep a group from its end."""
    if dist.get_rank() == 0:
        dist.barrier()
        dist.isend(torch.ones(5), 1)
        dist.destroy_process_group()
    else:
        dist.barrier()
        os.kill(os.getpid(), signal.SIGKILL)


def lateness():
    group = dist.new_group(timeout=datetime.timedelta(seconds=0.5))
    if dist.get_rank() == 0:
        refused("timed-out", lambda: dist.all_reduce(torch.ones(4), group=group), "rank 1")
    dist.barrier()


def abort():
    group = dist.new_group()
    if dist.get_rank() == 0:
        work = dist.all_reduce(torch.ones(4), group=group, async_op=True)
        group.abort()
        refused("aborted", work.wait)
        refused("closed", lambda: dist.all_reduce(torch.ones(4), group=group))
        dist.barrier()
    else:
        dist.barrier()
        refused("aborted", lambda: dist.all_reduce(torch.ones(4), group=group))
        group.abort()
    dist.barrier()


def destroyed():
    group = dist.group.WORLD
    tensor = flexmig.torch.empty(5)
    tensor.fill_(3)
    dist.all_reduce(tensor)
    dist.barrier()
    dist.destroy_process_group()
    assert tensor.tolist() == [3 * int(os.environ["WORLD_SIZE"])] * 5
    refused("closed", lambda: group.allreduce([torch.ones(3)]))
    refused("closed", lambda: group.send([torch.ones(3)], 1))
    dist.init_process_group("flexmig")
    dist.barrier()


def memory():
    """Shared tensors take the direct way, and leave room for others."""
    before = flexmig.torch.statistics()
    for _ in range(50):
        tensor = flexmig.torch.empty(1000, 1000)
        assert tensor.shape == (1000, 1000) and tensor.abs().sum() == 0
        tensor.fill_(dist.get_rank() + 1)
        dist.all_reduce(tensor)
        size = dist.get_world_size()
        assert tensor[-1, -1] == size * (size + 1) / 2
        del tensor
    after = flexmig.torch.statistics()["all_reduce"]
    assert after["direct"] == 50, (before, after)
    room = os.statvfs("/dev/shm")
    assert (room.f_blocks - room.f_bfree) * room.f_frsize < 50 * 4_000_000, "memory was not used again"
    refused("out-of-shared-memory", lambda: flexmig.torch.empty(1 << 45, dtype=torch.uint8), "/dev/shm")
    dist.barrier()


def end_in_a_callback():
    """A program that ends while a callback runs on the engine's thread: Python may not end that thread inside PyTorch."""
    work = dist.all_reduce(torch.ones(4), async_op=True)
    # Not a wait for anything: the callback has to last longer than the program.
    work.get_future().then(lambda future: time.sleep(0.5))
    work.wait()


def subgroups():
    """Groups of subgroups: PyTorch gives those of different ranks one name, and one place in the store."""
    rank = dist.get_rank()
    halves = [[0, 2], [1, 3]]
    half, _ = dist.new_subgroups_by_enumeration(halves)
    for _ in range(10):
        for size in (1, 2):
            group, all_groups = dist.new_subgroups(group_size=size, group=half)
            tensor = torch.tensor([float(rank)])
            dist.all_reduce(tensor, group=group)
            # PyTorch 2.6 takes the first ranks of the job for those of the half.
            assert tensor.item() == sum(dist.get_process_group_ranks(group)), (rank, size, tensor)
            for one in all_groups:
                dist.destroy_process_group(one)
    dist.barrier()


def hosts():
    """On two hosts, as far as the ranks can tell."""
    rank = int(os.environ["RANK"])
    own = rendezvous.Peer.own
    if rank == 1:
        def other():
            peer = own()
            return rendezvous.Peer("elsewhere", "another-boot", peer.memory, peer.pid, peer.namespace, peer.started)
        rendezvous.Peer.own = staticmethod(other)
    error = refused("several-hosts", lambda: dist.init_process_group("flexmig"), "elsewhere", "rank 1")
    assert error.rank == 1


def settings():
    """A variable that makes no sense is named before anybody waits for anybody."""
    def join():
        dist.init_process_group("flexmig", store=dist.HashStore(), rank=0, world_size=1)

    for name in ["FLEXMIG_TIMEOUT", "FLEXMIG_DEATH_TIMEOUT"]:
        usual = os.environ.pop(name, None)
        for wrong in ["soon", "nan", "0", "1e9", "-1"]:
            os.environ[name] = wrong
            refused("invalid-environment", join, f'{name} is "{wrong}"; allowed are', "seconds")
        del os.environ[name]
        if usual is not None:
            os.environ[name] = usual
    join()
    dist.barrier()
    dist.destroy_process_group()


def larger():
    """Under flexmig run the job's size is known."""
    os.environ["FLEXMIG_JOB_ID"] = "1"
    store = dist.HashStore()
    size = int(os.environ["WORLD_SIZE"])
    refused("group-larger-than-job", lambda: dist.init_process_group(
        "flexmig", store=store, rank=0, world_size=size + 1), f"{size + 1} ranks", f"the job {size}")


def larger_under_run():
    """As programs do it, where PyTorch's store would wait for the ranks that aren't there. A rank of flexmig run."""
    size, limit = int(os.environ["FLEXMIG_WORLD_SIZE"]), datetime.timedelta(seconds=20)
    words = f"the process group has {size + 1} ranks, the job {size}", f"--leaves {size + 1}"
    for backend in ["flexmig", "cpu:flexmig,cuda:flexmig"]:
        refused("group-larger-than-job", lambda: dist.init_process_group(
            backend, world_size=size + 1, rank=int(os.environ["RANK"]), timeout=limit), *words)
    address = f"tcp://{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    refused("group-larger-than-job", lambda: dist.init_process_group(
        "flexmig", init_method=address, world_size=size + 1, rank=int(os.environ["RANK"]), timeout=limit), *words)
    os.environ["WORLD_SIZE"] = str(size + 1)
    refused("group-larger-than-job", lambda: dist.init_process_group("flexmig", timeout=limit), *words)
    # What other backends do is theirs: here PyTorch's store waits, one on each rank, at a port where nobody comes.
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    refused("imed out", lambda: dist.init_process_group(
        "gloo", init_method=f"tcp://127.0.0.1:{port}", rank=0, world_size=size + 1, timeout=datetime.timedelta(seconds=1)))
    # Nothing of all this stands in the way of the job's own group.
    os.environ["WORLD_SIZE"] = str(size)
    dist.init_process_group("flexmig")
    dist.barrier()
    dist.destroy_process_group()


def other_backend():
    """A Python backend serves a group whole, and says so when another one was asked for as well."""
    dist.init_process_group("cpu:flexmig,cuda:gloo")
    dist.all_reduce(torch.ones(2))
    group = dist.new_group(backend="cpu:gloo,cuda:flexmig")
    refused("unsupported-device", lambda: dist.all_reduce(torch.ones(2), group=group), "cpu", "new_group")
    dist.destroy_process_group()


JOINS_ITSELF = {"hosts", "larger", "larger_under_run", "other_backend", "settings"}


def main():
    torch.set_num_threads(1)
    what = sys.argv[1]
    if what not in JOINS_ITSELF:
        dist.init_process_group("flexmig")
    globals()[what]()
    print("ok", flush=True)
    # Groups that failed are left without a word.
    os._exit(0) if not dist.is_initialized() else sys.exit(0)


if __name__ == "__main__":
    main()
