"""ESM-2 weights, by fair-esm's name or from a local file in its layout, loaded by fair-esm."""

import argparse
import difflib
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import esm
import torch
from esm.model.esm2 import ESM2

from protsae.device import find_device
from protsae.errors import UserError
from protsae.provenance import file_sha256

_FORCE, _FORCE_NOT = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
"""torch's environment variables; it refuses to load anything while both are set."""


@dataclass(frozen=True)
class LoadedEsm:
    """An ESM-2 and where it came from.

    Attributes
    ----------
    name : str
        fair-esm's name, or the stem of the local file.
    weights_sha256 : str
        Checksum of the weights file.
    model : ESM2
        In evaluation mode, float32, on ``device``.
    """

    name: str
    weights_sha256: str
    model: ESM2

    @property
    def device(self) -> torch.device:
        """Where the weights live."""
        return self.model.embed_tokens.weight.device


def model_name(model: str) -> str:
    """Name of a model as used in paths: fair-esm's name, or the stem of a local ``.pt`` file.

    Examples
    --------
    >>> model_name("data/model/esm2_t6_protsae.pt"), model_name("esm2_t6_8M_UR50D")
    ('esm2_t6_protsae', 'esm2_t6_8M_UR50D')
    """
    return Path(model).stem if model.endswith(".pt") else model


def load_esm(model: str, device: str = "auto", gpu: int = 0) -> LoadedEsm:
    """Load an ESM-2 through fair-esm, with torch's ``weights_only`` unpickling kept on.

    Parameters
    ----------
    model : str
        A fair-esm ESM-2 name (fair-esm downloads it once into torch's hub folder), or the path of
        a ``.pt`` file in fair-esm's layout, whose stem starts with ``esm2`` and which has
        ``<stem>-contact-regression.pt`` beside it.
    device : {"auto", "cpu", "cuda"}
        ``auto`` is cuda where there is one.
    gpu : int
        Which GPU, modulo how many there are.

    Raises
    ------
    UserError
        If the name is unknown, a download fails, a file is missing or is no ESM-2, or there is no
        CUDA device.
    """
    place = find_device(device, gpu)
    path = _weights_path(model)
    try:
        with _weights_only():
            loaded, _ = esm.pretrained.load_model_and_alphabet(model)
    except Exception as error:  # whatever a file or the network can provoke in fair-esm and torch
        raise UserError(_failure(model, path, error)) from None
    _validate_named(path, loaded)
    return LoadedEsm(model_name(model), file_sha256(path), loaded.eval().to(place))


def validate_layers(model: ESM2, layers: tuple[int, ...]) -> None:
    """Raise UserError for a layer that the model does not have.

    Layers are fair-esm's ``repr_layers``: 0 to ``model.num_layers``.
    """
    unknown = [layer for layer in layers if not 0 <= layer <= model.num_layers]
    if unknown:
        raise UserError(
            f"embed.layers: layer {unknown[0]} is not in this model; expected 0 to "
            f"{model.num_layers} (0 = embedding, {model.num_layers} = after the final layer norm)"
        )


def _weights_path(model: str) -> Path:
    if not model.endswith(".pt"):
        names = sorted(n for n in vars(esm.pretrained) if n.startswith("esm2_"))
        if model not in names:
            near = difflib.get_close_matches(model, names, n=1)
            hint = f"did you mean {near[0]!r}? Expected" if near else "expected"
            raise UserError(
                f"embed.model: {model!r} is not an ESM-2 of fair-esm; {hint} a local .pt file or "
                f"one of {', '.join(names)}"
            )
        return Path(torch.hub.get_dir()) / "checkpoints" / f"{model}.pt"
    path = Path(model)
    regression = _regression_path(path)
    for needed in (path, regression):
        if not needed.is_file():
            raise UserError(
                f"{needed}: no such file; fair-esm wants {path.name} and {regression.name} together"
            )
    if not path.stem.startswith("esm2"):
        raise UserError(
            f"{path}: fair-esm recognises an ESM-2 by its file name; expected a name that starts "
            f"with 'esm2'; rename it and its contact-regression file"
        )
    return path


def _validate_named(path: Path, model: ESM2) -> None:
    """fair-esm loads whatever lies under a name; esm2_t12_... has to have 12 layers."""
    named = re.match(r"esm2_t(\d+)_", path.name)
    if named and int(named[1]) != model.num_layers:
        raise UserError(
            f"{path}: holds {model.num_layers} layers of width {model.embed_dim}, but its name "
            f"says {named[1]} layers; rename it, or delete it and download it again"
        )


def _regression_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}-contact-regression.pt")


@contextmanager
def _weights_only() -> Iterator[None]:
    """Plain tensors and argparse.Namespace only, also where fair-esm asks torch.hub for a download.

    fair-esm 2.0.0 predates ``weights_only``: its files hold an ``argparse.Namespace``, and its
    download goes through a torch.hub function whose default is full unpickling. Warnings are
    silenced: what they announce, here, is an error that follows.
    """
    before = {name: os.environ.pop(name, None) for name in (_FORCE, _FORCE_NOT)}
    os.environ[_FORCE] = "1"
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        del os.environ[_FORCE]
        os.environ.update({name: value for name, value in before.items() if value is not None})


def _failure(model: str, path: Path, error: Exception) -> str:
    text = " ".join(str(error).split())
    # torch hides its finding among advice, such as how to switch the check off.
    finding = re.search(r"unsupported (global: )?\S+ \S+", text, re.IGNORECASE)
    reason = f"{type(error).__name__}: {finding[0] if finding else text}"[:160]
    if model.endswith(".pt"):
        return f"{path}: not an ESM-2 checkpoint in fair-esm's layout ({reason})"
    return (
        f"{model}: fair-esm could not download or read it ({reason}); delete {path.name} and "
        f"{_regression_path(path).name} from {path.parent}, if they are there, and try again"
    )
