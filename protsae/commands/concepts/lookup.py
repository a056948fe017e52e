"""Predict every concept from the sequence, without a language model, in three ways.

blosum_window is a probe, as in `protsae probe`, of the BLOSUM62 scores of the residues around each.
homology transfers UniProt annotations from training proteins along the best MMseqs2 hits; it skips
concepts that are computed from the sequence, since there is nothing to transfer. The splits share
no homology cluster, so hits are remote or partial relatives. Rules need no alignment and no
weights: from a library ("residues 1 to 22", "S at residue 2") the simplest rule is chosen that is
within one standard error of the best on the training and validation sets. It is scored on the test
set.

Writes references.parquet, rules.parquet and rule_counts.parquet, and before them concepts.tsv:
every concept of the input, how often it occurs, and the reason if it is not scored.

example:
  protsae lookup --proteins results/proteins/proteins.parquet \\
    --annotations results/proteins/annotations.parquet \\
    --provenance results/proteins/provenance.json --output results/lookup
"""

import argparse
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from protsae import __version__
from protsae.concepts.concept import is_defined_by_sequence
from protsae.concepts.concept_table import ConceptTable
from protsae.concepts.frequency import occurrence_rows
from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import ConceptSettings, ProbeSettings, ReferenceSettings
from protsae.errors import UserError
from protsae.io.json_files import read_document
from protsae.io.mmseqs import search
from protsae.io.table_files.parquet import text_checksums, write_table, write_tsv
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.references.blosum_windows import blosum_windows
from protsae.references.homology_transfer import transfer_rows, transfer_sources
from protsae.references.residue_data import ReadBlocks, Residues
from protsae.references.rules.best_rule import (
    LabelledRows,
    ReadRows,
    cluster_rows,
    count_rules,
    fit_rules,
    rule_rows,
)
from protsae.references.rules.sequence_rows import SequenceRows
from protsae.schema.concept_tables import CONCEPTS
from protsae.schema.reference_tables import REFERENCES, RULE_COUNTS, RULES
from protsae.schema.table import conform
from protsae.stages.concept_inputs import read_concepts

RULE_ROWS = 50_000
"""Residues at a time that rules are tried on: memory, not results."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--annotations", required=True, help="annotations.parquet")
    parser.add_argument("--output", required=True, help="folder for the tables")
    parser.add_argument(
        "--provenance",
        help="provenance.json of fetch: what it left out of the annotations is then in "
        "concepts.tsv, too",
    )
    add_threads_flag(parser)
    add_flags(parser, ConceptSettings)
    add_flags(parser, ProbeSettings)
    add_flags(parser, ReferenceSettings)


def run(args: argparse.Namespace) -> None:
    """Count the concepts, score the baselines, write the tables."""
    settings = settings_from_flags(ReferenceSettings, args)
    probe = settings_from_flags(ProbeSettings, args)
    chosen = settings_from_flags(ConceptSettings, args)
    proteins, protein_set = read_split_proteins(args.proteins)
    concepts = read_concepts(args.annotations, proteins, protein_set, chosen)
    features_left_out = read_features_left_out(args.provenance, protein_set)
    every = occurrence_rows(concepts.occurrence, concepts.reasons, features_left_out)
    path = Path(args.output) / "concepts.tsv"
    write_tsv(path, conform(every, CONCEPTS, str(path)))
    print(f"{len(concepts.concepts):,} of {len(every):,} concepts are scored; why the")
    print(f"  others are not is in {path}")
    stamp = {
        "stage": "lookup",
        **study_stamp(proteins, protein_set, args.annotations),
        "code_version": __version__,
    }
    write_rules(Path(args.output), proteins, concepts, stamp)

    window = Residues(blosum_reader(proteins, settings.window_flank), proteins, concepts, probe)
    rows = window.probe_rows(with_control=False)
    n_known = sum(block.known.sum(0) for block in window.blocks(None, "test"))
    parts = [named(rows, concepts, slice(None)).assign(method="blosum_window", n_covered=n_known)]

    reader, has_hit = homology_reader(proteins, concepts, settings.evalue, args.threads)
    homology = Residues(reader, proteins, concepts, probe)
    transferred = np.flatnonzero(concepts.has_instances)
    rows = transfer_rows(
        partial(homology.blocks, None),
        transferred,
        window.n_test_clusters,
    )
    parts.append(named(rows, concepts, transferred).assign(method="homology"))

    test = proteins.loc[proteins["split"] == "test", "accession"]
    n_hit = int(test.isin(has_hit).sum())
    path = Path(args.output) / "references.parquet"
    table = pd.concat(parts, ignore_index=True)[REFERENCES.names]
    metadata = {
        **stamp,
        "texts": text_checksums(Path(args.output) / "concepts.tsv"),
        "test_proteins": len(test),
        "test_proteins_with_hit": n_hit,
    }
    write_table(path, table, REFERENCES, metadata)
    print(f"{n_hit:,} of {len(test):,} test proteins have a hit in train")
    for method, scored in table.groupby("method"):
        print(f"{method}: {len(scored)} concepts, median F1 {scored['f1'].median():.3f}")


def write_rules(
    output: Path, proteins: pd.DataFrame, concepts: ConceptTable, stamp: dict[str, Any]
) -> None:
    """Fit the rules on train and valid, count them on test, write both of their tables."""
    read, clusters = rows_reader(proteins, concepts, ("train", "valid"))
    fitted = fit_rules(read, concepts.known_column, len(clusters))
    read, clusters = rows_reader(proteins, concepts, ("test",))
    rules = [rule.rule for rule in fitted]
    counts = count_rules(rules, read(), concepts.known_column, len(clusters))
    rows = named(rule_rows(fitted, counts), concepts, slice(None))
    rows["defined_by_sequence"] = rows["concept_type"].map(is_defined_by_sequence).astype(int)
    by_cluster = cluster_rows([p.name for p in concepts.concepts], clusters, counts)
    for frame, table in ((rows, RULES), (by_cluster, RULE_COUNTS)):
        path = output / f"{table.name}.parquet"
        write_table(path, frame, table, stamp)
    annotated = rows[rows["defined_by_sequence"] == 0]
    print(f"rules: {len(rows)} concepts, of which {len(rows) - len(annotated)} are defined by")
    print(f"  the sequence; median F1 of the others {annotated['f1'].median():.3f}")


def rows_reader(
    proteins: pd.DataFrame, concepts: ConceptTable, splits: tuple[str, ...]
) -> tuple[ReadRows, list[str]]:
    """All residues of these splits with their labels, and the homology clusters in order."""
    own = proteins[proteins["split"].isin(splits)]
    number, clusters = pd.factorize(own["cluster"])
    own = own.assign(number=number)

    def read() -> Iterator[LabelledRows]:
        for part in protein_blocks(own, RULE_ROWS):
            names = part["accession"].tolist()
            yield LabelledRows(
                SequenceRows(part["sequence"].tolist()),
                concepts.labels(names),
                concepts.known(names),
                np.repeat(part["number"].to_numpy(), part["length"].to_numpy()),
            )

    return read, list(clusters)


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


def named(rows: pd.DataFrame, concepts: ConceptTable, chosen: np.ndarray | slice) -> pd.DataFrame:
    """Scores of the chosen concepts, with their names and types."""
    names = np.array([(p.name, p.type) for p in concepts.concepts], dtype=object)[chosen]
    return rows.assign(concept=names[:, 0], concept_type=names[:, 1])


def protein_blocks(proteins: pd.DataFrame, max_rows: int) -> Iterator[pd.DataFrame]:
    """Whole proteins, in blocks that start within ``max_rows`` residues of each other."""
    block = (proteins["length"].cumsum() - proteins["length"]) // max_rows
    for _, part in proteins.groupby(block):
        yield part


def blosum_reader(proteins: pd.DataFrame, flank: int) -> ReadBlocks:
    """BLOSUM62 windows of any of the proteins."""

    def read(names: set[str], max_rows: int) -> Iterator[tuple[list[str], np.ndarray]]:
        for part in protein_blocks(proteins[proteins["accession"].isin(names)], max_rows):
            rows = blosum_windows(part["sequence"].tolist(), flank)
            yield part["accession"].tolist(), rows

    return read


def homology_reader(
    proteins: pd.DataFrame, concepts: ConceptTable, evalue: float, threads: int
) -> tuple[ReadBlocks, set[str]]:
    """Labels that valid and test proteins take from train, and the proteins that have a hit.

    Rows are the labels, 0 where no alignment says anything of a residue, and then, by concept,
    whether one does: a residue of train of which it is not known whether it has it does not.
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
