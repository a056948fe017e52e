"""The language model that activations come from, opened and checked to be that one."""

from pathlib import Path

from protsae.config.reserved_names import is_permuted, model_of, site_of
from protsae.config.settings import Config
from protsae.config.shipped_defaults import pipeline_folder
from protsae.config.stage_settings import TrainerSettings
from protsae.errors import UserError
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.shard_index import CacheSource
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import LoadedEsm, load_esm, load_same_esm


def open_spliced_model(path: str | None, source: CacheSource, device: str) -> LoadedEsm | None:
    """The model that reconstructions are spliced into; None for one-hot sequences without one.

    Parameters
    ----------
    path : str, optional
        Path or name of the ESM-2.
    source : CacheSource
        Of the activations.
    device : str
        auto, cpu or cuda.

    Raises
    ------
    UserError
        If activations of a model come without it, or with another.
    """
    if path:
        return load_same_esm(path, device, source.weights_sha256)
    if source.weights_sha256:
        raise UserError(f"--model: give the ESM-2 to splice into, {source.model}; found none")
    return None


def open_model(
    path: str | None, cache: LayerCache, name: str, trainer: TrainerSettings
) -> FusedEsm2:
    """The model that the activations come from, for SAEs that are trained end to end.

    Parameters
    ----------
    path : str, optional
        Path or name of the ESM-2.
    name : str
        Of an SAE that needs it.

    Raises
    ------
    UserError
        If no model is given, one-hot sequences have none, or it is another one.
    """
    if not cache.source.weights_sha256:
        raise UserError(
            f"train.{name}.kl: {cache.source.model} is no model with predictions; set onehot: "
            "false, or kl to 0"
        )
    if site := site_of(cache.source.model):
        raise UserError(
            f"train.{name}.kl: the activations are of {site}, inside of blocks, and SAEs are "
            "trained on predictions through the residual stream alone; set kl to 0"
        )
    if not path:
        raise UserError(f"--model: give the ESM-2 that {name} is trained through; found none")
    model = load_same_esm(path, trainer.device, cache.source.weights_sha256).model
    return FusedEsm2(model.requires_grad_(False))


def load_run_model(
    given: str | None, config: Config, results: Path, source: CacheSource
) -> LoadedEsm:
    """The ESM-2 that activations of a run come from; its permuted copy lies in the run.

    Raises
    ------
    UserError
        If the model is missing, or another one.
    """
    name = model_of(source.model)
    own = str(results / "models" / f"{name}.pt") if is_permuted(name) else config.embed.model
    model = given or (own if is_permuted(name) else model_path(own, results))
    try:
        esm = load_esm(model, config.embed.device)
    except UserError as error:
        if given or Path(model).exists() or not model.endswith(".pt"):
            raise
        raise UserError(f"{error}, or name the run's model with --model") from None
    if esm.weights_sha256 != source.weights_sha256:
        raise UserError(
            f"{model}: weights_sha256 is {esm.weights_sha256[:12]}, but the run's activations come "
            f"from {source.weights_sha256[:12]} ({name}); give that model with "
            "--model"
        )
    return esm


def model_path(model: str, near: Path) -> str:
    """A model file of a run's settings; its path starts from where the run was started.

    Parameters
    ----------
    near : Path
        The run, or what was made of it.
    """
    if model.endswith(".pt"):
        for folder in (Path(), near.parent, pipeline_folder()):
            if (folder / model).is_file():
                return str(folder / model)
    return model
