import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from protsae.cli import main
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.saes.sae_files import SaeSource, read_sae, write_sae
from protsae.io.saes.sae_identity import sae_sha256, train_set_sha256
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.plm.spliced_loss import MaskedLoss, masked_loss
from protsae.sae.architectures import ReluSae, restore_sae
from protsae.schema.saes.evaluation_tables import EVALUATION
from protsae.schema.saes.stability_table import STABILITY
from tests.helpers.tiny_esm import build_esm, save_tiny
from tests.helpers.tiny_run import (
    TOPK,
    inputs,
    protein_rows,
    train_saes,
    write_embedded_run,
    write_onehot_run,
)

LAYER, D = 2, 24


def evaluate(run: Path, sae: Path | list[Path], *flags: str) -> int:
    saes = map(str, sae if isinstance(sae, list) else [sae])
    return main(["evaluate", "--sae", *saes, *inputs(run), "--bootstrap", "101", *flags])


def read(sae: Path) -> dict[str, object]:
    document = json.loads((sae / "evaluation.json").read_text())
    assert isinstance(document, dict)
    return document


@pytest.fixture(scope="module")
def onehot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_onehot_run(tmp_path_factory.mktemp("onehot"))
    assert train_saes(run, run, {"topk": TOPK}) == 0
    assert evaluate(run, run / "topk") == 0
    return run


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on layer 2 of a tiny ESM-2; the SAE ``identity`` rebuilds every row as it is."""
    run = tmp_path_factory.mktemp("esm")
    write_embedded_run(run, LAYER)
    table, checksum = read_split_proteins(run / "proteins.parquet")
    cache = LayerCache([run / "shard-0.h5", run / "shard-1.h5"], LAYER, checksum)
    train = set(table.loc[table["split"] == "train", "accession"])
    source = SaeSource(
        architecture="relu",
        k=None,
        model=cache.source.model,
        weights_sha256=cache.source.weights_sha256,
        layer=LAYER,
        protein_set_sha256=cache.source.protein_set_sha256,
        train_set_sha256=train_set_sha256(train),
        n_residues=1,
        normalisation={},
        settings={},
        code_version="0",
    )
    sae = ReluSae(D, 2 * D)
    both_signs = torch.cat([torch.eye(D), -torch.eye(D)])
    with torch.no_grad():
        sae.W_dec.copy_(both_signs)
        sae.W_enc.copy_(both_signs.T)
    write_sae(run / "identity", sae.state_dict(), source)
    with torch.no_grad():
        sae.W_dec.zero_()
    write_sae(run / "zero", sae.state_dict(), source)
    return run


@pytest.fixture(scope="module")
def inside(embedded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on what the block's MLP adds, by shards of their own; also an SAE that gives 0."""
    run = tmp_path_factory.mktemp("inside")
    for shard in ("0", "1"):
        output = ["--shard", shard, "--shards", "2", "--output", str(run / "unused.h5")]
        command = ["embed", *output, "--proteins", str(embedded / "proteins.parquet")]
        command += ["--model", str(embedded / "esm2_tiny.pt"), "--layers", str(LAYER)]
        command += ["--device", "cpu", "--dtype", "float32"]
        assert main([*command, "--inside", f"mlp_out={run / f'shard-{shard}.h5'}"]) == 0
    shutil.copy(embedded / "proteins.parquet", run)
    for name in ("identity", "zero"):
        weights, source = read_sae(embedded / name)
        write_sae(run / name, weights, replace(source, model="esm2_tiny-mlp_out"))
    return run


def test_an_sae_of_what_an_mlp_adds_is_spliced_in_there(inside: Path, embedded: Path) -> None:
    """What rebuilds it changes no prediction; what gives 0 is the ablation by zeros."""
    saes = [inside / "identity", inside / "zero"]
    assert evaluate(inside, saes, *with_model(embedded)) == 0
    same, zero = (read(sae) for sae in saes)
    assert (same["model"], same["layer"]) == ("esm2_tiny-mlp_out", LAYER)
    assert same["ce_spliced"] == pytest.approx(same["ce_clean"], rel=1e-6)
    assert zero["ce_spliced"] == pytest.approx(zero["ce_zero_ablation"], rel=1e-6)
    assert zero["ce_zero_ablation"] != pytest.approx(zero["ce_clean"], rel=1e-4)
    # Another place than the layer itself, whose ablation takes out all that the blocks below did.
    assert evaluate(embedded, embedded / "zero", *with_model(embedded)) == 0
    assert read(embedded / "zero")["ce_clean"] == pytest.approx(same["ce_clean"], rel=1e-6)
    assert read(embedded / "zero")["ce_spliced"] != pytest.approx(zero["ce_spliced"], rel=1e-3)


def test_an_sae_of_another_site_is_refused(
    inside: Path, embedded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for run, sae, of_sae, given in (
        (embedded, inside / "identity", "esm2_tiny-mlp_out", "esm2_tiny"),
        (inside, embedded / "identity", "esm2_tiny", "esm2_tiny-mlp_out"),
    ):
        capsys.readouterr()
        assert evaluate(run, sae, *with_model(embedded)) == 2
        assert capsys.readouterr().err == (
            f'protsae evaluate: {sae}: the SAE was trained on model "{of_sae}", but is given '
            f'"{given}"; train it on these activations and this split first\n'
        )


def with_model(run: Path) -> tuple[str, ...]:
    return ("--model", str(run / "esm2_tiny.pt"), "--device", "cpu")


def test_fields_of_a_onehot_sae(onehot: Path) -> None:
    document = read(onehot / "topk")
    assert set(EVALUATION.names) <= document.keys()
    assert {k: document[k] for k in ("model", "layer", "variant", "d_model", "n_features")} == {
        "model": "onehot",
        "layer": 0,
        "variant": "topk",
        "d_model": 26,
        "n_features": 37,
    }
    assert (document["n_proteins"], document["n_clusters"]) == (6, 6)
    assert document["n_residues"] == 6 * 29
    for name in EVALUATION.names:
        if name.startswith(("loss", "ce_", "kl_", "n_mask")):
            assert document[name] is None, name


def test_scores_against_plain_numpy(onehot: Path) -> None:
    proteins, checksum = read_split_proteins(onehot / "proteins.parquet")
    cache = LayerCache([onehot / f"shard-{i}.h5" for i in (0, 1)], 0, checksum)
    names = set(proteins.loc[proteins["split"] == "test", "accession"])
    rows = np.concatenate([rows for _, rows in cache.protein_blocks(names, 1000)])
    weights, source = read_sae(onehot / "topk")
    sae = restore_sae(source.architecture, source.k, weights)
    features = sae.encode(torch.from_numpy(rows)).numpy()
    rebuilt = sae(torch.from_numpy(rows)).numpy()
    document = read(onehot / "topk")
    fvu = ((rows - rebuilt) ** 2).sum() / ((rows - rows.mean(0)) ** 2).sum()
    assert document["fvu"] == pytest.approx(fvu, rel=1e-4)
    assert document["l0"] == pytest.approx((features > 0).sum(1).mean())
    assert document["dead_fraction"] == pytest.approx((~(features > 0).any(0)).mean())
    assert document["density_median"] == pytest.approx(np.median((features > 0).mean(0)))
    assert document["pca_components"] == max(1, round(float((features > 0).sum(1).mean())))
    assert 0 < float(str(document["pca_fvu"])) < 1


def test_intervals_hold_the_point(tmp_path: Path) -> None:
    run = write_onehot_run(tmp_path, protein_rows(36))
    assert train_saes(run, run, {"topk": TOPK}) == 0
    assert evaluate(run, run / "topk") == 0
    document = read(run / "topk")
    assert document["n_clusters"] == 12
    for name in ("l0", "fvu"):
        low, point, high = (float(str(document[name + end])) for end in ("_low", "", "_high"))
        assert low <= point <= high


def test_few_clusters_have_no_interval(onehot: Path) -> None:
    """Six; of a single one every resampling would be the estimate itself."""
    document = read(onehot / "topk")
    assert [document[f"{name}_{end}"] for name in ("l0", "fvu") for end in ("low", "high")] == (
        [None] * 4
    )


def test_the_same_bytes_again(onehot: Path) -> None:
    before = (onehot / "topk" / "evaluation.json").read_bytes()
    assert evaluate(onehot, onehot / "topk") == 0
    assert (onehot / "topk" / "evaluation.json").read_bytes() == before


def test_a_perfect_sae_loses_nothing(embedded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(embedded, embedded / "identity", *with_model(embedded)) == 0
    document = read(embedded / "identity")
    assert document["ce_spliced"] == pytest.approx(document["ce_clean"], abs=1e-5)
    assert document["fvu"] == pytest.approx(0, abs=1e-9)
    assert document["l0"] == D
    # round(0.15 * 29) = 4 residues of each of 6 test proteins, in each of 5 masks.
    assert (document["n_masked"], document["n_masks"]) == (120, 5)
    # An untrained model loses nothing when a layer is taken out, so there is nothing to recover.
    assert abs(document["ce_mean_ablation"] - document["ce_clean"]) < 0.1
    for name in ("", "_low", "_high", "_mask_sd"):
        assert document[f"loss_recovered{name}"] is None
    dead = f"{document['dead_fraction']:.3f}"
    assert capsys.readouterr().out == (
        f"identity: l0 24.000, fvu 0.000, dead_fraction {dead} on 174 residues, loss_recovered - "
        f"(mean ablation costs {document['ce_mean_ablation']:.3f} nats, the model "
        f"{document['ce_clean']:.3f}: no sure difference)\n"
    )


def test_shares_of_the_loss_are_those_of_the_cross_entropies(
    embedded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that knows a nat more than it does, and loses half of it to the SAE."""

    def knowing(*args: object) -> MaskedLoss:
        found = masked_loss(*args)  # type: ignore[arg-type]
        found.nats["clean"] = found.nats["mean_ablation"] - found.n_masked
        found.nats["sae:identity"] = found.nats["mean_ablation"] - found.n_masked / 2
        return found

    monkeypatch.setattr("protsae.stages.evaluate_saes.masked_loss", knowing)
    assert evaluate(embedded, embedded / "identity", *with_model(embedded)) == 0
    document = read(embedded / "identity")
    for name in ("", "_low", "_high"):
        assert document[f"loss_recovered{name}"] == pytest.approx(0.5)
    assert document["loss_recovered_mask_sd"] == pytest.approx(0, abs=1e-6)
    assert document["ce_mean_ablation"] - document["ce_clean"] == pytest.approx(1)


def test_the_guess_from_frequencies_knows_train(embedded: Path) -> None:
    assert (
        evaluate(embedded, embedded / "zero", *with_model(embedded), "--mask-fraction", "0.99") == 0
    )
    proteins, _ = read_split_proteins(embedded / "proteins.parquet")
    letters = "ACDEFGHIKLMNPQRSTVWY"
    train, test = (
        "".join(proteins.loc[proteins["split"] == part, "sequence"]) for part in ("train", "test")
    )
    p = {a: (train.count(a) + 1) / (sum(map(train.count, letters)) + 20) for a in letters}
    nats = [-np.log(p[a]) for a in test if a in letters]  # all of them are masked
    document = read(embedded / "zero")
    assert document["n_masked"] == 5 * len(nats)
    assert document["ce_unigram"] == pytest.approx(np.mean(nats))


def test_an_sae_that_writes_zeros_is_zero_ablation(embedded: Path) -> None:
    assert evaluate(embedded, embedded / "zero", *with_model(embedded)) == 0
    document = read(embedded / "zero")
    assert document["ce_spliced"] == pytest.approx(document["ce_zero_ablation"], abs=1e-6)


def test_fewer_proteins_or_masks_for_the_loss(embedded: Path) -> None:
    flags = (*with_model(embedded), "--max-proteins", "2", "--masks", "3")
    assert evaluate(embedded, embedded / "identity", *flags) == 0
    document = read(embedded / "identity")
    assert (document["n_masked"], document["n_masks"]) == (2 * 3 * 4, 3)


def test_no_model_to_splice_into(embedded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(embedded, embedded / "identity") == 2
    assert capsys.readouterr().err == (
        "protsae evaluate: --model: give the ESM-2 to splice into, esm2_tiny; found none\n"
    )


def test_another_model(embedded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = save_tiny(tmp_path, model=build_esm(seed=1))
    cache = LayerCache(
        [embedded / "shard-0.h5"], LAYER, read_split_proteins(embedded / "proteins.parquet")[1]
    )
    assert evaluate(embedded, embedded / "identity", "--model", str(other), "--device", "cpu") == 2
    err = capsys.readouterr().err
    start = f"protsae evaluate: {other}: weights_sha256 is "
    end = (
        f", but the activations come from {cache.source.weights_sha256}; embed again with this "
        "model\n"
    )
    assert err.startswith(start)
    assert err.endswith(end)
    assert len(err) == len(start) + 64 + len(end)


def test_activations_of_another_model(
    onehot: Path, embedded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(onehot, embedded / "identity") == 2
    assert capsys.readouterr().err == (
        f"protsae evaluate: {onehot}/shard-0.h5: layer 2 is not in this cache; it has 0\n"
    )


def test_no_sae(onehot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(onehot, tmp_path / "none") == 2
    assert capsys.readouterr().err == (
        f"protsae evaluate: {tmp_path}/none/protsae.json: no such file; run the stage that writes "
        "it first\n"
    )


def test_saes_of_a_layer_together_are_as_alone(embedded: Path, tmp_path: Path) -> None:
    names = ("identity", "zero")
    flags = (*with_model(embedded), "--optimal-codes", "17")
    assert evaluate(embedded, [embedded / name for name in names], *flags) == 0
    together = {name: read(embedded / name) for name in names}
    for name in names:
        assert evaluate(embedded, embedded / name, *flags) == 0
        assert read(embedded / name) == together[name]


def test_kl_of_nothing_lost_and_of_everything(embedded: Path) -> None:
    flags = (*with_model(embedded), "--optimal-codes", "17")
    assert evaluate(embedded, [embedded / "identity", embedded / "zero"], *flags) == 0
    perfect, zero = read(embedded / "identity"), read(embedded / "zero")
    assert perfect["kl_spliced"] == pytest.approx(0, abs=1e-6)
    assert zero["kl_spliced"] == pytest.approx(zero["kl_zero_ablation"], abs=1e-6)
    assert float(str(zero["kl_zero_ablation"])) > 1e-3


def test_seeds_and_widths_are_compared(tmp_path: Path) -> None:
    run = write_onehot_run(tmp_path)
    settings = {**TOPK, "width": [37, 53], "seed": [0, 1, 2]}
    assert train_saes(run, run / "layer", {"a": settings, "b": {**TOPK, "k": 3}}) == 0
    folders = sorted((run / "layer").iterdir())
    assert evaluate(run, folders) == 0
    rows = {path.name: F.normalize(read_sae(path)[0]["W_dec"], dim=1) for path in folders}

    def cosines(one: str, other: str) -> torch.Tensor:
        return rows[one] @ rows[other].T

    document = read(run / "layer" / "a-width37-seed0")
    to_others = [cosines("a-width37-seed0", f"a-width37-seed{i}").amax(1).mean() for i in (1, 2)]
    assert document["seed_cosine"] == pytest.approx(float(sum(to_others)) / 2, rel=1e-5)
    assert 0.3 < float(str(document["random_cosine"])) < 0.9
    nearest = cosines("a-width53-seed0", "a-width37-seed0").max(1)
    parts = torch.bincount(nearest.indices[nearest.values >= 0.7], minlength=37)
    assert document["split_share"] == pytest.approx(float((parts >= 2).float().mean()))
    assert document["training_residues"] == 40 * 31
    # Nothing is wider than 53, and nothing differs from b in seed or width alone.
    assert read(run / "layer" / "a-width53-seed0")["split_share"] is None
    alone = read(run / "layer" / "b")
    assert (alone["seed_cosine"], alone["split_share"]) == (None, None)


def test_an_sae_alone_has_none_to_compare_with(onehot: Path) -> None:
    document = read(onehot / "topk")
    for name in ("seed_cosine", "random_cosine", "split_share", "objective_excess"):
        assert document[name] is None, name


def test_two_folders_of_one_name(onehot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(onehot, [onehot / "topk", onehot / "topk"]) == 2
    assert capsys.readouterr().err == (
        "protsae evaluate: --sae: two folders of the same name; give the variants of one layer\n"
    )


@pytest.fixture
def with_seeds(tmp_path: Path) -> Path:
    run = write_onehot_run(tmp_path / "run")
    assert train_saes(run, run, {"topk": {**TOPK, "seeds": 3}, "alone": TOPK}) == 0
    return run


def test_the_sae_of_several_seeds_gets_its_matches(with_seeds: Path) -> None:
    folder = with_seeds / "topk"
    assert evaluate(with_seeds, [folder, with_seeds / "alone"]) == 0
    rows = read_table(folder / "stability.parquet", STABILITY)
    n_features = read(folder)["n_features"]
    assert rows.groupby("seed").size().to_dict() == {1: n_features, 2: n_features}
    assert set(zip(rows["model"], rows["layer"], rows["variant"], strict=True)) == {
        ("onehot", 0, "topk")
    }
    saes = read_metadata(folder / "stability.parquet")["saes"]
    assert saes == {
        "topk": sae_sha256(folder),
        **{f"topk/seed-{seed}": sae_sha256(folder / f"seed-{seed}") for seed in (1, 2)},
    }
    assert not (with_seeds / "alone" / "stability.parquet").exists()
    assert read(folder)["seed_cosine"] == pytest.approx(rows["cosine"].mean(), abs=1e-6)
    assert read(with_seeds / "alone")["seed_cosine"] is None


def test_shards_in_any_order_give_the_same_matches(with_seeds: Path) -> None:
    folder = with_seeds / "topk"
    assert evaluate(with_seeds, folder) == 0
    first = read_table(folder / "stability.parquet", STABILITY)
    command = ["evaluate", "--sae", str(folder), *inputs(with_seeds), "--bootstrap", "101"]
    shards = [word for word in command if word.endswith(".h5")]
    places = [command.index(shard) for shard in shards]
    for place, shard in zip(places, reversed(shards), strict=True):
        command[place] = shard
    assert main(command) == 0
    again = read_table(folder / "stability.parquet", STABILITY)
    exact = ["match", "active_clusters", "cosine"]
    assert again[exact].equals(first[exact])
    np.testing.assert_allclose(again["correlation"], first["correlation"], rtol=1e-9)


def test_a_seed_that_is_missing(with_seeds: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = with_seeds / "topk"
    (folder / "seed-2" / "protsae.json").unlink()
    assert evaluate(with_seeds, folder) == 2
    assert f"{folder / 'seed-2' / 'protsae.json'}" in capsys.readouterr().err


def test_what_of_an_sae_is_frozen(with_seeds: Path) -> None:
    assert train_saes(with_seeds, with_seeds, {"fixed": {**TOPK, "freeze": "encoder"}}) == 0
    assert evaluate(with_seeds, [with_seeds / "fixed", with_seeds / "alone"]) == 0
    found = {name: read(with_seeds / name)["freeze"] for name in ("fixed", "alone")}
    assert found == {"fixed": "encoder", "alone": "none"}
