"""The properties of a run, from its annotations and label files."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from protsae.concepts.concept_table import PropertyTable
from protsae.config.stage_settings import PropertySettings
from protsae.errors import UserError
from protsae.io.protein_files.residue_labels import read_label_sets
from protsae.io.table_files.annotations_table import read_annotations_table


def read_properties(
    annotations: str | Path,
    proteins: pd.DataFrame,
    protein_set: str,
    settings: PropertySettings,
    say: Callable[[str], None] = lambda line: None,
) -> PropertyTable:
    """The properties that occur often enough in valid and in test to be scored; one at least.

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
        format, or no property occurs often enough.
    """
    properties = read_all_properties(annotations, proteins, protein_set, settings, say)
    if not properties.properties:
        raise UserError(
            f"{annotations}: no property occurs often enough in valid and in test; give more "
            "proteins, or lower annotate.min_residues and annotate.min_clusters"
        )
    return properties


def read_all_properties(
    annotations: str | Path,
    proteins: pd.DataFrame,
    protein_set: str,
    settings: PropertySettings,
    say: Callable[[str], None] = lambda line: None,
) -> PropertyTable:
    """As `read_properties`, but none may occur often enough."""
    table = read_annotations_table(annotations, protein_set)
    sequences = dict(zip(proteins["accession"], proteins["sequence"], strict=True))
    label_sets, left_out = read_label_sets(settings.labels, sequences, say)
    for labels in label_sets:
        reasons = "".join(f"; {n:,} left out: {why}" for why, n in left_out[labels.name].items())
        say(f"labels {labels.name!r}: {len(labels.codes):,} proteins{reasons}")
    return PropertyTable.build(
        proteins,
        table,
        settings.min_residues,
        settings.min_clusters,
        settings.evidence,
        label_sets,
    )
