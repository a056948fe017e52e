"""The SAEs of a layer after training: their files, and what is said of each."""

from pathlib import Path

from protsae.config.sae_settings import TrainSettings
from protsae.io.saes.sae_files import SaeSource, write_sae
from protsae.io.table_files.parquet import write_table
from protsae.schema.saes.training_table import TRAINING
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
) -> SaeSource:
    """Write an SAE and its training curve into its folder, ``folder / name``; what it states.

    Parameters
    ----------
    folder : Path
        Of the layer.
    name : str
        Of the variant, and for one of its other seeds also the folder in that of the variant.
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
        "variant": name.split("/")[0],
    }
    source = trained.source(settings, data)
    if source.further:
        metadata["further"] = source.further
    write_table(folder / name / "training.parquet", trained.curve, TRAINING, metadata)
    write_sae(folder / name, trained.sae.state_dict(), source)
    return source


def trained_line(name: str, trained: TrainedSae, source: SaeSource) -> str:
    """Size of an SAE, how well it does at the end of training, and what it has seen."""
    last, further = trained.curve.iloc[-1], source.further
    line = (
        f"{source.model} layer {source.layer}, {name}: {trained.sae.n_features} features, "
        f"FVU {last.fvu:.3f}, L0 {last.l0:.1f}, dead {last.dead_fraction:.1%} at the end"
    )
    if not further:
        return line
    return (
        f"{line}; trained on {further['train_residues']:,} residues of train and "
        f"{further['further_residues']:,} of further proteins"
    )
