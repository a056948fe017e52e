"""SAEs that SAELens wrote: the same features and reconstructions here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from protsae.cli import main
from protsae.errors import UserError
from protsae.io.sae_files import read_sae
from protsae.io.saelens import read_saelens
from protsae.sae.restore import restore_sae
from tests.tiny_run import inputs, write_onehot_run

D, F, N, K = 5, 11, 13, 3
SHAPES = {
    "standard": {"W_enc": (D, F), "b_enc": (F,), "W_dec": (F, D), "b_dec": (D,)},
    "topk": {"W_enc": (D, F), "b_enc": (F,), "W_dec": (F, D), "b_dec": (D,)},
    "jumprelu": {
        **{"W_enc": (D, F), "b_enc": (F,), "W_dec": (F, D), "b_dec": (D,)},
        "threshold": (F,),
    },
    "gated": {
        **{"W_enc": (D, F), "W_dec": (F, D), "b_dec": (D,)},
        **{"b_gate": (F,), "b_mag": (F,), "r_mag": (F,)},
    },
}


def write_theirs(
    folder: Path, architecture: str, /, d_model: int = D, **changes: object
) -> dict[str, Tensor]:
    """The two files, as SAELens lays them out; returns the tensors."""
    generator = torch.Generator().manual_seed(4)
    shapes = {
        name: tuple(d_model if size == D else size for size in shape)
        for name, shape in SHAPES[architecture].items()
    }
    weights = {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}
    if "threshold" in weights:
        weights["threshold"].abs_()
    config: dict[str, Any] = {"architecture": architecture, "d_in": d_model, "d_sae": F}
    config |= {"k": K} if architecture == "topk" else {}
    config |= {
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"sae_lens_version": "6.18.0", "model_name": "m", "hook_name": "h"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(config | changes))
    return weights


VARIANTS = [
    *(pytest.param(name, {}, id=name) for name in SHAPES),
    pytest.param("standard", {"apply_b_dec_to_input": False}, id="b_dec not subtracted"),
    pytest.param("topk", {"rescale_acts_by_decoder_norm": True}, id="rescaled by norms"),
]


@pytest.mark.parametrize(("architecture", "changes"), VARIANTS)
@torch.no_grad()
def test_features_are_those_of_the_formula(
    tmp_path: Path, architecture: str, changes: dict[str, object]
) -> None:
    w = write_theirs(tmp_path, architecture, **changes)
    sae = restore_sae(*read_saelens(tmp_path))
    x_ND = torch.randn(N, D, generator=torch.Generator().manual_seed(5))
    inner_ND = x_ND - w["b_dec"] if changes.get("apply_b_dec_to_input", True) else x_ND
    pre_NF = inner_ND @ w["W_enc"] + w.get("b_enc", w.get("b_gate", torch.zeros(F)))
    norms_F = w["W_dec"].norm(dim=1) if "rescale_acts_by_decoder_norm" in changes else torch.ones(F)
    if architecture == "standard":
        f_NF = pre_NF.relu()
    elif architecture == "topk":
        scaled_NF = (pre_NF * norms_F).relu()
        f_NF = scaled_NF * (scaled_NF >= scaled_NF.topk(K, dim=1).values[:, -1:])
    elif architecture == "jumprelu":
        f_NF = pre_NF * (pre_NF > w["threshold"])
    else:
        f_NF = (inner_ND @ w["W_enc"] * w["r_mag"].exp() + w["b_mag"]).relu() * (pre_NF > 0)
    torch.testing.assert_close(sae.encode(x_ND), f_NF, atol=1e-5, rtol=1e-5)
    rebuilt_ND = f_NF / norms_F @ w["W_dec"] + w["b_dec"]
    torch.testing.assert_close(sae(x_ND), rebuilt_ND, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(("architecture", "changes"), VARIANTS)
@pytest.mark.filterwarnings("ignore")
@torch.no_grad()
def test_features_are_those_of_saelens(
    tmp_path: Path, architecture: str, changes: dict[str, object]
) -> None:
    sae_lens = pytest.importorskip("sae_lens")
    write_theirs(tmp_path, architecture, **changes)
    theirs = sae_lens.SAE.load_from_disk(str(tmp_path))
    ours = restore_sae(*read_saelens(tmp_path))
    x_ND = torch.randn(N, D, generator=torch.Generator().manual_seed(5))
    torch.testing.assert_close(ours.encode(x_ND), theirs.encode(x_ND), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(ours(x_ND), theirs(x_ND), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"architecture": "temporal"},
            "cfg.json: architecture 'temporal'; expected one of standard, topk, jumprelu, gated",
        ),
        (
            {"normalize_activations": "layer_norm"},
            "cfg.json: normalize_activations is 'layer_norm'; expected 'none': fold it into the "
            "weights in SAELens and save again",
        ),
        (
            {"architecture": "jumprelu"},
            "sae_weights.safetensors: no threshold; expected a jumprelu SAE",
        ),
    ],
    ids=["architecture", "normalisation", "tensor"],
)
def test_what_cannot_be_taken_in(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    write_theirs(tmp_path, "standard", **changes)
    with pytest.raises(UserError, match=f"^{re.escape(str(tmp_path / message))}$"):
        read_saelens(tmp_path)


def test_damaged_weights(tmp_path: Path) -> None:
    write_theirs(tmp_path, "standard")
    path = tmp_path / "sae_weights.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(UserError, match=r"cannot be read \(.*\); copy it again$"):
        read_saelens(tmp_path)


def test_adopted_it_is_scored_like_our_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = write_onehot_run(tmp_path / "run")
    capsys.readouterr()
    write_theirs(tmp_path / "theirs", "topk", d_model=26)
    adopt = ["adopt", "--sae", str(tmp_path / "theirs"), "--layer", "0", *inputs(run)]
    assert main([*adopt, "--output", str(tmp_path / "sae")]) == 0
    assert capsys.readouterr().out == f"wrote {tmp_path / 'sae'}: topk, 11 features\n"
    assert read_sae(tmp_path / "sae")[1].train_set_sha256 == "unknown"
    evaluate = ["evaluate", "--sae", str(tmp_path / "sae"), *inputs(run), "--bootstrap", "11"]
    assert main(evaluate) == 0
    assert capsys.readouterr().out.endswith(
        "; trained on unknown proteins: where it has seen those of test, its scores are too good\n"
    )
    document = json.loads((tmp_path / "sae" / "evaluation.json").read_text())
    assert (document["variant"], document["training_residues"]) == ("sae", None)


def test_an_sae_of_another_width(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_onehot_run(tmp_path / "run")
    write_theirs(tmp_path / "theirs", "topk")
    adopt = ["adopt", "--sae", str(tmp_path / "theirs"), "--layer", "0", *inputs(run)]
    assert main([*adopt, "--output", str(tmp_path / "sae")]) == 2
    assert capsys.readouterr().err == (
        f"protsae adopt: {tmp_path / 'theirs'}: an SAE of 5 inputs; expected 26, the width of "
        "layer 0 of onehot\n"
    )
