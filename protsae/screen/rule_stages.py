"""Which stage a rule of the workflow belongs to, and what one of its jobs costs."""

from protsae.config.reserved_names import ONEHOT

STAGE_OF = {
    "fetch": "fetch",
    "split": "split",
    "further": "further",
    "onehot_shard": "onehot",
    "onehot_further_shard": "onehot",
    "randomise": "randomise",
    "embed_shard": "embed",
    "embed_further_shard": "embed",
    "train_saes": "train",
    "evaluate_saes": "evaluate",
    "encode_shard": "encode",
    "annotate_layer": "annotate",
    "measure_effects": "effects",
    "probe_layer": "probe",
    "sparse_probe": "sparse_probe",
    "lookup": "lookup",
    "tables": "tables",
    "neighbours": "neighbours",
    "report": "report",
    "scaling": "scaling",
}
"""Every rule that makes files, and its stage; targets such as ``all`` are no part of it."""

TYPICAL_SECONDS = {
    **{
        "fetch": 1.0,
        "split": 8.0,
        "further": 8.0,
        "onehot": 1.0,
        "randomise": 2.0,
        "embed": 7.0,
        "train": 17.0,
    },
    **{
        "evaluate": 12.0,
        "effects": 30.0,
        "encode": 3.0,
        "annotate": 15.0,
        "probe": 16.0,
        "sparse_probe": 30.0,
        "lookup": 32.0,
    },
    **{"lookup": 32.0, "tables": 8.0, "neighbours": 20.0, "report": 7.0, "scaling": 5.0},
}
"""Seconds that a job of each stage takes in the default run on two cores, as its benchmark files
say. Only how they compare matters (`seconds_left`)."""


def what_is_made(wildcards: dict[str, str]) -> str:
    """What a job makes, of its wildcards: model, layer and shard; empty for a stage of one job.

    Examples
    --------
    >>> what_is_made({"model": "esm2_t6_protsae", "layer": "03", "shard": "0001"})
    'esm2_t6_protsae layer 3 shard 1'
    >>> what_is_made({"model": "onehot", "layer": "00"}), what_is_made({})
    ('onehot', '')
    """
    model = wildcards.get("model", "")
    # The only layer of one-hot sequences has no number that a reader knows.
    names = ("shard",) if model == ONEHOT else ("layer", "shard")
    numbered = [f"{name} {int(wildcards[name])}" for name in names if name in wildcards]
    return " ".join([*([model] if model else []), *numbered])
