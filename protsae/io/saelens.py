"""SAEs in SAELens's layout, whoever trained them: cfg.json and sae_weights.safetensors."""

from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from protsae.errors import UserError
from protsae.io.json_files import read_json

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

OURS = {"standard": "relu", "topk": "topk", "jumprelu": "jumprelu", "gated": "gated"}

_TENSORS = {
    "relu": ("W_enc", "b_enc", "W_dec", "b_dec"),
    "topk": ("W_enc", "b_enc", "W_dec", "b_dec"),
    "jumprelu": ("W_enc", "b_enc", "W_dec", "b_dec", "threshold"),
    "gated": ("W_enc", "b_enc", "W_dec", "b_dec", "r_mag", "b_mag"),
}


def read_saelens(folder: str | Path) -> tuple[str, int | None, dict[str, Tensor]]:
    """Architecture, k and weights; the same features and reconstructions as in SAELens.

    What its configuration asks for beside the weights is folded into them: an encoder that does not
    subtract b_dec, and TopK on features scaled by the norms of their decoder rows.

    Raises
    ------
    UserError
        If a file is missing or damaged, or the SAE does what no architecture here can.
    """
    folder = Path(folder)
    config: dict[str, Any] = read_json(folder / "cfg.json")
    path = folder / "sae_weights.safetensors"
    try:
        weights = {name: value.float() for name, value in load_file(path).items()}
    except (FileNotFoundError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read ({error}); copy it again") from None
    architecture = OURS.get(config.get("architecture", ""))
    if architecture is None:
        raise UserError(
            f"{folder / 'cfg.json'}: architecture {config.get('architecture')!r}; expected one of "
            f"{', '.join(OURS)}"
        )
    for key, needed in (("normalize_activations", "none"), ("reshape_activations", "none")):
        if config.get(key, needed) != needed:
            raise UserError(
                f"{folder / 'cfg.json'}: {key} is {config[key]!r}; expected {needed!r}: fold it "
                "into the weights in SAELens and save again"
            )
    if architecture == "gated":
        weights |= {ours: weights.pop(theirs) for ours, theirs in GATED_NAMES.items()}
    missing = set(_TENSORS[architecture]) - weights.keys()
    if missing:
        raise UserError(f"{path}: no {', '.join(sorted(missing))}; expected a {architecture} SAE")
    weights = {name: weights[name] for name in _TENSORS[architecture]}
    if not config.get("apply_b_dec_to_input", True):
        weights["b_enc"] = weights["b_enc"] + weights["b_dec"] @ weights["W_enc"]
    if architecture == "topk" and config.get("rescale_acts_by_decoder_norm", False):
        norms_F = weights["W_dec"].norm(dim=1)
        weights["W_enc"] = weights["W_enc"] * norms_F
        weights["b_enc"] = weights["b_enc"] * norms_F
        weights["W_dec"] = weights["W_dec"] / norms_F[:, None]
    return architecture, config.get("k") if architecture == "topk" else None, weights
