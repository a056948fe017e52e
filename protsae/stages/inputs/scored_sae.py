"""Whether an SAE is the one whose features a run has scored."""

from pathlib import Path

from protsae.errors import UserError
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.saes.sae_files import SaeSource
from protsae.io.saes.sae_identity import UNKNOWN, sae_sha256

_AGAIN = "run the workflow again"


def validate_sae(
    folder: Path, layer: int, sae: SaeSource, codes: CacheSource, digest: str | None
) -> None:
    """Raise UserError unless an SAE is of this layer, and the one whose features were scored."""
    if sae.layer != layer:
        raise UserError(
            f"{folder}: the SAE is of layer {sae.layer}; expected layer {layer}, as its folder "
            "says; train again"
        )
    if sae.model not in (codes.model, UNKNOWN):
        raise UserError(
            f"{folder}: the SAE is of {sae.model}; expected {codes.model}, as its codes; {_AGAIN}"
        )
    if digest != sae_sha256(folder):
        raise UserError(f"{folder}: not the SAE whose codes the run has scored; {_AGAIN}")
    if sae.weights_sha256 != codes.weights_sha256:
        raise UserError(
            f"{folder}: the SAE is of model {sae.weights_sha256[:12]}, but its codes are of "
            f"{codes.weights_sha256[:12]}; {_AGAIN}"
        )
