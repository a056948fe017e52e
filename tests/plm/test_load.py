"""Loading through fair-esm: local files and downloads, and nothing but weights is unpickled."""

import argparse
import http.server
import os
import re
import threading
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import torch

from protsae.cli import main
from protsae.errors import UserError
from protsae.io.activations import LayerCache
from protsae.plm.load import load_esm, model_name, validate_layers
from protsae.plm.pretrain import new_esm2
from protsae.plm.store import save_esm
from protsae.provenance import file_sha256, protein_set_sha256
from tests.tiny_esm import build_esm, fair_esm_layers, save_tiny, write_proteins

HUB = "https://dl.fbaipublicfiles.com/fair-esm/"
NAME = "esm2_t6_8M_UR50D"
NOT_ESM2 = "not an ESM-2 checkpoint in fair-esm's layout"
FORCE, FORCE_NOT = "TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


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
    assert loaded.device == torch.device("cuda" if torch.cuda.is_available() else "cpu")
    assert not loaded.model.training
    assert (loaded.model.num_layers, loaded.model.embed_dim) == (3, 24)
    assert loaded.model.attention_heads == 4


def test_weights_stored_as_float16_are_float32(tiny):
    assert {v.dtype for v in contents(tiny)["model"].values()} == {torch.float16}
    model, original = load_esm(str(tiny), "cpu").model, build_esm()
    for name, value in model.state_dict().items():
        assert value.dtype == torch.float32
        if not name.startswith("contact_head."):
            assert torch.equal(value, original.state_dict()[name].half().float()), name


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("a/b/esm2_t6_mine.pt", "esm2_t6_mine"),
        ("esm2_x.v1.pt", "esm2_x.v1"),
        (NAME, NAME),
    ],
)
def test_model_name(model, name):
    assert model_name(model) == name


def test_a_name_with_a_dot(tmp_path):
    assert load_esm(str(save_tiny(tmp_path, "esm2_x.v1"))).name == "esm2_x.v1"


def test_a_malicious_file_is_refused_and_does_nothing(tiny, tmp_path):
    torch.save({**contents(tiny), "extra": Malicious(tmp_path / "made")}, tiny)
    assert message_of(tiny) == (
        f"esm2_tiny.pt: {NOT_ESM2} (UnpicklingError: unsupported GLOBAL posix.mkdir)"
    )
    assert not (tmp_path / "made").exists()


def test_a_malicious_regression_file(tiny, tmp_path):
    torch.save(Malicious(tmp_path / "made"), "esm2_tiny-contact-regression.pt")
    assert "unsupported GLOBAL posix.mkdir" in message_of(tiny)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", [FORCE, FORCE_NOT])
@pytest.mark.parametrize("value", ["0", "1"])
def test_the_environment_does_not_matter(tiny, tmp_path, monkeypatch, name, value):
    # Users set these for other programs; torch refuses to load if both end up set.
    monkeypatch.setenv(name, value)
    load_esm(str(tiny))
    assert os.environ[name] == value
    torch.save(Malicious(tmp_path / "made"), tiny)
    assert "unsupported GLOBAL posix.mkdir" in message_of(tiny)
    assert os.environ[name] == value
    assert not (tmp_path / "made").exists()


def test_no_file():
    assert message_of("esm2_none.pt") == (
        "esm2_none.pt: no such file; fair-esm wants esm2_none.pt and "
        "esm2_none-contact-regression.pt together"
    )


def test_no_regression_file(tiny):
    Path("esm2_tiny-contact-regression.pt").unlink()
    assert message_of(tiny) == (
        "esm2_tiny-contact-regression.pt: no such file; fair-esm wants esm2_tiny.pt and "
        "esm2_tiny-contact-regression.pt together"
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


@pytest.mark.parametrize(
    ("replace", "reason"),
    [
        (lambda _: {"weights": 1}, "KeyError: 'model'"),
        (lambda _: [1, 2], "TypeError: list indices must be integers or slices, not str"),
        (lambda _: torch.zeros(5), "IndexError: too many indices for tensor of dimension 1"),
        (lambda c: {"model": c["model"]}, "KeyError: 'cfg'"),
        (
            lambda c: {"args": argparse.Namespace(arch="roberta_large"), "model": c["model"]},
            "KeyError: 'cfg'",
        ),
        (
            lambda c: {**c, "cfg": {"model": argparse.Namespace(encoder_layers=3)}},
            "AttributeError: 'Namespace' object has no attribute 'encoder_embed_dim'",
        ),
        (
            lambda c: {**c, **arguments(encoder_attention_heads=5)},
            "AssertionError: embed_dim must be divisible by num_heads",
        ),
        (
            lambda c: {**c, **arguments(encoder_layers=2)},
            "RuntimeError: Error(s) in loading state_dict for ESM2: Unexpected key(s)",
        ),
        (
            lambda c: {**c, **arguments(encoder_layers=4)},
            "RuntimeError: Error(s) in loading state_dict for ESM2: Missing key(s)",
        ),
        (
            lambda c: {**c, **arguments(encoder_embed_dim=28)},
            "RuntimeError: Error(s) in loading state_dict for ESM2: size mismatch",
        ),
        (
            lambda _: {"model": {"a": 1}, **arguments()},
            "RuntimeError: Error(s) in loading state_dict for ESM2: Missing key(s)",
        ),
    ],
    ids=[
        *("dict", "list", "tensor", "no-cfg", "esm1", "no-width", "heads"),
        *("layers-too-many", "layers-too-few", "shapes", "other-weights"),
    ],
)
def test_a_file_of_something_else(tiny, replace, reason):
    torch.save(replace(contents(tiny)), tiny)
    assert message_of(tiny).startswith(f"esm2_tiny.pt: {NOT_ESM2} ({reason}")


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
def test_a_damaged_file(tiny, damage):
    tiny.write_bytes(damage(tiny.read_bytes()))
    assert message_of(tiny).startswith(f"esm2_tiny.pt: {NOT_ESM2} (")


def test_a_folder_in_place_of_the_file(tiny):
    tiny.unlink()
    tiny.mkdir()
    assert message_of(tiny).startswith("esm2_tiny.pt: no such file")


def test_an_unknown_name():
    assert message_of("esm2_t7_9M") == (
        "embed.model: 'esm2_t7_9M' is not an ESM-2 of fair-esm; did you mean 'esm2_t6_8M_UR50D'? "
        "Expected a local .pt file or one of esm2_t12_35M_UR50D, esm2_t30_150M_UR50D, "
        "esm2_t33_650M_UR50D, esm2_t36_3B_UR50D, esm2_t48_15B_UR50D, esm2_t6_8M_UR50D"
    )


def test_a_fair_esm_name_that_is_no_esm2():
    assert "is not an ESM-2 of fair-esm" in message_of("esm1b_t33_650M_UR50S")


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


class Hub:
    """fair-esm's download host on loopback; whatever is in ``files`` can be had."""

    def __init__(self, folder):
        self.asked = []
        self.files = {}
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                hub.asked.append(self.path)
                found = hub.files.get(self.path)
                if found is None:
                    self.send_error(404)
                    return
                body, announced = found
                self.send_response(200)
                self.send_header("Content-Length", str(announced))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.checkpoints = folder / "checkpoints"

    def offer(self, path, folder="models", announced=None):
        body = path.read_bytes()
        self.files[f"/{folder}/{path.name}"] = (body, announced or len(body))

    def offer_model(self, folder, model=None, name=NAME):
        path = save_tiny(folder, name, model or build_esm(layers=6))
        self.offer(path)
        self.offer(folder / f"{name}-contact-regression.pt", "regression")
        return path


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """torch.hub downloads into ``tmp_path/hub``, from loopback in place of fair-esm's host."""
    hub = Hub(tmp_path / "hub")

    def opened(request, *arguments, **more):
        url = request.full_url
        assert url.startswith(HUB)
        try:
            return urllib.request.urlopen(url.replace(HUB, hub.url), *arguments, **more)
        except urllib.error.HTTPError as error:
            error.close()  # fair-esm leaves that to the garbage collector
            raise

    monkeypatch.setattr(torch.hub, "urlopen", opened)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    thread = threading.Thread(target=hub.server.serve_forever, args=(0.01,))
    thread.start()
    yield hub
    hub.server.shutdown()
    hub.server.server_close()
    thread.join()


# The shapes of the real files: 7.5 and 34 million parameters.
@pytest.mark.parametrize(
    ("name", "shape"),
    [(NAME, (6, 320, 20)), ("esm2_t12_35M_UR50D", (12, 480, 20))],
    ids=["8M", "35M"],
)
def test_a_name_is_downloaded_once_and_embedded(hub, tmp_path, monkeypatch, name, shape):
    original = new_esm2(*shape, seed=0)
    offered = hub.offer_model(tmp_path, original, name)
    loaded = load_esm(name, "cpu")

    assert hub.asked == [f"/models/{name}.pt", f"/regression/{name}-contact-regression.pt"]
    assert (loaded.name, loaded.weights_sha256) == (name, file_sha256(offered))
    assert (loaded.model.num_layers, loaded.model.embed_dim) == shape[:2]
    save_esm(loaded.model, tmp_path / "esm2_again.pt")
    again = contents(tmp_path / "esm2_again.pt")["model"]
    assert all(torch.equal(again[key], v) for key, v in contents(offered)["model"].items())

    sequences = ["MKTAYIAKQRQ", "MLAGV"]
    monkeypatch.chdir(tmp_path)
    proteins = write_proteins(Path("proteins.parquet"), sequences)
    last = shape[0]
    command = ["embed", "--proteins", "proteins.parquet", "--model", name, "--output", "x.h5"]
    more = ["--layers", "0", str(last), "--dtype", "float32", "--device", "cpu"]
    assert main([*command, *more, "--shard", "0", "--shards", "1"]) == 0
    assert len(hub.asked) == 2  # from the cache folder, without asking again
    cache = LayerCache(
        ["x.h5"], last, protein_set_sha256(proteins["accession"], proteins["sequence"])
    )
    assert (cache.source.model, cache.source.weights_sha256) == (name, file_sha256(offered))
    theirs = [fair_esm_layers(loaded.model, sequence, [last])[last] for sequence in sequences]
    assert np.abs(cache.read(0, 0, 16) - np.concatenate(theirs)).max() < 1e-5


def test_another_model_under_a_released_name(hub, tmp_path):
    hub.offer_model(tmp_path, build_esm(layers=6), "esm2_t12_35M_UR50D")
    path = hub.checkpoints / "esm2_t12_35M_UR50D.pt"
    assert message_of("esm2_t12_35M_UR50D") == (
        f"{path}: holds 6 layers of width 24, but its name says 12 layers; rename it, or delete it "
        "and download it again"
    )


def hub_failure(hub, reason):
    return (
        f"{NAME}: fair-esm could not download or read it ({reason}); delete {NAME}.pt and "
        f"{NAME}-contact-regression.pt from {hub.checkpoints}, if they are there, and try again"
    )


def test_a_malicious_download_is_refused_and_does_nothing(hub, tmp_path):
    offered = hub.offer_model(tmp_path)
    torch.save({**contents(offered), "extra": Malicious(tmp_path / "made")}, offered)
    hub.offer(offered)
    assert message_of(NAME) == hub_failure(hub, "UnpicklingError: unsupported GLOBAL posix.mkdir")
    assert not (tmp_path / "made").exists()


def test_a_malicious_file_in_the_old_format(hub, tmp_path):
    # fair-esm tries such a file a second time, by another call.
    offered = hub.offer_model(tmp_path)
    torch.save(Malicious(tmp_path / "made"), offered, _use_new_zipfile_serialization=False)
    hub.offer(offered)
    assert "unsupported GLOBAL posix.mkdir" in message_of(NAME)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("has_weights", [False, True])
def test_a_host_that_lacks_a_file(hub, tmp_path, has_weights):
    if has_weights:
        hub.offer(save_tiny(tmp_path, NAME))
    lacking = f"regression/{NAME}-contact-regression.pt" if has_weights else f"models/{NAME}.pt"
    reason = (
        f"Exception: Could not load {HUB}{lacking}, check if you specified a correct model name?"
    )
    assert message_of(NAME) == hub_failure(hub, reason[:160])
    assert len(list(hub.checkpoints.iterdir())) == has_weights


def test_no_network(hub, monkeypatch):
    def refused(*_, **__):
        raise urllib.error.URLError(ConnectionRefusedError(111, "Connection refused"))

    monkeypatch.setattr(torch.hub, "urlopen", refused)
    assert message_of(NAME) == hub_failure(
        hub, "URLError: <urlopen error [Errno 111] Connection refused>"
    )


def test_a_download_that_is_cut(hub, tmp_path):
    # torch keeps what came as if it were whole; the line says how to get out of that.
    offered = hub.offer_model(tmp_path)
    whole = offered.read_bytes()
    offered.write_bytes(whole[: len(whole) // 2])
    hub.offer(offered, announced=len(whole))
    message = message_of(NAME)
    assert f"delete {NAME}.pt and " in message

    offered.write_bytes(whole)
    hub.offer(offered)
    (hub.checkpoints / f"{NAME}.pt").unlink()
    assert load_esm(NAME).weights_sha256 == file_sha256(offered)
