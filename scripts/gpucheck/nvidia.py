"""What nvidia-smi says of the devices."""
from __future__ import annotations

import re
import subprocess
from typing import Optional


def select_devices(visible: Optional[str], listing: str
                   ) -> tuple[list[Optional[str]], Optional[str]]:
    """What each rank gets as CUDA_VISIBLE_DEVICES, and the GPU's UUID if known. Several entries
    are MIG instances of one GPU, one for each rank; a single one is shared by all (None leaves
    the variable unset)."""
    wanted = [] if visible is None else [entry.strip() for entry in visible.split(",")]
    gpus = [re.findall(r"UUID: ((?:GPU|MIG)-[\w\-/]+)", part)  # of the GPU, then of its instances
            for part in re.split(r"(?m)^(?=GPU )", listing)]
    uuids = next((part for part in gpus if part and (not wanted or wanted[0] in part)), [])
    instances = [entry for entry in wanted if entry in uuids[1:]] or uuids[1:]
    if instances:
        return list(instances), uuids[0]
    return [(wanted or uuids or [None])[0]], uuids[0] if uuids else None


def smi(*arguments: str) -> str:
    """The output of nvidia-smi, empty where it is missing, fails or hangs."""
    try:
        return subprocess.run(["nvidia-smi", *arguments], stdin=subprocess.DEVNULL, timeout=20,
                              capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def driver_facts(gpu: Optional[str]) -> dict[str, Optional[str]]:
    """Driver version, MIG mode and compute mode; None for what cannot be read."""
    answer = smi("--query-gpu=driver_version,mig.mode.current,compute_mode",
                 "--format=csv,noheader", *(["-i", gpu] if gpu else []))
    fields = [field.strip() for field in answer.split("\n")[0].split(",")] + [""] * 3
    return {name: None if field.startswith("[") else field or None
            for name, field in zip(("driver", "mig_mode", "compute_mode"), fields)}
