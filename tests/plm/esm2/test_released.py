"""fair-esm's released models by name: URL, cache folder, checksum, embedding, and what fails.

The weights are random, of the real shapes, in files of the real layout; the host is a stand-in on
loopback. torch.hub's own download code runs.
"""

import argparse
import http.server
import io
import os
import socket
import threading
import urllib.request
from pathlib import Path

import esm
import numpy as np
import pytest
import torch

from protsae.cli import main
from protsae.config.released_models import RELEASED
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.plm.esm2.load import HOST, load_esm
from protsae.provenance import file_sha256, protein_set_sha256
from tests.helpers.tiny_esm import build_esm, fair_esm_layers, random_sequence, write_proteins

M8, M35 = "esm2_t6_8M_UR50D", "esm2_t12_35M_UR50D"
AGAIN = "delete it and download or copy it again"


class Host:
    """Serves ``files``, bytes by path below fair-esm's address; a context manager.

    Attributes
    ----------
    asked : list of str
        Paths asked for, in order.
    faults : dict of path to str or int
        ``"cut"``: the connection closes half-way; a number: that status.
    """

    def __init__(self, checkpoints):
        self.checkpoints = checkpoints
        self.asked, self.files, self.faults = [], {}, {}
        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,))
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def offer(self, name, weights, regression):
        self.files |= dict(zip(paths(name), (weights, regression), strict=True))

    def cached(self):
        """Names of all files in the cache folder."""
        if not self.checkpoints.exists():
            return []
        return sorted(path.name for path in self.checkpoints.iterdir())


def _handler(host):
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def do_GET(self):
            host.asked.append(self.path)
            fault = host.faults.get(self.path)
            if isinstance(fault, int) or self.path not in host.files:
                self.send_error(fault or 404)
                return
            body = host.files[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

    return Handler


def paths(name):
    return f"/models/{name}.pt", f"/regression/{name}-contact-regression.pt"


def files(name):
    return sorted([f"{name}.pt", f"{name}-contact-regression.pt"])


def to_bytes(checkpoint):
    file = io.BytesIO()
    torch.save(checkpoint, file)
    return file.getvalue()


def released(model, **changes):
    """The two files of a release: float32, fairseq's names, and many settings besides the sizes."""
    settings = {
        **{"_name": "esm2", "arch": "esm2", "activation_fn": "gelu", "dropout": 0.0, "seed": 1},
        **{"encoder_ffn_embed_dim": 4 * model.embed_dim, "max_positions": 1024, "no_seed": False},
        **{"adam_betas": "(0.9, 0.98)", "lr": [0.0004], "data": None, "token_dropout": True},
        "encoder_layers": model.num_layers,
        "encoder_embed_dim": model.embed_dim,
        "encoder_attention_heads": model.attention_heads,
        **changes,
    }
    weights, regression = {}, {}
    for name, value in model.state_dict().items():
        if name.startswith("contact_head."):
            regression[name] = value
        elif name.startswith("lm_head."):
            weights[f"encoder.{name}"] = value
        else:
            weights[f"encoder.sentence_encoder.{name}"] = value
    assert {value.dtype for value in weights.values()} == {torch.float32}
    cfg = {"model": argparse.Namespace(**settings), "common": argparse.Namespace(fp16=True)}
    return to_bytes({"cfg": cfg, "model": weights}), to_bytes({"model": regression})


@pytest.fixture(scope="module")
def m8():
    """The 8M model's two files."""
    return released(build_esm(*RELEASED[M8]))


@pytest.fixture
def host(tmp_path, monkeypatch):
    """What is asked of fair-esm's host goes to a stand-in; the cache is ``torch/hub`` here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", "torch")
    with Host(Path("torch/hub/checkpoints")) as host:

        def to_loopback(request, *arguments, **more):
            assert request.full_url.startswith(f"{HOST}/")
            request.full_url = request.full_url.replace(HOST, host.url)
            return urllib.request.urlopen(request, *arguments, **more)

        monkeypatch.setattr(torch.hub, "urlopen", to_loopback)
        yield host


SEQUENCES = [random_sequence(31), "M", random_sequence(11, letters="ACDJUX")]


def embed(model, layer=0):
    write_proteins(Path("proteins.parquet"), SEQUENCES)
    return main(
        [
            *("embed", "--proteins", "proteins.parquet", "--output", "x.h5", "--device", "cpu"),
            *("--shard", "0", "--shards", "1", "--model", model, "--layers", str(layer)),
            *("--dtype", "float32"),
        ]
    )


def refused(capsys, model=M8):
    """The one line that ``protsae embed`` ends with, after those on what it downloads."""
    assert embed(model) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    *before, line = printed.err.splitlines()
    assert all(other.startswith("downloading ") for other in before)
    assert len(line) < 500
    assert not Path("x.h5").exists()
    return line.removeprefix("protsae embed: ")


def test_the_names_are_fair_esms():
    assert set(RELEASED) == {name for name in vars(esm.pretrained) if name.startswith("esm2_")}


@pytest.mark.parametrize(
    ("name", "n_parameters"), [(M8, 7_512_474), (M35, 33_501_394)], ids=["8M", "35M"]
)
def test_a_name_is_downloaded_once_and_embedded(host, capsys, name, n_parameters):
    model = build_esm(*RELEASED[name])
    assert sum(parameter.numel() for parameter in model.parameters()) == n_parameters
    host.offer(name, *released(model))
    last = model.num_layers

    assert embed(name, last) == 0
    assert host.asked == list(paths(name))
    assert host.cached() == files(name)
    cached = host.checkpoints / f"{name}.pt"
    assert cached.read_bytes() == host.files[paths(name)[0]]
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        f"downloading {HOST}/models/{name}.pt to {cached}",
        f"downloading {HOST}/regression/{name}-contact-regression.pt to "
        f"{host.checkpoints}/{name}-contact-regression.pt",
    ]
    assert "%|" not in "".join(lines)  # torch.hub's bar, which is for terminals

    accessions = [f"P{i:05d}" for i in range(3)]
    cache = LayerCache(["x.h5"], last, protein_set_sha256(accessions, SEQUENCES))
    assert (cache.source.model, cache.source.weights_sha256) == (name, file_sha256(cached))
    expected = np.concatenate([fair_esm_layers(model, s, [last])[last] for s in SEQUENCES])
    np.testing.assert_allclose(cache.read(0, 0, 43), expected, atol=2e-5)

    loaded = load_esm(name, "cpu")
    assert len(host.asked) == 2
    assert (loaded.name, loaded.weights_sha256) == (name, file_sha256(cached))
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[key], value), key


def test_fair_esm_downloads_the_same_to_the_same_place(host, m8, capsys):
    host.offer(M8, *m8)
    esm.pretrained.load_model_and_alphabet(M8)
    assert host.asked == list(paths(M8))
    assert host.cached() == files(M8)
    load_esm(M8, "cpu")
    assert len(host.asked) == 2

    # And the other way round.
    for name in files(M8):
        (host.checkpoints / name).unlink()
    load_esm(M8, "cpu")
    assert host.asked == [*paths(M8), *paths(M8)]
    esm.pretrained.load_model_and_alphabet(M8)
    assert len(host.asked) == 4
    assert host.cached() == files(M8)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("esm2_t33_650M_UR50S", "esm2_t33_650M_UR50D"),
        ("esm2_t33_650M", "esm2_t33_650M_UR50D"),
        ("facebook/esm2_t6_8M_UR50D", M8),  # as Hugging Face has it
        ("esm1b_t33_650M_UR50S", "esm2_t33_650M_UR50D"),
        ("esm2_t7_9M", M8),
        ("ProtT5", None),
    ],
)
def test_an_unknown_name(host, capsys, name, near):
    hint = f"did you mean '{near}'? Expected" if near else "expected"
    assert refused(capsys, name) == (
        f"embed.model: '{name}' is not an ESM-2 of fair-esm; {hint} a local .pt file or one of "
        "esm2_t6_8M_UR50D, esm2_t12_35M_UR50D, esm2_t30_150M_UR50D, esm2_t33_650M_UR50D, "
        "esm2_t36_3B_UR50D, esm2_t48_15B_UR50D"
    )
    assert host.asked == []


@pytest.mark.parametrize("status", [403, 404, 503])
@pytest.mark.parametrize("missing", [0, 1], ids=["weights", "regression"])
def test_a_file_that_the_host_does_not_give(host, m8, capsys, status, missing):
    host.offer(M8, *m8)
    lacking = paths(M8)[missing]
    host.faults[lacking] = status
    said = {403: "Forbidden", 404: "Not Found", 503: "Service Unavailable"}[status]
    assert refused(capsys) == (
        f"{HOST}{lacking}: could not be downloaded (HTTP Error {status}: {said}); try again, or "
        f"put the file at {host.checkpoints / Path(lacking).name}"
    )
    assert host.cached() == [f"{M8}.pt"] * missing


def test_no_network(host, capsys):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        host.url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    assert refused(capsys) == (
        f"{HOST}/models/{M8}.pt: could not be downloaded (<urlopen error [Errno 111] Connection "
        f"refused>); try again, or put the file at {host.checkpoints}/{M8}.pt"
    )
    assert host.cached() == []


@pytest.mark.parametrize("which", [0, 1], ids=["weights", "regression"])
def test_a_connection_that_is_cut(host, m8, capsys, which):
    host.offer(M8, *m8)
    cut = paths(M8)[which]
    host.faults[cut] = "cut"
    line = refused(capsys)
    assert line.startswith(
        f"{HOST}{cut}: what was downloaded cannot be read, it may have been cut short ("
    )
    assert line.endswith(
        "); nothing is kept of it; try again, or put the file at "
        f"{host.checkpoints / Path(cut).name}"
    )
    assert host.cached() == [f"{M8}.pt"] * which

    host.faults.clear()
    assert embed(M8) == 0
    assert host.cached() == files(M8)
    assert host.asked.count(cut) == 2


def test_a_page_in_place_of_the_file(host, m8, capsys):
    host.offer(M8, b"<html>Log in first</html>\n", m8[1])
    assert refused(capsys) == (
        f"{HOST}/models/{M8}.pt: what was downloaded cannot be read, it may have been cut short "
        "(UnpicklingError: Unsupported operand 60); nothing is kept of it; try again, or put the "
        f"file at {host.checkpoints}/{M8}.pt"
    )
    assert host.cached() == []


@pytest.mark.parametrize("which", [0, 1], ids=["weights", "regression"])
def test_a_truncated_file_in_the_cache(host, m8, capsys, which):
    host.offer(M8, *m8)
    load_esm(M8, "cpu")
    damaged = host.checkpoints / Path(paths(M8)[which]).name
    damaged.write_bytes(damaged.read_bytes()[:-1000])
    capsys.readouterr()
    line = refused(capsys)
    assert line.startswith(f"{damaged}: cannot be read, it may have been cut short (")
    assert line.endswith(f"); {AGAIN}")
    assert len(host.asked) == 2

    damaged.unlink()
    assert embed(M8) == 0
    assert host.asked == [*paths(M8), paths(M8)[which]]


def test_another_model_under_the_name(host, m8, capsys):
    # fair-esm alone loads the 8M model under this name without a word.
    host.offer(M35, *m8)
    esm.pretrained.load_model_and_alphabet(M35)
    capsys.readouterr()
    assert refused(capsys, M35) == (
        f"{host.checkpoints}/{M35}.pt: holds an ESM-2 of 6 layers, width 320, 20 heads; expected, "
        f"by its name, 12 layers, width 480, 20 heads; rename it, or {AGAIN}"
    )


def test_an_esm1_under_the_name(host, m8, capsys):
    arguments = argparse.Namespace(arch="roberta_large", layers=33, embed_dim=1280)
    host.offer(M8, to_bytes({"args": arguments, "model": {"encoder.a": torch.zeros(1)}}), m8[1])
    assert refused(capsys) == (
        f"{host.checkpoints}/{M8}.pt: holds an ESM-1 (its 'args' say roberta_large); expected an "
        f"ESM-2, with 'cfg'; give another file, or {AGAIN}"
    )


def test_weights_of_other_shapes_than_the_settings_say(host, m8, capsys):
    weights, _ = released(build_esm(6, 20, 20), encoder_embed_dim=320)
    host.offer(M8, weights, m8[1])
    assert refused(capsys) == (
        f"{host.checkpoints}/{M8}.pt: its 32,219 weights are too few for 6 layers, width 320, 20 "
        f"heads, which it gives as its sizes; {AGAIN}"
    )


def test_the_regression_of_another_model(host, m8, capsys):
    _, other = released(build_esm(5, 20, 20))
    host.offer(M8, m8[0], other)
    assert refused(capsys).startswith(
        f"{host.checkpoints}/{M8}-contact-regression.pt: its weights do not fit 6 layers, width "
        f"320, 20 heads, which {M8}.pt gives as its sizes (size mismatch for contact_head.regr"
    )


class Malicious:
    """Unpickling it in full makes a folder."""

    def __reduce__(self):
        return os.mkdir, ("made",)


@pytest.mark.parametrize("which", [0, 1], ids=["weights", "regression"])
@pytest.mark.parametrize("variable", ["0", "1"])
def test_a_malicious_file_is_refused_and_not_kept(host, m8, capsys, monkeypatch, which, variable):
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", variable)
    offered = list(m8)
    offered[which] = to_bytes({"model": Malicious()})
    host.offer(M8, *offered)
    asked = paths(M8)[which]
    assert refused(capsys) == (
        f"{HOST}{asked}: what was downloaded asks to run posix.mkdir, which is refused; "
        f"nothing is kept of it; try again, or put the file at "
        f"{host.checkpoints / Path(asked).name}"
    )
    assert host.cached() == [f"{M8}.pt"] * which
    assert not Path("made").exists()
