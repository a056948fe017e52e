"""One feature of a finished run as an object: its rows of all tables, and in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.errors import UserError
from protsae.inspection.example_lines import example_lines
from protsae.inspection.feature_lines import (
    WIDTH,
    calibration_lines,
    feature_lines,
    headed,
    logo_lines,
)
from protsae.inspection.feature_name import FeatureName
from protsae.inspection.feature_neighbours import FeatureNeighbours, read_neighbours
from protsae.io.table_files.bound_tables import read_bound_table
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.one_line import one_line
from protsae.run.layout import LLM_TABLE
from protsae.run.run_places import place
from protsae.run.same_study import validate_place, validate_same_study
from protsae.schema.explained.calibration_table import CALIBRATION
from protsae.schema.features.description_table import DESCRIPTIONS
from protsae.schema.features.example_tables import EXAMPLES, LOGOS
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.features.llm_description_table import LLM_DESCRIPTIONS
from protsae.schema.pair_tables import LAYER_ASSOCIATIONS
from protsae.schema.table import Table
from protsae.screen.wording import WIDTH as MOST_OF_TEXT


@dataclass(frozen=True, eq=False)
class RunFeature:
    """What a run knows of one feature; printed, it is what ``protsae show`` prints.

    Attributes
    ----------
    name : FeatureName
        Model, layer, variant and feature.
    row : Series
        Its row of the feature table.
    examples : DataFrame
        Its rows of the examples table, and ``residues``, the letters from start to end.
    logo : DataFrame
        Its rows of the logos table; empty if it has no logo.
    associations : DataFrame
        Its rows of the associations table of the layer, which has no rules, best on valid first.
    calibration : DataFrame
        Its rows of the calibration table; empty if it has none.
    description : DataFrame
        Its row of the descriptions table; empty if its SAE is frozen.
    llm : DataFrame
        Its row of the table of an LLM's descriptions; empty if there is none.
    neighbours : FeatureNeighbours
        What is like it, and what becomes of it in other layers.

    Examples
    --------
    >>> from protsae import read_run  # doctest: +SKIP
    >>> feature = read_run("results").feature(6, "topk", 246)  # doctest: +SKIP
    >>> feature.row["concept"], feature.examples["residues"].iloc[0]  # doctest: +SKIP
    >>> print(feature)  # doctest: +SKIP
    """

    name: FeatureName
    row: pd.Series
    examples: pd.DataFrame
    logo: pd.DataFrame
    associations: pd.DataFrame
    calibration: pd.DataFrame
    description: pd.DataFrame
    llm: pd.DataFrame
    neighbours: FeatureNeighbours

    def lines(self, width: int = WIDTH, is_terminal: bool = False) -> list[str]:
        """What there is to say of it, in lines of at most ``width`` characters.

        Parameters
        ----------
        width : int
            Of examples, whose annotations take what is left. Text is at most 100 wide.
        is_terminal : bool
            Print active residues bold, by escape sequences that take no width.
        """
        of_text = min(width, MOST_OF_TEXT)
        return [
            *feature_lines(self.row, self.associations, self.description, self.llm, of_text),
            *calibration_lines(self.calibration, of_text),
            *logo_lines(self.logo, of_text),
            *self._neighbour_lines(of_text),
            "",
            *example_lines(self.examples, width, is_terminal),
        ]

    def _neighbour_lines(self, width: int) -> list[str]:
        said = self.neighbours.words()
        return [line for head, text in said for line in headed(head, one_line(text), width)]

    def __str__(self) -> str:
        return "\n".join(self.lines())


def read_feature(results: Path, name: FeatureName) -> RunFeature:
    """Read what a run knows of a feature, from the tables of the run and of its layer.

    Raises
    ------
    UserError
        If the SAE has no such feature, or a table is missing, damaged, or of another run.
    """
    where = {**_sae(name), "feature": name.feature}
    own = read_bound_table(results, FEATURES, where=where)
    if own.empty:
        raise UserError(_no_such_feature(results, name))
    proteins, protein_set = read_split_proteins(results / "proteins" / "proteins.parquet")
    folder = f"annotation/{place(name.model, name.layer)}"
    paths = [f"{folder}/{table.name}.parquet" for table in _OF_LAYER]
    stamps = {path: read_metadata(results / path) for path in ("features.parquet", *paths)}
    for path, stamp in stamps.items():
        validate_place(results, path, stamp)
    in_full = {str(results / path): stamp for path, stamp in stamps.items()}
    validate_same_study(in_full, study_stamp(proteins, protein_set))
    examples, logo, pairs, calibration, description = (
        read_table(results / path, table, where=where)
        for path, table in zip(paths, _OF_LAYER, strict=True)
    )
    sequences = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    shown = with_residues(examples, sequences)
    llm = _read_llm(results, name, stamps[paths[-1]], where)
    near = read_neighbours(results, name, stamps[paths[-1]])
    return RunFeature(name, own.iloc[0], shown, logo, pairs, calibration, description, llm, near)


_OF_LAYER: tuple[Table, ...] = (*(EXAMPLES, LOGOS, LAYER_ASSOCIATIONS, CALIBRATION, DESCRIPTIONS),)


def _read_llm(
    results: Path, name: FeatureName, annotated: Mapping[str, Any], where: Mapping[str, str | int]
) -> pd.DataFrame:
    """Its row of what `protsae describe` has written, if it has."""
    path = results / "annotation" / place(name.model, name.layer) / name.variant / LLM_TABLE
    if not path.is_file():
        return pd.DataFrame(columns=LLM_DESCRIPTIONS.names)
    stamp = read_metadata(path)
    same = ("split_sha256", "annotations_sha256", "weights_sha256")
    is_same = all(stamp.get(key) == annotated.get(key) for key in same)
    if not is_same or stamp["saes"].get(name.variant) != annotated["saes"].get(name.variant):
        raise UserError(f"{path}: of an earlier run; run protsae describe again, or delete it")
    return read_table(path, LLM_DESCRIPTIONS, where=where)


def with_residues(examples: pd.DataFrame, sequences: dict[str, str]) -> pd.DataFrame:
    """Examples with their ``residues``, the letters from start to end.

    Raises
    ------
    UserError
        If an example does not lie within its protein.

    Examples
    --------
    >>> rows = pd.DataFrame({"accession": ["P1"], "start": [2], "end": [3]})
    >>> with_residues(rows.assign(activations=[[0.0, 1.5]]), {"P1": "MKV"})["residues"].tolist()
    ['KV']
    """
    rows = zip(*(examples[name] for name in ("accession", "start", "end")), strict=True)
    found = [sequences.get(accession, "")[start - 1 : end] for accession, start, end in rows]
    for letters, row in zip(found, examples.to_dict("records"), strict=True):
        if not len(letters) == row["end"] - row["start"] + 1 == len(row["activations"]):
            raise UserError(
                f"examples.parquet: residues {row['start']}-{row['end']} of {row['accession']} do "
                "not fit the protein; run the annotate stage again"
            )
    return examples.assign(residues=pd.Series(found, index=examples.index, dtype=object))


def _no_such_feature(results: Path, name: FeatureName) -> str:
    path, keys = results / "features.parquet", [*_sae(name), "feature"]
    n_features = len(read_table(path, FEATURES, keys, where=_sae(name)))
    sae = f"{name.layer}/{name.variant}"
    if not n_features:
        return f"{path}: no features of {sae} of {name.model}; run the workflow to its end"
    return f"{results}: {sae} has no feature {name.feature}; it has 0 to {n_features - 1}"


def _sae(name: FeatureName) -> dict[str, str | int]:
    return {"model": name.model, "layer": name.layer, "variant": name.variant}
