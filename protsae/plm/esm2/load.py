"""ESM-2 weights, by fair-esm's name or from a local file in its layout, built by fair-esm."""

import argparse
import re
import sys
import warnings
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from textwrap import shorten
from typing import Any
from urllib.error import HTTPError

import esm
import torch
from esm.model.esm2 import ESM2

from protsae.config.released_models import RELEASED, stated_layers, unknown_model
from protsae.device import find_device
from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.foreign_saes.foreign_tensors import is_dense, validate_archive
from protsae.io.progress import print_beside
from protsae.one_line import cut, reason, shown
from protsae.plm.esm2.save import WEIGHTS_SHA256
from protsae.provenance import file_sha256

HOST = "https://dl.fbaipublicfiles.com/fair-esm"

_AGAIN = "delete it and download or copy it again"


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


def load_esm(model: str, device: str = "auto", gpu: int = 0) -> LoadedEsm:
    """Load an ESM-2 into fair-esm's module; only plain types and tensors are unpickled.

    Parameters
    ----------
    model : str
        A fair-esm ESM-2 name, downloaded once into torch's hub folder, where fair-esm keeps it
        too; or the path of a ``.pt`` file in fair-esm's layout, whose stem starts with ``esm2``
        and which has ``<stem>-contact-regression.pt`` beside it.
    device : {"auto", "cpu", "cuda"}
        ``auto`` is cuda where there is one.
    gpu : int
        Which GPU, modulo how many there are.

    Raises
    ------
    UserError
        If the name is unknown, a download fails, a file is missing, damaged, no ESM-2 or another
        one than its name says, or there is no CUDA device.
    """
    place = find_device(device, gpu)
    path = _local_path(model) if model.endswith(".pt") else _cached_path(model)
    weights, regression = _read(path), _read(_regression_path(path))
    sizes = _sizes(path, weights)
    _validate_named(path, sizes)
    for file, checkpoint in ((path, weights), (_regression_path(path), regression)):
        _validate_weights(file, checkpoint["model"])
    _validate_claim(path, weights["model"], sizes)
    try:
        loaded, _ = esm.pretrained.load_model_and_alphabet_core(path.stem, weights, regression)
    except Exception as error:  # whatever strange sizes and tensors provoke in fair-esm and torch
        text = reason(error, 2000)
        text = text.removeprefix("Error(s) in loading state_dict for ESM2:")
        finding = shorten(text, 160, placeholder=" ...")
        misfit = _regression_path(path) if "contact_head" in finding else path
        raise UserError(
            f"{misfit}: its weights do not fit {_described(sizes)}, which {path.name} gives as its "
            f"sizes ({finding}); {_AGAIN}"
        ) from None
    digest = file_sha256(path)
    written = regression.get(WEIGHTS_SHA256, digest)
    if written != digest:
        raise UserError(
            f"{path}: weights_sha256 is {digest[:12]}, but {str(written)[:12]} when it was written "
            f"together with {_regression_path(path).name}; copy or make both again"
        )
    return LoadedEsm(path.stem, digest, loaded.eval().to(place))


def load_same_esm(model: str, device: str, weights_sha256: str) -> LoadedEsm:
    """The ESM-2 that some activations come from.

    Raises
    ------
    UserError
        If its weights are others, and as `load_esm` does.
    """
    esm = load_esm(model, device)
    if esm.weights_sha256 != weights_sha256:
        raise UserError(
            f"{model}: weights_sha256 is {esm.weights_sha256}, but the activations come from "
            f"{weights_sha256}; embed again with this model"
        )
    return esm


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


def _local_path(model: str) -> Path:
    path = Path(model)
    regression = _regression_path(path)
    for needed in (path, regression):
        if not needed.is_file():
            raise UserError(
                f"{needed}: no such file; fair-esm wants {path.name} and {regression.name} "
                f"together; put both into one folder"
            )
    if not path.stem.startswith("esm2"):
        raise UserError(
            f"{path}: fair-esm recognises an ESM-2 by its file name; expected a name that starts "
            f"with 'esm2'; rename it and its contact-regression file"
        )
    return path


def _cached_path(name: str) -> Path:
    """Where fair-esm keeps a released model; what is not there yet is downloaded."""
    if name not in RELEASED:
        raise UserError(unknown_model(name))
    path = Path(torch.hub.get_dir()) / "checkpoints" / f"{name}.pt"
    for folder, file in (("models", path), ("regression", _regression_path(path))):
        if not file.exists():
            _download(f"{HOST}/{folder}/{file.name}", file)
    return path


def _regression_path(path: Path) -> Path:
    return path.with_name(f"{path.stem}-contact-regression.pt")


def _download(url: str, path: Path) -> None:
    """Download a checkpoint; ``path`` appears once the file has been read back.

    torch.hub alone takes the end of a connection that was cut for the end of the file.
    """
    print_beside(f"downloading {url} to {path}")
    try:
        with atomic_path(path) as temporary:
            torch.hub.download_url_to_file(url, str(temporary), progress=sys.stderr.isatty())
            _unpickled(temporary)
    except (OSError, HTTPException) as error:
        if isinstance(error, HTTPError):
            error.close()
        raise UserError(
            f"{url}: could not be downloaded ({error}); try again, or put the file at {path}"
        ) from None
    except ValueError as error:
        raise UserError(
            f"{url}: what was downloaded {error}; nothing is kept of it; try again, or put the "
            f"file at {path}"
        ) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return _unpickled(path)
    except ValueError as error:
        raise UserError(f"{path}: {error}; {_AGAIN}") from None


def _unpickled(path: Path) -> dict[str, Any]:
    """Contents of a checkpoint: plain types, tensors and argparse.Namespace, nothing else.

    No environment variable switches off a ``weights_only`` that is given explicitly. torch's
    warnings are silenced: what they announce, here, is an error that follows.

    Raises
    ------
    ValueError
        If it holds anything else, or cannot be read.
    """
    validate_archive(path)
    try:
        with torch.serialization.safe_globals([argparse.Namespace]), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the bytes of a file can provoke in torch
        text = str(error)
        forbidden = re.search(r"GLOBAL (\S+)", text)
        if forbidden:
            raise ValueError(f"asks to run {cut(forbidden[1], 60)}, which is refused") from None
        # torch hides its finding among advice, such as how to switch the check off.
        finding = re.search(r"WeightsUnpickler error:\s*(.+)", text)
        why = shorten(cut(f"{type(error).__name__}: {finding[1] if finding else text}", 2000), 120)
        raise ValueError(f"cannot be read, it may have been cut short ({why})") from None
    if not isinstance(found, dict) or not isinstance(found.get("model"), dict):
        raise ValueError("holds no 'model', where fair-esm's checkpoints have their weights")
    return found


def _sizes(path: Path, checkpoint: dict[str, Any]) -> tuple[int, int, int]:
    """Layers, width and heads that the checkpoint gives itself."""
    if "args" in checkpoint:
        raise UserError(
            f"{path}: holds an ESM-1 (its 'args' say {getattr(checkpoint['args'], 'arch', None)}); "
            f"expected an ESM-2, with 'cfg'; give another file, or {_AGAIN}"
        )
    try:
        cfg = checkpoint["cfg"]["model"]
        sizes = (cfg.encoder_layers, cfg.encoder_embed_dim, cfg.encoder_attention_heads)
        _ = cfg.token_dropout
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: does not say its size under 'cfg' as fair-esm's ESM-2 files do "
            f"({type(error).__name__}: {error}); {_AGAIN}"
        ) from None
    for size in sizes:
        if type(size) is not int or size < 1:
            raise UserError(
                f"{path}: 'cfg' gives {shown(size)} as a size; expected layers, width and heads, "
                f"whole numbers from 1 on; {_AGAIN}"
            )
    return sizes


def _validate_weights(path: Path, weights: dict[Any, Any]) -> None:
    """Raise UserError for what is no tensor, claims more than is there, or is not finite."""
    for name, value in weights.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise UserError(
                f"{path}: {shown(name)} is a {type(value).__name__}; expected tensors by name; "
                f"{_AGAIN}"
            )
        if not is_dense(value):
            raise UserError(f"{path}: {shown(name)} is no dense tensor; {_AGAIN}")
        if not bool(value.isfinite().all()):
            raise UserError(f"{path}: {shown(name)} has values that are NaN or infinite; {_AGAIN}")


def _validate_claim(path: Path, weights: dict[str, torch.Tensor], sizes: tuple[int, ...]) -> None:
    """Raise UserError for sizes far beyond the weights, before a model of these sizes is built."""
    n_layers, width, _ = sizes
    stored = sum(value.numel() for value in weights.values())
    # A block has 12 width^2 weights, beside biases; what is a little off is told more exactly.
    if 12 * n_layers * width**2 > 2 * stored:
        raise UserError(
            f"{path}: its {stored:,} weights are too few for {_described(sizes)}, which it gives "
            f"as its sizes; {_AGAIN}"
        )


def _validate_named(path: Path, sizes: tuple[int, int, int]) -> None:
    """fair-esm loads whatever lies under a name; esm2_t12_... has to have 12 layers."""
    n_layers = stated_layers(path.name)
    by_name = sizes if n_layers is None else (n_layers, *sizes[1:])
    expected = RELEASED.get(path.stem, by_name)
    if sizes != expected:
        raise UserError(
            f"{path}: holds an ESM-2 of {_described(sizes)}; expected, by its name, "
            f"{_described(expected)}; rename it, or {_AGAIN}"
        )


def _described(sizes: tuple[int, ...]) -> str:
    return "{} layers, width {}, {} heads".format(*map(shown, sizes))
