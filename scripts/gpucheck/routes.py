"""The routes that a collective can take between ranks on one GPU, and what proves that it did."""
from __future__ import annotations

import os
from typing import Any, NamedTuple, Optional, Sequence

from gpucheck import launcher
from gpucheck.nccl import version_number
from gpucheck.processes import ENTRY

PLUGIN_NAME = "FlexMIG"
BACKEND = "flexmig.torch"  # the module that registers the backend "flexmig"
SHARED_GPU_SINCE = (2, 30, 7)  # from this NCCL on, several ranks can be allowed on one GPU
ROUTES = {
    "nccl-stock": "NCCL as it is, several ranks on one GPU (from NCCL 2.30.7 on)",
    "nccl-socket": "NCCL, an NCCL_HOSTID for each rank, sockets on loopback",
    "nccl-plugin": "the same with Flex-MIG's network plugin, rings and trees",
    "nccl-plugin-collnet": "the same, all-reduces handed to the plugin whole (CollNet)",
    "gloo": "PyTorch's gloo on CUDA tensors",
    "flexmig": "Flex-MIG's own backend for PyTorch"}
TELLING = {"NCCL_DEBUG": "INFO", "NCCL_DEBUG_SUBSYS": "INIT,NET,ENV", "GLOO_SOCKET_IFNAME": "lo"}
# NVLS and MNNVL are ways between GPUs of one host, windows and GIN need them. LL128 needs stores
# of 128 bytes that stay whole, which a copy by the CPU does not give.
ONE_HOST_EACH = {"NCCL_SOCKET_IFNAME": "lo", "NCCL_MNNVL_ENABLE": "0", "NCCL_NVLS_ENABLE": "0",
                 "NCCL_WIN_ENABLE": "0", "NCCL_GIN_ENABLE": "0"}
WITH_PLUGIN = {"NCCL_NET": PLUGIN_NAME, "NCCL_NET_PLUGIN_REF_COUNT": "1", "NCCL_PROTO": "^LL128"}
# What a route may answer that it does not support: these operations alone. What gloo can do with
# CUDA tensors is PyTorch's affair.
MAY_REFUSE = {"flexmig": {"all_reduce premul_sum"}}
MAY_REFUSE_ANYTHING = {"gloo"}
SOCKET, PLUGIN, COLLNET = "NET/Socket", "NET/" + PLUGIN_NAME, "COLLNET/" + PLUGIN_NAME


class Parts(NamedTuple):
    """Where the parts of Flex-MIG lie, None for what is not there."""
    plugin: Optional[str]  # libnccl-net-flexmig.so
    library: Optional[str]  # libflexmig.so
    backend: Optional[str]  # the folder with the Python package of the backend for PyTorch
    launcher: Optional[str] = None  # flexmig


def find_parts(plugin: Optional[str]) -> Parts:
    """Looks where a build and where the bundle puts them."""
    root = os.path.dirname(os.path.dirname(ENTRY))

    def first(*paths: str) -> Optional[str]:
        return next((os.path.abspath(path) for path in paths if os.path.exists(path)), None)
    folders = [os.path.join(root, "lib"), os.path.join(root, ".build", "release")]
    backend = first(os.path.join(root, "python"))
    if backend and not os.path.exists(os.path.join(backend, *BACKEND.split("."))):
        backend = None
    return Parts(
        first(plugin) if plugin else first(*(f + "/libnccl-net-flexmig.so" for f in folders)),
        first(*(f + "/" + name for f in folders
                for name in ("libflexmig.so", "libflexmig-collectives.so"))),
        backend, first(os.path.join(root, "bin", "flexmig"), os.path.join(folders[1], "flexmig")))


def suite_of(parts: Parts) -> Optional[str]:
    """The backend's own tests on a GPU, None where they are not there."""
    path = os.path.join(parts.backend or "", "tests", "gpu_backend.py")
    return path if parts.backend and parts.library and os.path.exists(path) else None


def impossible(route: str, facts: dict[str, Any], parts: Parts, device: str) -> Optional[str]:
    """Why the route cannot be taken here, None if it can."""
    if device == "cpu" and route.startswith("nccl"):
        return "NCCL needs a GPU"
    if route.startswith("nccl") and "nccl" not in facts["has"]:
        return "this PyTorch has no NCCL"
    if route == "gloo" and "gloo" not in facts["has"]:
        return "this PyTorch has no gloo"
    if route.startswith("nccl-plugin") and not parts.plugin:
        return "libnccl-net-flexmig.so is missing; build it (make build), or name it with --plugin"
    if route == "flexmig" and not parts.backend:
        return "the backend for PyTorch is missing (python/)"
    if route == "flexmig" and not parts.library:
        return "libflexmig.so is missing; build it (make build)"
    if route == "nccl-stock" and version_number(facts["nccl"]) < SHARED_GPU_SINCE:
        return "not possible: NCCL %s" % facts["nccl"]
    return None


def backend_of(route: str) -> str:
    return "nccl" if route.startswith("nccl") else route


class Environment(NamedTuple):
    """What a rank's environment has for its route."""
    variables: dict[str, Optional[str]]  # None: taken out
    origin: dict[str, Any]  # who says so, and what gpu-check has set otherwise


def environment(route: str, rank: int, ranks: int, parts: Parts, run: str, given: dict[str, str]
                ) -> Environment:
    """The environment of one rank: the launcher's where it can be asked, so that a route is what
    users of `flexmig run` get, else one of our own. `run` is a name that no other group of ranks
    has, at this time and before. `given`: what the rank has otherwise."""
    named = dict(given, FLEXMIG_PLUGIN=parts.plugin or "", FLEXMIG_PYTHON=parts.backend or "")
    answer = launcher.ask(parts.launcher, route, rank, ranks, run, named)
    if answer.reason is None:
        changed = changes(route, answer.variables)
        return Environment({**answer.variables, **TELLING, **changed}, {
            "variables_of": "flexmig exec --runtime " + launcher.RUNTIMES[route], "changed": changed})
    return Environment({**own(route, rank, ranks, parts, run), **TELLING},
                       {"variables_of": "gpu-check (%s)" % answer.reason, "changed": {}})


def changes(route: str, variables: dict[str, str]) -> dict[str, Optional[str]]:
    """The launcher chooses between rings and CollNet by the processors, where gpu-check has a
    route for each; so on one of the two this has nothing to change."""
    if route == "nccl-plugin":
        wanted: dict[str, Optional[str]] = {"NCCL_COLLNET_ENABLE": "0", "NCCL_MIN_NCHANNELS": "4"}
        if "collnet" in variables.get("NCCL_ALGO", "").lower():
            wanted["NCCL_ALGO"] = None
    elif route == "nccl-plugin-collnet":
        wanted = {"NCCL_COLLNET_ENABLE": "1", "NCCL_MIN_NCHANNELS": "8"}
    else:
        return {}
    defaults = {"NCCL_COLLNET_ENABLE": "0"}
    return {name: value for name, value in wanted.items()
            if variables.get(name, defaults.get(name)) != value}


def own(route: str, rank: int, ranks: int, parts: Parts, run: str) -> dict[str, str]:
    """Where the launcher can't be asked."""
    result = {"FLEXMIG_LOCAL_WORLD_SIZE": str(ranks)}
    if route == "nccl-stock":
        result.update(NCCL_MULTI_RANK_GPU_ENABLE="1", NCCL_NVLS_ENABLE="0", NCCL_MNNVL_ENABLE="0",
                      NCCL_SOCKET_IFNAME="lo")
    elif route.startswith("nccl"):
        result.update(ONE_HOST_EACH, NCCL_HOSTID="%s-%d" % (run, rank))
    if route == "nccl-socket":
        result.update(NCCL_NET="Socket", NCCL_NET_PLUGIN="none")
    elif route.startswith("nccl-plugin"):
        collnet = route == "nccl-plugin-collnet"
        result.update(WITH_PLUGIN, NCCL_NET_PLUGIN=parts.plugin or "",
                      NCCL_COLLNET_ENABLE="1" if collnet else "0",
                      NCCL_MIN_NCHANNELS="8" if collnet else "4")
    elif route == "flexmig":
        result.update(FLEXMIG_LIBRARY=parts.library or "", PYTHONPATH=os.pathsep.join(
            filter(None, [parts.backend, os.environ.get("PYTHONPATH")])))
    return result


def detour(route: str, log: dict[str, Any]) -> Optional[str]:
    """What NCCL's log says against the route having been taken, None if it proves it."""
    if not route.startswith("nccl"):
        return None
    transports: Sequence[str] = sorted(log["transports"])
    told = ", ".join(transports) or "no transport"
    if route == "nccl-stock":
        away = not transports or any(name.startswith("NET") for name in transports)
        return "NCCL's log names %s, not a way inside the GPU" % told if away else None
    need = {"nccl-socket": {SOCKET}, "nccl-plugin": {PLUGIN}, "nccl-plugin-collnet": {COLLNET}}
    also = {"nccl-plugin-collnet": {PLUGIN}}
    if not need[route] <= set(transports) <= need[route] | also.get(route, set()):
        return "NCCL's log names %s where %s was wanted" % (told, ", ".join(need[route]))
    chosen = log["algorithms"].get("AllReduce", {})
    if route == "nccl-plugin-collnet" and chosen and not any("collnet" in name for name in chosen):
        return "CollNet is there, but NCCL chose %s for all-reduce" % ", ".join(sorted(chosen))
    return None
