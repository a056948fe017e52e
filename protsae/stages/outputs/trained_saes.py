"""The SAEs of a layer after training: their files, and what is said of each."""

from pathlib import Path

from protsae.config.sae_settings import TrainSettings
from protsae.io.saes.sae_files import write_sae
from protsae.io.table_files.parquet import write_table
from protsae.schema.training_table import TRAINING
from protsae.stages.inputs.studied_proteins import Study
from protsae.stages.inputs.training_data import TrainingData
from protsae.stages.train_saes import TrainedSae


def write_trained(
    folder: Path,
    name: str,
    trained: TrainedSae,
    settings: TrainSettings,
    data: TrainingData,
    study: Study,
) -> None:
    """Write an SAE and its training curve into its folder, ``folder / name``.

    Parameters
    ----------
    folder : Path
        Of the layer.
    study : Study
        The proteins whose training set ``data`` is.

    Raises
    ------
    UserError
        As `write_sae`.
    """
    metadata = {
        "stage": "train",
        **vars(data.cache.source),
        **study.stamp(),
        "layer": data.cache.layer,
        "variant": name,
    }
    write_table(folder / name / "training.parquet", trained.curve, TRAINING, metadata)
    write_sae(folder / name, trained.sae.state_dict(), trained.source(settings, data))


def trained_line(name: str, trained: TrainedSae, data: TrainingData) -> str:
    """Size of an SAE, and how well it does at the end of training."""
    last = trained.curve.iloc[-1]
    return (
        f"{data.cache.source.model} layer {data.cache.layer}, {name}: "
        f"{trained.sae.n_features} features, FVU {last.fvu:.3f}, L0 {last.l0:.1f}, "
        f"dead {last.dead_fraction:.1%} at the end"
    )
