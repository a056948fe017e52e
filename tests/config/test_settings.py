import argparse
import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from protsae.config import settings as config
from protsae.config.flags import add_flags, settings_from_flags, to_flags
from protsae.config.sae_settings import SWEPT, TrainSettings, expand_lists
from protsae.config.section import Settings
from protsae.config.settings import Config, parse_settings, read_config
from protsae.config.stage_settings import (
    AnnotateSettings,
    CacheSettings,
    ConceptSettings,
    EmbedSettings,
    EvaluateSettings,
    FetchSettings,
    PretrainSettings,
    ReportSettings,
    SplitSettings,
    TrainerSettings,
)
from protsae.errors import UserError

ROOT = Path(__file__).parents[2]
TRAIN = {"topk": {"architecture": "topk"}}
MANY = ("k", "expansion", "lr", "steps")


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """As Snakemake merges --configfile over the configfile of the Snakefile."""
    both = dict(below)
    for key, value in above.items():
        inner = both.get(key)
        both[key] = merged(inner, value) if isinstance(inner, dict) and value else value
    return both


def test_the_schema_file_is_that_of_the_models() -> None:
    text = (ROOT / "workflow/schemas/config.schema.yaml").read_text()
    assert yaml.safe_load(text) == yaml.safe_load(yaml.safe_dump(config.schema()))


def test_every_section_of_the_schema_is_closed() -> None:
    schema = config.schema()
    assert schema["additionalProperties"] is False
    for name, section in schema["$defs"].items():
        assert section["additionalProperties"] is False, name


def test_the_embedded_configuration() -> None:
    found = read_config(ROOT / "config.yaml")
    assert sorted(found.train) == ["frozen", "relu", "topk"]
    same = {"freeze": "none", "seeds": 3}
    assert found.train["frozen"].model_copy(update=same) == found.train["topk"]


def test_the_uniprot_configuration_over_the_embedded_one() -> None:
    below, above = (
        yaml.safe_load((ROOT / name).read_text()) for name in ("config.yaml", "config/uniprot.yaml")
    )
    found = parse_settings(Config, merged(below, above))
    assert found.fetch.input == "uniprot"
    assert found.train["relu"].penalty == below["train"]["relu"]["penalty"]
    assert found.train["relu"].steps == above["train"]["relu"]["steps"]


@pytest.mark.parametrize("name", ["end_to_end", "findings", "sweep"])
def test_configurations_over_the_embedded_one(name: str) -> None:
    below, above = (
        yaml.safe_load((ROOT / path).read_text()) for path in ("config.yaml", f"config/{name}.yaml")
    )
    assert parse_settings(Config, merged(below, above)).train


def test_every_key_of_the_embedded_configuration_is_explained() -> None:
    """A comment on its line; a section's stands on its first key, and a seed needs none."""
    for line in (ROOT / "config.yaml").read_text().splitlines():
        if re.match(r" *\w+: *[^ #]", line) and not line.strip().startswith("#"):
            repeated = line.strip().split(":")[0] in ("seed", "k", "expansion", "lr", "steps")
            closed = re.search(r": (error|first|keep|drop)\b", line) or "#" in line
            assert "#" in line or repeated or closed, line


def test_sections_of_the_embedded_configuration_are_complete() -> None:
    values = yaml.safe_load((ROOT / "config.yaml").read_text())
    for name, field in Config.model_fields.items():
        assert name in values, name
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
            absent = field.annotation.model_fields.keys() - values[name].keys()
            assert absent <= {"api"}, name  # which only mirrors and tests need


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param(
            {"trian": TRAIN},
            "config: unknown key 'trian'; did you mean 'train'? Valid keys: train, results, fetch, "
            "split, further_proteins, cache, onehot, embed, permuted_layers, effect_layers, "
            "effect_saes, mlp, trainer, evaluate, effects, concepts, probe, sparse_probe, "
            "references, annotate, neighbours, report",
            id="top level",
        ),
        pytest.param(
            {"train": {"a": {"architecture": "topk", "kl": 1}}},
            "config: train.a.kl: one-hot sequences have no model to train through; set onehot: "
            "false, or kl to 0",
            id="end to end on one-hot",
        ),
        pytest.param(
            {"cache": {"shard": 2}},
            "config: unknown key 'cache.shard'; did you mean 'shards'? Valid keys in cache: "
            "shards, compression",
            id="section",
        ),
        pytest.param(
            {"report": {"zzz": 2}},
            "config: unknown key 'report.zzz'; Valid keys in report: features_per_layer",
            id="nothing near",
        ),
        pytest.param(
            {"train": {"wide": {"architecture": "topk", "widht": 7}}},
            "config: unknown key 'train.wide.widht'; did you mean 'width'? Valid keys in "
            f"train.wide: {', '.join(TrainSettings.model_fields)}",
            id="SAE variant",
        ),
        pytest.param(
            {"train": {"k": {"architecture": "topk", "stpes": 7}}},
            "config: unknown key 'train.k.stpes'; did you mean 'steps'? Valid keys in "
            f"train.k: {', '.join(TrainSettings.model_fields)}",
            id="SAE variant with the name of a key",
        ),
        pytest.param(
            {"train": {"relu": {"architecture": "relu", "penalty": -1}}},
            "config: train.relu.penalty: must be greater than or equal to 0, found -1",
            id="negative penalty",
        ),
        pytest.param(
            {"train": {"relu": {"architecture": "relu", "lr": float("inf")}}},
            "config: train.relu.lr: must be a finite number, found inf",
            id="infinite rate",
        ),
        pytest.param(
            {"train": {"relu": {"architecture": "relu", "penalty": float("nan")}}},
            "config: train.relu.penalty: must be a finite number, found nan",
            id="penalty that is no number",
        ),
        pytest.param(
            {"train": {"relu": {}}}, "config: train.relu.architecture: is missing", id="missing"
        ),
        pytest.param(
            {"train": {"relu": {"architecture": "rleu"}}},
            "config: train.relu.architecture: must be 'relu', 'topk', 'batchtopk', "
            "'jumprelu', 'gated' or 'matryoshka', found 'rleu'",
            id="architecture",
        ),
        pytest.param(
            {"train": {"a/b": TRAIN["topk"]}},
            "config: train.a/b.[key]: String should match pattern "
            "'^[A-Za-z0-9][A-Za-z0-9._-]*$', found 'a/b'",
            id="variant name that is no file name",
        ),
        pytest.param(
            {"embed": {"context": 100, "overlap": 100}},
            "config: embed: overlap must be smaller than context",
            id="overlap",
        ),
        pytest.param(
            {"fetch": {"min_length": 50, "max_length": 40}},
            "config: fetch: min_length must not exceed max_length",
            id="lengths",
        ),
        pytest.param(
            {"fetch": {"input": "uniprot"}},
            "config: fetch: query goes with input 'uniprot', and only with it",
            id="no query",
        ),
        pytest.param(
            {"fetch": {"query": "x"}},
            "config: fetch: query goes with input 'uniprot', and only with it",
            id="query for a file",
        ),
        pytest.param(
            {"split": {"valid": 0.5, "test": 0.5}},
            "config: split: valid + test must leave a share above 0 for train",
            id="shares",
        ),
        pytest.param(
            {"random_layers": [3]},
            "config: 'random_layers' is called 'permuted_layers' since protsae 0.2.0; rename it, "
            "or, if an earlier protsae has written this file, run the workflow again",
            id="renamed",
        ),
        pytest.param(
            {"annotate": {"min_clusters": 3}},
            "config: 'annotate.min_clusters' is called 'concepts.min_clusters' since protsae "
            "0.2.0; rename it, or, if an earlier protsae has written this file, run the workflow "
            "again",
            id="in another section",
        ),
        pytest.param(
            {"split": {"test": 0}},
            "config: split.test: must be greater than 0, found 0",
            id="no test",
        ),
        pytest.param(
            {"results": "r", "split": {"previous": "./r/proteins/proteins.parquet"}},
            "config: split.previous: r/proteins/proteins.parquet is what this run writes; copy it "
            "to another place, or give the run another results folder",
            id="its own output",
        ),
        pytest.param(
            {"split": {"seed": -1}},
            "config: split.seed: must be greater than or equal to 0, found -1",
            id="negative seed",
        ),
        pytest.param(
            {"embed": {"layers": [1, -1]}},
            "config: embed.layers.1: must be greater than or equal to 0, found -1",
            id="layer",
        ),
        pytest.param(
            {"annotate": {"quantiles": [0.5, 1.0]}},
            "config: annotate.quantiles.1: must be less than 1, found 1.0",
            id="quantile",
        ),
        pytest.param(
            {"annotate": {"quantiles": [0.25, 0.5, 0.25]}},
            "config: annotate.quantiles: 0.25 is given more than once; give every quantile once",
            id="quantile twice",
        ),
        pytest.param(
            {"annotate": {"quantiles": [i / 256 for i in range(256)]}},
            "config: annotate.quantiles: 256 quantiles; expected at most 255",
            id="too many quantiles",
        ),
        pytest.param(
            {"cache": {"shards": "two"}},
            "config: cache.shards: must be a valid integer, unable to parse string as an "
            "integer, found 'two'",
            id="type",
        ),
        pytest.param(
            {"embed": [1]},
            "config: embed: expected keys and values, found [1]",
            id="list for a section",
        ),
        pytest.param(
            {"embed": {"layers": 3}},
            "config: embed.layers: expected a list, such as [3], found 3",
            id="one layer",
        ),
        pytest.param(
            {"embed": {"sites": ["mlp_out"]}},
            "config: embed: sites: expected residual, and any other site once, found ['mlp_out']",
            id="no residual stream",
        ),
        pytest.param(
            {"embed": {"sites": ["residual", "mlp_out", "mlp_out"]}},
            "config: embed: sites: expected residual, and any other site once, found ['residual', "
            "'mlp_out', 'mlp_out']",
            id="site twice",
        ),
        pytest.param(
            {"embed": {"model": "a/esm2_x-mlp_out.pt"}},
            "config: embed: model: 'esm2_x-mlp_out' ends in -mlp_out, as the names of its sites "
            "do; rename the model",
            id="a model called like a site",
        ),
        pytest.param(
            {
                "onehot": False,
                "embed": {"sites": ["residual", "attention"]},
                "train": {"a": {"architecture": "topk", "kl": 1}},
            },
            "config: train.a.kl: SAEs of sites inside of blocks are not trained on the model's "
            "predictions; set embed.sites: [residual], or kl to 0",
            id="end to end inside of a block",
        ),
        pytest.param(
            {"train": {None: TRAIN["topk"]}},
            "config: train: None is no name of an SAE; write it in quotes",
            id="an SAE without a name",
        ),
        pytest.param(
            {"results": "run{1}"},
            "config: results: 'run{1}' has a brace or a character that cannot be printed, which "
            "Snakemake does not take for itself; rename it",
            id="brace",
        ),
        pytest.param(
            {"concepts": {"labels": ["a.jsonl", "b\nc"]}},
            "config: concepts.labels.1: 'b\\nc' has a brace or a character that cannot be printed, "
            "which Snakemake does not take for itself; rename it",
            id="newline in a file name",
        ),
        pytest.param(
            {"train": {"x": {"architecture": "topk", **{k: [*range(1, 40)] for k in MANY}}}},
            "config: train: x: its lists give more than 1,000 SAEs; shorten them",
            id="millions of SAEs",
        ),
    ],
)
def test_problems_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as caught:
        parse_settings(Config, values)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "no such configuration file"),
        ("a: [1\n", "not YAML: while parsing a flow sequence"),
        ("- 1\n", "expected keys and values"),
        (
            "embed: {layers: [1]}\nsplit: {}\nembed: {device: cpu}\n",
            "'embed' occurs 2 times in one section; YAML keeps the last; put all of it into one",
        ),
        ("a: &a [*a]\n", "its aliases stand for more than 1,000,000 values"),
        ("split: {seed: " + "9" * 5000 + "}\n", "not YAML: Exceeds the limit (4300 digits)"),
        ("a: " + "[" * 3000 + "]" * 3000, "not YAML: nested too deeply"),
        ("results: 2026-13-45", "not YAML: month must be in 1..12"),
        ("results: \x80", "not YAML: unacceptable character"),
        (
            "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
            + "".join(
                f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in pairwise("abcdefgh")
            ),
            "its aliases stand for more than 1,000,000 values",
        ),
        (
            "split:\n  seed: 1\n  seed: 2\n",
            "'seed' occurs 2 times in one section; YAML keeps the last; put all of it into one",
        ),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / "c.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=f"^{re.escape(f'{path}: {problem}')}[^\n]*$"):
        read_config(path)


def test_home_is_meant_by_a_tilde(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/one")
    values = {"results": "~/run", "fetch": {"input": "~/a.fasta"}, "embed": {"model": "~/b.pt"}}
    found = parse_settings(Config, values)
    assert found.results == "/home/one/run"
    assert (found.fetch.input, found.embed.model) == ("/home/one/a.fasta", "/home/one/b.pt")


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("# nothing\n")
    assert read_config(tmp_path / "c.yaml") == Config()


# Every field away from its default, with what a shell or argparse could trip over.
UNUSUAL: list[Settings] = [
    FetchSettings(
        input="uniprot",
        query='-reviewed AND (name:"a b\'s") $HOME',
        annotations="a file.tsv",
        api="http://127.0.0.1:8000",
        min_length=7,
        max_length=11,
        fragments="keep",
        nonstandard="drop",
        invalid="drop",
        duplicate_accessions="first",
        duplicate_sequences="keep",
    ),
    SplitSettings(
        identity=0.55,
        coverage=0.05,
        cascade=True,
        valid=1e-7,
        test=0.3,
        seed=7,
        previous="an older run/proteins.parquet",
    ),
    CacheSettings(shards=7, compression="gzip"),
    EmbedSettings(
        sites=("residual", "mlp_out"),
        model="a folder/esm2_x.pt",
        layers=(0, 33),
        precision="bfloat16",
        dtype="float32",
        tokens_per_batch=7,
        context=11,
        overlap=3,
        device="cpu",
    ),
    TrainerSettings(
        batch=11, buffer=13, device="cpu", precision="float32", checkpoint_every=17, seed=2**32 - 1
    ),
    TrainSettings(
        architecture="relu",
        expansion=0.5,
        width=7,
        k=3,
        penalty=1e-5,
        nested=(0.5, 1.0),
        bandwidth=1e-3,
        auxk=0.0,
        freeze="encoder",
        seeds=3,
        dead_after=19,
        lr=1e-8,
        steps=5,
        mse=0.5,
        kl=0.25,
        warmup=0.25,
        penalty_warmup=0.75,
        decay=1.0,
        seed=2**32 - 1,
    ),
    EvaluateSettings(
        mask_fraction=0.5, masks=3, max_proteins=7, bootstrap=11, optimal_codes=17, seed=13
    ),
    ConceptSettings(
        evidence="experimental",
        labels=("a.jsonl", "b.jsonl.gz"),
        min_residues=1,
        min_clusters=2,
    ),
    AnnotateSettings(
        quantiles=(0.0, 1e-5, 0.99),
        reference_rates="rates.tsv",
        min_f1=0.0,
        bootstrap=7,
        interplm=True,
        examples=13,
        further_examples=31,
        example_flank=17,
        train_residues=19,
        batch=23,
        seed=29,
    ),
    ReportSettings(features_per_layer=7),
    PretrainSettings(
        layers=2,
        width=16,
        heads=2,
        steps=7,
        tokens_per_batch=13,
        row_tokens=11,
        lr=1e-5,
        warmup_steps=17,
        valid=0.5,
        evaluate_every=19,
        bf16=False,
        weight_decay=0.3,
        decay_steps=3,
        device="cpu",
        seed=23,
    ),
]


def through_flags(settings: Settings) -> Settings:
    """Settings to a shell line, to words, to a namespace, and back."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    add_flags(parser, type(settings))
    return settings_from_flags(type(settings), parser.parse_args(shlex.split(to_flags(settings))))


@pytest.mark.parametrize("settings", UNUSUAL, ids=lambda settings: type(settings).__name__)
def test_flags_give_the_settings_back(settings: Settings) -> None:
    defaults = {name: field.default for name, field in type(settings).model_fields.items()}
    assert all(value != defaults[name] for name, value in settings)
    assert through_flags(settings) == settings


def test_defaults_through_flags() -> None:
    for model in {type(settings) for settings in UNUSUAL}:
        settings = model(**({"architecture": "topk"} if model is TrainSettings else {}))
        assert through_flags(settings) == settings


def test_a_flag_out_of_range() -> None:
    parser = argparse.ArgumentParser()
    add_flags(parser, TrainSettings)
    args = parser.parse_args(["--architecture", "relu", "--penalty", "-3"])
    message = "command line: penalty: must be greater than or equal to 0, found '-3'"
    with pytest.raises(UserError, match=f"^{message}$"):
        settings_from_flags(TrainSettings, args)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().results = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("variants", "names"),
    [
        pytest.param({"a": {"k": 3}}, ["a"], id="no list"),
        pytest.param({"a": {"k": [3, 5]}, "b": {}}, ["a-k3", "a-k5", "b"], id="one list"),
        pytest.param({"a": {"k": [3]}}, ["a-k3"], id="list of one"),
        pytest.param(
            {"a": {"width": [7, 11], "seed": [0, 1]}},
            ["a-width7-seed0", "a-width7-seed1", "a-width11-seed0", "a-width11-seed1"],
            id="two lists",
        ),
        pytest.param(
            {"all": {"architecture": ["relu", "topk"], "lr": [0.5]}},
            ["all-relu-lr0.5", "all-topk-lr0.5"],
            id="architectures",
        ),
        pytest.param(
            {"a": {"architecture": ["relu", "gated"], "seed": [0, 1]}},
            ["a-relu-seed0", "a-relu-seed1", "a-gated-seed0", "a-gated-seed1"],
            id="architectures and seeds",
        ),
        pytest.param({"a": {"nested": [0.5, 1.0]}}, ["a"], id="nested is one value"),
        pytest.param({"a": {"k": 3}, "b": "relu"}, ["a", "b"], id="a value that is no section"),
        pytest.param({}, [], id="nothing"),
    ],
)
def test_lists_stand_for_combinations(variants: dict[str, Any], names: list[str]) -> None:
    assert list(expand_lists(variants)) == names


def test_each_combination_has_its_values() -> None:
    values = {"all": {"architecture": "topk", "k": [2, 3], "width": 7, "nested": [0.5, 1]}}
    found = parse_settings(Config, {"train": values}).train
    one = {"architecture": "topk", "width": 7, "nested": (0.5, 1.0)}
    assert found == {f"all-k{k}": TrainSettings(k=k, **one) for k in (2, 3)}


@pytest.mark.parametrize("null", [None, "null"], ids=["of YAML", "of Snakemake's --config"])
def test_null_takes_a_variant_away(null: object) -> None:
    assert list(parse_settings(Config, {"train": TRAIN | {"relu": null}}).train) == ["topk"]


ONE_VALUE: dict[str, Any] = {
    "architecture": "topk",
    "freeze": "soft",
    "kl": 0,
    "warmup": 0.5,
    "penalty_warmup": 1,
    "decay": 0,
}
"""A value of each setting that 7 is none of."""


@pytest.mark.parametrize("name", sorted(SWEPT))
def test_schema_and_code_take_a_list_of_each_setting(name: str) -> None:
    schema = config.schema()
    assert schema["$defs"]["TrainSettings"]["properties"][name]["description"]
    validator = jsonschema.Draft202012Validator(schema)
    value = ONE_VALUE.get(name, 7)
    for given, valid in ((value, True), ([value], True), (["x"], False)):
        document = {"train": {"a": {"architecture": "relu", name: given}}}
        assert validator.is_valid(document) == valid, given
        if valid:
            (found,) = parse_settings(Config, document).train.values()
            assert getattr(found, name) == value
        else:
            with pytest.raises(UserError):
                parse_settings(Config, document)


def test_an_empty_list_is_refused_by_schema_and_code() -> None:
    document = {"train": {"a": {"architecture": "relu", "k": []}}}
    assert not jsonschema.Draft202012Validator(config.schema()).is_valid(document)
    with pytest.raises(UserError, match=r"^config: train: a\.k is an empty list; give one value"):
        parse_settings(Config, document)


def test_nested_is_one_list_in_schema_and_code() -> None:
    document = {"train": {"a": {"architecture": "matryoshka", "nested": [[0.5, 1], [0.25, 1]]}}}
    assert not jsonschema.Draft202012Validator(config.schema()).is_valid(document)
    with pytest.raises(UserError, match=r"^config: train\.a\.nested\.0: .* valid number"):
        parse_settings(Config, document)
