"""SAEs that SAELens wrote: the same features and reconstructions here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from protsae.errors import UserError
from protsae.io.foreign_saes.saelens import read_saelens
from protsae.sae.architectures import restore_sae

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
    pytest.param("gated", {"apply_b_dec_to_input": False}, id="b_dec not subtracted, gated"),
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


STANDARD_ONLY = "expected one of standard, topk, jumprelu, gated; give an SAE of one of these"
TRAINED_WITH = "set it to what the SAE was trained with"
FROM_1_TO_11 = f"expected a whole number from 1 to 11; {TRAINED_WITH}"
NOT_WEIGHTS = "no weights can hold it, as it differs between residues; give an SAE without it"
FOLD = "fold it into the weights in SAELens and save again"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "temporal"}, f"architecture 'temporal'; {STANDARD_ONLY}"),
        ({"architecture": ["topk"]}, f"architecture ['topk']; {STANDARD_ONLY}"),
        (
            {"activation_fn_str": "tanh-relu"},
            "activation_fn_str is 'tanh-relu' in a standard SAE; expected relu or topk; give an "
            "SAE with one of these",
        ),
        (
            {"activation_fn": "relu", "activation_fn_str": "topk"},
            "activation_fn_str is 'topk' but activation_fn is 'relu'; expected one; leave the one "
            "that it was trained with",
        ),
        (
            {"architecture": "topk", "activation_fn": "relu", "k": 3},
            "architecture 'topk' with k, but activation_fn is 'relu'; expected the same of both; "
            "leave the one that it was trained with",
        ),
        (
            {"normalize_activations": "layer_norm"},
            f"normalize_activations is 'layer_norm'; expected 'none': {NOT_WEIGHTS}",
        ),
        (
            {"normalize_activations": "constant_norm_rescale"},
            f"normalize_activations is 'constant_norm_rescale'; expected 'none': {NOT_WEIGHTS}",
        ),
        (
            {"normalize_activations": "expected_average_only_in"},
            f"normalize_activations is 'expected_average_only_in'; expected 'none': {FOLD}",
        ),
        (
            {"normalize_activations": True},
            f"normalize_activations is True; expected 'none': {FOLD}",
        ),
        (
            {"normalize_activations": "covariance_whitening"},
            f"normalize_activations is 'covariance_whitening'; expected 'none': {FOLD}",
        ),
        (
            {"apply_b_dec_to_input": "false"},
            f"apply_b_dec_to_input is 'false'; expected true or false; {TRAINED_WITH}",
        ),
        (
            {"rescale_acts_by_decoder_norm": True},
            "rescale_acts_by_decoder_norm is true in a relu SAE; expected false; save it in "
            "SAELens as an SAE for inference",
        ),
        (
            {"hook_name": "blocks.0.attn.hook_z"},
            "hook_name is 'blocks.0.attn.hook_z'; expected an SAE of what comes out of a whole "
            "layer; give one that was trained on that",
        ),
        (
            {"hook_head_index": 2},
            "hook_head_index is 2; expected an SAE of what comes out of a whole layer; give one "
            "that was trained on that",
        ),
        ({"d_sae": 13}, "d_sae is 13; expected 11, as in W_dec; copy both files again"),
        ({"metadata": 3}, "metadata is 3; expected keys and values; copy it again"),
    ],
)
def test_settings_that_cannot_be_taken_in(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    write_theirs(tmp_path, "standard", **changes)
    with pytest.raises(UserError, match=f"^{re.escape(str(tmp_path / f'cfg.json: {message}'))}$"):
        read_saelens(tmp_path)


@pytest.mark.parametrize("text", ["null", "3", "[]", '"x"', "{", "[" * 99_999, "9" * 9_999, "\xff"])
def test_a_configuration_that_is_none(tmp_path: Path, text: str) -> None:
    write_theirs(tmp_path, "standard")
    (tmp_path / "cfg.json").write_text(text, encoding="latin-1")
    with pytest.raises(UserError, match=r"^\S+cfg\.json: [^\n]*; copy it again$"):
        read_saelens(tmp_path)


ACTIVATIONS = [
    pytest.param({"activation_fn_str": "topk"}, "topk", id="versions 3 to 5"),
    pytest.param({"activation_fn": "topk"}, "topk", id="version 3.0"),
    pytest.param({"activation_fn_str": "relu"}, "relu", id="relu"),
    pytest.param({"activation_fn": "relu", "activation_fn_str": "relu"}, "relu", id="both"),
    pytest.param({"activation_fn_str": None, "architecture": None}, "relu", id="nothing said"),
]


@pytest.mark.parametrize(("changes", "expected"), ACTIVATIONS)
@torch.no_grad()
def test_an_sae_is_what_its_activation_function_says(
    tmp_path: Path, changes: dict[str, object], expected: str
) -> None:
    settings = {"activation_fn_kwargs": {"k": K} if expected == "topk" else {}} | changes
    write_theirs(tmp_path, "standard", **settings)
    architecture, k, weights = read_saelens(tmp_path)
    assert (architecture, k) == (expected, K if expected == "topk" else None)
    x_ND = torch.randn(N, D, generator=torch.Generator().manual_seed(5))
    pre_NF = (x_ND - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]
    l0_N = (restore_sae(architecture, k, weights).encode(x_ND) > 0).sum(1)
    n_positive_N = (pre_NF > 0).sum(1)
    assert n_positive_N.max() > K
    torch.testing.assert_close(l0_N, n_positive_N.clamp_max(K) if k else n_positive_N)


def test_a_name_alone_is_not_believed(tmp_path: Path) -> None:
    """Versions 3 to 5 computed with the activation function."""
    write_theirs(tmp_path, "standard", architecture="topk", activation_fn_str="relu")
    assert read_saelens(tmp_path)[:2] == ("relu", None)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"k": 11}, 11, id="all"),
        pytest.param({"k": 1}, 1, id="one"),
        pytest.param({"k": None, "activation_fn_kwargs": {"k": 5}}, 5, id="versions 3 to 5"),
        pytest.param({"k": 5.0, "activation_fn_kwargs": {"k": 5}}, 5, id="both"),
    ],
)
def test_k_from_either_place(tmp_path: Path, changes: dict[str, object], expected: int) -> None:
    write_theirs(tmp_path, "topk", **changes)
    assert read_saelens(tmp_path)[:2] == ("topk", expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": None}, f"no k and no activation_fn_kwargs.k; {FROM_1_TO_11}"),
        ({"k": 0}, f"k is 0; {FROM_1_TO_11}"),
        ({"k": -3}, f"k is -3; {FROM_1_TO_11}"),
        ({"k": 12}, f"k is 12; {FROM_1_TO_11}"),
        ({"k": 2.5}, f"k is 2.5; {FROM_1_TO_11}"),
        ({"k": True}, f"k is True; {FROM_1_TO_11}"),
        ({"k": "3"}, f"k is '3'; {FROM_1_TO_11}"),
        ({"k": float("nan")}, f"k is nan; {FROM_1_TO_11}"),
        ({"k": float("inf")}, f"k is inf; {FROM_1_TO_11}"),
        (
            {"k": None, "activation_fn_kwargs": {"k": [3]}},
            f"activation_fn_kwargs.k is [3]; {FROM_1_TO_11}",
        ),
        (
            {"k": 3, "activation_fn_kwargs": {"k": 5}},
            f"k is 3 but activation_fn_kwargs.k is 5; expected one k; {TRAINED_WITH}",
        ),
        (
            {"activation_fn_kwargs": {"k": 3, "postact_fn": "gelu"}},
            "activation_fn_kwargs has 'postact_fn'; expected k alone; give a TopK SAE without it",
        ),
        (
            {"activation_fn_kwargs": 3},
            "activation_fn_kwargs is 3; expected keys and values; copy it again",
        ),
    ],
)
def test_k_that_is_none(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    write_theirs(tmp_path, "topk", **changes)
    with pytest.raises(UserError, match=f"^{re.escape(str(tmp_path / f'cfg.json: {message}'))}$"):
        read_saelens(tmp_path)


@pytest.mark.parametrize("value", [None, False, "none"])
def test_no_normalisation_by_any_name(tmp_path: Path, value: object) -> None:
    theirs = write_theirs(tmp_path, "standard", normalize_activations=value)
    weights = read_saelens(tmp_path)[2]
    assert all(torch.equal(weights[name], theirs[name]) for name in theirs)


def add_tensors(folder: Path, **tensors: Tensor) -> None:
    """Beside those that are there, or in their place."""
    path = folder / "sae_weights.safetensors"
    save_file(load_file(path) | tensors, path)


SCALING = torch.tensor([2.0, -0.5, 0.0, *[1.0] * 8])


@pytest.mark.parametrize("name", ["scaling_factor", "finetuning_scaling_factor"])
@pytest.mark.parametrize("architecture", ["standard", "topk"])
def test_scaling_factors_are_in_the_decoder(tmp_path: Path, architecture: str, name: str) -> None:
    """Which SAELens gives the features times them: encode is as without."""
    theirs = write_theirs(tmp_path, architecture, finetuning_scaling_factor=True)
    add_tensors(tmp_path, **{name: SCALING})
    weights = read_saelens(tmp_path)[2]
    assert torch.equal(weights["W_dec"], theirs["W_dec"] * SCALING[:, None])
    assert all(torch.equal(weights[n], theirs[n]) for n in ("W_enc", "b_enc", "b_dec"))


def test_scaling_factors_of_1_that_older_versions_always_wrote(tmp_path: Path) -> None:
    theirs = write_theirs(tmp_path, "standard", finetuning_scaling_factor=False)
    add_tensors(tmp_path, scaling_factor=torch.ones(F))
    assert torch.equal(read_saelens(tmp_path)[2]["W_dec"], theirs["W_dec"])


def test_after_selection_by_norm_the_decoder_is_scaled(tmp_path: Path) -> None:
    changes = {"rescale_acts_by_decoder_norm": True, "finetuning_scaling_factor": True}
    theirs = write_theirs(tmp_path, "topk", **changes)
    add_tensors(tmp_path, scaling_factor=SCALING)
    weights = read_saelens(tmp_path)[2]
    norms_F = theirs["W_dec"].norm(dim=1)
    torch.testing.assert_close(weights["W_enc"], theirs["W_enc"] * norms_F)
    expected_FD = theirs["W_dec"] / norms_F[:, None] * SCALING[:, None]
    torch.testing.assert_close(weights["W_dec"], expected_FD)


def test_a_decoder_row_of_zeros_is_never_selected(tmp_path: Path) -> None:
    theirs = write_theirs(tmp_path, "topk", rescale_acts_by_decoder_norm=True)
    W_dec_FD = theirs["W_dec"].clone()
    W_dec_FD[7] = 0
    add_tensors(tmp_path, W_dec=W_dec_FD)
    weights = read_saelens(tmp_path)[2]
    assert not weights["W_dec"][7].any()
    assert not weights["W_enc"][:, 7].any()
    assert all(value.isfinite().all() for value in weights.values())


def test_below_a_negative_threshold_nothing_is_active(tmp_path: Path) -> None:
    write_theirs(tmp_path, "jumprelu")
    add_tensors(tmp_path, threshold=torch.full((F,), -2.0))
    weights = read_saelens(tmp_path)[2]
    assert torch.equal(weights["threshold"], torch.zeros(F))


@pytest.mark.parametrize("version", [5, 6])
@torch.no_grad()
def test_a_factor_of_the_activations_is_folded_in(tmp_path: Path, version: int) -> None:
    w = write_theirs(tmp_path, "standard", normalize_activations="expected_average_only_in")
    if version == 6:
        (tmp_path / "activation_scaler.json").write_text('{"scaling_factor": 0.25}')
    else:
        stored = {"estimated_norm_scaling_factor": torch.tensor(0.25)}
        save_file(stored, tmp_path / "activations_store_state.safetensors")
    sae = restore_sae(*read_saelens(tmp_path))
    x_ND = torch.randn(N, D, generator=torch.Generator().manual_seed(5))
    f_NF = ((x_ND / 4 - w["b_dec"]) @ w["W_enc"] + w["b_enc"]).relu()
    torch.testing.assert_close(sae.encode(x_ND), f_NF, atol=1e-5, rtol=1e-5)
    expected_ND = (f_NF @ w["W_dec"] + w["b_dec"]) * 4
    torch.testing.assert_close(sae(x_ND), expected_ND, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("factor", ["0", "-1", "null", "NaN", '"2"', "true"])
def test_a_factor_of_the_activations_that_is_none(tmp_path: Path, factor: str) -> None:
    write_theirs(tmp_path, "standard", normalize_activations=True)
    (tmp_path / "activation_scaler.json").write_text(f'{{"scaling_factor": {factor}}}')
    with pytest.raises(UserError, match=r"scaling_factor is .*; expected a number above 0; copy"):
        read_saelens(tmp_path)


@pytest.mark.parametrize("factor", [0.0, -1.0])
def test_a_factor_of_older_versions_that_is_none(tmp_path: Path, factor: float) -> None:
    write_theirs(tmp_path, "standard", normalize_activations="expected_average_only_in")
    stored = {"estimated_norm_scaling_factor": torch.tensor(factor)}
    save_file(stored, tmp_path / "activations_store_state.safetensors")
    with pytest.raises(UserError, match=f"factor is {factor}; expected a number above 0; copy it"):
        read_saelens(tmp_path)


@pytest.mark.parametrize("subtracted", [True, False])
@torch.no_grad()
def test_whitening_is_folded_in(tmp_path: Path, subtracted: bool) -> None:
    changes = {"normalize_activations": "covariance_whitening", "apply_b_dec_to_input": subtracted}
    w = write_theirs(tmp_path, "standard", **changes)
    generator = torch.Generator().manual_seed(6)
    mean_D = torch.randn(D, generator=generator)
    matrix_DD = torch.randn(D, D, generator=generator)
    inverse_DD = matrix_DD.double().inverse().float().contiguous()
    parts = {"mean": mean_D, "matrix": matrix_DD, "inverse_matrix": inverse_DD}
    save_file(parts, tmp_path / "activation_whitening.safetensors")
    sae = restore_sae(*read_saelens(tmp_path))
    x_ND = torch.randn(N, D, generator=torch.Generator().manual_seed(5))
    z_ND = (x_ND - mean_D) @ matrix_DD - subtracted * w["b_dec"]
    f_NF = (z_ND @ w["W_enc"] + w["b_enc"]).relu()
    torch.testing.assert_close(sae.encode(x_ND), f_NF, atol=1e-4, rtol=1e-4)
    expected_ND = (f_NF @ w["W_dec"] + w["b_dec"]) @ inverse_DD + mean_D
    torch.testing.assert_close(sae(x_ND), expected_ND, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        pytest.param("mean", {}, id="missing"),
        pytest.param("matrix", {"matrix": torch.ones(D, D + 1)}, id="another shape"),
        pytest.param("inverse_matrix", {"inverse_matrix": torch.full((D, D), torch.inf)}, id="inf"),
    ],
)
def test_a_whitening_that_is_not_whole(
    tmp_path: Path, name: str, damaged: dict[str, Tensor]
) -> None:
    write_theirs(tmp_path, "standard", normalize_activations="covariance_whitening")
    parts = {"mean": torch.zeros(D), "matrix": torch.eye(D), "inverse_matrix": torch.eye(D)}
    path = tmp_path / "activation_whitening.safetensors"
    save_file({key: v for key, v in parts.items() if damaged or key != name} | damaged, path)
    shape = "(5,)" if name == "mean" else "(5, 5)"
    message = (
        f"{path}: no finite {name} of shape {shape}; expected mean, matrix and inverse_matrix; "
        "copy it again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_saelens(tmp_path)


BASE = "W_dec, W_enc, b_dec, b_enc"
NAN = torch.full((D,), float("nan"))


@pytest.mark.parametrize(
    ("architecture", "tensors", "changes", "message"),
    [
        (
            "standard",
            {},
            {"architecture": "jumprelu"},
            "no threshold; expected a jumprelu SAE; copy it again",
        ),
        (
            "standard",
            {},
            {"architecture": "gated"},
            "no b_gate, b_mag, r_mag; expected a gated SAE; copy it again",
        ),
        (
            "standard",
            {"threshold": torch.zeros(F), "W_skip": torch.zeros(D, D)},
            {},
            f"W_skip, threshold would not be used; expected a relu SAE, {BASE} alone; save again "
            "without what does nothing",
        ),
        (
            "gated",
            {"b_enc": torch.zeros(F)},
            {},
            "b_enc would not be used; expected a gated SAE, W_dec, W_enc, b_dec, b_gate, b_mag, "
            "r_mag alone; save again without what does nothing",
        ),
        (
            "standard",
            {"W_enc": torch.zeros(F, D)},
            {},
            "W_enc has shape (11, 5); expected (5, 11), as W_dec has (11, 5); copy it again",
        ),
        (
            "standard",
            {"b_enc": torch.zeros(1)},
            {},
            "b_enc has shape (1,); expected (11,), as W_dec has (11, 5); copy it again",
        ),
        (
            "standard",
            {"W_dec": torch.zeros(F * D)},
            {},
            "W_dec has shape (55,); expected a row per feature and a column per input; copy it "
            "again",
        ),
        (
            "standard",
            {"W_dec": torch.zeros(0, D)},
            {},
            "W_dec has shape (0, 5); expected a row per feature and a column per input; copy it "
            "again",
        ),
        (
            "standard",
            {"b_dec": NAN},
            {},
            "b_dec has 5 values that are NaN or infinite in float32; expected none; copy it again, "
            "or train again if they are in the original",
        ),
        (
            "standard",
            {"b_dec": torch.full((D,), 1e39, dtype=torch.float64)},
            {},
            "b_dec has 5 values that are NaN or infinite in float32; expected none; copy it again, "
            "or train again if they are in the original",
        ),
        (
            "standard",
            {"b_enc": torch.zeros(F, dtype=torch.int32)},
            {},
            "b_enc holds int32; expected floating point; save it as such",
        ),
        (
            "standard",
            {"scaling_factor": SCALING},
            {},
            "scaling_factor is not 1, but cfg.json does not ask for it; expected "
            "finetuning_scaling_factor true; set it if the SAE was fine-tuned with it",
        ),
        (
            "standard",
            {"scaling_factor": torch.ones(2)},
            {"finetuning_scaling_factor": True},
            "scaling_factor has shape (2,); expected (11,); copy it again",
        ),
        (
            "standard",
            {},
            {"finetuning_scaling_factor": True},
            "no scaling_factor, which cfg.json asks for; copy both again",
        ),
    ],
)
def test_tensors_that_cannot_be_taken_in(
    tmp_path: Path,
    architecture: str,
    tensors: dict[str, Tensor],
    changes: dict[str, object],
    message: str,
) -> None:
    write_theirs(tmp_path, architecture, **changes)
    add_tensors(tmp_path, **tensors)
    place = str(tmp_path / f"sae_weights.safetensors: {message}")
    with pytest.raises(UserError, match=f"^{re.escape(place)}$"):
        read_saelens(tmp_path)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_weights_in_other_precisions(tmp_path: Path, dtype: torch.dtype) -> None:
    theirs = write_theirs(tmp_path, "standard", dtype=str(dtype))
    add_tensors(tmp_path, **{name: value.to(dtype) for name, value in theirs.items()})
    weights = read_saelens(tmp_path)[2]
    assert all(torch.equal(weights[n], theirs[n].to(dtype).float()) for n in theirs)


def test_damaged_weights(tmp_path: Path) -> None:
    write_theirs(tmp_path, "standard")
    path = tmp_path / "sae_weights.safetensors"
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(UserError, match=r"cannot be read \(.*\); copy it again$"):
        read_saelens(tmp_path)
