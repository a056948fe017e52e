"""What we save, and what ships, fair-esm's own loader reads."""

import json
import re
import zipfile
from pathlib import Path

import esm
import pytest
import torch

from protsae.errors import UserError
from protsae.plm.esm2.load import load_esm
from protsae.plm.esm2.save import save_esm, validate_esm_name
from protsae.provenance import file_sha256
from tests.helpers.tiny_esm import ALPHABET, build_esm

DATA = Path(__file__).parents[3] / "data"


def load_as_fair_esm(path):
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


def test_nothing_of_the_process_is_in_the_file(tmp_path):
    """torch names the records after a file that it is given by name; ours has a process id."""
    save_esm(build_esm(), tmp_path / "esm2_x.pt")
    for path in tmp_path.iterdir():
        assert {name.split("/")[0] for name in zipfile.ZipFile(path).namelist()} == {"archive"}


SHIPPED = {"esm2_t6_protsae": (6, 128, 4), "esm2_t8_protsae": (8, 320, 10)}
"""Checkpoints in data/model: layers, width, heads."""


@pytest.mark.parametrize("name", SHIPPED)
def test_the_checkpoints_that_ship_load_in_fair_esm(name):
    """As a user would, with the defaults of the installed torch; the same numbers as ours."""
    path = DATA / "model" / f"{name}.pt"
    loaded, alphabet = load_as_fair_esm(path)
    assert (loaded.num_layers, loaded.embed_dim, loaded.attention_heads) == SHIPPED[name]
    assert alphabet.to_dict() == ALPHABET.to_dict()
    ours = load_esm(str(path), "cpu").model.state_dict()
    theirs = loaded.state_dict()
    assert list(theirs) == list(ours)
    assert all(torch.equal(theirs[name], ours[name]) for name in ours)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_checksums_that_the_docs_give(name):
    path = DATA / "model" / f"{name}.pt"
    readme = (DATA / "README.md").read_text()
    for file in (path.name, f"{path.stem}-contact-regression.pt"):
        checksum = file_sha256(path.with_name(file))
        assert f"| `model/{file}` | `{checksum}` |" in readme
    assert json.loads(path.with_suffix(".json").read_text())["weights_sha256"] == file_sha256(path)


def test_a_name_that_fair_esm_would_not_recognise(tmp_path):
    with pytest.raises(ValueError, match=r"^mine\.pt: the name of an ESM-2 file must start with"):
        save_esm(build_esm(), tmp_path / "mine.pt")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["mine.pt", "my_esm2.pt", "esm2_x.pth", "esm2_x"])
def test_a_name_for_output_that_fair_esm_would_not_recognise(tmp_path: Path, name: str) -> None:
    message = (
        f"--output {tmp_path / name}: fair-esm recognises an ESM-2 by its file name; expected "
        "esm2*.pt"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        validate_esm_name(tmp_path / name)
    validate_esm_name(tmp_path / "esm2_x.pt")
