"""Fit a linear probe of a layer for every concept: what can be read from the layer with labels.

Probes are logistic regressions with an L2 penalty, fitted on the training set. Penalty and
threshold are chosen on the validation set; every score is from the test set, with a 95 % interval
over homology clusters. Each concept also has a probe of a control task, equally frequent random
labels of tripeptides, which shows what a probe of this size can memorise.

example:
  protsae probe --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 --layer 3 \\
    --proteins results/proteins/proteins.parquet \\
    --annotations results/proteins/annotations.parquet \\
    --output results/probes/esm2_t6_8M_UR50D/layer-03
"""

import argparse
from pathlib import Path

from protsae import __version__
from protsae.config.flags import add_flags, settings_from_flags
from protsae.config.stage_settings import ConceptSettings, ProbeSettings
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.table_files.parquet import write_table
from protsae.schema.reference_tables import PROBES
from protsae.schema.table import conform
from protsae.stages.inputs.concept_inputs import read_concepts
from protsae.stages.inputs.studied_proteins import read_study
from protsae.stages.probe_layer import probe_layer


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--layer", type=int, required=True, help="layer number, as in the cache")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--annotations", required=True, help="annotations.parquet")
    parser.add_argument("--output", required=True, help="folder for probes.parquet")
    add_flags(parser, ConceptSettings)
    add_flags(parser, ProbeSettings)


def run(args: argparse.Namespace) -> None:
    """Fit, score, write the table."""
    settings = settings_from_flags(ProbeSettings, args)
    chosen = settings_from_flags(ConceptSettings, args)
    study = read_study(args.proteins)
    cache = LayerCache(args.activations, args.layer, study.protein_set)
    concepts = read_concepts(args.annotations, study.proteins, study.protein_set, chosen)
    rows = probe_layer(cache, study.proteins, concepts, settings)
    path = Path(args.output) / "probes.parquet"
    metadata = {
        "stage": "probe",
        **vars(cache.source),
        **study.stamp(args.annotations),
        "layer": args.layer,
        "code_version": __version__,
    }
    table = conform(rows, PROBES, str(path))
    write_table(path, table, PROBES, metadata)
    print(
        f"{len(table)} concepts probed; median F1 {table['f1'].median():.3f}, of the control task "
        f"{table['control_f1'].median():.3f}"
    )
