"""Predict labels of whole proteins from an SAE's features, compared with simpler inputs.

A label is a column of --labels (tab-separated: accession, then yes and no, classes or numbers;
empty or NA where unknown), what UniProt entries say (--labels-from, --of), or whether a protein has
a concept of the run (--concepts). L1 and L2 logistic regressions, or ridge regressions, read
features pooled over residues. For comparison, others read layer activations, or amino acids and
length. Folds never share a homology cluster; penalties are chosen within the training folds. Writes
protein_probes, protein_probe_features and protein_predictions, as .parquet and .tsv.

examples:
  protsae probe-proteins --sae 6/topk --labels labels.tsv
  protsae probe-proteins --sae 6/topk --labels-from uniprot.json.gz --of ec
  protsae probe-proteins --sae 6/topk --concepts SIGNAL TRANSMEM
"""

import argparse
from pathlib import Path

from protsae.config.flags import add_threads_flag, seed_number
from protsae.io.atomic import validate_output_folder
from protsae.screen.probing.protein_probe_lines import end_lines, label_lines
from protsae.stages.deconfounding.deconfound_run import sae_name
from protsae.stages.protein_probing.given_labels import KINDS, collect_labels
from protsae.stages.protein_probing.probe_files import write_probes
from protsae.stages.run_object.open_run import read_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    add = parser.add_argument
    add("--sae", metavar="LAYER/SAE", required=True, help="SAE with the features: 6/topk")
    add("--labels", metavar="FILE", help="tab-separated: accession, and a column for each label")
    add("--columns", metavar="NAME", nargs="+", default=(), help="only these of --labels")
    add("--classes", metavar="NAME", nargs="+", default=(), help="columns with numbered classes")
    add("--labels-from", metavar="FILE", help="UniProt JSON or Swiss-Prot flat text")
    add("--of", choices=KINDS, default="ec", help="what to take from it (%(default)s)")
    add("--ontology", metavar="FILE", help="GO's OBO file, to include broader terms")
    add("--concepts", metavar="NAME", nargs="+", default=(), help="concepts of the run, as labels")
    add("--run", default="results", metavar="RESULTS", help="folder of the run (%(default)s)")
    add("--seed", type=seed_number, default=0, help="for folds and resampling (%(default)s)")
    add_threads_flag(parser)
    add("--output", default="probe_proteins", metavar="DIR", help="folder to write (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Read, probe, write, say."""
    validate_output_folder(args.output)
    own = read_run(args.run)
    layer, variant = sae_name(args.sae)
    accessions = own.proteins["accession"].tolist()
    given = collect_labels(
        accessions,
        own.protein_label,
        (args.labels, args.columns, args.classes),
        (args.labels_from, args.of, args.ontology),
        args.concepts,
        print,
    )
    done = own.probe_proteins(given, layer, variant, threads=args.threads, seed=args.seed)
    write_probes(Path(args.output), done, own.results, own.model, layer, variant, args.seed)
    for name, found in done.probes.items():
        scores, ranked = (each[each["label"] == name] for each in (done.scores, done.ranked))
        lines = label_lines(name, scores, ranked, found.left_out, found.n_with_homologue)
        print("\n".join([*lines, ""]))
    print("\n".join(end_lines(args.output, done.notes)))
