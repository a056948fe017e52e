"""Names that stand for baselines: of models, and of detectors beside a layer's SAEs."""

ONEHOT = "onehot"
"""One-hot sequences, run through every stage like a model's layer."""

_PERMUTED = "-permuted"


def permuted_name(model: str) -> str:
    """Name of the permuted model: the copy of a model with its weights in random order.

    Examples
    --------
    >>> permuted_name("esm2_t6_8M_UR50D")
    'esm2_t6_8M_UR50D-permuted'
    """
    return model + _PERMUTED


def is_permuted(model: str) -> bool:
    """Whether a name is that of a permuted model."""
    return model.endswith(_PERMUTED)


COORDINATES, PCA, RANDOM = "coordinates", "pca", "random"
"""A layer's own coordinates and the principal components of its activations, both with both
signs, and a random dictionary: what SAEs are compared with by the same code."""

DETECTORS = (COORDINATES, PCA, RANDOM)
