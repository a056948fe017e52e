"""What an LLM is asked about: features of one SAE of a finished run, and its layer."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from protsae.config.settings import Config
from protsae.descriptions.describe_features import Describer
from protsae.descriptions.terms import Annotated
from protsae.detectors.activations import Codes
from protsae.errors import UserError
from protsae.inspection.run_feature import with_residues
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.run.layout import LLM_PROMPTS, model_name, shard_names
from protsae.run.run_places import read_run_config, sae_place
from protsae.run.same_study import validate_same_study
from protsae.schema.features.description_table import DESCRIPTIONS
from protsae.schema.features.example_tables import EXAMPLES
from protsae.stages.inputs.layer_inputs import LayerFiles, LayerInputs, open_layer


@dataclass(frozen=True, eq=False)
class DescribedLayer:
    """An SAE of a run with its examples and protsae's own descriptions.

    Attributes
    ----------
    folder : Path
        Of what an LLM says of the SAE: in that of the layer's tables.
    variant : str
    inputs : LayerInputs
    examples, descriptions : DataFrame
        Rows of these tables for the SAE; examples with ``residues``.
    """

    folder: Path
    variant: str
    inputs: LayerInputs
    examples: pd.DataFrame
    descriptions: pd.DataFrame

    @property
    def codes(self) -> Codes:
        """Of the SAE."""
        return self.inputs.codes[self.variant]

    @property
    def prompts_path(self) -> Path:
        """Prompts and answers."""
        return self.folder / LLM_PROMPTS

    @cached_property
    def describer(self) -> Describer:
        """Which scores rules."""
        return Describer.of(self.inputs.layer)

    @cached_property
    def concepts(self) -> dict[str, bool]:
        """Annotated concepts that rules may name; whether their intervals are known one by one."""
        terms = [term for term in self.describer.terms if isinstance(term, Annotated)]
        return {
            name: any(term.part == "first" for term in terms if term.concept == name)
            for name in dict.fromkeys(term.concept for term in terms)
        }

    def stamp(self) -> dict[str, Any]:
        """What the table is to state of what it was made from."""
        return {**self.inputs.stamp(), "stage": "describe"}


def open_described(
    results: str | Path, layer: int, variant: str, model: str | None = None
) -> DescribedLayer:
    """Open an SAE of a finished run.

    Parameters
    ----------
    model : str, optional
        Default: that of the run's configuration.

    Raises
    ------
    UserError
        If the run has no such SAE, it is frozen, files are missing, or they do not belong together.
    """
    results = Path(results)
    config = read_run_config(results)
    own = sae_place(results, config, layer, variant, model)
    if config.train[variant].freeze != "none":
        raise UserError(
            f"{results}: {variant} is frozen, a baseline; frozen SAEs are not described"
        )
    inputs = _open_inputs(results, config, own, variant, model or model_name(config))
    stamp = inputs.stamp()
    where = {"model": stamp["model"], "layer": layer, "variant": variant}
    tables = []
    for table in (EXAMPLES, DESCRIPTIONS):
        path = results / "annotation" / own / f"{table.name}.parquet"
        stated = read_metadata(path)
        validate_same_study({str(path): stated}, inputs.study.stamp(inputs.files.annotations))
        if stated["saes"].get(variant) != stamp["saes"][variant]:
            raise UserError(f"{path}: of another {variant} than the codes; run the annotate stage")
        tables.append(read_table(path, table, where=where))
    proteins = inputs.study.proteins
    sequences = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    examples = with_residues(tables[0], sequences)
    folder = results / "annotation" / own / variant
    return DescribedLayer(folder, variant, inputs, examples, tables[1])


def _open_inputs(results: Path, config: Config, own: str, variant: str, model: str) -> LayerInputs:
    shards = [f"shard-{shard}.h5" for shard in shard_names(config)]
    files = LayerFiles(
        saes=[str(results / "sae" / own / variant)],
        codes=[str(results / "codes" / own / shard) for shard in shards],
        activations=[str(results / "activations" / model / shard) for shard in shards],
        proteins=results / "proteins" / "proteins.parquet",
        annotations=results / "proteins" / "annotations.parquet",
    )
    # Neither adds to what is asked here.
    settings = config.annotate.model_copy(update={"reference_rates": "", "interplm": False})
    return open_layer(files, settings, config.concepts)


def chosen_features(
    n_features: int, features: Sequence[int] | None, most: int | None, seed: int
) -> list[int]:
    """Those asked for, or ``most`` drawn at random; of more draws the first are the same.

    Raises
    ------
    UserError
        If there is no such feature, or none is asked for.

    Examples
    --------
    >>> chosen_features(5, [3, 0, 3], None, 0), chosen_features(3, None, None, 0)
    ([0, 3], [0, 1, 2])
    >>> set(chosen_features(100, None, 2, 0)) <= set(chosen_features(100, None, 5, 0))
    True
    """
    if features is not None:
        for feature in features:
            if not 0 <= feature < n_features:
                raise UserError(
                    f"--features: no feature {feature}; there are 0 to {n_features - 1}"
                )
        return sorted(set(features))
    if most is not None and most < 1:
        raise UserError(f"--max-features is {most}; expected 1 or more")
    drawn = np.random.default_rng(seed).permutation(n_features)
    return sorted(drawn[:most].tolist())
