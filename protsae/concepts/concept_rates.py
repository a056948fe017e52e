"""How common each concept is among the residues of some proteins."""

from collections.abc import Sequence
from typing import Literal

import pandas as pd

from protsae.concepts.concept_table import ConceptTable
from protsae.concepts.label_sets import LabelSet

ORGANISMS_NAMED = 5
"""Most common organisms that are named, with their shares of the proteins."""


def concept_base_rates(
    proteins: pd.DataFrame,
    annotations: pd.DataFrame,
    evidence: Literal["all", "experimental"] = "all",
    label_sets: Sequence[LabelSet] = (),
) -> pd.DataFrame:
    """Share of the residues with each concept, of those known to have it or to lack it.

    Concepts, their residues and what is known of them are those of `ConceptTable`; none is left
    out for being rare.

    Parameters
    ----------
    proteins : DataFrame
        Columns accession, sequence.
    annotations, evidence, label_sets
        As of `ConceptTable.build`.

    Returns
    -------
    DataFrame
        concept, concept_type, base_rate, n_residues, n_known, n_proteins; concepts whose label
        is known at no residue have no row.

    Raises
    ------
    ValueError
        As `ConceptTable.build`.

    Examples
    --------
    >>> proteins = pd.DataFrame({"accession": ["P1", "P2"], "sequence": ["MKCC", "MKAL"]})
    >>> names = ["accession", "type", "description", "start", "end"]
    >>> annotations = pd.DataFrame([("P1", "MOTIF", "", 2, 4)], columns=names)
    >>> rates = concept_base_rates(proteins, annotations).set_index("concept")
    >>> rates.loc[["residue: C", "MOTIF"], "base_rate"].tolist()
    [0.25, 0.375]
    """
    # One split of all, each protein by itself: only counts are asked for.
    every = proteins.assign(split="test", cluster=proteins["accession"])
    occurrence = ConceptTable.build(every, annotations, 1, 1, evidence, label_sets).occurrence
    counts = occurrence[occurrence["test_known"] > 0]
    return pd.DataFrame(
        {
            "concept": counts["concept"],
            "concept_type": counts["concept_type"],
            "base_rate": counts["test_residues"] / counts["test_known"],
            "n_residues": counts["test_residues"],
            "n_known": counts["test_known"],
            "n_proteins": counts["test_proteins"],
        }
    ).reset_index(drop=True)


def composition(proteins: pd.DataFrame) -> list[str]:
    """What was counted, in words: how many proteins and residues, of which organisms.

    Parameters
    ----------
    proteins : DataFrame
        Columns organism, sequence.

    Examples
    --------
    >>> rows = [("Homo sapiens", "MK"), ("Homo sapiens", "M"), ("", "MKV")]
    >>> proteins = pd.DataFrame(rows, columns=["organism", "sequence"])
    >>> composition(proteins)
    ['3 proteins, 6 residues', 'organisms: Homo sapiens 66.7 %, not named 33.3 %']
    """
    organisms = proteins["organism"].replace("", None).fillna("not named")
    shares = organisms.value_counts(normalize=True)
    named = [f"{name} {share:.1%}".replace("%", " %") for name, share in shares.items()]
    others = len(named) - ORGANISMS_NAMED
    more = [f"and {others:,} more"] if others > 0 else []
    n_residues = int(proteins["sequence"].str.len().sum())
    return [
        f"{len(proteins):,} proteins, {n_residues:,} residues",
        "organisms: " + ", ".join([*named[:ORGANISMS_NAMED], *more]),
    ]
