"""Open what tracing a circuit needs of a run, checked to belong together."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from protsae.config.settings import Config
from protsae.inspection.feature_name import FeatureName
from protsae.interventions.circuits.esm_layers import sae_dictionary
from protsae.io.table_files.parquet import read_table
from protsae.run.layout import model_layers, model_name
from protsae.run.run_places import place, sae_place
from protsae.schema.features.description_table import DESCRIPTIONS
from protsae.stages.intervening.open_model import open_model
from protsae.stages.intervening.opened_edits import OpenedSae
from protsae.stages.tracing.opened_tracing import LabelledRun, Tracing

MOST_CODES = 2**26
"""Feature activations that are held at a time, at most: 256 MiB."""


class OpenableRun(LabelledRun, Protocol):
    """A run whose SAEs can be opened, with its concepts."""

    @property
    def config(self) -> Config:
        """Its settings."""

    def sae(self, name: FeatureName) -> OpenedSae:
        """The SAE of a feature, checked to be the one whose codes the run has."""


def open_tracing(
    run: OpenableRun,
    variant: str,
    layers: Sequence[int] | None = None,
    model: str | None = None,
    threads: int = 1,
) -> Tracing:
    """Open the model and one SAE of each of some layers.

    Parameters
    ----------
    run : OpenableRun
    variant : str
        Name of the SAEs.
    layers : sequence of int, optional
        All layers of the run's model by default.
    model : str, optional
        Path or name of the ESM-2, if it is no longer where the settings say.
    threads : int
        CPU threads of a matrix product.

    Raises
    ------
    UserError
        If the run has no such layers or SAE, or its parts do not belong together.
    """
    results, config = run.results, run.config
    name = model_name(config)
    own = [int(layer) for of, layer in model_layers(config) if of == name]
    chosen = sorted(set(layers or own))
    for layer in chosen:
        sae_place(results, config, layer, variant)
    opened = [run.sae(FeatureName(name, layer, variant, 0)) for layer in chosen]
    digests = {f"{n}/{variant}": one.sha256 for n, one in zip(chosen, opened, strict=True)}
    of_saes = open_model(results, config, opened[0].source, digests, model, threads)
    dictionaries = tuple(sae_dictionary(one.sae.to(of_saes.esm2.device)) for one in opened)
    width = max(one.sae.n_features for one in opened)
    budget = min(of_saes.tokens_per_batch(1), max(1, MOST_CODES // width))
    labels = _labels(results, name, chosen, variant)
    return Tracing(
        *(run, of_saes.esm2, variant, tuple(chosen), dictionaries, labels),
        *(of_saes.context, of_saes.overlap, budget, of_saes.made_from),
    )


def _labels(
    results: Path, model: str, layers: Sequence[int], variant: str
) -> dict[tuple[int, int], str]:
    """What the features are, in words, as far as that is known."""
    found: dict[tuple[int, int], str] = {}
    for layer in layers:
        path = results / "annotation" / place(model, layer) / "descriptions.parquet"
        columns = ["variant", "feature", "label"]
        table = read_table(path, DESCRIPTIONS, columns, {"variant": variant})
        known = table[table["label"].notna() & (table["label"] != "unknown")]
        keys = ((layer, int(feature)) for feature in known["feature"])
        found |= dict(zip(keys, known["label"], strict=True))
    return found
