"""How much memory a job asks the cluster for, from the configuration alone."""

import re

from protsae.config.reserved_names import ONEHOT
from protsae.config.settings import Config

WIDTHS = {6: 320, 12: 480, 30: 640, 33: 1280, 36: 2560, 48: 5120}
"""d_model of the released ESM-2 models, by their number of layers."""

_ONEHOT_WIDTH = 32  # letters, rounded up
_LAYERS = re.compile(r"esm2_t(\d+)")
_PROGRAM = 700_000_000
"""Bytes of Python and its libraries, PyTorch among them."""


def model_shape(model: str) -> tuple[int, int]:
    """Layers and d_model that the name of a model stands for; of an unknown name, the largest.

    Examples
    --------
    >>> model_shape("esm2_t33_650M_UR50D"), model_shape("mine")
    ((33, 1280), (48, 5120))
    """
    if model == ONEHOT:
        return 0, _ONEHOT_WIDTH
    found = _LAYERS.match(model)
    n_layers = int(found[1]) if found and int(found[1]) in WIDTHS else max(WIDTHS)
    return n_layers, WIDTHS[n_layers]


def training_megabytes(config: Config, model: str) -> int:
    """Memory in MB for training all SAEs of one layer together, half as much again as is counted.

    Counted are the program; the buffer of residues in float32; for each SAE its weights, gradients
    and two moments, 32 d F bytes; for the widest SAE nine arrays of a batch (`step_bytes`); and,
    for SAEs trained end to end, the model's weights twice.

    Parameters
    ----------
    config : Config
    model : str
        Name of the model, as in paths.

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> config = parse_settings(Config, {"train": {"topk": {"architecture": "topk"}}}, "config")
    >>> training_megabytes(config, "esm2_t33_650M_UR50D") > training_megabytes(config, "esm2_t6")
    True
    """
    n_layers, d_model = model_shape(model)
    n_features = [sae.width or round(sae.expansion * d_model) for sae in config.train.values()]
    needed = _PROGRAM + 4 * d_model * config.trainer.buffer
    needed += sum(32 * d_model * n for n in n_features)
    needed += 9 * 4 * config.trainer.batch * max(n_features)
    if any(sae.kl > 0 for sae in config.train.values()):
        needed += 2 * 4 * 12 * n_layers * d_model**2
    return 3 * needed // 2 // 10**6
