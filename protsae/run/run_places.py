"""Where the parts of a finished run lie, and what it says of a layer or an SAE that it lacks."""

from pathlib import Path

from protsae.config.settings import Config, read_config
from protsae.errors import UserError
from protsae.run.layout import model_layers, model_name


def read_run_config(results: str | Path) -> Config:
    """The settings that a results folder was made with.

    Raises
    ------
    UserError
        If it is no results folder, or its configuration is of another release.
    """
    return read_config(run_config_path(results))


def run_config_path(results: str | Path) -> Path:
    """The file of these settings.

    Raises
    ------
    UserError
        If it is no results folder.
    """
    path = Path(results) / "config.yaml"
    if not path.is_file():
        raise UserError(
            f"{path}: no such file; expected the results folder of a run, which the workflow writes"
        )
    return path


def place(model: str, layer: int) -> str:
    """Folder of a layer in those of the stages.

    Examples
    --------
    >>> place("esm2_tiny", 3)
    'esm2_tiny/layer-03'
    """
    return f"{model}/layer-{layer:02d}"


def feature_name(layer: int, variant: str, feature: int, model: str = "") -> str:
    """What ``protsae show`` takes: with the model, if it is not the run's own.

    Examples
    --------
    >>> feature_name(6, "topk", 246), feature_name(0, "topk", 12, "onehot")
    ('6/topk/246', 'onehot/0/topk/12')
    """
    return f"{model}{'/' * bool(model)}{layer}/{variant}/{feature}"


def layer_place(results: Path, config: Config, layer: int, model: str | None = None) -> str:
    """The `place` of a layer that the run has.

    Parameters
    ----------
    results : Path
        For the message.
    model : str, optional
        Default: that of the configuration.

    Raises
    ------
    UserError
        If the run has no such layer; it says which it has.

    Examples
    --------
    >>> layer_place(Path("results"), Config(), 99)
    Traceback (most recent call last):
    protsae.errors.UserError: results: no layer 99 of esm2_t6_protsae; it has ...
    """
    model = model or model_name(config)
    layers = [(name, int(number)) for name, number in model_layers(config)]
    if (model, layer) not in layers:
        known = ", ".join(str(number) for name, number in layers if name == model)
        models = ", ".join(dict.fromkeys(name for name, _ in layers))
        has = known or f"the models {models}"
        raise UserError(f"{results}: no layer {layer} of {model}; it has {has}")
    return place(model, layer)


def sae_place(
    results: Path, config: Config, layer: int, variant: str, model: str | None = None
) -> str:
    """The `place` of an SAE that the run has.

    Parameters
    ----------
    results : Path
        For the message.
    model : str, optional
        Default: that of the configuration.

    Raises
    ------
    UserError
        If the run has no such layer or SAE; it says which it has.

    Examples
    --------
    >>> sae_place(Path("results"), Config(), 99, "topk")
    Traceback (most recent call last):
    protsae.errors.UserError: results: no layer 99 of esm2_t6_protsae; it has ...
    """
    found = layer_place(results, config, layer, model)
    if variant not in config.train:
        known = ", ".join(config.train)
        raise UserError(f"{results}: no SAE {variant!r}; it has {known}")
    return found
