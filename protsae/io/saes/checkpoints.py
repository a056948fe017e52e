"""Interrupted training: weights, optimiser moments and progress in one safetensors file."""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from protsae.io.atomic import atomic_path
from protsae.one_line import note, reason


class Optimiser(Protocol):
    """What keeps the moments: one of PyTorch's, or ``protsae.sae.training.adam.Adam``."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors by name and number of the weight, under ``state``; and ``param_groups``."""

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Take such tensors over."""


Trained = Mapping[str, tuple[torch.nn.Module, Optimiser]]
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
        By name.
    progress : dict
        JSON-able: steps taken, curve so far.
    """
    tensors: dict[str, Tensor] = {}
    for key, (module, optimiser) in trained.items():
        tensors |= {f"{key}/module/{name}": value for name, value in module.state_dict().items()}
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"{key}/{index}/{name}": value for name, value in state.items()}
    tensors = {name: value.detach().cpu().clone() for name, value in tensors.items()}
    metadata = {"identity": identity, "progress": json.dumps(progress)}
    metadata["sha256"] = _digest(tensors, metadata["progress"])
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=metadata)


def read_checkpoint(
    path: str | Path, identity: str, trained: Trained, say: Callable[[str], None]
) -> dict[str, Any] | None:
    """Put a checkpoint back into modules and optimisers; returns its progress.

    None, with nothing changed, if there is no checkpoint of this ``identity``: training then starts
    anew. If a checkpoint exists but cannot be used, ``say`` is called with the reason.
    """
    path = Path(path)
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as handle:
            metadata = handle.metadata() or {}
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        metadata, tensors = {}, {}
        problem = f"cannot be read ({reason(error)})"
    else:
        problem = _problem(metadata, tensors, identity)
    if problem:
        say(note(f"{path}: checkpoint not used: {problem}; training starts over"))
        return None
    progress: dict[str, Any] = json.loads(metadata["progress"])
    found: dict[str, dict[str, dict[str, Tensor]]] = {}
    for full_name, value in tensors.items():
        key, part, name = full_name.rsplit("/", 2)
        found.setdefault(key, {}).setdefault(part, {})[name] = value
    for key, (module, optimiser) in trained.items():
        module.load_state_dict(found[key].pop("module"))
        moments = {int(index): state for index, state in found[key].items()}
        groups = optimiser.state_dict()["param_groups"]
        optimiser.load_state_dict({"state": moments, "param_groups": groups})
    return progress


def _digest(tensors: Mapping[str, Tensor], progress: str) -> str:
    """Checksum of names, values and progress."""
    digest = hashlib.sha256(progress.encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _problem(metadata: Mapping[str, str], tensors: Mapping[str, Tensor], identity: str) -> str:
    """Why it cannot be gone on from; empty if it can."""
    if not {"identity", "progress", "sha256"} <= metadata.keys():
        return "not written by this version of protsae"
    if metadata["identity"] != identity:
        return "of other settings, data or code"
    if metadata["sha256"] != _digest(tensors, metadata["progress"]):
        return "damaged, its checksum does not fit"
    return ""
