# What all rules share: the checked configuration and the helpers that turn it into paths and flags.
# Nothing heavy is imported here: Snakemake parses this file again in every cluster job.
import os
import re
from shlex import quote

import yaml
from snakemake.utils import update_config

from protsae.commands import module_of
from protsae.config.settings import (
    Config,
    local_files,
    parse_settings,
    validate_local_files,
)
from protsae.config.shipped_defaults import pipeline_folder, shipped_defaults
from protsae.config.yaml_text import read_yaml
from protsae.errors import UserError
from protsae.config.flags import to_flags, variants_flag
from protsae.config.sae_settings import with_other_seeds
from protsae.io.atomic import atomic_path
from protsae.config.reserved_names import (
    MLP_IN,
    ONEHOT,
    model_of,
    permuted_name,
    site_name,
)
from protsae.provenance import code_digest
from protsae.run.fork_server import start_fork_server
from protsae.run.job_cost import JOB
from protsae.run.job_memory import training_megabytes
from protsae.run.plan_checks import validate_devices, validate_plan
from protsae.run.layout import (
    effect_layers,
    effect_saes,
    inside_sites,
    model_layers,
    model_name,
    several_seeds,
    sparse_probe_layers,
    shard_names,
)

# Jobs call the protsae that belongs to the Python that runs Snakemake, activated or not, and end their
# log with what they took.
shell.prefix(
    f"set -euo pipefail; PATH={quote(str(Path(sys.executable).parent))}:$PATH; export {JOB}=1; "
)

# In a module with a `config:`, the configuration files are those of the workflow around it.
OWN_CONFIGFILES = [] if workflow.modifier.skip_configfile else workflow.configfiles
# The config.yaml beside the Snakefile; where Snakemake fetched that from a host, the installed one.
DEFAULTS = Path(
    workflow.current_basedir.join("../../config.yaml").get_path_or_uri(secret_free=True)
)
if not DEFAULTS.is_file():
    DEFAULTS = pipeline_folder() / "config.yaml"

try:
    for path in OWN_CONFIGFILES:
        read_yaml(path)
    settings = shipped_defaults(DEFAULTS, Path.cwd())
    update_config(settings, config)
    CONFIG = parse_settings(Config, settings, "config")
    validate_local_files(CONFIG)
    validate_plan(CONFIG)
except UserError as error:
    print(f"protsae: {error}", file=sys.stderr)
    sys.exit(2)

# A module's `prefix:` goes before relative paths; without one they stay as they are.
moved = workflow.modifier.path_modifier.replace_prefix
RESULTS = moved("<results>").replace("<results>", CONFIG.results)
# For the screen (protsae.screen), which sees what Snakemake logs.
logger.info(f"results: {RESULTS}", extra={"protsae_results": RESULTS})

ESM = model_name(CONFIG)
END_TO_END = any(sae.kl > 0 for sae in CONFIG.train.values())
SHARDS = shard_names(CONFIG)
# Proteins that only SAEs train on, if the settings name some, and the shards of their activations.
FURTHER = ["<results>/proteins/further.parquet"] * bool(CONFIG.further_proteins)
FURTHER_SHARDS = SHARDS if FURTHER else []
PERMUTED = permuted_name(ESM)
LAYERS = model_layers(CONFIG)
# Sites inside of blocks that are embedded beside the layers; further proteins have those with SAEs.
SITES = inside_sites(CONFIG)
INSIDE = [*SITES, *[MLP_IN] * CONFIG.mlp]


def code(stage, unused=None):
    """Digest of a stage's code: as a param it reruns the stage when, and only when, it changes."""
    return code_digest(module_of(stage), unused)


def layer_paths(pattern):
    """The pattern for every model and layer of the run."""
    return [
        path
        for model, layer in LAYERS
        for path in expand(pattern, model=model, layer=layer, allow_missing=True)
    ]


def sae_paths(pattern):
    """The pattern for every model, layer and SAE variant of the run."""
    return expand(layer_paths(pattern), variant=sorted(CONFIG.train))


def effect_paths(pattern):
    """The pattern for every model and layer in which effects are measured."""
    if not effect_saes(CONFIG):
        return []
    return [
        pattern.format(model=model, layer=layer)
        for model, layer in effect_layers(CONFIG)
    ]


def probed_layer_paths(pattern):
    """The pattern for every layer of the model that has k-sparse probes."""
    return [
        path
        for layer in sparse_probe_layers(CONFIG)
        for path in expand(
            pattern, model=model_name(CONFIG), layer=layer, allow_missing=True
        )
    ]


def folders(paths):
    """Of each path its folder."""
    return [str(Path(path).parent) for path in paths]


def local_file(key):
    """The files that a key of the configuration names, as inputs; none if it names none.

    They are absolute where a module's `prefix:` would move them: flags name them where they are.
    """
    named = local_files(CONFIG).items()
    paths = [path for name, path in named if f"{name}.".startswith(f"{key}.")]
    return [path if moved(path) == path else os.path.abspath(path) for path in paths]


def embed_settings(model):
    """The embedding of the model, or of the permuted model, at whatever site."""
    if model_of(model) != PERMUTED:
        return CONFIG.embed
    weights = f"{RESULTS}/models/{PERMUTED}.pt"
    return CONFIG.embed.model_copy(
        update={"model": weights, "layers": CONFIG.permuted_layers}
    )


def weights_file(wildcards):
    """The checkpoint of a model, where it is a file; one-hot sequences have none."""
    model = model_of(wildcards.model)
    if model == PERMUTED:
        return f"<results>/models/{PERMUTED}.pt"
    return local_file("embed.model") if model == ESM else []


def inside_flag(paths):
    """The flag of protsae embed that names the files of sites inside of blocks, if there are any."""
    if not paths:
        return []
    named = [f"{site}={path}" for site, path in zip(INSIDE, paths)]
    return ["--inside", *named]


def neuron_files(wildcards):
    """What the neurons of a layer are computed from; one-hot sequences and layer 0 have none."""
    if wildcards.model == ONEHOT or int(wildcards.layer) == 0 or not CONFIG.mlp:
        return []
    return expand(
        f"<results>/activations/{site_name(model_of(wildcards.model), MLP_IN)}/shard-{{shard}}.h5",
        shard=SHARDS,
    )


def check_devices(settings):
    """Stop before the first job if it would ask this machine for a GPU that it has not."""
    try:
        validate_devices(settings)
    except UserError as error:
        print(f"protsae: {error}", file=sys.stderr)
        sys.exit(2)


def write_config(settings):
    """Put the merged configuration beside the results."""
    with atomic_path(Path(RESULTS) / "config.yaml") as temporary:
        temporary.write_text(
            yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)
        )
