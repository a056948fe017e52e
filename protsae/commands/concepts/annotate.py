"""Say which concept each feature of a layer detects, with baselines and null hypotheses.

All SAEs of one layer, its single neurons and principal components, and a random dictionary are
scored by the same code. Thresholds are quantiles of positive activations on the training set;
concept and threshold are chosen on the validation set; every score is from the test set, with a
95 % interval over homology clusters and p-values of two null hypotheses: labels are rotated within
the known residues of each protein, or taken from other homology clusters at the same positions.

example:
  protsae annotate --sae results/sae/esm2_t6_8M_UR50D/layer-03/topk \\
    --codes results/codes/esm2_t6_8M_UR50D/layer-03/shard-*.h5 \\
    --activations results/activations/esm2_t6_8M_UR50D/shard-*.h5 \\
    --proteins results/proteins/proteins.parquet \\
    --annotations results/proteins/annotations.parquet \\
    --output results/annotation/esm2_t6_8M_UR50D/layer-03
"""

import argparse
from pathlib import Path

import torch

from protsae import __version__
from protsae.association.pairs.layer_data import Layer
from protsae.config.flags import add_flags, add_threads_flag, settings_from_flags
from protsae.config.stage_settings import AnnotateSettings, ConceptSettings
from protsae.detectors.activations import Codes
from protsae.io.saes.sae_files import unknown_train_set
from protsae.io.table_files.annotations_table import read_annotations_table
from protsae.io.table_files.base_rate_files import read_base_rates
from protsae.io.table_files.parquet import write_table
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.one_line import note
from protsae.references.interplm_concepts import interplm_concepts
from protsae.schema.pair_tables import INTERPLM
from protsae.stages.annotate_layer import TABLES, annotate_layer, layer_baselines
from protsae.stages.inputs.concept_inputs import read_concepts
from protsae.stages.inputs.open_saes import open_codes, open_saes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--sae", nargs="+", required=True, help="folders of the layer's SAEs")
    parser.add_argument("--codes", nargs="+", required=True, help="all shards of the SAEs' codes")
    parser.add_argument("--activations", nargs="+", required=True, help="all shards of the model")
    parser.add_argument("--proteins", required=True, help="proteins.parquet, with the splits")
    parser.add_argument("--annotations", required=True, help="annotations.parquet")
    parser.add_argument("--output", required=True, help="folder for the layer's tables")
    add_threads_flag(parser)
    add_flags(parser, ConceptSettings)
    add_flags(parser, AnnotateSettings)


def run(args: argparse.Namespace) -> None:
    """Score every variant and the baselines, write the tables."""
    torch.set_num_threads(args.threads)
    settings = settings_from_flags(AnnotateSettings, args)
    proteins, protein_set = read_split_proteins(args.proteins)
    train = set(proteins.loc[proteins["split"] == "train", "accession"])
    cache, saes = open_saes(args.sae, args.activations, protein_set, train)
    order = proteins["accession"].tolist()
    cache.index.validate_order(order, "--activations")
    stored = open_codes(args.codes, saes, cache, order)
    chosen = settings_from_flags(ConceptSettings, args)
    concepts = read_concepts(args.annotations, proteins, protein_set, chosen, print)
    rates = read_base_rates(settings.reference_rates) if settings.reference_rates else {}
    layer = Layer(proteins, concepts, settings, rates)
    detectors: dict[str, Codes] = {**stored, **layer_baselines(layer, cache, stored)}

    interplm = None
    if settings.interplm:
        interplm = interplm_concepts(read_annotations_table(args.annotations, protein_set), order)
    tables = annotate_layer(layer, detectors, {n: t.sae for n, t in saes.items()}, interplm)
    metadata = {
        "stage": "annotate",
        **vars(cache.source),
        **study_stamp(proteins, protein_set, args.annotations),
        "layer": cache.layer,
        "saes": {variant: trained.sha256 for variant, trained in saes.items()},
        "code_version": __version__,
    }
    for name, table in tables.items():
        table = table.assign(model=cache.source.model, layer=cache.layer)
        write_table(Path(args.output) / f"{name}.parquet", table, TABLES[name], metadata)
    if interplm is None:
        # Of an earlier run, and it would pass for one of this.
        (Path(args.output) / f"{INTERPLM.name}.parquet").unlink(missing_ok=True)
    named = tables["features"]["concept"].notna()
    print(
        f"{len(layer.concepts.concepts)} concepts scored; {named.sum():,} of {len(named):,} "
        "features match one with an F1 worth testing"
    )
    for variant, trained in saes.items():
        if doubt := unknown_train_set(trained.source):
            print(note(f"{variant}{doubt}"))
    if rates:
        without = sum(p.name not in rates for p in concepts.concepts)
        print(
            f"{settings.reference_rates}: base rates of {len(rates):,} concepts, of all but "
            f"{without} of the concepts scored"
        )
    for reason, n_features in concepts.features_left_out.items():
        print(note(f"{n_features:,} UniProt features left out: {reason}"))
    for reason, n_concepts in concepts.left_out.items():
        print(f"{n_concepts} concepts left out: {reason}")
