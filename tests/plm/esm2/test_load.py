"""Loading local files: nothing but weights is unpickled, and one line for each mistake."""

import argparse
import os
import re
import zipfile
from pathlib import Path

import esm
import pytest
import torch

from protsae.config.released_models import RELEASED
from protsae.errors import UserError
from protsae.plm.esm2.load import _validate_claim, load_esm, load_same_esm, validate_layers
from protsae.provenance import file_sha256
from tests.helpers.tiny_esm import build_esm, save_tiny

FORCE, FORCE_NOT = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
AGAIN = "delete it and download or copy it again"
REFUSED = f"asks to run posix.mkdir, which is refused; {AGAIN}"


class Malicious:
    """Unpickling it in full makes a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def contents(path):
    return torch.load(path, weights_only=False)


def message_of(model, device="cpu"):
    with pytest.raises(UserError) as caught:
        load_esm(str(model), device)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


@pytest.fixture(autouse=True)
def _nothing_leaks():
    """Whatever a test loads or fails to load, torch is as strict afterwards as before."""

    def strictness():
        variables = [os.environ.get(name) for name in (FORCE, FORCE_NOT)]
        return variables, argparse.Namespace in torch.serialization.get_safe_globals()

    before = strictness()
    assert not before[1]
    yield
    assert strictness() == before


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return save_tiny(Path())


def test_a_local_file(tiny):
    loaded = load_esm(str(tiny))

    assert loaded.name == "esm2_tiny"
    assert loaded.weights_sha256 == file_sha256(tiny)
    assert loaded.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert not loaded.model.training
    assert (loaded.model.num_layers, loaded.model.embed_dim) == (3, 24)
    assert loaded.model.attention_heads == 4


def test_one_layer_of_one_head(tmp_path):
    path = save_tiny(tmp_path, model=build_esm(layers=1, width=8, heads=1))
    model = load_esm(str(path), "cpu").model
    assert (model.num_layers, model.embed_dim, model.attention_heads) == (1, 8, 1)


def test_weights_stored_as_float16_are_float32(tiny):
    assert {v.dtype for v in contents(tiny)["model"].values()} == {torch.float16}
    model, original = load_esm(str(tiny), "cpu").model, build_esm()
    for name, value in model.state_dict().items():
        assert value.dtype == torch.float32
        if not name.startswith("contact_head."):
            assert torch.equal(value, original.state_dict()[name].half().float()), name


def test_the_model_that_activations_come_from(tiny):
    digest = file_sha256(tiny)
    assert load_same_esm(str(tiny), "cpu", digest).weights_sha256 == digest
    message = (
        f"{tiny}: weights_sha256 is {digest}, but the activations come from abc; embed again with "
        "this model"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        load_same_esm(str(tiny), "cpu", "abc")


def test_a_name_with_a_dot(tmp_path):
    assert load_esm(str(save_tiny(tmp_path, "esm2_x.v1"))).name == "esm2_x.v1"


def test_a_malicious_file_is_refused_and_does_nothing(tiny, tmp_path):
    torch.save({**contents(tiny), "extra": Malicious(tmp_path / "made")}, tiny)
    assert message_of(tiny) == f"esm2_tiny.pt: {REFUSED}"
    assert not (tmp_path / "made").exists()


def test_a_malicious_file_in_the_old_format(tiny, tmp_path):
    malicious = Malicious(tmp_path / "made")
    torch.save(malicious, tiny, _use_new_zipfile_serialization=False)
    assert message_of(tiny) == f"esm2_tiny.pt: {REFUSED}"
    assert not (tmp_path / "made").exists()


def test_a_malicious_regression_file(tiny, tmp_path):
    torch.save(Malicious(tmp_path / "made"), "esm2_tiny-contact-regression.pt")
    assert message_of(tiny) == f"esm2_tiny-contact-regression.pt: {REFUSED}"
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", [FORCE, FORCE_NOT])
@pytest.mark.parametrize("value", ["0", "1"])
def test_the_environment_does_not_matter(tiny, tmp_path, monkeypatch, name, value):
    # Users set these for other programs.
    monkeypatch.setenv(name, value)
    load_esm(str(tiny))
    assert os.environ[name] == value
    torch.save(Malicious(tmp_path / "made"), tiny)
    assert REFUSED in message_of(tiny)
    assert os.environ[name] == value
    assert not (tmp_path / "made").exists()


def test_no_file():
    assert message_of("esm2_none.pt") == (
        "esm2_none.pt: no such file; fair-esm wants esm2_none.pt and "
        "esm2_none-contact-regression.pt together; put both into one folder"
    )


def test_no_regression_file(tiny):
    Path("esm2_tiny-contact-regression.pt").unlink()
    assert message_of(tiny) == (
        "esm2_tiny-contact-regression.pt: no such file; fair-esm wants esm2_tiny.pt and "
        "esm2_tiny-contact-regression.pt together; put both into one folder"
    )


def test_another_file_name(tiny):
    for name in ("", "-contact-regression"):
        Path(f"esm2_tiny{name}.pt").rename(f"mine{name}.pt")
    assert message_of("mine.pt") == (
        "mine.pt: fair-esm recognises an ESM-2 by its file name; expected a name that starts "
        "with 'esm2'; rename it and its contact-regression file"
    )


def arguments(**changes):
    """The part of a checkpoint that says how large the model is."""
    right = {
        "encoder_layers": 3,
        "encoder_embed_dim": 24,
        "encoder_attention_heads": 4,
        "token_dropout": True,
    }
    return {"cfg": {"model": argparse.Namespace(**{**right, **changes})}}


NO_WEIGHTS = "holds no 'model', where fair-esm's checkpoints have their weights"
NO_SIZE = "does not say its size under 'cfg' as fair-esm's ESM-2 files do"


def misfit(layers=3, width=24, heads=4):
    return (
        f"its weights do not fit {layers} layers, width {width}, {heads} heads, which "
        "esm2_tiny.pt gives as its sizes"
    )


@pytest.mark.parametrize(
    ("replace", "message"),
    [
        (lambda _: {"weights": 1}, f"{NO_WEIGHTS}; {AGAIN}"),
        (lambda _: [1, 2], f"{NO_WEIGHTS}; {AGAIN}"),
        (lambda _: torch.zeros(5), f"{NO_WEIGHTS}; {AGAIN}"),
        (lambda c: {"model": c["model"]}, f"{NO_SIZE} (KeyError: 'cfg'); {AGAIN}"),
        (
            lambda c: {**c, "cfg": {"model": argparse.Namespace(encoder_layers=3)}},
            f"{NO_SIZE} (AttributeError: 'Namespace' object has no attribute 'encoder_embed_dim')",
        ),
        (
            lambda c: {"args": argparse.Namespace(arch="roberta_large"), "model": c["model"]},
            "holds an ESM-1 (its 'args' say roberta_large); expected an ESM-2, with 'cfg'; give "
            f"another file, or {AGAIN}",
        ),
        (
            lambda c: {**c, **arguments(encoder_attention_heads=5)},
            f"{misfit(heads=5)} (embed_dim must be divisible by num_heads)",
        ),
        (
            lambda c: {**c, **arguments(encoder_layers=2)},
            f"{misfit(layers=2)} (Unexpected key(s) in state_dict: "
            '"layers.2.self_attn.k_proj.weight", ',
        ),
        (
            lambda c: {**c, **arguments(encoder_layers=4)},
            f"{misfit(layers=4)} (Missing key(s) in state_dict: "
            '"layers.3.self_attn.k_proj.weight", ',
        ),
        (
            lambda c: {**c, **arguments(encoder_embed_dim=28)},
            f"{misfit(width=28)} (size mismatch for embed_tokens.weight: "
            "copying a param with shape torch.Size([33, 24]) from checkpoint, the shape in ",
        ),
        (
            lambda _: {"model": {"a": 1}, **arguments()},
            "'a' is a int; expected tensors by name; delete it and download or copy it again",
        ),
        (
            lambda _: {"model": {"a": torch.zeros(30_000)}, **arguments()},
            f"{misfit()} (Missing key(s) in state_dict: ",
        ),
        (
            lambda c: {**c, **arguments(encoder_layers=10**6)},
            "its 23,994 weights are too few for 1000000 layers, width 24, 4 heads, which it gives "
            "as its sizes; delete it and download or copy it again",
        ),
        (
            lambda c: {**c, **arguments(encoder_layers="3")},
            "'cfg' gives '3' as a size; expected layers, width and heads, whole numbers from 1 on",
        ),
        (
            lambda c: {"model": {"a": torch.tensor([0, torch.nan])}, **arguments()},
            "'a' has values that are NaN or infinite",
        ),
        (
            lambda _: {"model": {"a": torch.zeros(1).expand(10**9)}, **arguments()},
            "'a' is no dense tensor",
        ),
    ],
    ids=[
        *("dict", "list", "tensor", "no-cfg", "no-width", "esm1", "heads"),
        *("layers-too-many", "layers-too-few", "shapes", "no-tensor", "other-weights"),
        *("a-million-layers", "layers-in-words", "nan", "stride-0"),
    ],
)
def test_a_file_of_something_else(tiny, replace, message):
    torch.save(replace(contents(tiny)), tiny)
    assert message_of(tiny).startswith(f"esm2_tiny.pt: {message}")


@pytest.mark.parametrize(("words", "shown"), [(40, "abc " * 39 + "abc"), (41, "abc " * 39 + "...")])
def test_what_torch_finds_is_cut_to_160_characters(tiny, monkeypatch, words, shown):
    def fails(*_):
        raise RuntimeError("abc " * words)

    monkeypatch.setattr(esm.pretrained, "load_model_and_alphabet_core", fails)
    assert message_of(tiny) == f"esm2_tiny.pt: {misfit()} ({shown}); {AGAIN}"


@pytest.mark.parametrize(("sizes", "least"), [((1, 2, 1), 24), ((3, 2, 1), 72), ((1, 6, 2), 216)])
def test_sizes_may_claim_twice_the_weights_at_most(sizes, least):
    """12 width^2 in each layer."""
    _validate_claim(Path("x.pt"), {"a": torch.zeros(least - 1), "b": torch.zeros(1)}, sizes)
    with pytest.raises(UserError, match=rf"^x\.pt: its {least - 1} weights are too few for "):
        _validate_claim(Path("x.pt"), {"a": torch.zeros(least - 1)}, sizes)


def test_the_regression_of_another_model(tiny):
    # fair-esm has one coefficient for each head of each layer: 3 * 4 here.
    weights = {"contact_head.regression.weight": torch.zeros(1, 15)}
    regression = {"model": {**weights, "contact_head.regression.bias": torch.zeros(1)}}
    torch.save(regression, "esm2_tiny-contact-regression.pt")
    assert message_of(tiny).startswith(
        f"esm2_tiny-contact-regression.pt: {misfit()} (size mismatch "
        "for contact_head.regression.weight: copying a param with shape torch.Size([1, 15])"
    )


@pytest.mark.parametrize("name", ["esm2_t4_mine", "esm2_t12_35M_UR50D"])
def test_a_name_that_says_another_size(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    says = "12 layers, width 480, 20 heads" if "35M" in name else "4 layers, width 24, 4 heads"
    assert message_of(save_tiny(Path(), name)) == (
        f"{name}.pt: holds an ESM-2 of 3 layers, width 24, 4 heads; expected, by its name, {says}; "
        f"rename it, or {AGAIN}"
    )


@pytest.mark.parametrize("file", ["esm2_tiny.pt", "esm2_tiny-contact-regression.pt"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: data[:5],
        lambda _: b"",
        lambda _: b"<html>\n<p>404 Not found</p>\n",
        lambda _: b"MKTAYIAKQRQISFVKSHFSRQ\n",
        lambda _: b"\x80\x04N.",  # a pickle of None, of a protocol that torch warns about
    ],
    ids=["half", "one-byte-short", "five-bytes", "empty", "html", "text", "pickle"],
)
def test_a_damaged_file(tiny, file, damage):
    path = Path(file)
    path.write_bytes(damage(path.read_bytes()))
    message = message_of(tiny)
    assert message.startswith(f"{file}: cannot be read, it may have been cut short (")
    assert message.endswith(f"); {AGAIN}")


def test_every_bit_of_the_weights_counts(tiny):
    whole = tiny.read_bytes()
    with zipfile.ZipFile(tiny) as archive:
        parts = [each for each in archive.infolist() if "/data/" in each.filename]
    assert len(parts) > 50
    for part in parts:
        # A local header is 30 bytes, a name and an extra field long.
        extra = int.from_bytes(whole[part.header_offset + 28 : part.header_offset + 30], "little")
        at = part.header_offset + 30 + len(part.filename) + extra + part.file_size // 2
        tiny.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert message_of(tiny) == (
            f"esm2_tiny.pt: damaged: {part.filename!r} in it has another checksum; {AGAIN}"
        )


def test_weights_without_checksums_are_read(tiny):
    regression = tiny.with_name("esm2_tiny-contact-regression.pt")
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(contents(tiny), tiny)
        torch.save({"model": contents(regression)["model"]}, regression)
    finally:
        torch.serialization.set_crc32_options(True)
    assert load_esm(str(tiny)).model.num_layers == 3


def test_a_bit_between_the_weights_counts_too(tiny):
    """torch fills up each part with the letter Z, which no checksum in the file covers."""
    whole = tiny.read_bytes()
    at = whole.index(b"ZZZZ")
    tiny.write_bytes(whole[:at] + b"z" + whole[at + 1 :])
    message = message_of(tiny)
    assert message.startswith(f"esm2_tiny.pt: weights_sha256 is {file_sha256(tiny)[:12]}, but ")
    assert message.endswith("-contact-regression.pt; copy or make both again")


def test_a_folder_in_place_of_the_file(tiny):
    tiny.unlink()
    tiny.mkdir()
    assert message_of(tiny).startswith("esm2_tiny.pt: no such file")


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_cuda_where_there_is_none(tiny):
    assert message_of(tiny, "cuda") == (
        "device: cuda was asked for, but torch finds no CUDA device; set auto or cpu"
    )


@pytest.mark.parametrize("layer", [4, 99])
def test_an_unknown_layer(layer):
    message = (
        f"embed.layers: layer {layer} is not in this model; expected 0 to 3 (0 = embedding, "
        "3 = after the final layer norm)"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        validate_layers(build_esm(), (0, layer))
    validate_layers(build_esm(), (0, 1, 2, 3))


HEAD_SIZES = {"8M": 16, "35M": 24, "150M": 32, "650M": 64, "3B": 64, "15B": 128}


@pytest.mark.parametrize("name", RELEASED)
def test_shapes_of_released_models_fit_their_names(name):
    """12 d^2 weights a block, 4 of attention, 8 of the wide layer: within a tenth of the name."""
    _, n_layers, size, _ = name.split("_")
    layers, d_model, heads = RELEASED[name]
    stated = float(size[:-1]) * {"M": 1e6, "B": 1e9}[size[-1]]
    assert f"t{layers}" == n_layers
    assert 12 * layers * d_model**2 == pytest.approx(stated, rel=0.1)
    assert d_model == heads * HEAD_SIZES[size]


def test_by_default_the_first_gpu_if_any(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, int]] = []

    def find(name: str, gpu: int) -> torch.device:
        asked.append((name, gpu))
        return torch.device("cpu")

    monkeypatch.setattr("protsae.plm.esm2.load.find_device", find)
    load_esm(str(tiny))
    load_esm(str(tiny), "cuda", 5)
    assert asked == [("auto", 0), ("cuda", 5)]
