"""Interrupted training: weights, optimiser moments and progress in one safetensors file."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from protsae.io.atomic import atomic_path


def write_checkpoint(
    path: str | Path,
    identity: str,
    module: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    progress: dict[str, Any],
) -> None:
    """Write everything that training needs to go on.

    Parameters
    ----------
    identity : str
        Digest of settings and data; a checkpoint of another identity is not gone on from.
    progress : dict
        JSON-able: steps taken, curve so far.
    """
    tensors = {f"module.{name}": value for name, value in module.state_dict().items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
    tensors = {name: value.detach().cpu().clone() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(
            tensors, temporary, metadata={"identity": identity, "progress": json.dumps(progress)}
        )


def read_checkpoint(
    path: str | Path, identity: str, module: torch.nn.Module, optimiser: torch.optim.Optimizer
) -> dict[str, Any] | None:
    """Put a checkpoint back into ``module`` and ``optimiser``; returns its progress.

    None, with nothing changed, if there is no readable checkpoint of this ``identity``: training
    then starts anew.
    """
    try:
        with safe_open(path, framework="pt") as handle:
            metadata = handle.metadata() or {}
            if metadata.get("identity") != identity:
                return None
            progress: dict[str, Any] = json.loads(metadata["progress"])
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
    except (FileNotFoundError, SafetensorError):
        return None
    moments: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        kind, _, rest = name.partition(".")
        if kind == "optimiser":
            index, _, moment = rest.partition(".")
            moments.setdefault(int(index), {})[moment] = value
    module.load_state_dict(
        {n.removeprefix("module."): v for n, v in tensors.items() if n.startswith("module.")}
    )
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": moments, "param_groups": groups})
    return progress
