"""What the sequence alone tells of every concept: window and homology references, and rules."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from protsae.concepts.concept import is_defined_by_sequence
from protsae.concepts.concept_table import ConceptTable
from protsae.config.stage_settings import ProbeSettings, ReferenceSettings
from protsae.io.mmseqs import search
from protsae.references.homology_transfer import transfer_rows, transfer_sources
from protsae.references.residue_data import (
    ReadBlocks,
    Residues,
    blosum_reader,
    protein_blocks,
)
from protsae.references.rules.best_rule import cluster_rows, rule_rows
from protsae.references.rules.rules_on_test import RulesOnTest


def score_references(
    proteins: pd.DataFrame,
    concepts: ConceptTable,
    settings: ReferenceSettings,
    probe: ProbeSettings,
    threads: int = 1,
) -> tuple[pd.DataFrame, set[str]]:
    """The window reference and the homology reference of every concept.

    Parameters
    ----------
    proteins : DataFrame
        Columns accession, sequence, length, cluster, split.
    settings : ReferenceSettings
        Width of the window, and the highest E-value of a hit.
    probe : ProbeSettings
        How the probe of the window is fitted.
    threads : int
        Of MMseqs2; they do not change the result.

    Returns
    -------
    scores : DataFrame
        One row per method and concept; columns as of `references` in docs/tables.md. Concepts that
        the sequence defines have no homology reference: there is nothing to transfer.
    has_hit : set of str
        Proteins of valid and test with a hit in train.

    Raises
    ------
    UserError
        If MMseqs2 fails.
    """
    window = Residues(blosum_reader(proteins, settings.window_flank), proteins, concepts, probe)
    rows = window.probe_rows(with_control=False)
    n_known = sum(block.known.sum(0) for block in window.blocks(None, "test"))
    of_window = concepts.named(rows)
    reader, has_hit = homology_reader(proteins, concepts, settings.evalue, threads)
    homology = Residues(reader, proteins, concepts, probe)
    transferred = np.flatnonzero(concepts.has_instances)
    rows = transfer_rows(partial(homology.blocks, None), transferred, window.n_test_clusters)
    parts = [
        of_window.assign(method="blosum_window", n_covered=n_known),
        concepts.named(rows, transferred).assign(method="homology"),
    ]
    return pd.concat(parts, ignore_index=True), has_hit


def score_rules(
    proteins: pd.DataFrame, concepts: ConceptTable
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The simplest rule on the sequence that is nearly as good as the best, for every concept.

    Rules are chosen on train and valid (`fit_rules`) and counted on test.

    Returns
    -------
    rules, counts : DataFrame
        Columns as of `rules` and `rule_counts` in docs/tables.md.
    """
    found = RulesOnTest.of(proteins, concepts)
    rows = concepts.named(rule_rows(found.fitted, found.counts))
    rows["defined_by_sequence"] = rows["concept_type"].map(is_defined_by_sequence).astype(int)
    names = [concept.name for concept in concepts.concepts]
    return rows, cluster_rows(names, found.clusters, found.counts)


def homology_reader(
    proteins: pd.DataFrame, concepts: ConceptTable, evalue: float, threads: int
) -> tuple[ReadBlocks, set[str]]:
    """Labels that valid and test proteins take from train, and the proteins that have a hit.

    Rows are the labels, 0 where no alignment says anything of a residue, and then, by concept,
    whether one does: a residue of train whose label is not known says nothing.
    """
    is_train, is_query = proteins["split"] == "train", proteins["split"].isin(("valid", "test"))
    train, queries = (proteins[mask].reset_index(drop=True) for mask in (is_train, is_query))
    hits = search(queries["sequence"].tolist(), train["sequence"].tolist(), evalue, threads)
    lengths = queries["length"].to_numpy()
    aligned = ((hit.query, hit.target, *hit.pairs()) for hit in hits)
    names_of_train = train["accession"].tolist()
    columns, column = np.unique(concepts.known_column, return_inverse=True)
    known = concepts.known(names_of_train)[:, columns]
    source = transfer_sources(lengths, train["length"].to_numpy(), aligned, known)
    of_protein = dict(
        zip(queries["accession"], np.split(source, np.cumsum(lengths)[:-1]), strict=True)
    )
    labels = concepts.labels(names_of_train)

    def read(names: set[str], max_rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
        for part in protein_blocks(queries[queries["accession"].isin(names)], max_rows):
            own = np.concatenate([of_protein[name] for name in part["accession"]])
            has_source = own >= 0
            rows = np.zeros((2, len(own), len(column)), np.float32)
            for number in range(len(columns)):
                covered, members = has_source[:, number], np.flatnonzero(column == number)
                taken = labels[own[covered, number]][:, members].toarray()
                rows[0][np.ix_(covered, members)] = taken
            rows[1] = has_source[:, column]
            rows = np.concatenate(rows, axis=1)
            yield part["accession"].tolist(), rows

    return read, {queries["accession"][hit.query] for hit in hits}
