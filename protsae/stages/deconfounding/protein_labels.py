"""Yes/no labels of whole proteins of a run, for a probe or as its confounder."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.concepts.concept_table import ConceptTable
from protsae.errors import UserError
from protsae.one_line import cut
from protsae.proteins.alphabet import STANDARD
from protsae.proteins.composition import composition
from protsae.statistics import ragged
from protsae.statistics.cluster_intervals import group_sums

LENGTH, COMPOSITION, TAXON = "length", "composition", "taxon="
ACCESSION = "accession"
VALUES = {"1": 1.0, "yes": 1.0, "true": 1.0, "0": 0.0, "no": 0.0, "false": 0.0, "": np.nan}
"""What a column of a table may hold; empty: unknown, the protein is left out."""


@dataclass(frozen=True, eq=False)
class ProteinLabel:
    """A label of proteins.

    Attributes
    ----------
    meaning : str
        In words.
    values : ndarray, float64, shape (n_proteins,)
        1 with the label, 0 without, NaN where it is unknown.
    """

    meaning: str
    values: np.ndarray


def by_length(proteins: pd.DataFrame) -> ProteinLabel:
    """Longer than the median protein of train.

    Parameters
    ----------
    proteins : DataFrame
        The table ``proteins``.
    """
    lengths = proteins["sequence"].str.len()
    middle = float(lengths[proteins["split"] == "train"].median())
    # Between two lengths, such as 147.5: what is longer than that is longer than 147.
    said = f"longer than {math.floor(middle):,} residues"
    return ProteinLabel(said, (lengths > middle).to_numpy(float))


def by_composition(proteins: pd.DataFrame) -> ProteinLabel:
    """Above the median of train on the first principal component of the amino acids' shares.

    The component is that of train, with its largest entry positive.
    """
    shares = composition(proteins["sequence"])
    is_train = (proteins["split"] == "train").to_numpy()
    mean = shares[is_train].mean(0)
    axis = np.linalg.svd(shares[is_train] - mean, full_matrices=False)[2][0]
    axis = axis * np.sign(axis[np.abs(axis).argmax()])
    score = (shares - mean) @ axis
    order = np.argsort(-axis)
    rich, poor = ("".join(STANDARD[i] for i in some) for some in (order[:3], order[-3:]))
    meaning = f"rich in {rich} and poor in {poor} (first principal component)"
    return ProteinLabel(meaning, (score > np.median(score[is_train])).astype(float))


def by_taxon(proteins: pd.DataFrame, text: str) -> ProteinLabel:
    """Of one taxon, by its number; unknown where the protein has none.

    Raises
    ------
    UserError
        If it is no number, or no protein is of it.
    """
    number = text.removeprefix(TAXON)
    taxa = proteins["taxon_id"]
    if not number.isdecimal() or not (taxa == int(number)).any():
        common = ", ".join(str(taxon) for taxon in taxa.value_counts().index[:5])
        raise UserError(
            f"{cut(text, 60)}: no protein of this taxon; the commonest of the run: "
            f"{common or 'none, its proteins have no taxa'}"
        )
    known = taxa.notna().to_numpy()
    values = (taxa == int(number)).fillna(False).to_numpy(bool).astype(float)
    return ProteinLabel(f"of taxon {number}", np.where(known, values, np.nan))


def by_concept(proteins: pd.DataFrame, concepts: ConceptTable, name: str) -> ProteinLabel:
    """With a concept at any residue; unknown where none has it and not all are known."""
    column = [concept.name for concept in concepts.concepts].index(name)
    accessions = proteins["accession"].tolist()
    labels = concepts.labels(accessions)[:, [column]].toarray().ravel()
    known = concepts.known(accessions)[:, concepts.known_column[column]]
    lengths = proteins["sequence"].str.len().to_numpy()
    of_protein = ragged.groups(lengths)
    n_with, n_known = (
        group_sums(rows.astype(np.int64), of_protein, len(lengths)) for rows in (labels, known)
    )
    lacks = np.where(n_known == lengths, 0.0, np.nan)
    return ProteinLabel(f"with {name} at any residue", np.where(n_with > 0, 1.0, lacks))


def read_label_table(path: str | Path) -> pd.DataFrame:
    """A tab-separated table of labels: a column accession, others of 0 and 1 (or yes and no).

    Raises
    ------
    UserError
        If it cannot be read, has no such column or more cells than columns, or names a protein
        twice.
    """
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        why = (error.strerror or error) if isinstance(error, OSError) else error
        raise UserError(f"{path}: {why}; expected a tab-separated table") from None
    if ACCESSION not in table:
        found = cut(", ".join(map(repr, table.columns)), 80)
        raise UserError(
            f"{path}: no column accession; expected a tab-separated table with one; it has {found}"
        )
    if not isinstance(table.index, pd.RangeIndex):  # pandas took the first cells for an index
        raise UserError(
            f"{path}: lines have more cells than the header, {len(table.columns)}; expected as "
            "many; is there a tab at their ends?"
        )
    table[ACCESSION] = table[ACCESSION].str.strip()
    if table[ACCESSION].duplicated().any():
        twice = table[ACCESSION][table[ACCESSION].duplicated()].iloc[0]
        raise UserError(f"{path}: {cut(twice, 60)} occurs twice; expected a protein on one line")
    return table.set_index(ACCESSION)


def by_column(
    proteins: pd.DataFrame, table: pd.DataFrame, name: str, path: str | Path
) -> ProteinLabel:
    """A column of `read_label_table`; unknown for proteins that it lacks.

    Raises
    ------
    UserError
        If it holds another value, or none of its proteins is in the run.
    """
    if not table.index.isin(proteins["accession"]).any():
        found = f"such as {cut(str(table.index[0]), 40)}" if len(table) else "as it has none"
        raise UserError(
            f"{path}: none of its {len(table):,} proteins is in the run, {found}; name them as the "
            f"run does, such as {proteins['accession'].iloc[0]}"
        )
    column = table[name].str.strip().str.lower()
    if (wrong := ~column.isin(list(VALUES))).any():
        accession, value = table.index[wrong][0], table[name][wrong].iloc[0]
        raise UserError(
            f"{path}: {cut(str(accession), 60)} has {cut(value, 40)!r} in column {name}; expected "
            "1 or 0, yes or no, or nothing where it is unknown"
        )
    values = column.map(VALUES).reindex(proteins["accession"]).to_numpy(np.float64)
    return ProteinLabel(f"with {name} in {Path(path).name}", values)
