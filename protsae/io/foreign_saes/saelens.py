"""SAEs in SAELens's layout, whoever trained them: cfg.json and sae_weights.safetensors.

Versions 3 to 6 are read. Up to 5 all settings stand side by side, with ``activation_fn_str``
(``activation_fn`` before 3.1) and, for TopK, ``activation_fn_kwargs``; 6 has ``k`` of its own and
``metadata``.
"""

import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from protsae.errors import UserError
from protsae.io.foreign_saes.folded_scales import (
    Weights,
    by_decoder_norm,
    scaled_decoder,
    scaled_inputs,
    whitened_inputs,
    without_centring,
)
from protsae.io.foreign_saes.foreign_configs import (
    active_features,
    flag,
    mapping,
    read_json_mapping,
    shown,
)
from protsae.io.foreign_saes.foreign_tensors import (
    SHAPES,
    float_vector,
    only,
    read_tensors,
    scalar,
    validated,
)

ARCHITECTURE = {
    "relu": "standard",
    "topk": "topk",
    "batchtopk": "jumprelu",
    "matryoshka": "jumprelu",
    "jumprelu": "jumprelu",
    "gated": "gated",
}
"""What SAELens calls each architecture; those with a threshold are all JumpReLU to it."""

GATED_NAMES = {"b_enc": "b_gate"}
"""What SAELens calls the tensors of a gated SAE, where the names differ."""

OURS = {
    ("standard", "relu"): "relu",
    ("standard", "topk"): "topk",
    ("topk", "relu"): "relu",
    ("topk", "topk"): "topk",
    ("jumprelu", "relu"): "jumprelu",
    ("gated", "relu"): "gated",
}
"""What an SAE is, by its architecture and its activation function."""

_OWN_ACTIVATION = {"standard": "relu", "topk": "topk", "jumprelu": "relu", "gated": "relu"}

WEIGHTS = "sae_weights.safetensors"
CONFIG = "cfg.json"

_ELSEWHERE = re.compile(r"hook_[qkvz]\b|hook_(mlp|attn)|\bmlp\b|\battn\b|\battention\b")
_SCALING = ("scaling_factor", "finetuning_scaling_factor")
_LAYER_KEYS = ("hook_layer", "hook_point_layer", "layer", "hook_name", "hook_point")


def read_saelens(folder: str | Path) -> tuple[str, int | None, dict[str, Tensor]]:
    """Architecture, k and weights; the same features and reconstructions as in SAELens.

    What its configuration asks for beside the weights is folded into them: an encoder that does not
    subtract b_dec, TopK on features scaled by the norms of their decoder rows, scaling factors of
    features, and a normalisation of the activations that is the same for all of them.

    Raises
    ------
    UserError
        If a file is missing or damaged, or the SAE does what no architecture here can.
    """
    folder = Path(folder)
    path, config = folder / CONFIG, read_json_mapping(folder / CONFIG)
    architecture = _architecture(path, config)
    _validate_place(path, config)
    weights, scaling = _read_weights(folder / WEIGHTS, architecture)
    _validate_sizes(path, config, weights["W_dec"])
    k = _k(path, config, len(weights["W_dec"])) if architecture == "topk" else None
    if not flag(path, config, "apply_b_dec_to_input", True):
        weights = without_centring(weights)
    if _selects_by_norm(path, config, architecture):
        weights = by_decoder_norm(weights)
    weights = _scaled(folder, config, scaling, weights)
    return architecture, k, _normalised(folder, config, weights)


def stated_layers(folder: str | Path) -> dict[str, Any]:
    """All that its configuration says of the layer that an SAE was trained on, by key."""
    path = Path(folder) / CONFIG
    config = read_json_mapping(path)
    metadata = mapping(path, "metadata", config.get("metadata"))
    return {key: config.get(key) for key in _LAYER_KEYS} | {
        f"metadata.{key}": metadata.get(key) for key in _LAYER_KEYS
    }


def _validate_place(path: Path, config: dict[str, Any]) -> None:
    """Raise UserError if it was trained on something else than the residual stream of a layer."""
    metadata = mapping(path, "metadata", config.get("metadata"))
    reshape = config.get("reshape_activations")
    stated = {"reshape_activations": reshape} if reshape not in (None, False, "none") else {}
    for prefix, settings in (("", config), ("metadata.", metadata)):
        head = settings.get("hook_head_index")
        stated |= {f"{prefix}hook_head_index": head} if head is not None else {}
        for key in ("hook_name", "hook_point"):
            place = settings.get(key)
            if isinstance(place, str) and _ELSEWHERE.search(place):
                stated[f"{prefix}{key}"] = place
    for key, value in stated.items():
        raise UserError(
            f"{path}: {key} is {shown(value)}; expected an SAE of what comes out of a whole layer; "
            "give one that was trained on that"
        )


def _architecture(path: Path, config: dict[str, Any]) -> str:
    """Ours; an SAE is what its activation function says, not its name."""
    name = config.get("architecture")
    name = "standard" if name is None else name
    if not isinstance(name, str) or name not in _OWN_ACTIVATION:
        raise UserError(
            f"{path}: architecture {shown(name)}; expected one of {', '.join(_OWN_ACTIVATION)}; "
            "give an SAE of one of these"
        )
    stated = {key: config.get(key) for key in ("activation_fn_str", "activation_fn")}
    stated = {key: value for key, value in stated.items() if value is not None}
    activations = {shown(value): value for value in stated.values()}
    if len(activations) > 1:
        both = " but ".join(f"{key} is {shown(value)}" for key, value in stated.items())
        raise UserError(f"{path}: {both}; expected one; leave the one that it was trained with")
    activation = next(iter(activations.values()), _OWN_ACTIVATION[name])
    ours = OURS.get((name, activation)) if isinstance(activation, str) else None
    if ours is None:
        can = [a for n, a in OURS if n == name]
        raise UserError(
            f"{path}: {' and '.join(stated)} is {shown(activation)} in a {name} SAE; expected "
            f"{' or '.join(can)}; give an SAE with one of these"
        )
    if (name, ours) == ("topk", "relu") and _stated_k(path, config):
        raise UserError(
            f"{path}: architecture 'topk' with k, but {' and '.join(stated)} is 'relu'; expected "
            "the same of both; leave the one that it was trained with"
        )
    return ours


def _stated_k(path: Path, config: dict[str, Any]) -> dict[str, Any]:
    """k by the place where it is found."""
    settings = mapping(path, "activation_fn_kwargs", config.get("activation_fn_kwargs"))
    stated = {"k": config.get("k"), "activation_fn_kwargs.k": settings.get("k")}
    return {place: k for place, k in stated.items() if k is not None}


def _k(path: Path, config: dict[str, Any], n_features: int) -> int:
    settings = mapping(path, "activation_fn_kwargs", config.get("activation_fn_kwargs"))
    unknown = sorted(settings.keys() - {"k"})
    if unknown:
        raise UserError(
            f"{path}: activation_fn_kwargs has {', '.join(map(shown, unknown[:5]))}; expected k "
            "alone; give a TopK SAE without it"
        )
    nothing = {"k": None, "activation_fn_kwargs.k": None}
    return active_features(path, _stated_k(path, config) or nothing, n_features)


def _read_weights(path: Path, architecture: str) -> tuple[Weights, list[Tensor]]:
    """The weights by our names, and the scaling factors of features, if there are any."""
    tensors = read_tensors(path)
    scaling = [tensors.pop(name) for name in _SCALING if name in tensors]
    renamed = GATED_NAMES if architecture == "gated" else {}
    theirs = {name: renamed.get(name, name) for name in SHAPES[architecture]}
    only(path, tensors, theirs.values(), architecture)
    named = {ours: tensors[name] for ours, name in theirs.items()}
    weights = validated(path, architecture, named)
    if "threshold" in weights:  # SAELens rectifies what is above it, too
        weights["threshold"] = weights["threshold"].clamp_min(0)
    return weights, scaling


def _selects_by_norm(path: Path, config: dict[str, Any], architecture: str) -> bool:
    """Whether features are scaled by the norms of their decoder rows."""
    scaled = flag(path, config, "rescale_acts_by_decoder_norm", False)
    if scaled and architecture != "topk":
        raise UserError(
            f"{path}: rescale_acts_by_decoder_norm is true in a {architecture} SAE; expected "
            "false; save it in SAELens as an SAE for inference"
        )
    return scaled


def _validate_sizes(path: Path, config: dict[str, Any], W_dec_FD: Tensor) -> None:
    for key, size in zip(("d_sae", "d_in"), W_dec_FD.shape, strict=True):
        if config.get(key) not in (None, size):
            raise UserError(
                f"{path}: {key} is {shown(config[key])}; expected {size}, as in W_dec; copy both "
                "files again"
            )


def _scaled(
    folder: Path, config: dict[str, Any], scaling: list[Tensor], weights: Weights
) -> Weights:
    """With the features' scaling factors in the decoder, where SAELens applies them."""
    path = folder / WEIGHTS
    wanted = flag(folder / CONFIG, config, "finetuning_scaling_factor", False)
    if len(scaling) > 1:
        raise UserError(f"{path}: {' and '.join(_SCALING)}; expected one of them; copy it again")
    if not scaling:
        if wanted:
            raise UserError(f"{path}: no {_SCALING[0]}, which {CONFIG} asks for; copy both again")
        return weights
    factor_F = float_vector(path, _SCALING[0], scaling[0], len(weights["W_dec"]))
    if not wanted and not torch.allclose(factor_F, torch.ones_like(factor_F)):
        raise UserError(
            f"{path}: {_SCALING[0]} is not 1, but {CONFIG} does not ask for it; expected "
            "finetuning_scaling_factor true; set it if the SAE was fine-tuned with it"
        )
    return scaled_decoder(weights, factor_F)


def _normalised(folder: Path, config: dict[str, Any], weights: Weights) -> Weights:
    """With the normalisation of activations in the weights, where weights can hold it."""
    asked = config.get("normalize_activations")
    if asked in (None, False, "none"):
        return weights
    if asked is True or asked == "expected_average_only_in":
        factor = _activation_factor(folder)
        if factor is not None:
            return scaled_inputs(weights, factor)
        advice = "fold it into the weights in SAELens and save again"
    elif asked == "covariance_whitening" and (folder / "activation_whitening.safetensors").exists():
        return _whitened(folder, config, weights)
    elif asked == "covariance_whitening":
        advice = "fold it into the weights in SAELens and save again"
    else:
        advice = "no weights can hold it, as it differs between residues; give an SAE without it"
    raise UserError(
        f"{folder / CONFIG}: normalize_activations is {shown(asked)}; expected 'none': {advice}"
    )


def _activation_factor(folder: Path) -> float | None:
    """What training multiplied activations by, if a file beside the weights still says so."""
    path = folder / "activation_scaler.json"  # version 6
    if path.exists():
        factor = read_json_mapping(path).get("scaling_factor")
        if not isinstance(factor, float | int) or factor is True or not 0 < factor < math.inf:
            raise UserError(
                f"{path}: scaling_factor is {shown(factor)}; expected a number above 0; copy it "
                "again"
            )
        return float(factor)
    path = folder / "activations_store_state.safetensors"  # versions 3 to 5
    name = "estimated_norm_scaling_factor"
    stored = read_tensors(path).get(name) if path.exists() else None
    if stored is None:
        return None
    factor = float(scalar(path, name, stored))
    if factor <= 0:
        raise UserError(f"{path}: {name} is {factor}; expected a number above 0; copy it again")
    return factor


def _whitened(folder: Path, config: dict[str, Any], weights: Weights) -> Weights:
    path = folder / "activation_whitening.safetensors"
    parts = read_tensors(path)
    d_model = weights["W_dec"].shape[1]
    shapes = {"mean": (d_model,), "matrix": (d_model,) * 2, "inverse_matrix": (d_model,) * 2}
    for name, shape in shapes.items():
        value = parts.get(name)
        if value is None or tuple(value.shape) != shape or not bool(value.isfinite().all()):
            raise UserError(
                f"{path}: no finite {name} of shape {shape}; expected mean, matrix and "
                "inverse_matrix; copy it again"
            )
    return whitened_inputs(weights, parts["mean"], parts["matrix"], parts["inverse_matrix"])
