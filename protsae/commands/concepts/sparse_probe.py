"""Fit k-sparse probes: how few features are enough to detect a concept?

For every concept that the sequence does not define, logistic regressions on the best 1, 2, 5, 10
and 20 features of each SAE, chosen by forward regression on the training set. The same is done for
frozen SAEs, the layer's coordinates, its principal components, the neurons of its MLP, and the
sequence alone. Thresholds are chosen on the validation set; every score is from the test set, with
a 95 % interval over homology clusters. Reads a run whose stages encode and probe are done. Writes
sparse_probes.parquet; docs/tables.md explains the columns.

example:
  protsae sparse-probe --results results --layers 6 --saes topk frozen --output sparse_probes
"""

import argparse
from pathlib import Path

import pandas as pd
import torch

from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import AnnotateSettings, SparseProbeSettings
from protsae.io.progress import progress
from protsae.run.run_places import read_run_config
from protsae.stages.inputs.layer_inputs import LayerFiles, open_layer
from protsae.stages.inputs.models_of_activations import model_path
from protsae.stages.sparse_probing.sparse_probe_files import (
    sparse_probe_lines,
    write_sparse_probes,
)
from protsae.stages.sparse_probing.sparse_probe_rows import (
    layer_paths,
    linear_probes,
    sparse_probe_rows,
    what_is_probed,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--results", required=True, metavar="DIR", help="folder of the run")
    parser.add_argument("--model", help="the ESM-2 of the run, if it has moved: file or name")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the table")
    add_threads_flag(parser)
    add_flags(parser, SparseProbeSettings)


def run(args: argparse.Namespace) -> None:
    """Probe each layer, write the table, say what it shows."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(SparseProbeSettings, args)
    results, config = Path(args.results), read_run_config(args.results)
    layers, variants = what_is_probed(results, config, settings)
    model = args.model or model_path(config.embed.model, results)
    drawn = AnnotateSettings(**settings.model_dump(include={"train_residues", "batch", "seed"}))
    parts, stamps = [], []
    for layer in progress(layers, "probing", "layers"):
        files = LayerFiles(**layer_paths(results, config, layer, variants), model=model)
        own = open_layer(files, drawn, config.concepts)
        freeze = {name: source.freeze for name, source in own.sources.items()}
        linear = linear_probes(results, config, layer)
        of_layer = own.layer, own.cache, own.codes, freeze, own.mlp, linear
        parts.append(sparse_probe_rows(*of_layer, settings))
        stamps.append(own.stamp())
    rows = pd.concat(parts, ignore_index=True)
    write_sparse_probes(args.output, rows, stamps)
    print("\n".join(sparse_probe_lines(rows)))
