"""SAEs of dictionary_learning, of InterPLM, which grew from it, and of sparsify.

References
----------
github.com/saprmarks/dictionary_learning: ``ae.pt`` and ``config.json``.
github.com/ElanaPearl/InterPLM: ``ae_normalized.pt`` (or ``ae.pt``) and ``config.yaml``.
github.com/EleutherAI/sparsify: ``sae.safetensors`` and ``cfg.json``.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from protsae.errors import UserError
from protsae.io.foreign_saes.folded_scales import Weights, scaled_features, without_centring
from protsae.io.foreign_saes.foreign_configs import (
    active_features,
    children,
    flag,
    mapping,
    read_json_mapping,
    read_yaml_nodes,
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


@dataclass(frozen=True)
class Dictionary:
    """How a class of theirs stands in ours.

    Attributes
    ----------
    architecture : str
        Ours.
    names : dict
        Our tensors by theirs; those of ``nn.Linear``, ending in ``.weight``, are transposed.
    centred : bool
        Whether it subtracts b_dec before the encoder.
    beside : frozenset of str
        Tensors that are no weights: k, a threshold that only training keeps, sizes of groups.
    """

    architecture: str
    names: dict[str, str]
    centred: bool = True
    beside: frozenset[str] = field(default_factory=frozenset)


_LINEAR = {"encoder.weight": "W_enc", "encoder.bias": "b_enc", "decoder.weight": "W_dec"}
_PLAIN = {name: name for name in SHAPES["jumprelu"]}
_GATED = {"encoder.weight": "W_enc", "decoder.weight": "W_dec", "decoder_bias": "b_dec"}
_GATED |= {"gate_bias": "b_enc", "mag_bias": "b_mag", "r_mag": "r_mag"}
_K = frozenset({"k"})

_RELU = Dictionary("relu", {**_LINEAR, "bias": "b_dec"})
_TIED = Dictionary("relu", {**_LINEAR, "decoder.bias": "b_dec"}, centred=False)
_TOPK = Dictionary("topk", {**_LINEAR, "b_dec": "b_dec"}, beside=_K | {"threshold"})
_BATCHTOPK = Dictionary(
    "jumprelu", {**_LINEAR, "b_dec": "b_dec", "threshold": "threshold"}, beside=_K
)

DICTIONARY_LEARNING = {
    "AutoEncoder": _RELU,
    "AutoEncoderNew": _TIED,
    "GatedAutoEncoder": Dictionary("gated", _GATED),
    "AutoEncoderTopK": _TOPK,
    "BatchTopKSAE": _BATCHTOPK,
    "MatryoshkaBatchTopKSAE": Dictionary("jumprelu", _PLAIN, beside=_K | {"group_sizes"}),
    "JumpReluAutoEncoder": Dictionary("jumprelu", _PLAIN, centred=False),
}

INTERPLM = {
    "ReLUSAE": _RELU,
    "ReLUSAE_Tied": _TIED,
    "TopKSAE": _TOPK,
    "BatchTopKSAE": _BATCHTOPK,
    "JumpReLUSAE": Dictionary("jumprelu", {**_TIED.names, "threshold": "threshold"}, centred=False),
}

_INTERPLM_BESIDE = ("activation_rescale_factor", "normalize_to_sqrt_d")

Sae = tuple[str, int | None, Weights]
"""Architecture, k and weights, as ``restore_sae`` takes them."""


def read_dictionary_learning(folder: Path) -> Sae:
    """An SAE of dictionary_learning; features have the scale that they were trained with.

    Raises
    ------
    UserError
        If a file is missing or damaged, or the SAE does what no architecture here can.
    """
    path, trainer = folder / "config.json", _trainer(folder)
    name = trainer.get("dict_class")
    if not isinstance(name, str) or name not in DICTIONARY_LEARNING:
        raise UserError(
            f"{path}: dict_class is {shown(name)}; expected one of "
            f"{', '.join(DICTIONARY_LEARNING)}; give an SAE of one of these"
        )
    dictionary, weights_path = DICTIONARY_LEARNING[name], folder / "ae.pt"
    return _taken_in(weights_path, dictionary, read_tensors(weights_path), trainer.get("k"))


def read_interplm(folder: Path) -> Sae:
    """An SAE of InterPLM; features of ``ae_normalized.pt`` are at most 1 where it was normalised.

    Raises
    ------
    UserError
        If a file is missing or damaged, or the SAE does what no architecture here can.
    """
    path = interplm_weights(folder)
    tensors = read_tensors(path)
    beside = {name: tensors.pop(name) for name in _INTERPLM_BESIDE if name in tensors}
    dictionary = _interplm_class(folder, path, tensors)
    per_residue = beside.get("normalize_to_sqrt_d")
    if per_residue is not None and scalar(path, "normalize_to_sqrt_d", per_residue):
        raise UserError(
            f"{path}: normalize_to_sqrt_d is true; expected false: no weights can hold it, as it "
            "differs between residues; give an SAE without it"
        )
    architecture, k, weights = _taken_in(path, dictionary, tensors)
    if "activation_rescale_factor" in beside:
        factor_F = beside["activation_rescale_factor"]
        weights = _rescaled(path, architecture, weights, factor_F)
    return architecture, k, weights


def read_sparsify(folder: Path) -> Sae:
    """An SAE of sparsify: TopK.

    Raises
    ------
    UserError
        If a file is missing or damaged, or the SAE does what no architecture here can.
    """
    path, weights_path = folder / "cfg.json", folder / "sae.safetensors"
    config = read_json_mapping(path)
    activation = config.get("activation")
    if activation not in (None, "topk"):
        raise UserError(
            f"{path}: activation is {shown(activation)}; expected 'topk'; give an SAE with it"
        )
    for key in ("transcode", "skip_connection", "signed"):
        if flag(path, config, key, False):
            raise UserError(f"{path}: {key} is true; expected false; give an SAE without it")
    names = {"encoder.weight": "W_enc", "encoder.bias": "b_enc", "W_dec": "W_dec", "b_dec": "b_dec"}
    dictionary = Dictionary("topk", names)
    return _taken_in(weights_path, dictionary, read_tensors(weights_path), config.get("k"))


def interplm_weights(folder: Path) -> Path:
    """The weights that InterPLM itself would read first."""
    names = ("ae_normalized.pt", "ae.pt", "ae_unnormalized.pt")
    return next((folder / name for name in names if (folder / name).exists()), folder / names[0])


def dictionary_learning_layers(folder: Path) -> dict[str, Any]:
    """What its configuration says of the layer that an SAE was trained on."""
    trainer = _trainer(folder)
    return {f"trainer.{key}": trainer.get(key) for key in ("layer", "submodule_name")}


def _trainer(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    return mapping(path, "trainer", read_json_mapping(path).get("trainer"))


def _taken_in(path: Path, dictionary: Dictionary, tensors: Weights, k: object = None) -> Sae:
    """Renamed, transposed, checked, with what stands beside the weights folded in.

    Parameters
    ----------
    k : object
        What the configuration says; the tensors may say it, too.
    """
    beside = {name: tensors.pop(name) for name in dictionary.beside if name in tensors}
    only(path, tensors, dictionary.names, dictionary.architecture)
    weights = {
        ours: tensors[theirs].T if _transposed(theirs, tensors[theirs]) else tensors[theirs]
        for theirs, ours in dictionary.names.items()
    }
    n_features = weights["W_dec"].shape[0] if weights["W_dec"].ndim else 0
    if "threshold" in weights:  # what is above it is rectified, too
        threshold = weights["threshold"]
        weights["threshold"] = threshold.expand(n_features) if not threshold.ndim else threshold
    weights = validated(path, dictionary.architecture, weights)
    if "threshold" in weights:
        weights["threshold"] = weights["threshold"].clamp_min(0)
    weights = weights if dictionary.centred else without_centring(weights)
    if dictionary.architecture != "topk":
        return dictionary.architecture, None, weights
    stored = scalar(path, "k", beside["k"]) if "k" in beside else None
    stated = {"k": stored, "k of the configuration": k}
    return "topk", active_features(path, stated, n_features), weights


def _transposed(name: str, value: Tensor) -> bool:
    return name.endswith(".weight") and value.ndim == 2


def _interplm_class(folder: Path, path: Path, tensors: Weights) -> Dictionary:
    """By its configuration; by its tensors where there is none, if these tell it."""
    stated = _interplm_name(folder / "config.yaml")
    fitting = {
        name: dictionary
        for name, dictionary in INTERPLM.items()
        if dictionary.names.keys() <= tensors.keys()
        and tensors.keys() <= dictionary.names.keys() | dictionary.beside
    }
    if stated is not None:
        return INTERPLM[stated]
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if fitting:
        raise UserError(
            f"{path}: an InterPLM {' or '.join(fitting)}; expected config.yaml to tell which; "
            "write trainer_cfg: {dictionary_cls: ...} into it"
        )
    names = ", ".join(shown(name).strip("'\"") for name in sorted(tensors)[:8])
    raise UserError(
        f"{path}: tensors {names}; expected those of InterPLM's {', '.join(INTERPLM)}; give an SAE "
        "of one of these"
    )


def _interplm_name(path: Path) -> str | None:
    """The class that a configuration names: as such, by its trainer, or by its trainer's tag."""
    if not path.exists():
        return None
    trainer = read_yaml_nodes(path).get("trainer_cfg")
    keys = children(trainer)
    named = [keys.get(key) for key in ("dictionary_cls", "trainer_name")]
    stated = [str(node.value) for node in named if isinstance(node, yaml.ScalarNode)]
    if isinstance(trainer, yaml.Node) and "python/object" in trainer.tag:
        stated.append(trainer.tag)
    for text in stated:
        name = text.rsplit(".", 1)[-1]
        for ending in ("Config", "Trainer"):
            name = name.removesuffix(ending)
        name = name if name in INTERPLM else f"{name}SAE"
        if name not in INTERPLM:
            raise UserError(
                f"{path}: trainer_cfg names {shown(text)}; expected one of InterPLM's "
                f"{', '.join(INTERPLM)}; give an SAE of one of these"
            )
        return name
    return None


def _rescaled(path: Path, architecture: str, weights: Weights, factor: Tensor) -> Weights:
    """With features divided by their largest values; those without any keep their scale."""
    factor_F = float_vector(path, "activation_rescale_factor", factor, len(weights["W_dec"]))
    if bool((factor_F < 0).any()):
        raise UserError(
            f"{path}: activation_rescale_factor has values below 0; expected the largest value of "
            "each feature; copy it again"
        )
    factor_F = torch.where(factor_F > 0, factor_F, 1.0).double()
    if bool((factor_F == 1).all()):
        return weights
    if architecture == "relu":
        return scaled_features(weights, 1 / factor_F)
    if architecture == "jumprelu":
        threshold_F = (weights["threshold"].double() / factor_F).float()
        return scaled_features(weights, 1 / factor_F) | {"threshold": threshold_F}
    raise UserError(
        f"{path}: activation_rescale_factor is not 1 in a {architecture} SAE; expected 1: which "
        "features are largest would change with it; give ae.pt, the same SAE without it"
    )
