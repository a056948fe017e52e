"""Names that stand for baselines: of models, and of detectors beside a layer's SAEs."""

ONEHOT = "onehot"
"""One-hot sequences, run through every stage like a model's layer."""

_RANDOM = "-random"


def randomised(model: str) -> str:
    """Name of the copy of a model with shuffled weights.

    Examples
    --------
    >>> randomised("esm2_t6_8M_UR50D")
    'esm2_t6_8M_UR50D-random'
    """
    return model + _RANDOM


def is_random(model: str) -> bool:
    """Whether a name is that of a copy with shuffled weights."""
    return model.endswith(_RANDOM)


NEURONS, PCA, RANDOM = "neurons", "pca", "random"
"""A layer's own neurons and the principal components of its activations, both with both signs, and
a random dictionary: what SAEs are compared with by the same code."""

DETECTORS = (NEURONS, PCA, RANDOM)
