"""The concepts of a run, from its annotations and label files."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import ConceptSettings
from protsae.errors import UserError
from protsae.io.json_files import read_document
from protsae.io.protein_files.residue_labels import read_label_sets
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.one_line import note


def read_concepts(
    annotations: str | Path,
    proteins: pd.DataFrame,
    protein_set: str,
    settings: ConceptSettings,
    say: Callable[[str], None] = lambda line: None,
) -> ConceptTable:
    """The concepts that occur often enough in valid and in test to be scored; one at least.

    Parameters
    ----------
    annotations : str or Path
        annotations.parquet.
    proteins : DataFrame
        As `read_split_proteins` gives them, with the checksum ``protein_set``.
    say : function
        Told how many proteins of each label file are used, and why the others are not.

    Raises
    ------
    UserError
        If the annotations are of other proteins or of an older release, a label file is not of its
        format, or no concept occurs often enough.
    """
    concepts = read_all_concepts(annotations, proteins, protein_set, settings, say)
    if not concepts.concepts:
        raise UserError(
            f"{annotations}: no concept occurs often enough in valid and in test; give more "
            "proteins, or lower concepts.min_residues and concepts.min_clusters"
        )
    return concepts


def read_all_concepts(
    annotations: str | Path,
    proteins: pd.DataFrame,
    protein_set: str,
    settings: ConceptSettings,
    say: Callable[[str], None] = lambda line: None,
) -> ConceptTable:
    """As `read_concepts`, but none may occur often enough."""
    table = read_annotations_table(annotations, protein_set)
    sequences = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    label_sets, left_out = read_label_sets(settings.labels, sequences, say)
    for labels in label_sets:
        reasons = "".join(f"; {n:,} left out: {why}" for why, n in left_out[labels.name].items())
        text = f"labels {labels.name!r}: {len(labels.codes):,} proteins{reasons}"
        say(note(text) if reasons else text)
    return ConceptTable.build(
        proteins,
        table,
        settings.min_residues,
        settings.min_clusters,
        settings.evidence,
        label_sets,
    )


def read_features_left_out(path: str | None, protein_set: str) -> dict[str, dict[str, int]]:
    """Number of UniProt features that fetch left out, by type and reason; none without a file.

    Raises
    ------
    UserError
        If the file is of other proteins.
    """
    if path is None:
        return {}
    document = read_document(path)
    if (found := document.get("protein_set_sha256")) != protein_set:
        raise UserError(
            f"{path}: of protein set {str(found)[:12]}, but the proteins given are "
            f"{protein_set[:12]}; give the provenance.json of their fetch"
        )
    return document["counts"]["features"]["left_out"]
