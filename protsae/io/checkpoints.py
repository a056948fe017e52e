"""Interrupted training: weights, optimiser moments and progress in one safetensors file."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from protsae.io.atomic import atomic_path

Trained = Mapping[str, tuple[torch.nn.Module, torch.optim.Optimizer]]
"""Modules in training, by name, each with its optimiser."""


def write_checkpoint(
    path: str | Path, identity: str, trained: Trained, progress: dict[str, Any]
) -> None:
    """Write everything that training needs to go on.

    Parameters
    ----------
    identity : str
        Digest of settings and data; a checkpoint of another identity is not gone on from.
    trained : mapping
        Names without "/".
    progress : dict
        JSON-able: steps taken, curve so far.
    """
    tensors: dict[str, Tensor] = {}
    for key, (module, optimiser) in trained.items():
        tensors |= {f"{key}/module/{name}": value for name, value in module.state_dict().items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{key}/{index}/{name}": value for name, value in state.items()}
    tensors = {name: value.detach().cpu().clone() for name, value in tensors.items()}
    with atomic_path(path) as temporary:
        save_file(
            tensors, temporary, metadata={"identity": identity, "progress": json.dumps(progress)}
        )


def read_checkpoint(path: str | Path, identity: str, trained: Trained) -> dict[str, Any] | None:
    """Put a checkpoint back into modules and optimisers; returns its progress.

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
    found: dict[str, dict[str, dict[str, Tensor]]] = {}
    for full_name, value in tensors.items():
        key, part, name = full_name.split("/")
        found.setdefault(key, {}).setdefault(part, {})[name] = value
    for key, (module, optimiser) in trained.items():
        module.load_state_dict(found[key].pop("module"))
        moments = {int(index): state for index, state in found[key].items()}
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": moments, "param_groups": groups})
    return progress
