"""Where a run's files lie: which models, layers and shards a configuration asks for, and the files
of each stage.

Light, as Snakemake reads it in every job. The rules name their own outputs; a test compares them
with `stage_files`.
"""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

from protsae.config.reserved_names import MLP_IN, ONEHOT, permuted_name, site_name, site_of
from protsae.config.sae_settings import with_other_seeds
from protsae.config.settings import Config
from protsae.config.stage_settings import SparseProbeSettings

STAGES: dict[str, tuple[str, ...]] = {
    "fetch": (),
    "split": ("fetch",),
    "further": ("split",),
    "onehot": ("split", "further"),
    "randomise": (),
    "embed": ("split", "further", "randomise"),
    "train": ("onehot", "embed"),
    "evaluate": ("train",),
    "encode": ("train",),
    "annotate": ("encode",),
    "effects": ("annotate",),
    "probe": ("onehot", "embed"),
    "sparse_probe": ("encode", "probe"),
    "lookup": ("split",),
    "tables": ("annotate", "evaluate", "effects", "probe", "lookup"),
    "neighbours": ("annotate",),
    "report": ("tables", "neighbours"),
    "scaling": ("evaluate",),
}
"""The stages in order, and those whose files each reads."""

LAYER_TABLES = (
    *("features", "descriptions", "associations", "examples", "logos", "detectors"),
    *("cluster_counts", "candidates", "recovery", "reliability", "calibration"),
)
"""What annotate writes for each layer, as Parquet tables."""

NEIGHBOUR_FOLDER = "neighbours"
"""Folder of what neighbours writes."""
NEIGHBOUR_FILES = (
    *("neighbours.parquet", "map.parquet", "communities.parquet", "matches.parquet"),
    *("absorption.parquet", "matches.json", "matches.graphml"),
)
"""The files in it, of all layers together."""

LLM_TABLE, LLM_PROMPTS = "llm_descriptions.parquet", "llm_prompts.jsonl"
"""What `protsae describe` writes beside a layer's tables, in the folder of an SAE. No rule does, as
requests may cost money, and a run is to give the same bytes without a network."""

FURTHER = "further"
"""Folder of the activations of further proteins, in that of their model."""

SAE_FILES = ("cfg.json", "sae_weights.safetensors", "protsae.json", "training.parquet")
"""What train writes for each SAE."""


def model_name(config: Config) -> str:
    """Name of the model in paths: without folder and ending, for a file.

    Examples
    --------
    >>> model_name(Config())
    'esm2_t6_protsae'
    """
    model = config.embed.model
    return Path(model).stem if model.endswith(".pt") else model


def model_layers(config: Config) -> list[tuple[str, str]]:
    """Every model and layer that SAEs are trained on, the layer with two digits.

    Sites inside of blocks come last, each as a model of its own (`site_name`).

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> settings = {"embed": {"layers": [3]}, "permuted_layers": [3]}
    >>> model_layers(parse_settings(Config, settings))
    [('onehot', '00'), ('esm2_t6_protsae', '03'), ('esm2_t6_protsae-permuted', '03')]
    >>> settings = {"embed": {"layers": [0, 3], "sites": ["residual", "mlp_out"]}, "onehot": False}
    >>> model_layers(parse_settings(Config, settings))
    [('esm2_t6_protsae', '00'), ('esm2_t6_protsae', '03'), ('esm2_t6_protsae-mlp_out', '03')]
    """
    model = model_name(config)
    layers = {model: config.embed.layers, permuted_name(model): config.permuted_layers}
    found = [(name, layer) for name, own in layers.items() for layer in own]
    found += [
        (site_name(name, site), layer)
        for site in inside_sites(config)
        for name, own in layers.items()
        for layer in own
        if layer > 0
    ]
    named = [(name, f"{layer:02d}") for name, layer in found]
    return [(ONEHOT, "00"), *named] if config.onehot else named


def inside_sites(config: Config) -> list[str]:
    """Sites inside of blocks that SAEs are trained on, too.

    Examples
    --------
    >>> inside_sites(Config())
    []
    """
    return [site for site in config.embed.sites if site != "residual"]


def shard_names(config: Config) -> list[str]:
    """Numbers of the shards, with four digits.

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> shard_names(parse_settings(Config, {"cache": {"shards": 2}}))
    ['0000', '0001']
    """
    return [f"{shard:04d}" for shard in range(config.cache.shards)]


def several_seeds(config: Config) -> list[str]:
    """SAEs that are trained with more than one seed, by name, in order.

    Examples
    --------
    >>> several_seeds(Config())
    []
    """
    return sorted(name for name, settings in config.train.items() if settings.seeds > 1)


def effect_layers(config: Config) -> list[tuple[str, str]]:
    """Models and layers in which the effect of features on predictions is measured.

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> settings = {"embed": {"layers": [1, 3]}, "permuted_layers": [3], "effect_layers": [3]}
    >>> effect_layers(parse_settings(Config, settings))
    [('esm2_t6_protsae', '03'), ('esm2_t6_protsae-permuted', '03')]
    """
    return [
        (model, layer)
        for model, layer in model_layers(config)
        if model != ONEHOT and int(layer) in config.effect_layers
    ]


def sparse_probe_layers(config: Config, settings: SparseProbeSettings | None = None) -> list[str]:
    """Layers of the run's own model that have k-sparse probes.

    Parameters
    ----------
    settings : SparseProbeSettings, optional
        Default: those of the configuration.

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> settings = {"embed": {"layers": [1, 3]}, "sparse_probe": {"layers": [3, 6]}}
    >>> sparse_probe_layers(parse_settings(Config, settings))
    ['03']
    """
    wanted = (settings or config.sparse_probe).layers
    return [
        layer
        for model, layer in model_layers(config)
        if model == model_name(config) and int(layer) in wanted
    ]


def effect_saes(config: Config) -> list[str]:
    """SAEs whose features' effects are measured, by name, in order: those named that the run has.

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> topk = {"architecture": "topk"}
    >>> settings = {"train": {"topk": topk, "frozen": {**topk, "freeze": "decoder"}}}
    >>> effect_saes(parse_settings(Config, settings))
    ['topk']
    """
    if config.effect_saes:
        return sorted(set(config.effect_saes) & config.train.keys())
    return sorted(config.learned_saes)


def stage_files(config: Config) -> dict[str, list[str]]:
    """The files that each stage writes, as paths in the results folder."""
    files: dict[str, list[str]] = {stage: [] for stage in STAGES}
    for stage, path in _paths(config):
        files[stage].append(path)
    return files


def llm_files(config: Config) -> list[str]:
    """The files that `protsae describe` may have written, as paths in the results folder."""
    return [
        f"annotation/{model}/layer-{layer}/{variant}/{name}"
        for model, layer in model_layers(config)
        for variant in config.train
        for name in (LLM_TABLE, LLM_PROMPTS)
    ]


def _paths(config: Config) -> Iterator[tuple[str, str]]:
    for name in ("fetched.parquet", "annotations.parquet", "provenance.json"):
        yield "fetch", f"proteins/{name}"
    for name in ("proteins.parquet", "relatives.tsv"):
        yield "split", f"proteins/{name}"
    if config.further_proteins:
        yield "further", "proteins/further.parquet"
    random = permuted_name(model_name(config))
    if config.permuted_layers:
        for ending in ("", "-contact-regression"):
            yield "randomise", f"models/{random}{ending}.pt"
    layers = model_layers(config)
    shards = [f"shard-{shard}.h5" for shard in shard_names(config)]
    sets = ["", f"{FURTHER}/"] if config.further_proteins else [""]
    models = dict.fromkeys(model for model, _ in layers)
    for model, which, shard in product(models, sets, shards):
        yield "onehot" if model == ONEHOT else "embed", f"activations/{model}/{which}{shard}"
    whole = [model for model in models if model != ONEHOT and not site_of(model)]
    for model, shard in product(whole * config.mlp, shards):
        yield "embed", f"activations/{site_name(model, MLP_IN)}/{shard}"
    tables = [*LAYER_TABLES, *(["interplm"] if config.annotate.interplm else [])]
    for model, layer in layers:
        folder = f"{model}/layer-{layer}"
        for sae, name in product(with_other_seeds(config.train), SAE_FILES):
            yield "train", f"sae/{folder}/{sae}/{name}"
        for variant in config.train:
            yield "evaluate", f"sae/{folder}/{variant}/evaluation.json"
        for variant in several_seeds(config):
            yield "evaluate", f"sae/{folder}/{variant}/stability.parquet"
        for shard in shards:
            yield "encode", f"codes/{folder}/{shard}"
        for table in tables:
            yield "annotate", f"annotation/{folder}/{table}.parquet"
        yield "probe", f"probes/{folder}/probes.parquet"
    for model, layer in effect_layers(config) if effect_saes(config) else []:
        yield "effects", f"effects/{model}/layer-{layer}/effects.parquet"
    if sparse_probe_layers(config):
        yield "sparse_probe", "sparse_probes.parquet"
    for name in ("references.parquet", "rules.parquet", "rule_counts.parquet", "concepts.tsv"):
        yield "lookup", name
    for name in ("features", "best_features"):
        yield "tables", f"{name}.parquet"
        yield "tables", f"{name}.tsv"
    for name in ("associations.parquet", "detectors.tsv", "summary.tsv"):
        yield "tables", name
    for name in NEIGHBOUR_FILES:
        yield "neighbours", f"{NEIGHBOUR_FOLDER}/{name}"
    yield "report", "report.html"
    for name in ("pareto.png", "scaling.png", "scaling.tsv"):
        yield "scaling", f"scaling/{name}"
