"""What can be seen to fail before the first job runs: a model, a layer, k or a device there is not.

Light, as Snakemake reads it in every job: no weights are read. What only a file's weights say, such
as the layers of a file whose name does not tell, the stage finds that reads it.
"""

import ctypes
from collections.abc import Iterator
from pathlib import Path

from protsae.config.released_models import RELEASED, stated_layers, unknown_model
from protsae.config.reserved_names import ONEHOT
from protsae.config.settings import Config
from protsae.errors import UserError
from protsae.run.job_memory import model_shape
from protsae.run.layout import model_name

_N_LETTERS = 26
_TOP_K = ("topk", "batchtopk", "matryoshka")


def validate_plan(config: Config) -> None:
    """Raise UserError for a model, a layer or k that no job could do.

    Examples
    --------
    >>> validate_plan(Config(embed={"model": "esm2_t6_8M_UR50D", "layers": [6, 7]}))
    Traceback (most recent call last):
    protsae.errors.UserError: embed.layers: layer 7 is not in esm2_t6_8M_UR50D; expected 0 to 6 \
(0 = embedding, 6 = after the final layer norm)
    """
    model = config.embed.model
    if not model.endswith(".pt") and model not in RELEASED:
        raise UserError(unknown_model(model))
    last = stated_layers(model_name(config))
    asked = {"embed.layers": config.embed.layers, "permuted_layers": config.permuted_layers}
    for key, layers in asked.items():
        for layer in layers:
            if last is not None and layer > last:
                raise UserError(
                    f"{key}: layer {layer} is not in {model_name(config)}; expected 0 to {last} "
                    f"(0 = embedding, {last} = after the final layer norm)"
                )
    for where, d_model in _widths(config):
        for name, sae in config.train.items():
            n_features = sae.width or round(sae.expansion * d_model)
            if sae.architecture in _TOP_K and sae.k > n_features:
                raise UserError(
                    f"train.{name}.k: {sae.k:,} active features, but {where} the SAE has no more "
                    f"than {n_features:,}; lower k, or raise width or expansion"
                )


def validate_devices(config: Config) -> None:
    """Raise UserError if cuda is asked for and this machine has no GPU that torch could use.

    For runs on this machine: where jobs go to a cluster, the one that sends them needs none.
    """
    asked = {"embed.device": config.embed.device, "trainer.device": config.trainer.device}
    for key, device in asked.items():
        if device == "cuda" and not has_gpu():
            raise UserError(
                f"{key}: cuda was asked for, but this machine has no GPU with a driver; set auto "
                "or cpu"
            )


def has_gpu() -> bool:
    """Whether the driver counts a GPU: NVIDIA's own library is asked, AMD's has a device file.

    torch would say it, too, but takes seconds to load.
    """
    if Path("/dev/kfd").exists():
        return True
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    n_gpus = ctypes.c_int(0)
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(n_gpus))
    return not failed and n_gpus.value > 0


def _widths(config: Config) -> Iterator[tuple[str, int]]:
    """What SAEs are trained on, and d_model; of a file of one's own the most that it could be."""
    yield f"on {model_name(config)}", model_shape(config)[1]
    if config.onehot:
        yield f"on one-hot sequences ({ONEHOT}: false leaves them out)", _N_LETTERS
