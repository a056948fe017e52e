"""An SAE as a function on arrays, with results that do not depend on what is encoded together."""

from collections.abc import Callable

import numpy as np
import torch

from protsae.sae.autoencoder import Sae


def encoder(sae: Sae) -> Callable[[np.ndarray], np.ndarray]:
    """An SAE on arrays: activations (n, d_model) to features (n, n_features), float32.

    The products are `Sae.in_float64`.
    """
    exact = sae.in_float64()

    def encode(rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return exact.encode(torch.from_numpy(rows).double()).float().numpy()

    return encode
