"""What an LLM is asked about: features of one SAE of a finished run, and its layer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from protsae import __version__
from protsae.association.pairs.layer_data import Layer
from protsae.descriptions.describe_features import Describer
from protsae.descriptions.terms import Annotated
from protsae.errors import UserError
from protsae.inspection.run_feature import with_residues
from protsae.io.hdf5.code_cache import StoredCodes
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.run.layout import LLM_PROMPTS, model_name, shard_names
from protsae.run.run_places import read_run_config, sae_place
from protsae.run.same_study import validate_same_study
from protsae.schema.features.description_table import DESCRIPTIONS
from protsae.schema.features.example_tables import EXAMPLES
from protsae.schema.table import Table
from protsae.stages.inputs.concept_inputs import read_concepts
from protsae.stages.inputs.studied_proteins import read_study


@dataclass(frozen=True, eq=False)
class DescribedLayer:
    """An SAE of a run with its examples and protsae's own descriptions.

    Attributes
    ----------
    folder : Path
        Of what an LLM says of the SAE: in that of the layer's tables.
    variant : str
    layer : Layer
        Proteins and concepts.
    codes : StoredCodes
        Of the SAE.
    examples, descriptions : DataFrame
        Rows of these tables for the SAE; examples with ``residues``.
    made_from : dict
        What tables are to state of what they were made from.
    """

    folder: Path
    variant: str
    layer: Layer
    codes: StoredCodes
    examples: pd.DataFrame
    descriptions: pd.DataFrame
    made_from: dict[str, Any]

    @property
    def prompts_path(self) -> Path:
        """Prompts and answers."""
        return self.folder / LLM_PROMPTS

    @cached_property
    def describer(self) -> Describer:
        """Which scores rules."""
        return Describer.of(self.layer)

    @cached_property
    def concepts(self) -> dict[str, bool]:
        """Annotated concepts that rules may name; whether their intervals are known one by one."""
        terms = [term for term in self.describer.terms if isinstance(term, Annotated)]
        return {
            name: any(term.part == "first" for term in terms if term.concept == name)
            for name in dict.fromkeys(term.concept for term in terms)
        }


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
    study = read_study(results / "proteins" / "proteins.parquet")
    annotations = results / "proteins" / "annotations.parquet"
    digest = sae_sha256(results / "sae" / own / variant)
    shards = [results / "codes" / own / f"shard-{shard}.h5" for shard in shard_names(config)]
    codes = StoredCodes(shards, variant, digest, study.protein_set)
    codes.index.validate_order(study.order, "codes")
    concepts = read_concepts(annotations, study.proteins, study.protein_set, config.concepts)
    made_from = {
        "stage": "describe",
        **vars(codes.index.source),
        **study.stamp(annotations),
        "layer": layer,
        "saes": {variant: digest},
        "code_version": __version__,
    }
    where = {"model": model or model_name(config), "layer": layer, "variant": variant}
    examples, descriptions = (
        _rows(results / "annotation" / own / f"{table.name}.parquet", table, where, made_from)
        for table in (EXAMPLES, DESCRIPTIONS)
    )
    sequences = dict(zip(study.order, study.proteins["sequence"], strict=True))
    return DescribedLayer(
        folder=results / "annotation" / own / variant,
        variant=variant,
        layer=Layer(study.proteins, concepts, config.annotate),
        codes=codes,
        examples=with_residues(examples, sequences),
        descriptions=descriptions,
        made_from=made_from,
    )


def _rows(
    path: Path, table: Table, where: Mapping[str, Any], made_from: Mapping[str, Any]
) -> pd.DataFrame:
    """Rows of an SAE in a table of its layer, which must be of the same proteins and SAE."""
    stamp = read_metadata(path)
    study = {key: made_from[key] for key in _STUDY}
    validate_same_study({str(path): stamp}, study)
    if stamp["saes"].get(where["variant"]) != made_from["saes"][where["variant"]]:
        raise UserError(
            f"{path}: of another SAE {where['variant']} than the one that is there; run the "
            "annotate stage again"
        )
    return read_table(path, table, where=where)


_STUDY = ("protein_set_sha256", "split_sha256", "annotations_sha256")
"""What results of one run have in common."""


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
