"""protsae intervene inside of blocks and in the permuted model, beside hooks on fair-esm."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from esm.model.esm2 import ESM2
from torch import Tensor

from protsae import read_run
from protsae.cli import main
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.plm.esm2.load import load_esm
from protsae.schema.interventions.edited_predictions_table import EDITED
from tests.helpers.inside_run import LAYER, write_inside_run
from tests.helpers.tiny_esm import ALPHABET, random_sequence

SEQUENCE = random_sequence(37)
FEATURES = [1, 2, 3, 5, 7, 11, 13, 17, 19, 23]
MODELS = ("esm2_tiny", "esm2_tiny-permuted")
SITES = ("residual", "attention", "mlp_out", "mlp_hidden")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inside")
    write_inside_run(folder)
    return folder


def named(model: str, site: str) -> str:
    return model if site == "residual" else f"{model}-{site}"


def by_hooks(model: ESM2, site: str, change: Callable[[Tensor], Tensor]) -> np.ndarray:
    """log p of the residues, nothing masked, where fair-esm's own modules give changed rows."""
    block = model.layers[LAYER - 1]

    def changed(x_TBD: Tensor) -> Tensor:
        found = x_TBD.clone()
        found[1:-1, 0] = change(x_TBD[1:-1, 0])
        return found

    def of_first(module, inputs, output):
        return (changed(output[0]), *output[1:])

    places = {
        "residual": lambda: block.register_forward_hook(of_first),
        "attention": lambda: block.self_attn.register_forward_hook(of_first),
        "mlp_out": lambda: block.fc2.register_forward_hook(lambda m, i, out: changed(out)),
        "mlp_hidden": lambda: block.fc2.register_forward_pre_hook(lambda m, i: (changed(i[0]),)),
    }
    _, _, tokens = ALPHABET.get_batch_converter()([("", SEQUENCE)])
    handle = places[site]()
    with torch.no_grad():
        logits = model(tokens)["logits"][0, 1:-1]
    handle.remove()
    return logits.double().log_softmax(-1).numpy()


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("model", MODELS)
def test_an_edit_at_a_site_is_that_of_hooks_on_fair_esm(
    folder: Path, model: str, site: str
) -> None:
    run = read_run(folder / "results")
    sae = run.sae(LAYER, "topk", named(model, site)).requires_grad_(False)
    names = ",".join(map(str, FEATURES))
    edit = f"{named(model, site)}/{LAYER}/topk/{names}:clamp=2@5-31"
    found = run.intervene(SEQUENCE, edit, is_masked=False)

    def change(x_LD: Tensor) -> Tensor:
        missing_LF = 2 - sae.encode(x_LD)[:, FEATURES]
        missing_LF[:4], missing_LF[31:] = 0, 0
        return x_LD + missing_LF @ sae.W_dec[FEATURES]

    weights = folder / "esm2_tiny.pt" if model == "esm2_tiny" else None
    weights = weights or folder / "results" / "models" / f"{model}.pt"
    esm = load_esm(str(weights), "cpu").model
    clean, edited = by_hooks(esm, site, lambda x_LD: x_LD), by_hooks(esm, site, change)
    kl = (np.exp(clean) * (clean - edited)).sum(-1)
    np.testing.assert_allclose(found["kl"], kl, rtol=2e-3, atol=1e-6)
    assert found["kl"].max() > 1e-3
    assert set(found.loc[found["edited"], "position"]) == set(range(5, 32))
    letters = [ALPHABET.get_idx(letter) for letter in SEQUENCE]
    rows = np.arange(len(SEQUENCE))
    for column, logp in (("probability", clean), ("edited_probability", edited)):
        np.testing.assert_allclose(found[column], np.exp(logp[rows, letters]), rtol=1e-3)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("model", MODELS)
def test_a_null_edit_changes_no_bit(folder: Path, model: str, site: str) -> None:
    run = read_run(folder / "results")
    for is_masked in (True, False):
        edit = f"{named(model, site)}/{LAYER}/topk/{FEATURES[0]}:scale=1"
        assert run.intervene(SEQUENCE, edit, is_masked=is_masked)["kl"].max() == 0


def test_what_the_mlp_adds_is_added_to_the_stream(folder: Path) -> None:
    """A coordinate of mlp_out is that of the layer that the block ends in."""
    run = read_run(folder / "results")
    stream, inside = (
        run.intervene(SEQUENCE, f"{of}{LAYER}/coordinate/3:add=5@7-11")
        for of in ("", "esm2_tiny-mlp_out/")
    )
    np.testing.assert_allclose(inside["kl"], stream["kl"], rtol=1e-3, atol=1e-7)
    assert stream["kl"].max() > 1e-3


def test_sites_of_one_block_and_a_layer_act_together(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edits = [
        f"esm2_tiny-attention/{LAYER}/topk/1,2,3:clamp=4",
        f"esm2_tiny-mlp_hidden/{LAYER}/topk/5:add=3@active",
        f"esm2_tiny-mlp_out/{LAYER}/topk/7,11:ablate",
        f"{LAYER}/topk/13:add=2@SIGNAL",
    ]
    words = [word for edit in edits for word in ("--edit", edit)]
    run = read_run(folder / "results")
    accession = run.proteins["accession"].iloc[0]
    of_run = ["--run", str(folder / "results"), "--output", str(tmp_path / "out")]
    assert main(["intervene", *of_run, "--protein", accession, *words]) == 0
    assert accession in capsys.readouterr().out
    together = read_table(tmp_path / "out" / "edited.parquet", EDITED)
    sequence = run.proteins["sequence"].iloc[0]
    alone = [run.intervene({accession: sequence}, edit)["kl"].sum() for edit in edits]
    assert together["kl"].sum() not in alone
    stated = read_metadata(tmp_path / "out" / "edited.parquet")
    assert list(stated["saes"]) == [
        *(f"esm2_tiny-{site}/{LAYER}/topk" for site in ("attention", "mlp_hidden", "mlp_out")),
        f"esm2_tiny/{LAYER}/topk",
    ]
    assert stated["model"] == "esm2_tiny"


@pytest.mark.parametrize(
    ("edits", "line"),
    [
        (
            (f"{LAYER}/topk/1:ablate", f"esm2_tiny-permuted-mlp_out/{LAYER}/topk/1:ablate"),
            r"--edit: places in esm2_tiny and in esm2_tiny-permuted; all act in one model; name ",
        ),
        (
            ("esm2_tiny-mlp_out/1/topk/1:ablate",),
            r".*/results: no layer 1 of esm2_tiny-mlp_out; it has 2\n",
        ),
        (
            (f"esm2_tiny-mlp_in/{LAYER}/topk/1:ablate",),
            r".*/results: no layer 2 of esm2_tiny-mlp_in; it has the models esm2_tiny, ",
        ),
        (
            (f"esm2_tiny-mlp_out/{LAYER}/coordinate/24:ablate",),
            rf"--edit esm2_tiny-mlp_out/{LAYER}/coordinate/24: no coordinate 24; layer esm2_tiny-ml"
            rf"p_out/{LAYER} has coordinates 0 to 23",
        ),
        (
            (f"esm2_tiny-mlp_hidden/{LAYER}/topk/192:ablate",),
            rf"--edit esm2_tiny-mlp_hidden/{LAYER}/topk/192:ablate: no feature 192; "
            rf"esm2_tiny-mlp_hidden/{LAYER}/topk has features 0 to 191",
        ),
    ],
)
def test_one_line_says_what_is_wrong(
    edits: tuple[str, ...],
    line: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = [word for edit in edits for word in ("--edit", edit)]
    of_run = ["--run", str(folder / "results"), "--output", str(tmp_path / "out")]
    assert main(["intervene", *of_run, "--sequence", "MKV", *words]) == 2
    said = capsys.readouterr().err
    assert re.match(rf"protsae intervene: {line}", said), said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()
