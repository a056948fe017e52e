import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from protsae.config.sae_settings import TrainSettings
from protsae.errors import UserError
from protsae.io.json_files import write_document
from protsae.io.saes.sae_files import (
    UNKNOWN,
    SaeSource,
    read_sae,
    unknown_train_set,
    validate_same_source,
    write_sae,
)
from protsae.io.saes.sae_identity import train_set_sha256
from protsae.sae.architectures import ARCHITECTURES, build_sae
from protsae.sae.autoencoder import Sae
from tests.helpers.tiny_run import PROTEIN_SET, open_cache

D, F, K = 5, 11, 3
SOURCE = SaeSource(
    architecture="topk",
    k=K,
    model="tiny",
    weights_sha256="abc123",
    layer=1,
    protein_set_sha256=PROTEIN_SET,
    train_set_sha256=train_set_sha256({"P1"}),
    n_residues=17,
    normalisation={"scale": 0.5, "mean_norm": 3.0},
    settings={"architecture": "topk", "k": K},
    code_version="0.1.0",
)


def random_sae(architecture: str) -> Sae:
    sae = build_sae(TrainSettings(architecture=architecture, width=F, k=K), D)
    with torch.no_grad():
        for value in sae.state_dict().values():
            value.add_(0.3 * torch.randn(value.shape, generator=torch.manual_seed(1)))
        if hasattr(sae, "threshold"):
            sae.threshold.abs_()
    return sae


def write(folder: Path, architecture: str = "topk") -> Sae:
    sae = random_sae(architecture)
    k = getattr(sae, "k", None)
    source = replace(SOURCE, architecture=architecture, k=k)
    write_sae(folder, sae.state_dict(), source)
    return sae


def test_weights_and_source_come_back(tmp_path: Path) -> None:
    sae = write(tmp_path / "new" / "topk")
    weights, source = read_sae(tmp_path / "new" / "topk")
    assert source == SOURCE
    assert sorted(weights) == ["W_dec", "W_enc", "b_dec", "b_enc"]
    for name, value in sae.named_parameters():
        assert torch.equal(weights[name], value), name


def test_the_three_files(tmp_path: Path) -> None:
    write(tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["cfg.json", "protsae.json", "sae_weights.safetensors"]
    shapes = {n: tuple(v.shape) for n, v in load_file(tmp_path / names[2]).items()}
    assert shapes == {"W_enc": (D, F), "b_enc": (F,), "W_dec": (F, D), "b_dec": (D,)}
    assert json.loads((tmp_path / "cfg.json").read_text()) == {
        "architecture": "topk",
        "k": 3,
        "rescale_acts_by_decoder_norm": False,
        "d_in": 5,
        "d_sae": 11,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.18.0",
            "model_name": "tiny",
            "hook_name": "layers.1",
        },
    }
    document = json.loads((tmp_path / "protsae.json").read_text())
    assert document["format"] == "protsae-sae"
    assert document["normalisation"] == {"scale": 0.5, "mean_norm": 3.0}


def test_relu_is_saelens_standard_without_k(tmp_path: Path) -> None:
    write(tmp_path, "relu")
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["architecture"] == "standard"
    assert "k" not in config
    assert "rescale_acts_by_decoder_norm" not in config


@pytest.mark.parametrize(
    ("architecture", "name", "more"),
    [
        ("batchtopk", "jumprelu", {"b_enc", "threshold"}),
        ("matryoshka", "jumprelu", {"b_enc", "threshold"}),
        ("jumprelu", "jumprelu", {"b_enc", "threshold"}),
        ("gated", "gated", {"b_gate", "b_mag", "r_mag"}),
    ],
)
def test_what_saelens_calls_it(
    tmp_path: Path, architecture: str, name: str, more: set[str]
) -> None:
    write(tmp_path, architecture)
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["architecture"] == name
    assert "k" not in config
    assert (
        load_file(tmp_path / "sae_weights.safetensors").keys() == {"W_enc", "W_dec", "b_dec"} | more
    )


def test_same_weights_same_bytes(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(tmp_path / folder)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_a_transposed_tensor_is_written_as_it_reads(tmp_path: Path) -> None:
    weights = random_sae("topk").state_dict()
    weights["W_enc"] = weights["W_enc"].T.contiguous().T
    write_sae(tmp_path, weights, SOURCE)
    assert torch.equal(read_sae(tmp_path)[0]["W_enc"], weights["W_enc"])


def test_an_interrupted_rewrite_is_no_sae(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise new weights would stand beside the old protsae.json."""
    write(tmp_path)

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("protsae.io.saes.sae_files.write_json", fail)
    with pytest.raises(OSError, match="disk full"):
        write(tmp_path, "relu")
    message = f"{tmp_path / 'protsae.json'}: no such file; run the stage that writes it first"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_sae(tmp_path)


def test_another_version(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "protsae.json"
    path.write_text(path.read_text().replace('"format_version": 3', '"format_version": 1'))
    document = json.loads(path.read_text())
    del document["xxh3"]
    write_document(path, document)
    message = f"{path}: format protsae-sae version 1; expected protsae-sae version 3; train again"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_sae(tmp_path)


@pytest.mark.parametrize("name", ["sae_weights.safetensors", "cfg.json"])
def test_files_that_are_not_those_written(tmp_path: Path, name: str) -> None:
    """Missing, cut short, one bit flipped, and the intact file of another SAE."""
    write(tmp_path)
    write(tmp_path / "other", "relu")
    path, other = tmp_path / name, tmp_path / "other" / name
    intact = path.read_bytes()
    path.unlink()
    message = f"{path}: no such file, but protsae.json is there; train again"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_sae(tmp_path)
    flipped = bytearray(intact)
    flipped[len(flipped) // 2] ^= 1
    expected = hashlib.sha256(intact).hexdigest()[:12]
    for damaged in (intact[:-7], bytes(flipped), other.read_bytes()):
        path.write_bytes(damaged)
        found = hashlib.sha256(damaged).hexdigest()[:12]
        message = (
            f"{path}: sha256 {found}; expected {expected}, as protsae.json says: damaged or of "
            "another SAE; copy both again, or train again"
        )
        with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
            read_sae(tmp_path)
    path.write_bytes(intact)
    read_sae(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_written(tmp_path: Path, value: float) -> None:
    weights = random_sae("topk").state_dict()
    weights["b_dec"][2] = value
    message = (
        f"{tmp_path}: 1 of {len(weights['b_dec'])} values of b_dec are NaN or infinite; no SAE is "
        "written; train again with a lower lr"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        write_sae(tmp_path, weights, SOURCE)
    assert not list(tmp_path.iterdir())


def test_everyone_in_the_group_may_read_the_weights(tmp_path: Path) -> None:
    """As a file that is simply opened: the modes that the umask leaves."""
    write(tmp_path)
    (tmp_path / "plain").write_text("")
    plain = (tmp_path / "plain").stat().st_mode
    assert {path.stat().st_mode for path in tmp_path.iterdir()} == {plain}


def test_an_sae_and_its_own_activations(tmp_path: Path) -> None:
    validate_same_source(tmp_path, SOURCE, open_cache(tmp_path), {"P1"})


@pytest.mark.parametrize(
    ("key", "value", "trained_on", "given"),
    [
        ("model", "esm2_other", '"esm2_other"', '"tiny"'),
        ("weights_sha256", "def456", '"def456"', '"abc123"'),
        ("layer", 2, "2", "1"),
        ("protein_set_sha256", "777", '"777"', f'"{PROTEIN_SET}"'),
        ("train_set_sha256", "888", '"888"', f'"{train_set_sha256({"P1"})}"'),
    ],
)
def test_an_sae_and_other_activations(
    tmp_path: Path, key: str, value: object, trained_on: str, given: str
) -> None:
    message = (
        f"results/sae: the SAE was trained on {key} {trained_on}, but is given {given}; "
        "train it on these activations and this split first"
    )
    other = replace(SOURCE, **{key: value})
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        validate_same_source("results/sae", other, open_cache(tmp_path), {"P1"})


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.filterwarnings("ignore")
@torch.no_grad()
def test_saelens_loads_it_and_encodes_equally(tmp_path: Path, architecture: str) -> None:
    sae_lens = pytest.importorskip("sae_lens")
    ours = write(tmp_path, architecture)
    theirs = sae_lens.SAE.load_from_disk(str(tmp_path))
    x_ND = torch.from_numpy(np.random.default_rng(0).normal(size=(13, D)).astype(np.float32))
    features = ours.encode(x_ND)
    assert (features > 0).any()
    torch.testing.assert_close(theirs.encode(x_ND), features, atol=1e-5, rtol=0)
    torch.testing.assert_close(theirs.decode(features), ours.decode(features), atol=1e-5, rtol=0)


def test_an_sae_that_may_have_been_trained_on_test() -> None:
    assert unknown_train_set(SOURCE) == ""
    assert unknown_train_set(replace(SOURCE, train_set_sha256=UNKNOWN)) == (
        "; trained on unknown proteins: where it has seen those of test, its scores are too good"
    )
