"""How much memory a job asks the cluster for, from the configuration alone."""

import math
from pathlib import Path

from protsae.config.released_models import RELEASED, stated_layers
from protsae.config.reserved_names import ONEHOT, site_of
from protsae.config.settings import Config
from protsae.run.layout import model_name

_ONEHOT_WIDTH = 32  # letters, rounded up
NEURONS = 4
"""Neurons of an MLP of ESM-2, for each number of the residual stream."""
_PROGRAM = 700_000_000
"""Bytes of Python and its libraries, PyTorch among them."""


def model_shape(config: Config) -> tuple[int, int]:
    """Layers and d_model of the model; of a file of one's own, the largest that fit into it.

    A block has 12 d_model^2 weights, of 2 bytes at least; a file says its number of blocks in its
    name (``esm2_t8_mine.pt``), as `load_esm` checks, or is taken to have one.

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> model_shape(parse_settings(Config, {"embed": {"model": "esm2_t33_650M_UR50D"}}, "config"))
    (33, 1280)
    """
    name = model_name(config)
    if name in RELEASED:
        return RELEASED[name][:2]
    n_layers = stated_layers(name) or 1
    n_bytes = Path(config.embed.model).stat().st_size
    return n_layers, math.isqrt(n_bytes // (2 * 12 * n_layers))


def training_megabytes(config: Config, model: str) -> int:
    """Memory in MB for training all SAEs of one layer together, half as much again as is counted.

    Counted are the program; the buffer of residues in float32; for each SAE and seed its weights,
    gradients and two moments, 32 d F bytes; for the widest SAE nine arrays of a batch
    (`step_bytes`); and, for SAEs trained end to end, the model's weights twice.

    Parameters
    ----------
    config : Config
    model : str
        Name of the model in paths: that of ``config``, its permuted copy, or one-hot sequences.

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> small, large = (
    ...     parse_settings(Config, {"embed": {"model": name}}, "config")
    ...     for name in ("esm2_t6_8M_UR50D", "esm2_t33_650M_UR50D")
    ... )
    >>> training_megabytes(small, "esm2_t6_8M_UR50D")
    1356
    >>> training_megabytes(large, "esm2_t33_650M_UR50D")
    2748
    """
    n_layers, d_model = (0, _ONEHOT_WIDTH) if model == ONEHOT else model_shape(config)
    if site_of(model) == "mlp_hidden":
        d_model *= NEURONS
    n_features = [sae.width or round(sae.expansion * d_model) for sae in config.train.values()]
    needed = _PROGRAM + 4 * d_model * config.trainer.buffer
    n_seeds = [sae.seeds for sae in config.train.values()]
    needed += sum(32 * d_model * n * m for n, m in zip(n_features, n_seeds, strict=True))
    needed += 9 * 4 * config.trainer.batch * max(n_features)
    if any(sae.kl > 0 for sae in config.train.values()):
        needed += 2 * 4 * 12 * n_layers * d_model**2
    return 3 * needed // 2 // 10**6
