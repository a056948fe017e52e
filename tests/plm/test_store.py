"""What we save, fair-esm's own loader reads."""

import argparse

import esm
import pytest
import torch

from protsae.plm.store import save_esm
from tests.tiny_esm import ALPHABET, build_esm


def load_as_fair_esm(path):
    with torch.serialization.safe_globals([argparse.Namespace]):
        return esm.pretrained.load_model_and_alphabet_local(str(path))


def tokens():
    return ALPHABET.get_batch_converter()([("", "MKTAYIAKQRQ"), ("", "LAGV")])[2]


def test_float32_comes_back_bit_for_bit(tmp_path):
    model = build_esm()
    save_esm(model, tmp_path / "esm2_x.pt", torch.float32)
    loaded, alphabet = load_as_fair_esm(tmp_path / "esm2_x.pt")

    assert alphabet.to_dict() == ALPHABET.to_dict()
    with torch.no_grad():
        assert torch.equal(loaded.eval()(tokens())["logits"], model(tokens())["logits"])


def test_float16_is_the_rounded_model(tmp_path):
    model = build_esm()
    save_esm(model, tmp_path / "esm2_x.pt")
    loaded, _ = load_as_fair_esm(tmp_path / "esm2_x.pt")
    rounded = build_esm().half().float()

    with torch.no_grad():
        found = loaded.eval()(tokens())["logits"]
        assert torch.equal(found, rounded(tokens())["logits"])
        assert not torch.equal(found, model(tokens())["logits"])


def test_token_dropout_is_kept(tmp_path):
    model = build_esm()
    model.token_dropout = False
    save_esm(model, tmp_path / "esm2_x.pt")
    assert load_as_fair_esm(tmp_path / "esm2_x.pt")[0].token_dropout is False


def test_files_and_names_are_fair_esms(tmp_path):
    save_esm(build_esm(layers=2, width=14, heads=7), tmp_path / "esm2_x.pt")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["esm2_x-contact-regression.pt", "esm2_x.pt"]

    with torch.serialization.safe_globals([argparse.Namespace]):
        data = torch.load(tmp_path / "esm2_x.pt")
    assert vars(data["cfg"]["model"]) == {
        "encoder_layers": 2,
        "encoder_embed_dim": 14,
        "encoder_attention_heads": 7,
        "token_dropout": True,
    }
    # Per block: 4 projections, 2 layer norms, 2 dense layers with bias, and rotary frequencies.
    assert len(data["model"]) == 2 * (8 * 2 + 1) + 1 + 2 + 6
    for name in (
        "encoder.sentence_encoder.embed_tokens.weight",
        "encoder.sentence_encoder.layers.1.self_attn.q_proj.bias",
        "encoder.sentence_encoder.emb_layer_norm_after.weight",
        "encoder.lm_head.dense.weight",
    ):
        assert name in data["model"]
    regression = torch.load(tmp_path / "esm2_x-contact-regression.pt")["model"]
    shapes = {name: tuple(value.shape) for name, value in regression.items()}
    assert shapes == {
        "contact_head.regression.weight": (1, 14),
        "contact_head.regression.bias": (1,),
    }
    assert not any(value.any() for value in regression.values())


def test_same_model_same_bytes(tmp_path):
    for folder in ("a", "b"):
        save_esm(build_esm(), tmp_path / folder / "esm2_x.pt")
    for name in ("esm2_x.pt", "esm2_x-contact-regression.pt"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_name_that_fair_esm_would_not_recognise(tmp_path):
    with pytest.raises(ValueError, match=r"^mine\.pt: the name of an ESM-2 file must start with"):
        save_esm(build_esm(), tmp_path / "mine.pt")
    assert list(tmp_path.iterdir()) == []
