"""The tables of an annotated layer, and what is said of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from protsae.association.pairs.layer_data import Layer
from protsae.concepts.concept_table import ConceptTable
from protsae.io.saes.sae_files import SaeSource, unknown_train_set
from protsae.io.table_files.parquet import write_table
from protsae.one_line import note
from protsae.schema.pair_tables import INTERPLM
from protsae.stages.annotate_layer import TABLES


def write_annotation(
    folder: str | Path, tables: Mapping[str, pd.DataFrame], stamp: Mapping[str, Any]
) -> None:
    """Write the tables of `annotate_layer`.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        By name; that of InterPLM's score is removed if it is not among them.
    stamp : mapping
        What they state of what they were made from, model and layer among it.
    """
    for name, table in tables.items():
        placed = table.assign(model=stamp["model"], layer=stamp["layer"])
        write_table(Path(folder) / f"{name}.parquet", placed, TABLES[name], stamp)
    if INTERPLM.name not in tables:
        # Of an earlier run, and it would pass for one of this.
        (Path(folder) / f"{INTERPLM.name}.parquet").unlink(missing_ok=True)


def annotation_lines(
    features: pd.DataFrame,
    layer: Layer,
    concepts: ConceptTable,
    sources: Mapping[str, SaeSource],
) -> Iterator[str]:
    """How many concepts and features were scored, and why others were not.

    Parameters
    ----------
    features : DataFrame
        Of `annotate_layer`.
    concepts : ConceptTable
        Those of ``layer``.
    sources : mapping of str to SaeSource
        What the SAEs say of themselves, by name.
    """
    rates = layer.reference_rates
    named = features["concept"].notna()
    yield (
        f"{len(concepts.concepts)} concepts scored; {named.sum():,} of {len(named):,} "
        "features match one with an F1 worth testing"
    )
    for variant, source in sources.items():
        if doubt := unknown_train_set(source):
            yield note(f"{variant}{doubt}")
    if rates:
        without = sum(concept.name not in rates for concept in concepts.concepts)
        yield (
            f"{layer.settings.reference_rates}: base rates of {len(rates):,} concepts, of all but "
            f"{without} of the concepts scored"
        )
    for reason, n_features in concepts.features_left_out.items():
        yield note(f"{n_features:,} UniProt features left out: {reason}")
    for reason, n_concepts in concepts.left_out.items():
        yield f"{n_concepts} concepts left out: {reason}"
