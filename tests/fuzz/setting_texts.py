"""Grammars of what users set: config.yaml, the SAEs of --saes, and flags on the command line."""

import json
from functools import cache
from typing import Any

import yaml
from hypothesis import strategies as st

from protsae.cli import parser_of
from protsae.config.section import Settings
from protsae.config.stage_settings import (
    AnnotateSettings,
    ConceptSettings,
    EffectSettings,
    EmbedSettings,
    EvaluateSettings,
    FetchSettings,
    NeighbourSettings,
    PretrainSettings,
    ProbeSettings,
    ReferenceSettings,
    ReportSettings,
    SparseProbeSettings,
    SplitSettings,
    TrainerSettings,
)
from tests.fuzz.mutations import VALUES, json_bytes, mostly, spoiled

SAES: dict[str, Any] = {
    "topk": {"architecture": "topk", "k": [8, 16], "lr": 0.001},
    "relu": {"architecture": "relu", "penalty": 0.5, "steps": 3},
    "nested": {"architecture": "matryoshka", "nested": [0.5, 1.0], "seed": [0, 1]},
}
CONFIG = {
    "results": "results",
    "fetch": {"input": "proteins.fasta", "annotations": "a.tsv", "min_length": 30},
    "split": {"identity": 0.3, "valid": 0.2, "test": 0.2, "previous": None},
    "cache": {"shards": 2, "compression": "none"},
    "onehot": True,
    "embed": {"model": "esm2_x.pt", "layers": [1, 2, 3], "precision": "float32"},
    "permuted_layers": [3],
    "trainer": {"batch": 512, "seed": 0},
    "train": SAES,
    "concepts": {"labels": ["l.jsonl"]},
    "annotate": {"quantiles": [0, 0.5], "reference_rates": None},
    "probe": {"penalties": [0.01, 0.001]},
}

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
)
COMBINATIONS = json.dumps({key: list(range(1, 60)) for key in ("k", "seed", "lr", "steps")})

_YAML = (
    "",
    "null",
    "[]",
    "results",
    "~",
    "- a",
    "--- 1\n--- 2\n",
    "%YAML 9.9\n---\na: 1",
    "!!binary x",
    "? [a, b]\n: c",
    "? {a: b}\n: c",
    "a: &a [*a]",
    "a: &a {b: *a}",
    "<<: {a: b}",
    "<<: 3",
    "<<: [{results: x}, 3]",
    "fetch: &f {input: x}\nsplit:\n  <<: *f",
    "a: *none",
    "a: 2001-99-99",
    "a: !!float x",
    "a: !!int ''",
    "a: !!int 0o9",
    "a: 0b",
    "a: 1:2:3:4",
    "a: .inf",
    "a: !!timestamp x",
    "results: !!python/object/apply:os.system [x]",
    "embed: {layers: 3}",
    "embed: {layers: three}",
    "embed: {layers: {1: 2}}",
    "train: []",
    "train: {1: {architecture: topk}}",
    "a: 0x",
    "a: 1e",
    "train: {null: {architecture: topk}}",
    f"train: {{t: {COMBINATIONS}}}",
    BOMB,
    "results: x\0",
    "a: '\ud7ff\U0010ffff'",
    "cache: {shards: " + "9" * 5000 + "}",
    "cache: {shards: 1e400}",
    "a: +_",
    "trainer: {seed: 0b" + "1" * 9000 + "}",
    "cache: {shards: " + "1:" * 3000 + "1}",
    "a: !!set [x]",
    "a: !!omap [x]",
    "a: !!pairs [x]",
    "a: !!map x",
    "a: !!str [x]",
    "? !!set {a}\n: c",
    "train: 3",
    "train:\n" + "".join(f"  v{i}: {{architecture: topk}}\n" for i in range(1100)),
    "x" * 300 + ": 1",
)


def config() -> st.SearchStrategy[bytes]:
    """The configuration with a value out of place, in block or flow style; or YAML as it can be."""
    documents = spoiled(CONFIG)
    flow = documents.map(json_bytes)
    return mostly(documents.map(_block), flow, st.sampled_from(_YAML).map(_utf8), times=3)


def saes() -> st.SearchStrategy[bytes]:
    """The value of --saes, as under ``train``."""
    documents = spoiled(SAES)
    flow = documents.map(json_bytes)
    return mostly(documents.map(_block), flow, st.sampled_from(_YAML).map(_utf8), times=3)


def _utf8(text: str) -> bytes:
    return text.encode()


def _block(document: Any) -> bytes:
    return yaml.safe_dump(document, sort_keys=False).encode("utf-8", "replace")


STAGES: dict[str, tuple[type[Settings], ...]] = {
    "fetch": (FetchSettings,),
    "split": (SplitSettings, ConceptSettings),
    "embed": (EmbedSettings,),
    "train": (TrainerSettings,),
    "evaluate": (EvaluateSettings,),
    "effects": (EffectSettings,),
    "annotate": (AnnotateSettings, ConceptSettings),
    "probe": (ProbeSettings, ConceptSettings),
    "sparse-probe": (SparseProbeSettings,),
    "lookup": (ConceptSettings, ProbeSettings, ReferenceSettings),
    "neighbours": (NeighbourSettings,),
    "report": (ReportSettings,),
    "pretrain": (PretrainSettings,),
}
"""The settings that each stage takes as flags."""


stage_parser = cache(parser_of)
"""The parser of a stage's command line."""


_GOOD_WORDS = st.sampled_from(["1", "3", "0.5", "auto", "cpu", "true", "drop", "none", "x", "0.1"])
_ODD_WORDS = st.sampled_from(
    [
        *(value for value in VALUES if isinstance(value, str)),
        *("nan", "inf", "-1", "1e400", "9" * 5000, "", "\x1b[2J", "é", "\udcff", "\uff11", "a\nb"),
    ]
)
_WORDS = mostly(_GOOD_WORDS, _ODD_WORDS, st.text(max_size=5), times=4)


@st.composite
def command_lines(draw: st.DrawFn) -> bytes:
    """A stage, the flags that it must have, and a few others; a JSON list of words."""
    stage = draw(st.sampled_from(list(STAGES)))
    actions = [action for action in stage_parser(stage)._actions if action.dest != "help"]
    chosen = draw(st.lists(st.sampled_from(actions), max_size=3))
    words = [stage]
    for action in actions:
        if action.required and action not in chosen:
            words += [action.option_strings[0], "3"]
    for action in chosen:
        n = draw(st.sampled_from([1] * 18 + [0, 2]))
        words += [action.option_strings[0], *(draw(_WORDS) for _ in range(n))]
    if draw(st.integers(0, 19)) == 7:
        words.append(draw(_WORDS))
    return json.dumps(words).encode()
