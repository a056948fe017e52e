"""The architectures by name: one file each, one protocol (``protsae.sae.autoencoder.Sae``)."""

from torch import Tensor

from protsae.config.sae_settings import TrainSettings
from protsae.sae.architectures.batchtopk import BatchTopkSae
from protsae.sae.architectures.gated import GatedSae
from protsae.sae.architectures.jumprelu import JumpReluSae
from protsae.sae.architectures.matryoshka import MatryoshkaSae
from protsae.sae.architectures.relu import ReluSae
from protsae.sae.architectures.topk import TopkSae
from protsae.sae.autoencoder import Sae

ARCHITECTURES: dict[str, type[Sae]] = {
    sae.architecture: sae
    for sae in (ReluSae, TopkSae, BatchTopkSae, JumpReluSae, GatedSae, MatryoshkaSae)
}


def build_sae(settings: TrainSettings, d_model: int) -> Sae:
    """An SAE with initial weights for activations of size ``d_model``.

    Raises
    ------
    ValueError
        If there would be no features, or fewer than k.
    """
    n_features = settings.width or round(settings.expansion * d_model)
    if n_features < 1:
        raise ValueError(
            f"expansion = {settings.expansion:g} gives no features at d_model = {d_model}; raise it"
        )
    architecture = ARCHITECTURES[settings.architecture]
    return architecture.build(d_model, n_features, settings).init_weights(settings.seed)


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
