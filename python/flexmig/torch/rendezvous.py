"""How the ranks of a process group agree on where to meet, through the store that PyTorch gives them."""

import dataclasses
import hashlib
import json
import os
import re
import secrets
import socket
import time

from flexmig.library import FlexmigError


@dataclasses.dataclass(frozen=True)
class Peer:
    """What a rank tells the others of itself."""

    host: str
    boot: str       # of the kernel: the same in all containers of a host
    memory: int     # of /dev/shm: the same where it is shared
    pid: int
    namespace: str  # of process numbers
    started: str    # so that another process with the same number is not taken for it

    @staticmethod
    def own():
        return Peer(socket.gethostname(), _first_line("/proc/sys/kernel/random/boot_id"), os.stat("/dev/shm").st_dev,
                    os.getpid(), os.readlink("/proc/self/ns/pid"), _start_of(os.getpid()) or "")

    def has_died(self):
        """True when the rank's process is known to be gone; only rank 0 to n - 1 of this process namespace can be."""
        if self.namespace != os.readlink("/proc/self/ns/pid"):
            return False
        return _start_of(self.pid) != self.started


def _first_line(path):
    with open(path, encoding="ascii") as file:
        return file.readline().strip()


def _start_of(pid):
    """When a process started, in the kernel's ticks; None for one that is gone or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _place(ranks):
    """What the keys of a group begin with.

    PyTorch counts groups to name them, and ranks that make groups of subgroups count apart: several groups of one name
    may then meet in one store at one time. Their ranks tell them apart.
    """
    return "flexmig/" + hashlib.sha256(repr(list(ranks)).encode()).hexdigest()[:16]


def clear(store, rank, ranks, comm):
    """Takes the keys back, once all have read them: a store may live longer than the group, and serve the next one."""
    keys = _place(ranks)
    store.delete_key(f"{keys}/peer/{rank}")
    if rank == 0:
        store.delete_key(f"{keys}/prefix")
    comm.barrier()


def agree(store, rank, ranks):
    """The prefix at which the group's communicators meet, and the peers by rank. ranks: the group's, in the job.

    Raises FlexmigError "several-hosts" on all ranks where some can't reach the same /dev/shm.
    """
    own, keys, size = Peer.own(), _place(ranks), len(ranks)
    store.set(f"{keys}/peer/{rank}", json.dumps(dataclasses.asdict(own)))
    if rank == 0:
        # What `flexmig run` removes after a job that was killed starts with FLEXMIG_RENDEZVOUS.
        place = os.environ.get("FLEXMIG_RENDEZVOUS") or f"flexmig-{os.getuid()}"
        place = re.sub(r"[^A-Za-z0-9._-]", "_", place)[:150].lstrip(".")
        store.set(f"{keys}/prefix", f"{place}-{secrets.token_hex(8)}")
    prefix = store.get(f"{keys}/prefix").decode()
    peers = [Peer(**json.loads(store.get(f"{keys}/peer/{other}"))) for other in range(size)]
    problem = _problem(peers)
    if problem is not None:
        # Rank 0 has the store, and stays until all have seen this.
        seen, end = store.add(f"{keys}/seen", 1), time.monotonic() + 10
        while rank == 0 and seen < size and time.monotonic() < end:
            time.sleep(0.01)
            seen = store.add(f"{keys}/seen", 0)
        raise problem
    return prefix, peers


def _problem(peers):
    first = peers[0]
    for other, peer in enumerate(peers):
        if peer.boot != first.boot:
            return FlexmigError(
                "several-hosts",
                f"rank 0 is on {first.host}, rank {other} on {peer.host}; flexmig connects ranks of one host only, so "
                "use one node, or gloo or nccl for this group", other)
        if peer.memory != first.memory:
            return FlexmigError(
                "several-hosts",
                f"ranks 0 and {other} are on one host, but in containers with a /dev/shm each; let them share it "
                "(docker run --ipc=host, or one pod)", other)
    return None
