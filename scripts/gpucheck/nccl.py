"""What NCCL says in its log."""
from __future__ import annotations

import re
from typing import Any, Optional

CHANNEL_LINE = re.compile(r"NCCL INFO Channel \d+(?:/\d+)? ?: ?\d+\[\w+\] -> \d+\[\w+\]"
                          r"(?: \[(?:send|receive)\])? via (direct shared memory|\S+)")
COLLNET_LINE = re.compile(r"NCCL INFO Coll(?:Net)? \d+(?:/\d+)? ?: ?\d+ \[(?:send|receive)\]"
                          r" via (COLLNET/\S+)")
TUNING_LINE = re.compile(r"NCCL INFO (\w+): \d+ Bytes -> Algo (\w+) proto (\w+)")
REFUSAL = re.compile(r"(?:Duplicate GPU detected|Multiple ranks detected using the same GPU|"
                     r"Multiple ranks are using the same GPU)[^\n]*", re.IGNORECASE)
ALGORITHMS = ("tree", "ring", "collnetdirect", "collnetchain", "nvls", "nvlstree", "pat")
PROTOCOLS = ("ll", "ll128", "simple")


def parse_nccl_log(text: str) -> dict[str, Any]:
    """Version, network, refusal (each None if not told); transports: the count of channel lines
    for each transport, named without device numbers; algorithms: for each collective, how often
    which was chosen (only with the subsystem TUNING). Passes over unknown lines."""
    transports: dict[str, int] = {}
    for name in CHANNEL_LINE.findall(text) + COLLNET_LINE.findall(text):
        name = "/".join(part for part in name.replace("direct shared memory", "SHM").split("/")
                        if not re.fullmatch(r"\d+(?:\(\d+\))?|Shared", part))
        transports[name] = transports.get(name, 0) + 1
    algorithms: dict[str, dict[str, int]] = {}
    for collective, algorithm, protocol in TUNING_LINE.findall(text):
        name = "%s/%s" % (spelled(algorithm, ALGORITHMS), spelled(protocol, PROTOCOLS))
        counts = algorithms.setdefault(collective, {})
        counts[name] = counts.get(name, 0) + 1
    version = re.search(r"NCCL version (\d+\.\d+\.\d+)", text)
    network = re.search(r"NCCL INFO Using network (\S+)", text)
    refusal = REFUSAL.search(text)
    return {"version": version and version[1], "network": network and network[1],
            "refusal": refusal and refusal[0].strip(), "transports": transports,
            "algorithms": algorithms}


def spelled(name: str, numbered: tuple[str, ...]) -> str:
    """One spelling for what versions write as 3, COLLNET_CHAIN or CollnetChain."""
    if name.isdigit() and int(name) < len(numbered):
        return numbered[int(name)]
    return name.replace("_", "").lower()


def version_number(text: Optional[str]) -> tuple[int, ...]:
    """(2, 28, 9) of "2.28.9", (0,) where it is not known."""
    return tuple(int(part) for part in re.findall(r"\d+", text or "")[:3]) or (0,)
