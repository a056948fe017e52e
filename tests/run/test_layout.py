"""The files that protsae thinks a run has are those that the rules declare."""

import json
from pathlib import Path

import pytest

from protsae.config.settings import Config, parse_settings
from protsae.config.yaml_text import read_yaml
from protsae.run.layout import STAGES, model_layers, stage_files
from tests.helpers.forked import plan

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "with a shuffled model": {"permuted_layers": [3, 6], "cache": {"shards": 3}},
    "with further proteins": {"further_proteins": ["data/sample/proteins.json.gz"]},
    "with sites inside of blocks": {
        "embed": {"layers": [0, 3], "sites": ["residual", "attention", "mlp_hidden"]},
        "permuted_layers": [3],
        "further_proteins": ["data/sample/proteins.json.gz"],
    },
    "without neurons": {"mlp": False},
    "without one-hot sequences": {"onehot": False, "annotate": {"interplm": True}},
}
RULES = {"onehot_shard": "onehot", "embed_shard": "embed", "train_saes": "train"}
RULES |= {"evaluate_saes": "evaluate", "encode_shard": "encode", "measure_effects": "effects"}
RULES |= {"onehot_further_shard": "onehot", "embed_further_shard": "embed"}
RULES |= {"annotate_layer": "annotate", "probe_layer": "probe"}


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_stages_write_what_their_rules_declare(settings: dict[str, object], tmp_path: Path) -> None:
    results = str(tmp_path / "out")
    overrides = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
    words = ("--summary", "all", "scaling", "--config", f"results={results}", *overrides)
    finished = plan("snakemake", *words, cwd=ROOT)
    assert finished.returncode == 0, finished.stderr
    lines = [line.split("\t") for line in finished.stdout.splitlines() if results in line]
    declared: dict[str, set[str]] = {stage: set() for stage in STAGES}
    for path, _, rule, *_ in lines:
        declared[RULES.get(rule, rule)].add(path.removeprefix(f"{results}/"))

    config = parse_settings(Config, {**read_yaml(ROOT / "config.yaml"), **settings})
    assert {stage: set(names) for stage, names in stage_files(config).items()} == declared
    assert all(len(set(names)) == len(names) for names in stage_files(config).values())


def test_a_stage_comes_after_those_that_it_builds_on() -> None:
    order = list(STAGES)
    for stage, needed in STAGES.items():
        assert all(order.index(other) < order.index(stage) for other in needed)


def test_layers_have_two_digits() -> None:
    config = parse_settings(Config, {"embed": {"layers": [0, 101]}, "onehot": False})
    assert [layer for _, layer in model_layers(config)] == ["00", "101"]
