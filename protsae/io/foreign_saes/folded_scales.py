"""What other programs do beside an SAE's weights, folded into them: the same features and x_hat.

Every function returns new weights; sums and products are in float64.
"""

import torch
from torch import Tensor

Weights = dict[str, Tensor]


def without_centring(weights: Weights) -> Weights:
    """For an encoder that does not subtract b_dec: x W_enc = (x - b_dec) W_enc + b_dec W_enc.

    Examples
    --------
    >>> one = torch.ones(1)
    >>> weights = {"W_enc": 2 * one[None], "b_enc": one, "W_dec": one[None], "b_dec": 3 * one}
    >>> without_centring(weights)["b_enc"]
    tensor([7.])
    """
    shift_F = weights["b_dec"].double() @ weights["W_enc"].double()
    folded = {"b_enc": weights["b_enc"].double() + shift_F}
    if "b_mag" in weights:  # the other path of a gated SAE
        folded["b_mag"] = weights["b_mag"].double() + weights["r_mag"].double().exp() * shift_F
    return weights | _float32(folded)


def by_decoder_norm(weights: Weights) -> Weights:
    """For features that are scaled by the norms of their decoder rows; a row of zeros stays so."""
    norms_F = weights["W_dec"].double().norm(dim=1)
    return scaled_features(weights, norms_F, torch.where(norms_F > 0, norms_F, 1.0))


def scaled_features(weights: Weights, factor_F: Tensor, inverse_F: Tensor | None = None) -> Weights:
    """Features times ``factor_F``, decoder rows divided by ``inverse_F`` (the same, if not given).

    For ReLU and TopK, and factors that are not negative.
    """
    by_F = factor_F if inverse_F is None else inverse_F
    return weights | _float32(
        {
            "W_enc": weights["W_enc"].double() * factor_F,
            "b_enc": weights["b_enc"].double() * factor_F,
            "W_dec": weights["W_dec"].double() / by_F[:, None],
        }
    )


def scaled_decoder(weights: Weights, factor_F: Tensor) -> Weights:
    """For features that are multiplied by ``factor_F`` before they are decoded."""
    return weights | _float32({"W_dec": weights["W_dec"].double() * factor_F.double()[:, None]})


def scaled_inputs(weights: Weights, factor: float) -> Weights:
    """For activations that are multiplied by ``factor`` first and divided by it at the end."""
    return weights | _float32(
        {
            "W_enc": weights["W_enc"].double() * factor,
            "W_dec": weights["W_dec"].double() / factor,
            "b_dec": weights["b_dec"].double() / factor,
        }
    )


def whitened_inputs(
    weights: Weights, mean_D: Tensor, matrix_DD: Tensor, inverse_DD: Tensor
) -> Weights:
    """For z = (x - mean) matrix in place of x, and x_hat = z_hat inverse + mean.

    b_dec has to be subtracted before the encoder (`without_centring` first, where it is not).
    """
    mean_D, matrix_DD, inverse_DD = mean_D.double(), matrix_DD.double(), inverse_DD.double()
    return weights | _float32(
        {
            "W_enc": matrix_DD @ weights["W_enc"].double(),
            "W_dec": weights["W_dec"].double() @ inverse_DD,
            "b_dec": weights["b_dec"].double() @ inverse_DD + mean_D,
        }
    )


def _float32(weights: Weights) -> Weights:
    return {name: value.float() for name, value in weights.items()}
