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
from pathlib import Path

from protsae import __version__
from protsae.concepts.frequency import occurrence_rows
from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import ConceptSettings, ProbeSettings, ReferenceSettings
from protsae.io.table_files.parquet import text_checksums, write_table, write_tsv
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.one_line import note
from protsae.schema.concept_tables import CONCEPTS
from protsae.schema.reference_tables import REFERENCES, RULE_COUNTS, RULES
from protsae.schema.table import conform
from protsae.stages.inputs.concept_inputs import read_concepts, read_features_left_out
from protsae.stages.score_references import score_references, score_rules


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
    """Count the concepts, score the references and rules, write the tables."""
    settings = settings_from_flags(ReferenceSettings, args)
    probe = settings_from_flags(ProbeSettings, args)
    chosen = settings_from_flags(ConceptSettings, args)
    output = Path(args.output)
    proteins, protein_set = read_split_proteins(args.proteins)
    concepts = read_concepts(args.annotations, proteins, protein_set, chosen)
    features_left_out = read_features_left_out(args.provenance, protein_set)
    every = occurrence_rows(concepts.occurrence, concepts.reasons, features_left_out)
    path = output / "concepts.tsv"
    write_tsv(path, conform(every, CONCEPTS, str(path)))
    counted = f"{len(concepts.concepts):,} of {len(every):,} concepts are scored"
    print(note(f"{counted}; why the others are not is in {path}"))
    stamp = {
        "stage": "lookup",
        **study_stamp(proteins, protein_set, args.annotations),
        "code_version": __version__,
    }
    rules, rule_counts = score_rules(proteins, concepts)
    write_table(output / "rules.parquet", rules, RULES, stamp)
    write_table(output / "rule_counts.parquet", rule_counts, RULE_COUNTS, stamp)
    annotated = rules[rules["defined_by_sequence"] == 0]
    print(
        f"rules: {len(rules)} concepts; the sequence defines {len(rules) - len(annotated)} of them;"
    )
    print(f"  the median F1 of the others is {annotated['f1'].median():.3f}")

    scores, has_hit = score_references(proteins, concepts, settings, probe, args.threads)
    test = proteins.loc[proteins["split"] == "test", "accession"]
    n_hit = int(test.isin(has_hit).sum())
    metadata = {
        **stamp,
        "texts": text_checksums(path),
        "test_proteins": len(test),
        "test_proteins_with_hit": n_hit,
    }
    write_table(output / "references.parquet", scores[REFERENCES.names], REFERENCES, metadata)
    print(f"{n_hit:,} of {len(test):,} test proteins have a hit in train")
    for method, scored in scores.groupby("method"):
        print(f"{method}: {len(scored)} concepts, median F1 {scored['f1'].median():.3f}")
