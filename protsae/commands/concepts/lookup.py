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
from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import ConceptSettings, ProbeSettings, ReferenceSettings
from protsae.stages.inputs.concept_inputs import read_concepts, read_features_left_out
from protsae.stages.inputs.studied_proteins import read_study
from protsae.stages.outputs.reference_files import ReferenceFiles, reference_lines, rule_lines
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
    study = read_study(args.proteins)
    concepts = read_concepts(args.annotations, study.proteins, study.protein_set, chosen)
    features_left_out = read_features_left_out(args.provenance, study.protein_set)
    stamp = {"stage": "lookup", **study.stamp(args.annotations), "code_version": __version__}
    files = ReferenceFiles(Path(args.output), stamp)
    print(files.write_concepts(concepts, features_left_out))
    rules, rule_counts = score_rules(study.proteins, concepts)
    files.write_rules(rules, rule_counts)
    print(*rule_lines(rules), sep="\n")
    scores, has_hit = score_references(study.proteins, concepts, settings, probe, args.threads)
    n_test, n_hit = len(study.names("test")), len(study.names("test") & has_hit)
    files.write_references(scores, n_test, n_hit)
    print(*reference_lines(scores, n_test, n_hit), sep="\n")
