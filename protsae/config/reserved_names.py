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
    """Whether a name is that of a permuted model, at whatever site.

    Examples
    --------
    >>> is_permuted("esm2_tiny-permuted-mlp_in"), is_permuted("esm2_tiny-mlp_in")
    (True, False)
    """
    return model_of(model).endswith(_PERMUTED)


def trained_name(permuted: str) -> str:
    """Name of the model of which a permuted model is the copy, at the same site.

    Examples
    --------
    >>> trained_name("esm2_tiny-permuted"), trained_name("esm2_tiny-permuted-mlp_out")
    ('esm2_tiny', 'esm2_tiny-mlp_out')
    """
    model, site = model_of(permuted).removesuffix(_PERMUTED), site_of(permuted)
    return site_name(model, site) if site else model


MLP_IN = "mlp_in"
"""Site whose activations are kept beside those of layers: what each layer's MLP reads."""

SITES = ("attention", MLP_IN, "mlp_hidden", "mlp_out")
"""Places inside of a block, in the order in which a block computes them (`protsae.plm`)."""


def site_name(model: str, site: str) -> str:
    """Name of a model's activations at a site inside of its blocks, in paths and caches.

    Examples
    --------
    >>> site_name("esm2_t6_8M_UR50D", MLP_IN)
    'esm2_t6_8M_UR50D-mlp_in'
    """
    return f"{model}-{site}"


def site_of(name: str) -> str:
    """The site that a name ends in; empty for the residual stream.

    Examples
    --------
    >>> site_of("esm2_tiny-permuted-mlp_out"), site_of("esm2_tiny")
    ('mlp_out', '')
    """
    site = name.rpartition("-")[2]
    return site if site in SITES else ""


def model_of(name: str) -> str:
    """The model of a name that may be a `site_name`.

    Examples
    --------
    >>> model_of("esm2_tiny-permuted-mlp_in"), model_of("esm2_tiny")
    ('esm2_tiny-permuted', 'esm2_tiny')
    """
    return name.removesuffix(f"-{site_of(name)}") if site_of(name) else name


COORDINATES, PCA, RANDOM, MLP = "coordinates", "pca", "random", "mlp"
"""A layer's own coordinates and the principal components of its activations, both with both
signs, a random dictionary, and the neurons of its MLP: what SAEs are compared with by the same
code."""

SEQUENCE = "sequence"
"""Columns of the sequence alone, as a set of detectors of k-sparse probes."""

DETECTORS = (COORDINATES, PCA, RANDOM, MLP, SEQUENCE)

COORDINATE = "coordinate"
"""In place of an SAE's name in edits: a coordinate of a layer, 6/coordinate/17."""
