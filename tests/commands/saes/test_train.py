import json
import re
import shlex
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from protsae.cli import main
from protsae.config.flags import variants_flag
from protsae.config.sae_settings import SaeVariants, TrainSettings
from protsae.config.settings import parse_settings, parse_variants
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.saes.sae_files import read_sae
from protsae.io.saes.sae_identity import train_set_sha256
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.sae.architectures import ARCHITECTURES, build_sae, restore_sae
from protsae.schema.saes.training_table import TRAINING
from protsae.stages import train_saes as training
from protsae.stages.outputs import trained_saes
from tests.helpers.dying_job import run_job
from tests.helpers.stored_tables import load, store
from tests.helpers.tiny_esm import build_esm, save_tiny
from tests.helpers.tiny_run import (
    SMALL,
    TOPK,
    further_inputs,
    inputs,
    protein_rows,
    train_command,
    train_saes,
    write_embedded_run,
    write_further,
    write_onehot_run,
    write_proteins,
)

RELU = {**SMALL, "architecture": "relu", "penalty": 0.5}
FILES = ["cfg.json", "protsae.json", "sae_weights.safetensors", "training.parquet"]
EVERY = {name: {**TOPK, "architecture": name} for name in ARCHITECTURES}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_onehot_run(tmp_path_factory.mktemp("run"))


def assert_same_files(one: Path, two: Path) -> None:
    assert sorted(path.name for path in one.iterdir()) == FILES
    for name in FILES:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_same_seed_same_bytes(run: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        assert train_saes(run, tmp_path / name, EVERY) == 0
    for name in EVERY:
        assert_same_files(tmp_path / "one" / name, tmp_path / "two" / name)


def test_other_seeds_other_weights(run: Path, tmp_path: Path) -> None:
    """Of weights with an SAE's seed, of batches with the stream's."""
    assert train_saes(run, tmp_path / "one", {"topk": {**TOPK, "seed": [0, 1]}}) == 0
    assert train_saes(run, tmp_path / "two", {"topk-seed0": TOPK}, "--seed", "1") == 0
    folders = ("one/topk-seed0", "one/topk-seed1", "two/topk-seed0")
    weights = {(tmp_path / name / FILES[2]).read_bytes() for name in folders}
    assert len(weights) == 3


def test_training_that_diverges_writes_nothing(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saes = {"fine": TOPK, "wild": {**RELU, "lr": 1e30, "warmup": 0, "steps": 20}}
    assert train_saes(run, tmp_path, saes, "--checkpoint-every", "1") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert re.fullmatch(
        r"protsae train: wild: training diverged: at step \d+ of 20 the loss is (nan|inf); nothing "
        r"is written; lower train\.wild\.lr \(now 1e\+30\)",
        said,
    )
    assert not list(tmp_path.rglob("*"))


def test_a_damaged_checkpoint_is_told_and_not_used(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train_saes(run, tmp_path / "clean", {"topk": TOPK}) == 0
    checkpoint = tmp_path / "again" / ".on-activations.safetensors"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"not a checkpoint")
    assert train_saes(run, tmp_path / "again", {"topk": TOPK}) == 0
    assert f"{checkpoint}: checkpoint not used: cannot be read (" in capsys.readouterr().err
    assert_same_files(tmp_path / "clean" / "topk", tmp_path / "again" / "topk")


def test_each_sae_of_a_sweep_is_as_trained_alone(run: Path, tmp_path: Path) -> None:
    longer = {"longer": {**TOPK, "steps": 53}, "wider": {**RELU, "width": 41}}
    saes = EVERY | longer
    assert train_saes(run, tmp_path / "all", saes) == 0
    for name, settings in saes.items():
        assert train_saes(run, tmp_path / "alone", {name: settings}) == 0
        assert_same_files(tmp_path / "all" / name, tmp_path / "alone" / name)
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == sorted(saes)


class Stop(Exception):
    """What a killed job looks like from inside."""


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let training stop before a step; returns the list that steps taken are added to."""
    taken: list[int] = []
    original = training.take_steps

    def step_or_stop(trainings: object, batch: object, number: int, curves: object) -> None:
        if number == step:
            raise Stop
        taken.append(number)
        original(trainings, batch, number, curves)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "take_steps", step_or_stop)
    return taken


OTHER_SEEDS = {"topk": {**TOPK, "seeds": 3, "seed": 4}}


def test_other_seeds_are_as_trained_alone_and_lie_in_the_folder_of_the_first(
    run: Path, tmp_path: Path
) -> None:
    alone = {str(seed): {**TOPK, "seed": seed} for seed in (4, 5, 6)}
    assert train_saes(run, tmp_path / "together", OTHER_SEEDS) == 0
    assert train_saes(run, tmp_path / "alone", alone) == 0
    folder = tmp_path / "together" / "topk"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "seed-5", "seed-6"])
    for seed, place in ((4, folder), (5, folder / "seed-5"), (6, folder / "seed-6")):
        own, other = place / "sae_weights.safetensors", tmp_path / "alone" / str(seed)
        assert own.read_bytes() == (other / "sae_weights.safetensors").read_bytes()
        _, source = read_sae(place)
        assert (source.settings["seed"], source.settings["seeds"]) == (seed, 3 if seed == 4 else 1)
        assert read_metadata(place / "training.parquet")["variant"] == "topk"


def test_other_seeds_resume(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = ("--checkpoint-every", "5")
    assert train_saes(run, tmp_path / "whole", OTHER_SEEDS, *every) == 0
    with monkeypatch.context() as patch:
        stop_at(13, patch)
        with pytest.raises(Stop):
            train_saes(run, tmp_path / "cut", OTHER_SEEDS, *every)
    taken = stop_at(-1, monkeypatch)
    assert train_saes(run, tmp_path / "cut", OTHER_SEEDS, *every) == 0
    assert taken[0] == 10
    for seed in (5, 6):
        assert_same_files(*(tmp_path / n / "topk" / f"seed-{seed}" for n in ("cut", "whole")))


@pytest.mark.parametrize("stop", [3, 10, 37])
def test_interrupted_and_resumed_is_as_uninterrupted(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    every = ("--checkpoint-every", "5")
    assert train_saes(run, tmp_path / "whole", EVERY, *every) == 0
    with monkeypatch.context() as patch:
        stop_at(stop, patch)
        with pytest.raises(Stop):
            train_saes(run, tmp_path / "cut", EVERY, *every)
    left = [path.name for path in tmp_path.glob("cut/*")]
    assert left == ([".on-activations.safetensors"] if stop >= 5 else [])
    taken = stop_at(-1, monkeypatch)
    assert train_saes(run, tmp_path / "cut", EVERY, *every) == 0
    assert taken[0] == stop // 5 * 5
    assert not (tmp_path / "cut" / ".on-activations.safetensors").exists()
    for name in EVERY:
        assert_same_files(tmp_path / "cut" / name, tmp_path / "whole" / name)


@pytest.mark.parametrize("freeze", ["decoder", "encoder", "soft"])
def test_a_frozen_sae_resumes_from_the_same_first_weights(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, freeze: str
) -> None:
    """Stored is what was drawn, with the scale of the activations folded in, and nothing else."""
    saes = {name: {**settings, "freeze": freeze} for name, settings in EVERY.items()}
    every = ("--checkpoint-every", "5")
    assert train_saes(run, tmp_path / "whole", saes, *every) == 0
    with monkeypatch.context() as patch:
        stop_at(13, patch)
        with pytest.raises(Stop):
            train_saes(run, tmp_path / "cut", saes, *every)
    assert train_saes(run, tmp_path / "cut", saes, *every) == 0
    for name, settings in saes.items():
        assert_same_files(tmp_path / "cut" / name, tmp_path / "whole" / name)
        weights, source = read_sae(tmp_path / "cut" / name)
        assert source.settings["freeze"] == freeze
        assert_kept(weights, TrainSettings.model_validate(settings), source.normalisation["scale"])


def assert_kept(weights: dict[str, torch.Tensor], settings: TrainSettings, scale: float) -> None:
    drawn = build_sae(settings, weights["W_dec"].shape[1])
    kept = {
        "decoder": torch.equal(weights["W_dec"], drawn.W_dec.detach() / scale),
        "encoder": torch.equal(weights["W_enc"], drawn.W_enc.detach() * scale),
    }
    if settings.freeze == "soft":
        assert torch.cosine_similarity(weights["W_dec"], drawn.W_dec).min() > 0.8 - 1e-6
    assert kept == {name: name == settings.freeze for name in kept}


@pytest.mark.parametrize("freeze", ["decoder", "encoder"])
def test_frozen_end_to_end(embedded: Path, tmp_path: Path, freeze: str) -> None:
    saes = {name: {**settings, "freeze": freeze} for name, settings in THROUGH.items()}
    assert train_saes(embedded, tmp_path, saes, *through(embedded)) == 0
    for name, settings in saes.items():
        weights, source = read_sae(tmp_path / name)
        assert_kept(weights, TrainSettings.model_validate(settings), source.normalisation["scale"])


def test_killed_and_resumed_is_as_uninterrupted(run: Path, tmp_path: Path) -> None:
    """SIGKILL before ten random steps, before a checkpoint takes its name, and among the results.

    The last job but one dies with one SAE written, the other half.
    """
    saes = {"topk": {**TOPK, "steps": 97}, "gated": {**TOPK, "architecture": "gated", "steps": 83}}
    every = ("--checkpoint-every", "5")
    assert train_saes(run, tmp_path / "whole", saes, *every) == 0

    command = train_command(run, tmp_path / "cut", saes, *every)
    step = f"{training.__name__}.take_steps"
    last = 0
    for stop in sorted(np.random.default_rng(0).choice(97, 10, replace=False).tolist()):
        assert run_job(command, step, stop - last + 1) == -signal.SIGKILL
        last = stop // 5 * 5
    assert run_job(command, "pathlib.Path.replace", 1) == -signal.SIGKILL
    assert run_job(command, f"{trained_saes.__name__}.write_sae", 2) == -signal.SIGKILL
    assert (tmp_path / "cut" / "topk" / "protsae.json").exists()
    assert not (tmp_path / "cut" / "gated" / "protsae.json").exists()
    assert run_job(command) == 0
    for name in saes:
        assert_same_files(tmp_path / "cut" / name, tmp_path / "whole" / name)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_embedded_run(tmp_path_factory.mktemp("embedded"), 2)


def through(run: Path, model: str = "esm2_tiny.pt") -> tuple[str, ...]:
    """Flags that train on layer 2, through the model."""
    return ("--layer", "2", "--model", str(run / model))


ON_ROWS: dict[str, object] = {**TOPK, "lr": 0.003}
THROUGH = {"both": {**ON_ROWS, "kl": 1}, "pure": {**ON_ROWS, "kl": 1, "mse": 0}}


def test_end_to_end_predictions_come_closer(embedded: Path, tmp_path: Path) -> None:
    """Of SAEs of equal settings, those trained on predictions change them less, on the same data.

    The one that sees predictions alone rebuilds activations worst.
    """
    saes = {
        "rows": {**ON_ROWS, "steps": 100},
        **{n: {**s, "steps": 100} for n, s in THROUGH.items()},
    }
    assert train_saes(embedded, tmp_path, saes, *through(embedded)) == 0
    folders = [str(tmp_path / name) for name in saes]
    flags = ["--model", str(embedded / "esm2_tiny.pt"), "--bootstrap", "11"]
    assert main(["evaluate", "--sae", *folders, *inputs(embedded), *flags]) == 0
    found = {name: json.loads((tmp_path / name / "evaluation.json").read_text()) for name in saes}
    kl = {name: document["kl_spliced"] for name, document in found.items()}
    assert max(kl["both"], kl["pure"]) < 0.8 * kl["rows"]
    assert found["pure"]["fvu"] > found["both"]["fvu"]
    # 6 proteins of 29 residues are in train; two make a batch of 31 or more.
    assert found["rows"]["training_residues"] == 100 * 31
    assert found["both"]["training_residues"] == 100 * 58


def test_end_to_end_curve_has_the_divergence(embedded: Path, tmp_path: Path) -> None:
    saes = {"rows": TOPK, "pure": THROUGH["pure"]}
    assert train_saes(embedded, tmp_path, saes, *through(embedded)) == 0
    assert load(tmp_path / "rows" / "training.parquet")["kl"].isna().all()
    kl = load(tmp_path / "pure" / "training.parquet")["kl"]
    assert (kl > 0).all()
    assert kl.iloc[-1] < 0.5 * kl.iloc[0]


def test_end_to_end_resumed_is_as_uninterrupted(
    embedded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = (*through(embedded), "--checkpoint-every", "5")
    assert train_saes(embedded, tmp_path / "whole", THROUGH, *flags) == 0
    with monkeypatch.context() as patch:
        stop_at(13, patch)
        with pytest.raises(Stop):
            train_saes(embedded, tmp_path / "cut", THROUGH, *flags)
    assert [path.name for path in tmp_path.glob("cut/*")] == [".end-to-end.safetensors"]
    taken = stop_at(-1, monkeypatch)
    assert train_saes(embedded, tmp_path / "cut", THROUGH, *flags) == 0
    assert taken[0] == 10
    for name in THROUGH:
        assert_same_files(tmp_path / "cut" / name, tmp_path / "whole" / name)


def test_end_to_end_needs_the_model_of_the_activations(
    run: Path, embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def message(folder: Path, *flags: str) -> str:
        assert train_saes(folder, tmp_path / "out", THROUGH, *flags) == 2
        return capsys.readouterr().err

    assert message(embedded, "--layer", "2") == (
        "protsae train: --model: give the ESM-2 that both is trained through; found none\n"
    )
    assert message(run) == (
        "protsae train: train.both.kl: onehot is no model with predictions; set onehot: false, or "
        "kl to 0\n"
    )
    inside = tmp_path / "inside"
    inside.mkdir()
    command = ["embed", "--proteins", str(embedded / "proteins.parquet"), "--shard", "0"]
    command += ["--shards", "1", "--output", str(tmp_path / "x.h5"), "--layers", "2"]
    command += ["--model", str(embedded / "esm2_tiny.pt"), "--device", "cpu"]
    assert main([*command, "--inside", f"mlp_out={inside / 'shard-0.h5'}"]) == 0
    shutil.copy(embedded / "proteins.parquet", inside)
    capsys.readouterr()
    assert message(inside, "--layer", "2") == (
        "protsae train: train.both.kl: the activations are of mlp_out, inside of blocks, and SAEs "
        "are trained on predictions through the residual stream alone; set kl to 0\n"
    )
    save_tiny(tmp_path, "esm2_other", build_esm(seed=1))
    other = str(tmp_path / "esm2_other.pt")
    assert message(embedded, "--layer", "2", "--model", other).startswith(
        f"protsae train: {other}: weights_sha256 is "
    )


def first_step_after(
    run: Path,
    output: Path,
    monkeypatch: pytest.MonkeyPatch,
    saes: dict[str, dict[str, object]],
    *flags: str,
) -> int:
    """Where training starts over a checkpoint that an interrupted run left at step 10."""
    every = ("--checkpoint-every", "5")
    with monkeypatch.context() as patch:
        stop_at(12, patch)
        with pytest.raises(Stop):
            train_saes(run, output, {"topk": TOPK}, *every)
    taken = stop_at(-1, monkeypatch)
    assert train_saes(run, output, saes, *every, *flags) == 0
    return taken[0]


@pytest.mark.parametrize(
    ("saes", "flags", "first"),
    [
        pytest.param({"topk": TOPK}, (), 10, id="the same"),
        pytest.param({"topk": {**TOPK, "lr": 0.02}}, (), 0, id="another rate"),
        pytest.param({"topk": TOPK, "relu": RELU}, (), 0, id="one SAE more"),
        pytest.param({"topk": TOPK}, ("--seed", "1"), 0, id="another order"),
    ],
)
def test_other_settings_start_anew(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    saes: dict[str, dict[str, object]],
    flags: tuple[str, ...],
    first: int,
) -> None:
    assert first_step_after(run, tmp_path / "sae", monkeypatch, saes, *flags) == first


def test_another_split_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the SAE would have seen proteins that are in test now."""
    run = write_onehot_run(tmp_path / "run")
    with monkeypatch.context() as patch:
        stop_at(12, patch)
        with pytest.raises(Stop):
            train_saes(run, tmp_path / "sae", {"topk": TOPK}, "--checkpoint-every", "5")
    proteins = protein_rows()
    split = proteins["split"].map({"train": "test", "valid": "valid", "test": "train"})
    write_proteins(run / "proteins.parquet", proteins.assign(split=split))
    taken = stop_at(-1, monkeypatch)
    assert train_saes(run, tmp_path / "sae", {"topk": TOPK}, "--checkpoint-every", "5") == 0
    assert taken[0] == 0


@pytest.mark.parametrize("other", ["layer", "weights"])
def test_other_activations_start_anew(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    def open_other(*where: object) -> LayerCache:
        cache = LayerCache(*where)  # type: ignore[arg-type]
        if other == "layer":
            cache.layer = 7
        else:
            cache.index.source = replace(cache.source, weights_sha256="another")
        return cache

    every = ("--checkpoint-every", "5")
    with monkeypatch.context() as patch:
        stop_at(12, patch)
        with pytest.raises(Stop):
            train_saes(run, tmp_path / "sae", {"topk": TOPK}, *every)
    monkeypatch.setattr("protsae.commands.saes.train.LayerCache", open_other)
    taken = stop_at(-1, monkeypatch)
    assert train_saes(run, tmp_path / "sae", {"topk": TOPK}, *every) == 0
    assert taken[0] == 0


def test_the_sae_reads_activations_as_they_are_cached(run: Path, tmp_path: Path) -> None:
    """Centring and scale are in the weights: one-hot rows go in and come out."""
    assert train_saes(run, tmp_path, {"sae": {**TOPK, "steps": 300, "k": 1}}) == 0
    weights, source = read_sae(tmp_path / "sae")
    sae = restore_sae(source.architecture, source.k, weights)
    letters = [ord(letter) - ord("A") for letter in "ACDEFGHIKLMNPQRSTVWY"]
    rows = sae.W_dec.new_zeros(20, 26)
    rows[range(20), letters] = 1
    error = (sae(rows) - rows).square().sum() / (rows - rows.mean(0)).square().sum()
    assert float(error) < 0.1


def test_where_it_came_from(run: Path, tmp_path: Path) -> None:
    assert train_saes(run, tmp_path, {"sae": RELU}) == 0
    _, source = read_sae(tmp_path / "sae")
    proteins = load(run / "proteins.parquet")
    train = proteins[proteins["split"] == "train"]
    assert (source.model, source.weights_sha256, source.layer) == ("onehot", "", 0)
    assert (source.architecture, source.k) == ("relu", None)
    assert source.n_residues == train["length"].sum()
    assert source.settings["penalty"] == 0.5
    assert source.settings["trainer"]["batch"] == 31
    # Of one-hot rows |mean|^2 = sum p^2, and E|x - mean|^2 = 1 - sum p^2 = d_model / scale^2.
    letters = pd.Series(list("".join(train["sequence"]))).value_counts(normalize=True)
    squares = float((letters**2).sum())
    assert source.normalisation["mean_norm"] == pytest.approx(np.sqrt(squares))
    assert source.normalisation["scale"] == pytest.approx(np.sqrt(26 / (1 - squares)))


@pytest.mark.parametrize("precision", ["auto", "float32", "bfloat16"])
def test_a_precision_that_is_slow_here_is_told(
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    precision: str,
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert train_saes(run, tmp_path, {"a": {**TOPK, "steps": 3}}, "--precision", precision) == 0
    said = "note: trainer.precision: matrix products in bfloat16 are several times slower than in"
    assert (said in capsys.readouterr().out) == (precision == "bfloat16")


@pytest.fixture(scope="module")
def with_further(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_further(write_onehot_run(tmp_path_factory.mktemp("with_further")))


def test_further_proteins_are_seen_and_counted(
    with_further: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saes = {"short": TOPK, "long": {**RELU, "steps": 53}}
    assert train_saes(with_further, tmp_path, saes, *further_inputs(with_further)) == 0
    said = capsys.readouterr().out
    n_train, n_further = 6 * 29, 5 * 23
    for name, steps in (("short", 40), ("long", 53)):
        _, source = read_sae(tmp_path / name)
        assert source.n_residues == n_train + n_further, "mean and scale are of all residues"
        assert source.settings["residues"] == 31 * steps
        found = source.further
        assert found is not None
        assert found["train_residues"] + found["further_residues"] == 31 * steps
        # Each comes once an epoch; of the last one, some.
        epochs, left = divmod(31 * steps, n_train + n_further)
        assert epochs * n_further <= found["further_residues"] <= epochs * n_further + left
        stamp = read_metadata(tmp_path / name / "training.parquet")
        assert stamp["further"] == found
        assert (
            f"; trained on {found['train_residues']:,} residues of train and "
            f"{found['further_residues']:,} of further proteins"
        ) in said
    train = load(with_further / "proteins.parquet")
    train = train[train["split"] == "train"]
    further = load(with_further / "further.parquet")
    # Of one-hot rows |mean|^2 = sum p^2.
    both = "".join([*train["sequence"], *further["sequence"]])
    shares = pd.Series(list(both)).value_counts(normalize=True)
    norm = source.normalisation["mean_norm"]
    assert norm == pytest.approx(np.sqrt(float((shares**2).sum())))
    assert source.train_set_sha256 == train_set_sha256(set(train["accession"]))


def test_an_sae_learns_from_further_proteins(with_further: Path, tmp_path: Path) -> None:
    """Other weights; without them, the files say nothing of them."""
    assert (
        train_saes(with_further, tmp_path / "with", {"a": TOPK}, *further_inputs(with_further)) == 0
    )
    assert train_saes(with_further, tmp_path / "without", {"a": TOPK}) == 0
    weights = [(tmp_path / name / "a" / FILES[2]).read_bytes() for name in ("with", "without")]
    assert weights[0] != weights[1]
    assert "further" not in json.loads((tmp_path / "without/a/protsae.json").read_text())
    assert "further" not in read_metadata(tmp_path / "without/a/training.parquet")


@pytest.mark.parametrize("stop", [10, 37])
def test_with_further_proteins_resumed_is_as_uninterrupted(
    with_further: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    flags = ("--checkpoint-every", "5", *further_inputs(with_further))
    assert train_saes(with_further, tmp_path / "whole", {"a": TOPK}, *flags) == 0
    with monkeypatch.context() as patch:
        stop_at(stop, patch)
        with pytest.raises(Stop):
            train_saes(with_further, tmp_path / "cut", {"a": TOPK}, *flags)
    assert train_saes(with_further, tmp_path / "cut", {"a": TOPK}, *flags) == 0
    assert_same_files(tmp_path / "whole" / "a", tmp_path / "cut" / "a")


def test_end_to_end_on_further_proteins(tmp_path: Path) -> None:
    write_embedded_run(tmp_path, 2)
    model = str(tmp_path / "esm2_tiny.pt")
    settings = ("--layers", "2", "--device", "cpu", "--dtype", "float32")
    write_further(tmp_path, ("embed", "--model", model, *settings))
    flags = ("--layer", "2", "--model", model, *further_inputs(tmp_path))
    sae = {**TOPK, "kl": 1.0, "steps": 11}
    assert train_saes(tmp_path, tmp_path / "sae", {"a": sae, "b": {**sae, "kl": 0}}, *flags) == 0
    for name in ("a", "b"):
        _, source = read_sae(tmp_path / "sae" / name)
        assert source.further is not None
        seen = source.further["train_residues"], source.further["further_residues"]
        assert sum(seen) == source.settings["residues"]
        assert min(seen) > 50
    # End to end come whole proteins, of 29 and 23 residues.
    _, source = read_sae(tmp_path / "sae" / "a")
    assert source.further is not None
    assert source.further["train_residues"] % 29 == source.further["further_residues"] % 23 == 0


def test_further_proteins_of_another_split(
    with_further: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stamp = {"apart_from": {"protein_set_sha256": "other"}}
    store(tmp_path / "further.parquet", load(with_further / "further.parquet"), stamp)
    table, shards = further_inputs(with_further)[:2], further_inputs(with_further)[2:]
    flags = (table[0], str(tmp_path / "further.parquet"), *shards)
    assert train_saes(with_further, tmp_path / "sae", {"a": TOPK}, *flags) == 2
    assert capsys.readouterr().err.startswith(
        f"protsae train: {tmp_path}/further.parquet: free of relatives of other proteins: "
        "protein_set_sha256 is other; expected "
    )
    assert train_saes(with_further, tmp_path / "sae", {"a": TOPK}, *table) == 2
    assert capsys.readouterr().err == (
        "protsae train: --further-activations: give the shards of the further proteins\n"
    )


def test_the_curve(run: Path, tmp_path: Path) -> None:
    assert train_saes(run, tmp_path, {"sae": {**TOPK, "steps": 211}}) == 0
    curve = read_table(tmp_path / "sae" / "training.parquet", TRAINING)
    stamp = read_metadata(tmp_path / "sae" / "training.parquet")
    assert (stamp["table"], stamp["table_version"]) == (TRAINING.name, TRAINING.version)
    # Every 211 // 100 = 2 steps, and the last.
    assert curve["step"].tolist() == [*range(2, 211, 2), 211]
    assert (curve["l0"] <= 2).all()
    assert curve["fvu"].iloc[-1] < curve["fvu"].iloc[0]
    assert curve["dead_fraction"].between(0, 1).all()


def test_what_it_says(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train_saes(run, tmp_path, {"topk": {**TOPK, "k": [2, 3]}}) == 0
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("training 2 SAEs of up to 37 features: 0.00 GB on cpu, ")
    assert len(others) == 2
    for line, k in zip(others, (2, 3), strict=True):
        assert line.startswith(f"onehot layer 0, topk-k{k}: 37 features, FVU 0.")
        assert f", L0 {k}.0, dead " in line


@pytest.mark.parametrize(
    ("saes", "flags", "message"),
    [
        pytest.param(
            {"a": {**TOPK, "width": 7, "k": 11}},
            (),
            "train.a: k = 11 exceeds the 7 features; lower k or raise width",
            id="k",
        ),
        pytest.param(
            {"a": {**RELU, "penalty": -1}},
            (),
            "--saes: train.a.penalty: must be greater than or equal to 0, found -1",
            id="negative penalty",
        ),
        pytest.param(
            {"a": {"architecture": "relu", "expansion": 0.01}},
            (),
            "train.a: expansion = 0.01 gives no features at d_model = 26; raise it",
            id="no features",
        ),
        pytest.param(
            {"a": {**TOPK, "k": []}},
            (),
            "--saes: train: a.k is an empty list; give one value or more",
            id="empty list",
        ),
        pytest.param(
            {"a-k2": TOPK, "a": {**TOPK, "k": [2]}},
            (),
            "--saes: train: two variants would be named 'a-k2'; rename one",
            id="two of one name",
        ),
        pytest.param(
            {"a": {**TOPK, "batch": 5}},
            (),
            "--saes: unknown key 'train.a.batch'; did you mean 'bandwidth'? Valid keys in train.a: "
            "architecture, expansion, width, k, penalty, nested, mse, kl, bandwidth, auxk, "
            "dead_after, freeze, lr, steps, warmup, penalty_warmup, decay, seed, seeds",
            id="unknown key",
        ),
        pytest.param(
            {"a": {**TOPK, "penalti": 5}},
            (),
            "--saes: unknown key 'train.a.penalti'; did you mean 'penalty'? Valid keys in train.a:",
            id="key with a slip",
        ),
        pytest.param(
            {"a": {**TOPK, "seeds": 2}},
            (),
            "--saes: train.a.seeds: 2 leave one other SAE, and chance takes two to measure; give 1 "
            "or 3",
            id="two seeds",
        ),
        pytest.param(
            {"coordinates": TOPK},
            (),
            "--saes: train: 'coordinates' is the name of a baseline; rename the variant",
            id="name of the baseline",
        ),
        pytest.param(
            {"../a": TOPK},
            (),
            "--saes: train.../a.[key]: String should match pattern "
            "'^[A-Za-z0-9][A-Za-z0-9._-]*$', found '../a'",
            id="name that is a path",
        ),
        pytest.param(
            {},
            (),
            "--saes: train: Dictionary should have at least 1 item after validation, not 0, found "
            "{{}}",
            id="no SAE",
        ),
        pytest.param(
            {},
            ("--saes", "topk"),
            "--saes: train: expected keys and values, found 'topk'",
            id="a word",
        ),
        pytest.param(
            {"a": {**TOPK, "mse": 0}},
            (),
            "--saes: train.a: mse and kl are both 0, so nothing would be learned; raise one",
            id="no objective",
        ),
        pytest.param(
            {"a": TOPK},
            ("--seed", "-1"),
            "command line: seed: must be greater than or equal to 0, found '-1'",
            id="negative seed",
        ),
        pytest.param(
            {"a": TOPK},
            ("--layer", "3"),
            "{run}/shard-0.h5: layer 3 is not in this cache; it has 0",
            id="layer",
        ),
        pytest.param(
            {},
            ("--saes", "{a: ["),
            "--saes: not YAML: while parsing a flow",
            id="no YAML",
        ),
    ],
)
def test_mistakes(
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    saes: dict[str, dict[str, object]],
    flags: tuple[str, ...],
    message: str,
) -> None:
    assert train_saes(run, tmp_path / "sae", saes, *flags) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"protsae train: {message.format(run=run)}")
    assert line.count("\n") == 1
    assert not (tmp_path / "sae").exists()


def test_more_than_memory_holds_is_refused(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(training, "free_memory", lambda device: 2_000_000)
    saes = {"topk": {**TOPK, "width": [997, 4999]}}
    flags = ("--batch", "1009", "--precision", "float32")
    assert train_saes(run, tmp_path / "sae", saes, *flags) == 2
    # Weights, gradients and two moments, 16 x (2 x 26 + 1) x (997 + 4999) bytes and a little, and
    # nine arrays of a batch, 9 x 1009 x 4999 x 4: 5.1 and 181.6 MB.
    assert capsys.readouterr().err == (
        "protsae train: train: 2 SAEs of up to 4,999 features need 0.19 GB on cpu, 0.00 GB are "
        "free; train fewer at a time, or lower width or trainer.batch\n"
    )


@pytest.mark.parametrize(("free", "status"), [(1_019, 2), (1_020, 0)])
def test_memory_that_just_suffices(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: int
) -> None:
    """Weights of both SAEs, 10 bytes each, and a batch of one of them."""
    monkeypatch.setattr(training, "free_memory", lambda device: free)
    monkeypatch.setattr(training, "weights_bytes", lambda *_: 10)
    monkeypatch.setattr(training, "step_bytes", lambda *_: 1_000)
    assert train_saes(run, tmp_path / "sae", {"topk": {**TOPK, "k": [2, 3]}}) == status


def names() -> st.SearchStrategy[str]:
    return st.from_regex("[A-Za-z0-9][A-Za-z0-9._-]*", fullmatch=True).filter("coordinates".__ne__)


def trained() -> st.SearchStrategy[TrainSettings]:
    share = st.floats(0, 1)
    return st.builds(
        TrainSettings,
        architecture=st.sampled_from(list(ARCHITECTURES)),
        expansion=st.floats(0, 100_000, exclude_min=True),
        width=st.none() | st.integers(1, 10**6),
        k=st.integers(1, 999),
        penalty=st.floats(0, allow_infinity=False),
        nested=st.lists(st.floats(0, 1, exclude_min=True), min_size=1).map(tuple),
        lr=st.floats(0, exclude_min=True, allow_infinity=False),
        warmup=share,
        seed=st.integers(0, 2**32 - 1),
    )


@given(st.dictionaries(names(), trained(), min_size=1, max_size=3))
def test_variants_go_through_the_command_line(variants: dict[str, TrainSettings]) -> None:
    flag, text = shlex.split(variants_flag(variants))
    assert flag == "--saes"
    assert parse_variants(text) == variants


def test_lists_go_through_the_command_line_as_their_values() -> None:
    given = {"topk": {**TOPK, "k": [2, 3]}, "m": {"architecture": "matryoshka", "nested": [0.5, 1]}}
    variants = parse_settings(SaeVariants, {"train": given}).train
    assert list(variants) == ["topk-k2", "topk-k3", "m"]
    assert parse_variants(shlex.split(variants_flag(variants))[1]) == variants
    assert parse_variants(json.dumps(given)) == variants


def test_a_default_that_is_written_out_changes_no_command() -> None:
    """Or Snakemake would train again."""
    short, long = ({"a": TrainSettings(architecture="topk", **k)} for k in ({}, {"k": 32}))
    assert variants_flag(short) == variants_flag(long)


def test_protsae_json_is_plain(run: Path, tmp_path: Path) -> None:
    assert train_saes(run, tmp_path, {"sae": TOPK}) == 0
    document = json.loads((tmp_path / "sae" / "protsae.json").read_text())
    assert document["settings"]["architecture"] == "topk"
    assert document["format"] == "protsae-sae"
