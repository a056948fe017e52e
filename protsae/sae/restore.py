"""An SAE module from its stored weights."""

from torch import Tensor

from protsae.sae.architectures import ARCHITECTURES, TopkSae
from protsae.sae.autoencoder import Sae


def restore_sae(architecture: str, k: int | None, weights: dict[str, Tensor]) -> Sae:
    """The module that ``weights`` came from, in evaluation mode; encodes to the same bits."""
    n_features, d_model = weights["W_dec"].shape
    sae: Sae
    if architecture == "topk":
        assert k is not None
        sae = TopkSae(d_model, n_features, k)
    else:
        sae = ARCHITECTURES[architecture](d_model, n_features)
    sae.load_state_dict(weights)
    return sae.eval().requires_grad_(False)
