import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from protsae.commands import train as stage
from protsae.io.sae_files import read_sae
from protsae.io.tables import read_table
from protsae.sae.restore import restore_sae
from protsae.sae.train import train_step
from tests.tiny_run import TOPK, protein_rows, train_sae, write_onehot_run, write_proteins

RELU = ("--architecture", "relu", "--width", "37", "--l1", "0.5")
FILES = ["cfg.json", "protsae.json", "sae_weights.safetensors", "training.parquet"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_onehot_run(tmp_path_factory.mktemp("run"))


@pytest.mark.parametrize("flags", [TOPK, RELU], ids=["topk", "relu"])
def test_same_seed_same_bytes(run: Path, tmp_path: Path, flags: tuple[str, ...]) -> None:
    for name in ("one", "two"):
        assert train_sae(run, tmp_path / name, *flags) == 0
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == FILES
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert train_sae(run, tmp_path / "other", *flags, "--seed", "1") == 0
    weights = [(tmp_path / name / FILES[2]).read_bytes() for name in ("one", "other")]
    assert weights[0] != weights[1]


class Stop(Exception):
    """What a killed job looks like from inside."""


def stopping_at(stop: int) -> Any:
    def step_or_stop(*args: Any) -> Any:
        if args[3] == stop:
            raise Stop
        return train_step(*args)

    return step_or_stop


@pytest.mark.parametrize("stop", [3, 10, 37])
def test_interrupted_and_resumed_is_as_uninterrupted(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    flags = (*TOPK, "--checkpoint-every", "5")
    assert train_sae(run, tmp_path / "whole", *flags) == 0
    with monkeypatch.context() as patch:
        patch.setattr(stage, "train_step", stopping_at(stop))
        with pytest.raises(Stop):
            train_sae(run, tmp_path / "cut", *flags)
    left = [path.name for path in tmp_path.glob("cut/*")]
    assert left == (["checkpoint.safetensors"] if stop >= 5 else [])
    first: list[int] = []

    def counting(*args: Any) -> Any:
        first.append(args[3])
        return train_step(*args)

    monkeypatch.setattr(stage, "train_step", counting)
    assert train_sae(run, tmp_path / "cut", *flags) == 0
    assert first[0] == stop // 5 * 5
    assert sorted(path.name for path in (tmp_path / "cut").iterdir()) == FILES
    for name in FILES:
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def first_step_after(run: Path, output: Path, monkeypatch: pytest.MonkeyPatch, *flags: str) -> int:
    """Where training starts over a checkpoint that an interrupted run left at step 10."""
    settings = (*TOPK, "--checkpoint-every", "5")
    with monkeypatch.context() as patch:
        patch.setattr(stage, "train_step", stopping_at(12))
        with pytest.raises(Stop):
            train_sae(run, output, *settings)
    first: list[int] = []

    def stop_at_once(*args: Any) -> Any:
        first.append(args[3])
        raise Stop

    monkeypatch.setattr(stage, "train_step", stop_at_once)
    with pytest.raises(Stop):
        train_sae(run, output, *settings, *flags)
    return first[0]


def test_the_same_settings_go_on(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert first_step_after(run, tmp_path / "sae", monkeypatch) == 10


def test_other_settings_start_anew(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert first_step_after(run, tmp_path / "sae", monkeypatch, "--lr", "0.02") == 0


def test_another_split_starts_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the SAE would have seen proteins that are in test now."""
    run = write_onehot_run(tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(stage, "train_step", stopping_at(12))
        with pytest.raises(Stop):
            train_sae(run, tmp_path / "sae", *TOPK, "--checkpoint-every", "5")
    proteins = protein_rows()
    split = proteins["split"].map({"train": "test", "valid": "valid", "test": "train"})
    write_proteins(run / "proteins.parquet", proteins.assign(split=split))
    first: list[int] = []

    def stop_at_once(*args: Any) -> Any:
        first.append(args[3])
        raise Stop

    monkeypatch.setattr(stage, "train_step", stop_at_once)
    with pytest.raises(Stop):
        train_sae(run, tmp_path / "sae", *TOPK, "--checkpoint-every", "5")
    assert first == [0]


def test_the_sae_reads_activations_as_they_are_cached(run: Path, tmp_path: Path) -> None:
    """Centring and scale are in the weights: one-hot rows go in and come out."""
    assert train_sae(run, tmp_path / "sae", *TOPK, "--steps", "300", "--k", "1") == 0
    weights, source = read_sae(tmp_path / "sae")
    sae = restore_sae(source.architecture, source.k, weights)
    letters = [ord(letter) - ord("A") for letter in "ACDEFGHIKLMNPQRSTVWY"]
    rows = sae.W_dec.new_zeros(20, 26)
    rows[range(20), letters] = 1
    error = (sae(rows) - rows).square().sum() / (rows - rows.mean(0)).square().sum()
    assert float(error) < 0.1


def test_where_it_came_from(run: Path, tmp_path: Path) -> None:
    assert train_sae(run, tmp_path / "sae", *RELU) == 0
    _, source = read_sae(tmp_path / "sae")
    proteins = read_table(run / "proteins.parquet")
    train = proteins[proteins["split"] == "train"]
    assert (source.model, source.weights_sha256, source.layer) == ("onehot", "", 0)
    assert (source.architecture, source.k) == ("relu", None)
    assert source.n_residues == train["length"].sum()
    assert source.settings["l1"] == 0.5
    # Of one-hot rows |mean|^2 = sum p^2, and E|x - mean|^2 = 1 - sum p^2 = d_model / scale^2.
    letters = pd.Series(list("".join(train["sequence"]))).value_counts(normalize=True)
    squares = float((letters**2).sum())
    assert source.normalisation["mean_norm"] == pytest.approx(np.sqrt(squares))
    assert source.normalisation["scale"] == pytest.approx(np.sqrt(26 / (1 - squares)))


def test_the_curve(run: Path, tmp_path: Path) -> None:
    assert train_sae(run, tmp_path / "sae", *TOPK, "--steps", "211") == 0
    curve = read_table(tmp_path / "sae" / "training.parquet")
    # Every 211 // 100 = 2 steps, and the last.
    assert curve["step"].tolist() == [*range(2, 211, 2), 211]
    assert (curve["l0"] <= 2).all()
    assert curve["fvu"].iloc[-1] < curve["fvu"].iloc[0]
    assert curve["dead_fraction"].between(0, 1).all()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(
            ("--architecture", "topk", "--width", "7", "--k", "11"),
            "train: k = 11 exceeds the 7 features; lower k or raise width",
            id="k",
        ),
        pytest.param(
            ("--architecture", "relu", "--l1", "-1"),
            "command line: l1: Input should be greater than or equal to 0, found '-1'",
            id="negative penalty",
        ),
        pytest.param(
            ("--architecture", "relu", "--expansion", "0.01"),
            "train: expansion = 0.01 gives no features at d_model = 26; raise it",
            id="no features",
        ),
        pytest.param(
            ("--architecture", "relu", "--seed", "-1"),
            "command line: seed: Input should be greater than or equal to 0, found '-1'",
            id="negative seed",
        ),
        pytest.param(
            ("--architecture", "relu", "--layer", "3"),
            "{run}/shard-0.h5: layer 3 is not in this cache; it has 0",
            id="layer",
        ),
    ],
)
def test_mistakes(
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: tuple[str, ...],
    message: str,
) -> None:
    assert train_sae(run, tmp_path / "sae", *flags) == 2
    assert capsys.readouterr().err == f"protsae train: {message.format(run=run)}\n"
    assert not (tmp_path / "sae").exists()


def test_protsae_json_is_plain(run: Path, tmp_path: Path) -> None:
    assert train_sae(run, tmp_path / "sae") == 0
    document = json.loads((tmp_path / "sae" / "protsae.json").read_text())
    assert document["settings"]["architecture"] == "topk"
    assert document["format"] == "protsae-sae"
