# What all rules share: the checked configuration and the helpers that turn it into paths and flags.
# Nothing heavy is imported here: Snakemake parses this file again in every cluster job.
import re
from pathlib import Path
from shlex import quote

import yaml

from protsae.commands import module_of
from protsae.config.settings import (
    Config,
    local_files,
    parse_settings,
    validate_local_files,
)
from protsae.config.yaml_text import read_yaml
from protsae.errors import UserError
from protsae.config.flags import to_flags, variants_flag
from protsae.io.atomic import atomic_path
from protsae.config.reserved_names import ONEHOT, permuted_name
from protsae.provenance import code_digest
from protsae.run.job_memory import training_megabytes
from protsae.run.plan_checks import validate_devices, validate_plan
from protsae.run.layout import model_layers, model_name, shard_names

# Jobs call the protsae that belongs to the Python that runs Snakemake, activated or not.
shell.prefix(
    f"set -euo pipefail; PATH={quote(str(Path(sys.executable).parent))}:$PATH; "
)

try:
    for path in workflow.configfiles:
        read_yaml(path)
    CONFIG = parse_settings(Config, config, "config")
    validate_local_files(CONFIG)
    validate_plan(CONFIG)
except UserError as error:
    print(f"protsae: {error}", file=sys.stderr)
    sys.exit(2)

# For the screen (protsae.screen), which sees what Snakemake logs.
logger.info(f"results: {CONFIG.results}", extra={"protsae_results": CONFIG.results})

ESM = model_name(CONFIG)
END_TO_END = any(sae.kl > 0 for sae in CONFIG.train.values())
SHARDS = shard_names(CONFIG)
PERMUTED = permuted_name(ESM)
LAYERS = model_layers(CONFIG)


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


def folders(paths):
    """Of each path its folder."""
    return [str(Path(path).parent) for path in paths]


def local_file(key):
    """The file that a key of the configuration names, as a list; empty if it names none."""
    return [path for name, path in local_files(CONFIG).items() if name == key]


def embed_settings(model):
    """The embedding of the model, or of the permuted model."""
    if model != PERMUTED:
        return CONFIG.embed
    weights = f"{CONFIG.results}/models/{PERMUTED}.pt"
    return CONFIG.embed.model_copy(
        update={"model": weights, "layers": CONFIG.permuted_layers}
    )


def weights_file(wildcards):
    """The checkpoint of a model, where it is a file; one-hot sequences have none."""
    if wildcards.model == PERMUTED:
        return embed_settings(PERMUTED).model
    return local_file("embed.model") if wildcards.model == ESM else []


def check_devices(settings):
    """Stop before the first job if it would ask this machine for a GPU that it has not."""
    try:
        validate_devices(settings)
    except UserError as error:
        print(f"protsae: {error}", file=sys.stderr)
        sys.exit(2)


def write_config(settings):
    """Put the merged configuration beside the results."""
    with atomic_path(Path(settings.results) / "config.yaml") as temporary:
        temporary.write_text(
            yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False)
        )
