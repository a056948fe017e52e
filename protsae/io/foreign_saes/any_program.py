"""SAEs of other programs: which program wrote a folder, and what is in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from protsae.errors import UserError
from protsae.io.foreign_saes.dictionary_learning import (
    Sae,
    dictionary_learning_layers,
    read_dictionary_learning,
    read_interplm,
    read_sparsify,
)
from protsae.io.foreign_saes.foreign_configs import layer_in_name, shown, validate_layer
from protsae.io.foreign_saes.saelens import read_saelens, stated_layers


@dataclass(frozen=True)
class Program:
    """One that writes SAEs.

    Attributes
    ----------
    name : str
    files : tuple of tuple of str
        By which a folder of its is known: one of each group is there.
    config : str
        Where it says which layer; empty for the folder's name.
    read : callable
        From the folder to architecture, k and weights.
    layers : callable
        From the folder to what it says of the layer, by key.
    """

    name: str
    files: tuple[tuple[str, ...], ...]
    config: str
    read: Callable[[Path], Sae]
    layers: Callable[[Path], dict[str, Any]]


def _folder_name(folder: Path) -> dict[str, Any]:
    """For programs that keep layers apart by folders alone, such as layer_3 or layers.3."""
    name = folder.resolve().name
    return {"the folder's name": name if layer_in_name(name) is not None else None}


PROGRAMS = (
    Program(
        "SAELens", (("sae_weights.safetensors",), ("cfg.json",)), "cfg.json", read_saelens,
        stated_layers,
    ),
    Program("sparsify", (("sae.safetensors",), ("cfg.json",)), "", read_sparsify, _folder_name),
    Program(
        "dictionary_learning", (("ae.pt",), ("config.json",)), "config.json",
        read_dictionary_learning, dictionary_learning_layers,
    ),
    Program(
        "InterPLM", (("ae_normalized.pt", "ae.pt", "ae_unnormalized.pt"),), "", read_interplm,
        _folder_name,
    ),
)  # fmt: skip


def read_foreign_sae(folder: str | Path, layer: int) -> Sae:
    """Architecture, k and weights of an SAE, whichever known program wrote it.

    Raises
    ------
    UserError
        If no known program did, it was trained on another layer, a file is damaged, or the SAE does
        what no architecture here can.
    """
    folder = Path(folder)
    program = _program(folder)
    validate_layer(folder / program.config, program.layers(folder), layer)
    return program.read(folder)


def _program(folder: Path) -> Program:
    if not folder.is_dir():
        what = "a file" if folder.exists() else "no such folder"
        raise UserError(f"{folder}: {what}; expected the folder of an SAE; give that")
    for program in PROGRAMS:
        if all(any((folder / name).exists() for name in names) for names in program.files):
            return program
    there = sorted(path.name for path in folder.iterdir())
    found = ", ".join(shown(name).strip("'\"") for name in there[:5]) or "nothing"
    more = f" and {len(there) - 5} more" if len(there) > 5 else ""
    known = "; ".join(
        f"{program.name} ({' and '.join(names[0] for names in program.files)})"
        for program in PROGRAMS
    )
    raise UserError(
        f"{folder}: not a SAELens folder: found {found}{more}; expected one of {known}; give one"
    )
