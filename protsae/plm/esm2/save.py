"""ESM-2 checkpoints in fair-esm's file layout."""

from collections import OrderedDict
from pathlib import Path

import torch
from esm.model.esm2 import ESM2

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.provenance import file_sha256

WEIGHTS_SHA256 = "weights_sha256"
"""Key of the checksum of the weights, in the file of the contact regression."""
_RENAMED = {"lm_head.": "encoder.lm_head.", "": "encoder.sentence_encoder."}


def validate_esm_name(path: Path) -> None:
    """Raise UserError unless fair-esm would take a file of this name for an ESM-2."""
    if not (path.name.startswith("esm2") and path.suffix == ".pt"):
        raise UserError(
            f"--output {path}: fair-esm recognises an ESM-2 by its file name; expected esm2*.pt"
        )


def save_esm(model: ESM2, path: str | Path, dtype: torch.dtype = torch.float16) -> None:
    """Write ``path`` and ``<stem>-contact-regression.pt``, which fair-esm's own loader reads.

    Weights are stored in ``dtype`` (fair-esm loads them into float32). The contact regression is
    all zeros: contact prediction is not trained here, and fair-esm insists on the file. It also
    has the checksum of the weights, by which `load_esm` finds a file that has changed since.

    fair-esm reads the sizes as attributes, and keeps them in an ``argparse.Namespace``, which
    torch from 2.6 on refuses to unpickle unless told otherwise. Here they are attributes of an
    empty ``OrderedDict``, which every torch unpickles.

    Raises
    ------
    ValueError
        If the file name does not start with ``esm2``, by which fair-esm tells the architecture.
    """
    path = Path(path)
    if not path.name.startswith("esm2"):
        raise ValueError(f"{path.name}: the name of an ESM-2 file must start with 'esm2'")
    sizes: OrderedDict[str, object] = OrderedDict()
    vars(sizes).update(
        encoder_layers=model.num_layers,
        encoder_embed_dim=model.embed_dim,
        encoder_attention_heads=model.attention_heads,
        token_dropout=model.token_dropout,
    )
    weights = {
        _layout_name(name): value.to(dtype).clone()
        for name, value in model.state_dict().items()
        # The output layer is the embedding, and fair-esm ties them again on loading.
        if not name.startswith("contact_head.")
    }
    _save({"cfg": {"model": sizes}, "model": weights}, path)
    regression = {
        name: torch.zeros_like(value)
        for name, value in model.state_dict().items()
        if name.startswith("contact_head.")
    }
    regression_path = path.with_name(f"{path.stem}-contact-regression.pt")
    _save({"model": regression, WEIGHTS_SHA256: file_sha256(path)}, regression_path)


def _save(contents: dict[str, object], path: Path) -> None:
    # Given a path, torch writes its name into the file, and a temporary name holds a process id.
    with atomic_path(path) as temporary, temporary.open("wb") as handle:
        torch.save(contents, handle)


def _layout_name(name: str) -> str:
    prefix = next(prefix for prefix in _RENAMED if name.startswith(prefix))
    return _RENAMED[prefix] + name.removeprefix(prefix)
