"""SAEs of dictionary_learning, InterPLM and sparsify: the features and x_hat of their formulas."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import linear

from protsae.errors import UserError
from protsae.io.foreign_saes.dictionary_learning import (
    read_dictionary_learning,
    read_interplm,
    read_sparsify,
)
from protsae.sae.architectures import restore_sae

D, F, N, K = 5, 11, 13, 3
Tensors = dict[str, Tensor]
GENERATOR = torch.Generator().manual_seed(3)
X_ND = torch.randn(N, D, generator=GENERATOR)


def drawn(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=GENERATOR)


LINEAR = {
    "encoder.weight": drawn(F, D),
    "encoder.bias": drawn(F),
    "decoder.weight": drawn(D, F),
}
PLAIN = {"W_enc": drawn(D, F), "b_enc": drawn(F), "W_dec": drawn(F, D), "b_dec": drawn(D)}
BIAS = {"bias": drawn(D)}
DECODER_BIAS = {"decoder.bias": drawn(D)}
B_DEC = {"b_dec": drawn(D)}
THRESHOLD = torch.tensor(0.75)
THRESHOLD_F = drawn(F)
K_TENSOR = {"k": torch.tensor(K, dtype=torch.int)}
GATED = {
    **{name: LINEAR[name] for name in ("encoder.weight", "decoder.weight")},
    **{"decoder_bias": drawn(D), "r_mag": drawn(F), "gate_bias": drawn(F), "mag_bias": drawn(F)},
}


def largest(f_NF: Tensor) -> Tensor:
    """The K largest of each row, 0 elsewhere."""
    values, places = f_NF.topk(K)
    return torch.zeros_like(f_NF).scatter(1, places, values)


def linear_encoder(w: Tensors, offset_D: Tensor) -> Tensor:
    return linear(X_ND - offset_D, w["encoder.weight"], w["encoder.bias"]).relu()


def linear_decoder(f_NF: Tensor, w: Tensors, offset_D: Tensor) -> Tensor:
    return linear(f_NF, w["decoder.weight"]) + offset_D


def relu_sae(w: Tensors) -> tuple[Tensor, Tensor]:
    f_NF = linear_encoder(w, w["bias"])
    return f_NF, linear_decoder(f_NF, w, w["bias"])


def relu_tied_sae(w: Tensors) -> tuple[Tensor, Tensor]:
    f_NF = linear_encoder(w, torch.zeros(D))
    return f_NF, linear_decoder(f_NF, w, w["decoder.bias"])


def topk_sae(w: Tensors) -> tuple[Tensor, Tensor]:
    f_NF = largest(linear_encoder(w, w["b_dec"]))
    return f_NF, linear_decoder(f_NF, w, w["b_dec"])


def batchtopk_sae(w: Tensors) -> tuple[Tensor, Tensor]:
    f_NF = linear_encoder(w, w["b_dec"])
    f_NF = f_NF * (f_NF > w["threshold"])
    return f_NF, linear_decoder(f_NF, w, w["b_dec"])


def matryoshka_sae(w: Tensors) -> tuple[Tensor, Tensor]:
    f_NF = ((X_ND - w["b_dec"]) @ w["W_enc"] + w["b_enc"]).relu()
    f_NF = f_NF * (f_NF > w["threshold"])
    return f_NF, f_NF @ w["W_dec"] + w["b_dec"]


def jumprelu_sae(w: Tensors) -> tuple[Tensor, Tensor]:
    """Which does not subtract b_dec."""
    pre_NF = X_ND @ w["W_enc"] + w["b_enc"]
    f_NF = (pre_NF * (pre_NF > w["threshold"])).relu()
    return f_NF, f_NF @ w["W_dec"] + w["b_dec"]


def linear_jumprelu_sae(w: Tensors) -> tuple[Tensor, Tensor]:
    pre_NF = linear(X_ND, w["encoder.weight"], w["encoder.bias"])
    f_NF = (pre_NF * (pre_NF > w["threshold"])).relu()
    return f_NF, linear_decoder(f_NF, w, w["decoder.bias"])


def gated_sae(w: Tensors) -> tuple[Tensor, Tensor]:
    pre_NF = linear(X_ND - w["decoder_bias"], w["encoder.weight"])
    magnitude_NF = (w["r_mag"].exp() * pre_NF + w["mag_bias"]).relu()
    f_NF = magnitude_NF * (pre_NF + w["gate_bias"] > 0)
    return f_NF, linear_decoder(f_NF, w, w["decoder_bias"])


def write_pt(path: Path, tensors: Tensors) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, path)


def write_dictionary_learning(folder: Path, name: str, tensors: Tensors, **trainer: object) -> None:
    write_pt(folder / "ae.pt", tensors)
    config = {"trainer": {"dict_class": name, "layer": 3, "lm_name": "m", **trainer}, "buffer": {}}
    (folder / "config.json").write_text(json.dumps(config))


def assert_same(read: Any, folder: Path, expected: tuple[Tensor, Tensor]) -> None:
    with torch.no_grad():
        sae = restore_sae(*read(folder))
        torch.testing.assert_close(sae.encode(X_ND), expected[0], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(sae(X_ND), expected[1], atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    ("name", "tensors", "formula"),
    [
        ("AutoEncoder", LINEAR | BIAS, relu_sae),
        ("AutoEncoderNew", LINEAR | DECODER_BIAS, relu_tied_sae),
        ("GatedAutoEncoder", GATED, gated_sae),
        ("AutoEncoderTopK", LINEAR | B_DEC | K_TENSOR | {"threshold": THRESHOLD}, topk_sae),
        ("BatchTopKSAE", LINEAR | B_DEC | K_TENSOR | {"threshold": THRESHOLD}, batchtopk_sae),
        ("BatchTopKSAE", LINEAR | B_DEC | {"threshold": torch.tensor(-1.0)}, batchtopk_sae),
        (
            "MatryoshkaBatchTopKSAE",
            PLAIN | K_TENSOR | {"threshold": THRESHOLD, "group_sizes": torch.tensor([5, 6])},
            matryoshka_sae,
        ),
        ("JumpReluAutoEncoder", PLAIN | {"threshold": THRESHOLD_F}, jumprelu_sae),
    ],
)
def test_dictionary_learning(tmp_path: Path, name: str, tensors: Tensors, formula: Any) -> None:
    trainer = {"k": K} if "TopK" in name else {}
    write_dictionary_learning(tmp_path, name, tensors, **trainer)
    assert_same(read_dictionary_learning, tmp_path, formula(tensors))


ONES = {"activation_rescale_factor": torch.ones(F), "normalize_to_sqrt_d": torch.tensor(False)}


@pytest.mark.parametrize(
    ("name", "tensors", "formula"),
    [
        pytest.param("ReLUSAE", LINEAR | BIAS, relu_sae, id="the four tensors"),
        pytest.param("ReLUSAE", LINEAR | BIAS | ONES, relu_sae, id="relu"),
        pytest.param("ReLUSAE_Tied", LINEAR | DECODER_BIAS | ONES, relu_tied_sae, id="tied"),
        pytest.param("TopKSAE", LINEAR | B_DEC | K_TENSOR | ONES, topk_sae, id="topk"),
        pytest.param(
            "BatchTopKSAE",
            LINEAR | B_DEC | K_TENSOR | {"threshold": THRESHOLD} | ONES,
            batchtopk_sae,
            id="batchtopk",
        ),
        pytest.param(
            "JumpReLUSAE",
            LINEAR | DECODER_BIAS | {"threshold": THRESHOLD_F} | ONES,
            linear_jumprelu_sae,
            id="jumprelu",
        ),
    ],
)
def test_interplm(tmp_path: Path, name: str, tensors: Tensors, formula: Any) -> None:
    write_pt(tmp_path / "ae_normalized.pt", tensors)
    (tmp_path / "config.yaml").write_text(f"trainer_cfg:\n  dictionary_cls: {name}\n")
    assert_same(read_interplm, tmp_path, formula(tensors))


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(None, id="no configuration, as on Hugging Face"),
        pytest.param("trainer_cfg: {lr: 0.1}", id="no class"),
        pytest.param("trainer_cfg: {trainer_name: ReLUTrainer}", id="trainer"),
        pytest.param(
            "!!python/object:interplm.train.configs.TrainingRunConfig\n"
            "trainer_cfg: !!python/object:interplm.train.trainers.relu.ReLUTrainerConfig\n"
            "  lr: 0.1\n",
            id="tag, which is not followed",
        ),
    ],
)
def test_interplm_tells_its_class(tmp_path: Path, config: str | None) -> None:
    write_pt(tmp_path / "ae.pt", LINEAR | BIAS)
    if config:
        (tmp_path / "config.yaml").write_text(config)
    assert_same(read_interplm, tmp_path, relu_sae(LINEAR | BIAS))


RESCALE = torch.tensor([2.0, 1.0, 0.5, 0.0, *[1.0] * 7])
BY = torch.tensor([2.0, 1.0, 0.5, 1.0, *[1.0] * 7])


def test_normalised_features_of_interplm(tmp_path: Path) -> None:
    """f / largest f, with the same x_hat; one that was never active before keeps its scale."""
    write_pt(tmp_path / "ae_normalized.pt", LINEAR | BIAS | {"activation_rescale_factor": RESCALE})
    f_NF, rebuilt_ND = relu_sae(LINEAR | BIAS)
    assert_same(read_interplm, tmp_path, (f_NF / BY, rebuilt_ND))


def test_normalised_features_with_thresholds(tmp_path: Path) -> None:
    tensors = LINEAR | DECODER_BIAS | {"threshold": THRESHOLD_F}
    write_pt(tmp_path / "ae_normalized.pt", tensors | {"activation_rescale_factor": RESCALE})
    f_NF, rebuilt_ND = linear_jumprelu_sae(tensors)
    assert_same(read_interplm, tmp_path, (f_NF / BY, rebuilt_ND))


def sparsify_tensors() -> Tensors:
    encoder = {name: LINEAR[name] for name in ("encoder.weight", "encoder.bias")}
    return encoder | {name: PLAIN[name] for name in ("W_dec", "b_dec")}


def write_sparsify(folder: Path, tensors: Tensors, **changes: object) -> None:
    config = {"activation": "topk", "k": K, "d_in": D, "num_latents": F, "transcode": False}
    config |= {"expansion_factor": 32, "skip_connection": False, "multi_topk": False}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / "sae.safetensors")
    (folder / "cfg.json").write_text(json.dumps(config | changes))


def test_sparsify(tmp_path: Path) -> None:
    w = sparsify_tensors()
    write_sparsify(tmp_path, w)
    f_NF = largest(linear_encoder(w, w["b_dec"]))
    assert_same(read_sparsify, tmp_path, (f_NF, f_NF @ w["W_dec"] + w["b_dec"]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"activation": "groupmax"},
            "cfg.json: activation is 'groupmax'; expected 'topk'; give an SAE with it",
        ),
        (
            {"transcode": True},
            "cfg.json: transcode is true; expected false; give an SAE without it",
        ),
        (
            {"skip_connection": True},
            "cfg.json: skip_connection is true; expected false; give an SAE without it",
        ),
        (
            {"k": 12},
            "sae.safetensors: k of the configuration is 12; expected a whole number from 1 to 11; "
            "set it to what the SAE was trained with",
        ),
    ],
)
def test_sparsify_that_cannot_be_taken_in(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    write_sparsify(tmp_path, sparsify_tensors(), **changes)
    with pytest.raises(UserError, match=f"^{re.escape(str(tmp_path / message))}$"):
        read_sparsify(tmp_path)


def test_sparsify_with_a_tensor_that_would_not_be_used(tmp_path: Path) -> None:
    write_sparsify(tmp_path, sparsify_tensors() | {"W_skip": drawn(D, D)})
    with pytest.raises(UserError, match=r"W_skip would not be used; expected a topk SAE, W_dec, "):
        read_sparsify(tmp_path)


@pytest.mark.parametrize(
    ("name", "tensors", "trainer", "message"),
    [
        (
            "IdentityDict",
            LINEAR,
            {},
            "config.json: dict_class is 'IdentityDict'; expected one of AutoEncoder, "
            "AutoEncoderNew, GatedAutoEncoder, AutoEncoderTopK, BatchTopKSAE, "
            "MatryoshkaBatchTopKSAE, JumpReluAutoEncoder; give an SAE of one of these",
        ),
        (
            "AutoEncoder",
            LINEAR,
            {},
            "ae.pt: no bias; expected a relu SAE; copy it again",
        ),
        (
            "AutoEncoderTopK",
            LINEAR | B_DEC | K_TENSOR,
            {"k": 5},
            "ae.pt: k is 3 but k of the configuration is 5; expected one k; set it to what the SAE "
            "was trained with",
        ),
        (
            "AutoEncoderTopK",
            LINEAR | B_DEC,
            {},
            "ae.pt: no k and no k of the configuration; expected a whole number from 1 to 11; set "
            "it to what the SAE was trained with",
        ),
        (
            "AutoEncoder",
            LINEAR | BIAS | {"encoder.weight": drawn(D, F)},
            {},
            "ae.pt: W_enc has shape (11, 5); expected (5, 11), as W_dec has (11, 5); copy it again",
        ),
        (
            "AutoEncoder",
            LINEAR | BIAS | {"encoder.weight": torch.zeros(1).expand(F, D)},
            {},
            "ae.pt: 'encoder.weight' is no dense tensor; save it as one",
        ),
        (
            "AutoEncoder",
            LINEAR | BIAS | {"decoder.weight": torch.tensor(1.0)},
            {},
            "ae.pt: W_dec has shape (); expected a row per feature and a column per input; copy it "
            "again",
        ),
    ],
)
def test_dictionary_learning_that_cannot_be_taken_in(
    tmp_path: Path, name: str, tensors: Tensors, trainer: dict[str, object], message: str
) -> None:
    write_dictionary_learning(tmp_path, name, tensors, **trainer)
    with pytest.raises(UserError, match=f"^{re.escape(str(tmp_path / message))}$"):
        read_dictionary_learning(tmp_path)


@pytest.mark.parametrize(
    ("tensors", "config", "message"),
    [
        (
            LINEAR | BIAS | {"normalize_to_sqrt_d": torch.tensor(True)},
            None,
            "normalize_to_sqrt_d is true; expected false: no weights can hold it, as it differs "
            "between residues; give an SAE without it",
        ),
        (
            LINEAR | B_DEC | K_TENSOR | {"threshold": THRESHOLD},
            None,
            "an InterPLM TopKSAE or BatchTopKSAE; expected config.yaml to tell which; write "
            "trainer_cfg: {dictionary_cls: ...} into it",
        ),
        (
            LINEAR | B_DEC | K_TENSOR | {"activation_rescale_factor": RESCALE},
            "trainer_cfg: {dictionary_cls: TopKSAE}",
            "activation_rescale_factor is not 1 in a topk SAE; expected 1: which features are "
            "largest would change with it; give ae.pt, the same SAE without it",
        ),
        (
            LINEAR | BIAS | {"activation_rescale_factor": -RESCALE},
            None,
            "activation_rescale_factor has values below 0; expected the largest value of each "
            "feature; copy it again",
        ),
        (
            {"weight": drawn(D, F)},
            None,
            "tensors weight; expected those of InterPLM's ReLUSAE, ReLUSAE_Tied, TopKSAE, "
            "BatchTopKSAE, JumpReLUSAE; give an SAE of one of these",
        ),
        (
            {name: drawn(D) for name in "ihgfedcba"},
            None,
            "tensors a, b, c, d, e, f, g, h; expected those of InterPLM's ReLUSAE, ReLUSAE_Tied, "
            "TopKSAE, BatchTopKSAE, JumpReLUSAE; give an SAE of one of these",
        ),
        (
            LINEAR | BIAS | {"ghost": drawn(F)},
            "trainer_cfg: {dictionary_cls: ReLUSAE}",
            "ghost would not be used; expected a relu SAE, bias, decoder.weight, encoder.bias, "
            "encoder.weight alone; save again without what does nothing",
        ),
    ],
)
def test_interplm_that_cannot_be_taken_in(
    tmp_path: Path, tensors: Tensors, config: str | None, message: str
) -> None:
    path = tmp_path / "ae_normalized.pt"
    write_pt(path, tensors)
    if config:
        (tmp_path / "config.yaml").write_text(config)
    with pytest.raises(UserError, match=f"^{re.escape(f'{path}: {message}')}$"):
        read_interplm(tmp_path)


BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_anchors_are_not_followed(tmp_path: Path) -> None:
    """2 x 9^8 elements if they were."""
    write_pt(tmp_path / "ae.pt", LINEAR | BIAS)
    (tmp_path / "config.yaml").write_text(f"{BOMB}trainer_cfg: {{dictionary_cls: *i}}")
    assert_same(read_interplm, tmp_path, relu_sae(LINEAR | BIAS))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trainer_cfg: [", "not YAML (.*); copy it again"),
        ("3", "no keys at its top; expected a configuration; copy it again"),
        ("[" * 9999, "not YAML (.*); copy it again"),
        ("#" * 2**18, "not YAML (more than 131072 bytes); copy it again"),
        (
            "trainer_cfg: {dictionary_cls: Other}",
            "trainer_cfg names 'Other'; expected one of InterPLM's ReLUSAE, .*; give an SAE of .*",
        ),
    ],
    ids=["cut", "number", "deep", "long", "class"],
)
def test_configurations_of_interplm(tmp_path: Path, text: str, message: str) -> None:
    write_pt(tmp_path / "ae.pt", LINEAR | BIAS)
    (tmp_path / "config.yaml").write_text(text)
    expected = message.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(UserError, match=rf"^\S+config\.yaml: {expected}$") as caught:
        read_interplm(tmp_path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


class Malicious:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (Path.touch, ("touched",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cannot be read \\(EOFError, it may have been cut short\\); copy it again"),
        (b"\x80\x04junk", "cannot be read \\(.*\\); copy it again"),
        (
            {"a": Malicious()},
            "cannot be read \\(asks to run .*, which is refused\\); copy it again",
        ),
        ([1], "cannot be read \\(a list, not tensors by name\\); copy it again"),
        ({"a": 3}, "'a' is a int; expected tensors by name; save the state_dict of the SAE alone"),
        ({3: torch.ones(2)}, "3 is a Tensor; expected tensors by name; save the state_dict of .*"),
    ],
    ids=["empty", "junk", "code", "list", "number", "key"],
)
def test_files_of_something_else(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "ae.pt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(content, path)
    with pytest.raises(UserError, match=rf"^\S+ae\.pt: {message}$"):
        read_interplm(tmp_path)
