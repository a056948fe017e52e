"""Adopting SAEs: what is written scores like our own; what cannot be right is told in one line."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from protsae.cli import main
from protsae.io.foreign_saes.any_program import read_foreign_sae
from protsae.io.saes.sae_files import read_sae
from protsae.sae.architectures import restore_sae
from tests.helpers.shared_data import CASES
from tests.helpers.tiny_run import inputs, write_onehot_run
from tests.io.foreign_saes.test_dictionary_learning import (
    BIAS,
    LINEAR,
    sparsify_tensors,
    write_dictionary_learning,
    write_pt,
    write_sparsify,
)
from tests.io.foreign_saes.test_saelens import write_theirs

D_ONEHOT = 26


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_onehot_run(tmp_path_factory.mktemp("adopt") / "run")


def adopt(run: Path, sae: Path, output: Path, layer: int = 0) -> int:
    flags = ["--layer", str(layer), *inputs(run), "--output", str(output)]
    return main(["adopt", "--sae", str(sae), *flags])


def test_adopted_it_is_scored_like_our_own(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_theirs(tmp_path / "theirs", "topk", d_model=D_ONEHOT)
    capsys.readouterr()
    assert adopt(run, tmp_path / "theirs", tmp_path / "sae") == 0
    assert capsys.readouterr().out == f"wrote {tmp_path / 'sae'}: topk, 11 features\n"
    assert read_sae(tmp_path / "sae")[1].train_set_sha256 == "unknown"
    evaluate = ["evaluate", "--sae", str(tmp_path / "sae"), *inputs(run), "--bootstrap", "11"]
    assert main(evaluate) == 0
    assert capsys.readouterr().out.endswith(
        "; trained on unknown proteins: where it has seen those of test, its scores are too good\n"
    )
    document = json.loads((tmp_path / "sae" / "evaluation.json").read_text())
    assert (document["variant"], document["training_residues"]) == ("sae", None)


ROUND_TRIPS = [
    pytest.param("standard", {}, id="relu"),
    pytest.param("standard", {"activation_fn_str": "topk", "k": 3}, id="topk by activation"),
    pytest.param("topk", {"rescale_acts_by_decoder_norm": True}, id="topk by norms"),
    pytest.param("jumprelu", {"apply_b_dec_to_input": False}, id="jumprelu"),
    pytest.param("gated", {"apply_b_dec_to_input": False}, id="gated"),
]


@pytest.mark.parametrize(("architecture", "changes"), ROUND_TRIPS)
def test_adopted_again_it_is_the_same(
    run: Path, tmp_path: Path, architecture: str, changes: dict[str, object]
) -> None:
    """What we write is in SAELens's layout, with nothing left to fold in."""
    write_theirs(tmp_path / "theirs", architecture, d_model=D_ONEHOT, **changes)
    assert adopt(run, tmp_path / "theirs", tmp_path / "once") == 0
    assert adopt(run, tmp_path / "once", tmp_path / "twice") == 0
    for name in ("sae_weights.safetensors", "cfg.json", "protsae.json"):
        assert (tmp_path / "once" / name).read_bytes() == (tmp_path / "twice" / name).read_bytes()


def refused(
    run: Path, sae: Path, output: Path, capsys: pytest.CaptureFixture[str], layer: int = 0
) -> str:
    """What stderr says, without the name of the command; nothing is written."""
    capsys.readouterr()
    assert adopt(run, sae, output, layer) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("protsae adopt: ")
    assert error.count("\n") == 1
    assert not output.exists()
    return error.removeprefix("protsae adopt: ").rstrip("\n")


def test_an_sae_of_another_width(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_theirs(tmp_path / "theirs", "topk")
    assert refused(run, tmp_path / "theirs", tmp_path / "sae", capsys) == (
        f"{tmp_path / 'theirs'}: an SAE of 5 inputs; expected 26, the width of layer 0 of onehot; "
        "give the activations that it was trained on"
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hook_name": "blocks.3.hook_resid_post"}, "hook_name is 'blocks.3.hook_resid_post'"),
        ({"hook_point": "blocks.3.hook_resid_post"}, "hook_point is 'blocks.3.hook_resid_post'"),
        ({"hook_layer": 3}, "hook_layer is 3"),
        ({"hook_point_layer": 3}, "hook_point_layer is 3"),
        ({"layer": "3"}, "layer is '3'"),
        ({"metadata": {"hook_name": "layers.3"}}, "metadata.hook_name is 'layers.3'"),
        ({"metadata": {"hook_layer": 3.0}}, "metadata.hook_layer is 3.0"),
        (
            {"hook_layer": 6, "hook_name": "esm.encoder.layer.3.output"},
            "hook_name is 'esm.encoder.layer.3.output'",
        ),
    ],
)
def test_a_layer_that_its_configuration_contradicts(
    run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, object],
    said: str,
) -> None:
    write_theirs(tmp_path / "theirs", "topk", d_model=D_ONEHOT, **changes)
    key = said.split(" is ")[0]
    assert refused(run, tmp_path / "theirs", tmp_path / "sae", capsys, layer=6) == (
        f"{tmp_path / 'theirs' / 'cfg.json'}: {said}; expected layer 6, as --layer says; give the "
        f"layer that the SAE was trained on, or mend {key} if it counts otherwise"
    )


@pytest.mark.parametrize("value", [[3], True, 2.5])
def test_a_layer_that_is_none(tmp_path: Path, run: Path, capsys: Any, value: object) -> None:
    write_theirs(tmp_path / "theirs", "topk", d_model=D_ONEHOT, hook_layer=value)
    assert refused(run, tmp_path / "theirs", tmp_path / "sae", capsys) == (
        f"{tmp_path / 'theirs' / 'cfg.json'}: hook_layer is {value}; expected one layer; set it to "
        "what the SAE was trained with"
    )


def test_the_layer_of_dictionary_learning(tmp_path: Path, run: Path, capsys: Any) -> None:
    write_dictionary_learning(tmp_path / "theirs", "AutoEncoder", LINEAR | BIAS)
    assert refused(run, tmp_path / "theirs", tmp_path / "sae", capsys, layer=6).startswith(
        f"{tmp_path / 'theirs' / 'config.json'}: trainer.layer is 3; expected layer 6, as --layer"
    )


@pytest.mark.parametrize("name", ["layers.3", "layer_3"])
def test_folders_named_by_layer(tmp_path: Path, run: Path, capsys: Any, name: str) -> None:
    """sparsify's and InterPLM's say it in no other place."""
    if name == "layers.3":
        write_sparsify(tmp_path / name, sparsify_tensors())
    else:
        write_pt(tmp_path / name / "ae_normalized.pt", LINEAR | BIAS)
    assert read_foreign_sae(tmp_path / name, 3)[0] in ("topk", "relu")
    assert refused(run, tmp_path / name, tmp_path / "sae", capsys, layer=6).startswith(
        f"{tmp_path / name}: the folder's name is {name!r}; expected layer 6, as --layer says; "
    )


KNOWN = (
    "expected one of SAELens (sae_weights.safetensors and cfg.json); sparsify (sae.safetensors and "
    "cfg.json); dictionary_learning (ae.pt and config.json); InterPLM (ae_normalized.pt); give one"
)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ((), "nothing"),
        (("cfg.json",), "cfg.json"),
        (("sae_weights.safetensors",), "sae_weights.safetensors"),
        (tuple("gfedcba"), "a, b, c, d, e and 2 more"),
        (("a\nb",), "a\\nb"),
    ],
)
def test_folders_of_no_known_program(
    tmp_path: Path, run: Path, capsys: Any, files: tuple[str, ...], found: str
) -> None:
    (tmp_path / "theirs").mkdir()
    for name in files:
        (tmp_path / "theirs" / name).touch()
    assert refused(run, tmp_path / "theirs", tmp_path / "sae", capsys) == (
        f"{tmp_path / 'theirs'}: not a SAELens folder: found {found}; {KNOWN}"
    )


def test_no_folder(tmp_path: Path, run: Path, capsys: Any) -> None:
    (tmp_path / "file").touch()
    for name, what in (("none", "no such folder"), ("file", "a file")):
        assert refused(run, tmp_path / name, tmp_path / "sae", capsys) == (
            f"{tmp_path / name}: {what}; expected the folder of an SAE; give that"
        )


def test_the_files_given_are_not_overwritten(tmp_path: Path, run: Path, capsys: Any) -> None:
    write_theirs(tmp_path, "topk", d_model=D_ONEHOT)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert adopt(run, tmp_path, tmp_path) == 2
    assert capsys.readouterr().err == (
        f"protsae adopt: {tmp_path}: the folder of --sae, whose files would be overwritten; "
        "expected another; give another --output\n"
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_an_sae_that_overflows(tmp_path: Path, run: Path, capsys: Any) -> None:
    """Every weight is finite; what it computes is not."""
    write_theirs(tmp_path / "theirs", "standard", d_model=D_ONEHOT)
    path = tmp_path / "theirs" / "sae_weights.safetensors"
    weights = load_file(path)
    save_file(weights | {"W_enc": weights["W_enc"].sign() * 3e38}, path)
    assert re.fullmatch(
        rf"{re.escape(str(tmp_path / 'theirs'))}: features NaN or infinite at \d\d of 64 made-up "
        "residues; expected an SAE that computes; look whether its files are those that it was "
        "trained into",
        refused(run, tmp_path / "theirs", tmp_path / "sae", capsys),
    )


CASE_SAES = {
    "c01_saelens_standard_with_topk_activation": ("topk", 16),
    "c02_saelens_v5_topk": ("topk", 16),
    "c03_saelens_v3_no_architecture": ("relu", None),
    "c04_saelens_scaling_factor": ("relu", None),
    "c05b_saelens_null_normalise": ("relu", None),
    "c06_interplm_ae_pt": ("relu", None),
}


@pytest.mark.skipif(not CASES.exists(), reason="no ../shared/cases")
@pytest.mark.parametrize(("case", "expected"), CASE_SAES.items())
@torch.no_grad()
def test_reported_cases(case: str, expected: tuple[str, int | None]) -> None:
    architecture, k, weights = read_foreign_sae(CASES / case / "sae", 3)
    assert (architecture, k) == expected
    x_ND = torch.from_numpy(np.random.default_rng(0).normal(size=(7, 128)).astype(np.float32))
    f_NF = restore_sae(architecture, k, weights).encode(x_ND)
    pre_NF = (x_ND - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    n_positive_N = (pre_NF > 0).sum(1)
    expected_N = n_positive_N.clamp_max(k) if k else n_positive_N
    assert torch.equal((f_NF > 0).sum(1), expected_N)
    assert expected_N.min() > 0


@pytest.mark.skipif(not CASES.exists(), reason="no ../shared/cases")
def test_the_scaling_factor_of_a_reported_case() -> None:
    folder = CASES / "c04_saelens_scaling_factor" / "sae"
    theirs = load_file(folder / "sae_weights.safetensors")
    folded = read_foreign_sae(folder, 3)[2]["W_dec"]
    assert torch.equal(folded, theirs["W_dec"] * theirs["scaling_factor"][:, None])
