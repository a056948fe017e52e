"""An SAE as a function on arrays, with results that do not depend on what is encoded together."""

from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse

from protsae.detectors.activations import sparse_rows
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


def sparse_encoder(sae: Sae) -> Callable[[np.ndarray], sparse.csr_array]:
    """`encoder`, whose features come sparse: only positive values are stored.

    Of TopK, without a dense table of features: in 0.6 times the time at 16 of 1,024 features.

    Examples
    --------
    >>> from protsae.sae.architectures.topk import TopkSae
    >>> sae = TopkSae(d_model=3, n_features=3, k=1)
    >>> _ = sae.W_enc.data.copy_(torch.eye(3))
    >>> sparse_encoder(sae)(np.array([[1, 3, 2], [-1, -1, -1]], np.float32)).toarray().tolist()
    [[0.0, 3.0, 0.0], [0.0, 0.0, 0.0]]
    """
    exact = sae.in_float64()

    def encode(rows: np.ndarray) -> sparse.csr_array:
        with torch.no_grad():
            pre_NF = exact.pre_activations(torch.from_numpy(rows).double())
            kept = exact.selected(pre_NF)
            if kept is None:
                return sparse_rows(exact.activate(pre_NF).float().numpy())
            values = pre_NF[kept].float().numpy()
        row, feature = (index.numpy() for index in kept)
        ends = np.append(0, np.cumsum(np.bincount(row, minlength=len(rows))))
        codes = sparse.csr_array((values, feature, ends), shape=tuple(pre_NF.shape))
        codes.eliminate_zeros()  # what rounds to 0 in float32
        return codes

    return encode
