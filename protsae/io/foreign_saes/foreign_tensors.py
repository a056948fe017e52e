"""Tensors of SAEs that other programs wrote: read without running anything, all used, all right."""

import re
import warnings
import zipfile
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from protsae.errors import UserError
from protsae.io.foreign_saes.foreign_configs import shown
from protsae.one_line import cut, reason

_BASE = {"W_enc": "DF", "b_enc": "F", "W_dec": "FD", "b_dec": "D"}

SHAPES = {
    "relu": _BASE,
    "topk": _BASE,
    "jumprelu": {**_BASE, "threshold": "F"},
    "gated": {**_BASE, "r_mag": "F", "b_mag": "F"},
}
"""Tensors of each architecture that can be taken in; D is the model's width, F the features."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Every tensor of a safetensors file, or of a ``.pt`` file of tensors alone.

    Raises
    ------
    UserError
        If the file is missing or damaged, or holds anything but tensors.
    """
    try:
        found = load_file(path) if path.suffix == ".safetensors" else _unpickled(path)
    except (OSError, SafetensorError, ValueError) as error:
        raise UserError(f"{path}: cannot be read ({reason(error, 160)}); copy it again") from None
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise UserError(
                f"{path}: {shown(name)} is a {type(value).__name__}; expected tensors by name; "
                "save the state_dict of the SAE alone"
            )
        _validate_storage(path, name, value)
    return {name: value.detach() for name, value in found.items()}


def _unpickled(path: Path) -> dict[str, Tensor]:
    """What a ``.pt`` file holds under names.

    Raises
    ------
    ValueError
        If it asks to run anything, cannot be read, or holds something else.
    """
    validate_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever the bytes of a file can provoke in torch
        forbidden = re.search(r"GLOBAL (\S+)", str(error))
        if forbidden:
            raise ValueError(f"asks to run {cut(forbidden[1], 60)}, which is refused") from None
        raise ValueError(f"{type(error).__name__}, it may have been cut short") from None
    if not isinstance(found, dict):
        raise ValueError(f"a {type(found).__name__}, not tensors by name")
    return found


def validate_archive(path: Path) -> None:
    """Raise ValueError for a ``.pt`` file with a part that is compressed or damaged.

    torch writes no compressed parts, but would read them: a megabyte may stand for a gigabyte. It
    writes a checksum of every part, but does not compare it when it reads.
    """
    try:
        archive = zipfile.ZipFile(path)
    except Exception:  # no zip archive, as before torch 1.6, or a part of one: for torch to judge
        return
    with archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("its parts are compressed, which torch does not do")
        # torch can be told to leave checksums out.
        if any(member.CRC for member in members):
            _validate_parts(archive)


def _validate_parts(archive: zipfile.ZipFile) -> None:
    try:
        damaged = archive.testzip()
    except Exception as error:  # whatever the bytes of a file can provoke in zipfile
        raise ValueError(f"damaged ({reason(error, 160)})") from None
    if damaged is not None:
        raise ValueError(f"damaged: {shown(damaged)} in it has another checksum")


def is_dense(value: Tensor) -> bool:
    """Whether all elements are there: a stride of 0 would claim any number.

    Examples
    --------
    >>> is_dense(torch.zeros(3)), is_dense(torch.zeros(1).expand(10**9))
    (True, False)
    """
    if value.layout != torch.strided or value.device.type != "cpu":
        return False
    return value.numel() * value.element_size() <= value.untyped_storage().nbytes()


def _validate_storage(path: Path, name: str, value: Tensor) -> None:
    """Raise UserError unless all elements are there."""
    if not is_dense(value):
        raise UserError(f"{path}: {shown(name)} is no dense tensor; save it as one")


def only(path: Path, found: Iterable[str], needed: Iterable[str], what: str) -> None:
    """Raise UserError if a tensor is missing, or is there and would not be used.

    Parameters
    ----------
    what : str
        As in "expected a ... SAE".
    """
    found, needed = set(found), set(needed)
    missing = sorted(needed - found)
    if missing:
        raise UserError(f"{path}: no {', '.join(missing)}; expected a {what} SAE; copy it again")
    unused = sorted(found - needed)
    if unused:
        names = ", ".join(shown(name).strip("'\"") for name in unused[:5])
        raise UserError(
            f"{path}: {names} would not be used; expected a {what} SAE, "
            f"{', '.join(sorted(needed))} alone; save again without what does nothing"
        )


def validated(path: Path, architecture: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of an architecture as contiguous float32.

    Raises
    ------
    UserError
        If one is not finite, not of floating point or of another shape.
    """
    shapes = SHAPES[architecture]
    W_dec_FD = weights["W_dec"]
    if W_dec_FD.ndim != 2 or not W_dec_FD.numel():
        raise UserError(
            f"{path}: W_dec has shape {_shape(W_dec_FD)}; expected a row per feature and a column "
            "per input; copy it again"
        )
    sizes = dict(zip("FD", W_dec_FD.shape, strict=True))
    for name, axes in shapes.items():
        expected = tuple(sizes[axis] for axis in axes)
        if tuple(weights[name].shape) != expected:
            raise UserError(
                f"{path}: {name} has shape {_shape(weights[name])}; expected {expected}, as W_dec "
                f"has {_shape(W_dec_FD)}; copy it again"
            )
    return {name: _float32(path, name, weights[name]) for name in shapes}


def scalar(path: Path, name: str, value: Tensor) -> float | int | bool:
    """The number that a tensor of one element holds.

    Raises
    ------
    UserError
        If it has more elements, or is not finite.
    """
    if value.numel() != 1 or value.is_complex() or not bool(torch.isfinite(value).all()):
        raise UserError(f"{path}: {name} is not one finite number; copy it again")
    return value.item()


def float_vector(path: Path, name: str, value: Tensor, n: int) -> Tensor:
    """A float32 tensor of shape (n,).

    Raises
    ------
    UserError
        If it has another shape, or is not finite.
    """
    if tuple(value.shape) != (n,):
        raise UserError(f"{path}: {name} has shape {_shape(value)}; expected ({n},); copy it again")
    return _float32(path, name, value)


def _float32(path: Path, name: str, value: Tensor) -> Tensor:
    if not value.is_floating_point():
        kind = str(value.dtype).removeprefix("torch.")
        raise UserError(f"{path}: {name} holds {kind}; expected floating point; save it as such")
    value = value.float().contiguous()
    n_bad = value.numel() - int(torch.isfinite(value).sum())
    if n_bad:
        raise UserError(
            f"{path}: {name} has {n_bad:,} values that are NaN or infinite in float32; expected "
            "none; copy it again, or train again if they are in the original"
        )
    return value


def _shape(value: Tensor) -> tuple[int, ...]:
    return tuple(value.shape)
