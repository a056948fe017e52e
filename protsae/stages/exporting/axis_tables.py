"""What an exported matrix says of its proteins or residues, its features, and itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from protsae import __version__
from protsae.errors import UserError
from protsae.io.other_programs.h5ad_files import storable
from protsae.one_line import cut
from protsae.proteins.alphabet import LETTERS
from protsae.stages.exporting.feature_labels import feature_names
from protsae.stages.exporting.source_run import ConceptLabels
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import group_sums

OF_PROTEIN = ("entry_name", "organism", "taxon_id", "cluster", "split", "has_relative_in_train")
"""Columns of the protein table that rows of proteins have, beside the length."""

RESIDUES_TOGETHER = 200_000
"""Residues whose labels are counted at a time: memory, not results."""

YES_NO = ("no", "yes")
"""Categories of a concept at a residue; where its label is unknown there is none."""


def protein_rows(proteins: pd.DataFrame, concepts: ConceptLabels) -> pd.DataFrame:
    """Rows of proteins: what the run knows of each, and at how many residues it has each concept.

    Parameters
    ----------
    proteins : DataFrame
        The table ``proteins``.

    Returns
    -------
    DataFrame
        The index is the accession. A count is NaN where no residue has the concept and the label
        of some is unknown: the protein may have it or not.
    """
    index = pd.Index(proteins["accession"].astype(object), name="accession")
    rows = proteins[["length", *OF_PROTEIN]].set_index(index)
    accessions = proteins["accession"].tolist()
    lengths = proteins["length"].to_numpy(np.int64)
    counts = _concept_counts(accessions, lengths, concepts)
    names = [concept.name for concept in concepts.concepts]
    return storable(pd.concat([rows, pd.DataFrame(counts, index, names)], axis=1))


def _concept_counts(
    accessions: Sequence[str], lengths: np.ndarray, concepts: ConceptLabels
) -> np.ndarray:
    """Residues of each protein with each concept: float64, shape (n_proteins, n_concepts)."""
    found = np.full((len(accessions), len(concepts.concepts)), np.nan)
    number = (np.cumsum(lengths) - 1) // RESIDUES_TOGETHER
    for own in np.split(np.arange(len(lengths)), np.flatnonzero(np.diff(number)) + 1):
        batch = [accessions[i] for i in own]
        of_protein = ragged.groups(lengths[own])
        labels = concepts.labels(batch)
        n_with = np.zeros((len(batch), labels.shape[1]))
        row = np.repeat(np.arange(labels.shape[0]), np.diff(labels.indptr))
        np.add.at(n_with, (of_protein[row], labels.indices), labels.data > 0)
        n_known = group_sums(concepts.known(batch).astype(np.int64), of_protein, len(batch))
        is_known = n_known[:, concepts.known_column] == lengths[own, None]
        found[own] = np.where((n_with > 0) | is_known, n_with, np.nan)
    return found


def residue_columns(proteins: pd.DataFrame, chosen: Sequence[str]) -> pd.DataFrame:
    """Rows of residues without any: the types of their columns, and all categories.

    Examples
    --------
    >>> rows = {"accession": ["P1"], "cluster": ["P1"], "split": ["train"]}
    >>> residue_columns(pd.DataFrame(rows), ["SIGNAL"]).dtypes.astype(str).to_dict()
    {'protein': 'category', 'position': 'int32', 'residue': 'category', 'cluster': 'category', \
'split': 'category', 'SIGNAL': 'category'}
    """
    categories = {
        "protein": proteins["accession"].tolist(),
        "residue": list(LETTERS),
        "cluster": sorted(set(proteins["cluster"])),
        "split": sorted(set(proteins["split"])),
        **{name: list(YES_NO) for name in chosen},
    }
    columns: dict[str, Any] = {
        name: pd.Categorical([], categories=known) for name, known in categories.items()
    }
    columns["position"] = np.zeros(0, np.int32)
    order = ["protein", "position", "residue", "cluster", "split", *chosen]
    index = pd.Index([], dtype=object, name="residue_id")
    return storable(pd.DataFrame({name: columns[name] for name in order}, index=index))


def concept_columns(concepts: ConceptLabels, chosen: Sequence[str], results: object) -> list[int]:
    """Columns of the labels of concepts that are asked for by name.

    Raises
    ------
    UserError
        If the run has no such concept.
    """
    names = [concept.name for concept in concepts.concepts]
    for name in chosen:
        if name not in names:
            some = ", ".join([known for known in names if ": " not in known][:12])
            raise UserError(
                f"{results}: no concept {cut(name, 60)!r} among its {len(names)}; expected one "
                f"such as {some}"
            )
    return [names.index(name) for name in chosen]


def concept_codes(
    accessions: Sequence[str], concepts: ConceptLabels, chosen: Sequence[int]
) -> np.ndarray:
    """Whether residues have concepts, as numbers of `YES_NO`, -1 where that is unknown.

    Returns
    -------
    ndarray of int8, shape (n_residues, n_chosen)
    """
    labels = concepts.labels(accessions)[:, list(chosen)].toarray() > 0
    known = concepts.known(accessions)[:, concepts.known_column[list(chosen)]]
    return np.where(labels, 1, np.where(known, 0, -1)).astype(np.int8)


def feature_columns(features: pd.DataFrame, own_model: str) -> pd.DataFrame:
    """Columns of features: their rows of the feature table, named as `protsae show` takes them.

    Parameters
    ----------
    features : DataFrame
        Rows of one SAE; row i is feature i.
    own_model : str
        As of `feature_names`.
    """
    names = feature_names(features, own_model)
    return storable(features.set_index(pd.Index(names, dtype=object, name="name")))


def provenance_notes(made_from: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What ``uns`` says, under ``protsae``: whose numbers these are.

    Examples
    --------
    >>> provenance_notes({"model": "m", "further": None}, layer=6)["protsae"]["layer"]
    6
    """
    stated = {"protsae_version": __version__, **made_from, **more}
    return {"protsae": {key: value for key, value in stated.items() if value is not None}}
