"""SAEs on disk: cfg.json and sae_weights.safetensors as SAELens reads them, protsae.json beside."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from protsae.errors import UserError
from protsae.io.atomic import atomic_path
from protsae.io.foreign_saes.saelens import ARCHITECTURE, GATED_NAMES
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.json_files import write_json
from protsae.io.saes.sae_identity import (
    CONFIG,
    IDENTITY,
    UNKNOWN,
    WEIGHTS,
    read_identity,
    train_set_sha256,
    write_identity,
)

_SAELENS_VERSION = "6.18.0"


@dataclass(frozen=True)
class SaeSource:
    """What an SAE is and what it was trained on.

    Attributes
    ----------
    architecture : str
    k : int or None
        Active features, for topk, batchtopk and matryoshka.
    model, weights_sha256, layer : str, str, int
        Whose activations.
    protein_set_sha256 : str
    train_set_sha256 : str
        ``train_set_sha256`` of the train split that it was trained on, or ``UNKNOWN``.
    n_residues : int
        Training residues that the normalisation was measured on.
    normalisation : dict
        scale and |mean| of the training activations, already folded into the weights.
    settings : dict
        The training settings.
    code_version : str
    further : dict or None
        If it was trained on further proteins, too: ``protein_set_sha256`` of them; and the residues
        trained on, each as often as it came, by where they are from: ``train_residues`` and
        ``further_residues``.
    """

    architecture: str
    k: int | None
    model: str
    weights_sha256: str
    layer: int
    protein_set_sha256: str
    train_set_sha256: str
    n_residues: int
    normalisation: dict[str, float]
    settings: dict[str, Any]
    code_version: str
    further: dict[str, Any] | None = None

    @property
    def freeze(self) -> str:
        """What of it did not learn; of an SAE that another program trained, nothing is known so."""
        return str(self.settings.get("freeze", "none"))


def write_sae(folder: str | Path, weights: dict[str, Tensor], source: SaeSource) -> None:
    """Write the three files; ``protsae.json`` comes last and makes the folder valid.

    It has the checksums of the two others, so that no other weights pass for these.

    Parameters
    ----------
    weights : dict
        State of the SAE: W_enc (d_model, n_features), b_enc, W_dec (n_features, d_model), b_dec and
        what its architecture adds; float32, normalisation folded in.

    Raises
    ------
    UserError
        If a weight is NaN or infinite; nothing is written.
    """
    folder = Path(folder)
    for name, value in weights.items():
        n_bad = value.numel() - int(value.isfinite().sum())
        if n_bad:
            raise UserError(
                f"{folder}: {n_bad:,} of {value.numel():,} values of {name} are NaN or infinite; "
                "no SAE is written; train again with a lower lr"
            )
    (folder / IDENTITY).unlink(missing_ok=True)  # of an earlier SAE
    with atomic_path(folder / WEIGHTS) as temporary:
        names = GATED_NAMES if source.architecture == "gated" else {}
        save_file({names.get(n, n): value.contiguous() for n, value in weights.items()}, temporary)
    n_features, d_model = weights["W_dec"].shape
    topk = {"k": source.k, "rescale_acts_by_decoder_norm": False}
    sparsity = topk if source.architecture == "topk" else {}
    write_json(
        folder / CONFIG,
        {
            "architecture": ARCHITECTURE[source.architecture],
            **sparsity,
            "d_in": d_model,
            "d_sae": n_features,
            "dtype": "float32",
            "device": "cpu",
            "apply_b_dec_to_input": True,
            "normalize_activations": "none",
            "reshape_activations": "none",
            "metadata": {
                "sae_lens_version": _SAELENS_VERSION,
                "model_name": source.model,
                "hook_name": f"layers.{source.layer}",
            },
        },
    )
    identity = asdict(source)
    if source.further is None:
        del identity["further"]
    write_identity(folder, identity)


def read_sae(folder: str | Path) -> tuple[dict[str, Tensor], SaeSource]:
    """Weights and source of an SAE written by ``write_sae``.

    Raises
    ------
    UserError
        If a file is missing, not of this format, or not the one that was written.
    """
    folder = Path(folder)
    document = read_identity(folder)
    for key in ("format", "format_version", "sha256"):
        del document[key]
    weights = load_file(folder / WEIGHTS)
    source = SaeSource(**document)
    if source.architecture == "gated":
        for ours, theirs in GATED_NAMES.items():
            weights[ours] = weights.pop(theirs)
    return weights, source


def validate_same_source(
    folder: str | Path, source: SaeSource, cache: LayerCache, train: set[str]
) -> None:
    """Raise UserError unless an SAE belongs to the activations and the split it is used with.

    Parameters
    ----------
    train : set of str
        Accessions of the train split now; an SAE trained on others has seen proteins of test.
    """
    pairs = {
        "model": (source.model, cache.source.model),
        "weights_sha256": (source.weights_sha256, cache.source.weights_sha256),
        "layer": (source.layer, cache.layer),
        "protein_set_sha256": (source.protein_set_sha256, cache.source.protein_set_sha256),
        "train_set_sha256": (source.train_set_sha256, train_set_sha256(train)),
    }
    for key, (trained_on, given) in pairs.items():
        if trained_on not in (given, UNKNOWN):
            raise UserError(
                f"{folder}: the SAE was trained on {key} {json.dumps(trained_on)}, but is given "
                f"{json.dumps(given)}; train it on these activations and this split first"
            )


def unknown_train_set(source: SaeSource) -> str:
    """What to say of scores on test if the SAE may have been trained on it; else nothing."""
    if source.train_set_sha256 != UNKNOWN:
        return ""
    return "; trained on unknown proteins: where it has seen those of test, its scores are too good"
