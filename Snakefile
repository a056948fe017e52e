# protsae: proteins to an annotated feature table. Stages are in pipeline order.
import sys
from pathlib import Path
from snakemake.utils import min_version

min_version("9.19")


# Defaults come from the config.yaml beside this file (workflow/rules/common.smk). A config.yaml in the
# folder of the run changes them.
if Path("config.yaml").is_file():

    configfile: "config.yaml"


include: "workflow/rules/common.smk"


pathvars:
    results=CONFIG.results,


wildcard_constraints:
    model=r"[^/]+",
    layer=r"\d+",
    variant=r"[^/]+",
    shard=r"\d+",


# Of the jobs that can start, those of the longest chain do first (embed, train, encode, annotate, effects:
# `priority`); evaluate and probe, which only tables waits for, fill in.
include: "workflow/rules/proteins.smk"
include: "workflow/rules/activations.smk"
include: "workflow/rules/sae.smk"
include: "workflow/rules/baselines.smk"
include: "workflow/rules/annotation.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "<results>/features.parquet",
        "<results>/neighbours/neighbours.parquet",
        "<results>/report.html",
        "<results>/references.parquet",
        "<results>/rules.parquet",
        "<results>/rule_counts.parquet",
        "<results>/concepts.tsv",
        ["<results>/sparse_probes.parquet"] if sparse_probe_layers(CONFIG) else [],
        layer_paths("<results>/probes/{model}/layer-{layer}/probes.parquet"),


onstart:
    # On a cluster the machine that sends the jobs needs no GPU.
    if workflow.local_exec:
        check_devices(CONFIG)
        start_fork_server()
    write_config(CONFIG)
