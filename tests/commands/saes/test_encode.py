import re
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from scipy import sparse

from protsae.cli import main
from protsae.errors import UserError
from protsae.io.hdf5.attributes import write_text
from protsae.io.hdf5.code_cache import KIND, StoredCodes
from protsae.io.hdf5.shard_index import seal_header
from protsae.io.saes.sae_identity import sae_sha256
from protsae.io.table_files.proteins_table import read_split_proteins
from protsae.stages.inputs.open_saes import open_saes
from tests.helpers.tiny_run import TOPK, encode, inputs, protein_rows, train_saes, write_onehot_run

RELU = {**TOPK, "architecture": "relu", "width": 31, "penalty": 0.5}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = write_onehot_run(tmp_path_factory.mktemp("run"), protein_rows(n_proteins=30))
    assert train_saes(run, run, {"topk": TOPK, "relu": RELU}) == 0
    for shard in (0, 1):
        assert encode(run, run, shard, run / f"codes-{shard}.h5", "topk", "relu") == 0
    return run


def open_codes(run: Path, variant: str) -> StoredCodes:
    _, protein_set = read_split_proteins(run / "proteins.parquet")
    shards = [run / "codes-0.h5", run / "codes-1.h5"]
    return StoredCodes(shards, variant, sae_sha256(run / variant), protein_set)


@pytest.mark.parametrize("variant", ["topk", "relu"])
def test_codes_are_what_the_sae_says(run: Path, variant: str) -> None:
    """To the bit, whatever is multiplied or read together."""
    proteins, protein_set = read_split_proteins(run / "proteins.parquet")
    names = set(proteins["accession"])
    shards = [str(run / f"shard-{shard}.h5") for shard in (0, 1)]
    train = set(proteins.loc[proteins["split"] == "train", "accession"])
    cache, saes = open_saes([str(run / variant)], shards, protein_set, train)
    [(every, rows)] = cache.protein_blocks(names, 10**6)
    exact = saes[variant].sae.in_float64().encode(torch.from_numpy(rows).double()).detach()
    ends = np.cumsum(proteins.set_index("accession").loc[every, "length"])
    expected = dict(zip(every, np.split(exact.float().numpy(), ends[:-1]), strict=True))
    codes = open_codes(run, variant)
    assert codes.n_features == saes[variant].sae.n_features
    for max_rows in (1, 71, 10**6):
        found: list[str] = []
        for accessions, block in codes.blocks(names, max_rows):
            assert block.shape[0] <= max_rows or len(accessions) == 1
            together = np.concatenate([expected[name] for name in accessions])
            np.testing.assert_array_equal(block.toarray(), together)
            assert block.nnz == np.count_nonzero(together)
            found += accessions
        assert found == proteins["accession"].tolist()
    assert sum(np.count_nonzero(rows) for rows in expected.values()) > 100


def test_some_proteins(run: Path) -> None:
    codes = open_codes(run, "topk")
    [(every, rows)] = codes.blocks({f"P{i:05d}" for i in range(30)}, 10**6)
    [(some, part)] = codes.blocks({"P00002", "P00003", "P00029"}, 10**6)
    assert some == ["P00002", "P00003", "P00029"]
    wanted = np.concatenate([np.arange(29) + 29 * every.index(name) for name in some])
    np.testing.assert_array_equal(part.toarray(), rows.toarray()[wanted])


def test_anndata_reads_them(run: Path) -> None:
    anndata = pytest.importorskip("anndata")
    _, rows = next(open_codes(run, "relu").blocks({"P00000", "P00001"}, 10**6))
    with h5py.File(run / "codes-0.h5") as file:
        found = anndata.io.sparse_dataset(file["codes/relu"])
        assert found.shape[1] == 31
        np.testing.assert_array_equal(found[: 2 * 29].toarray(), rows.toarray())


def test_the_layout_is_that_of_anndata(run: Path) -> None:
    """https://anndata.readthedocs.io/en/stable/fileformat-prose.html, sparse arrays."""
    codes = open_codes(run, "relu")
    _, rows = next(codes.blocks(set(codes.index.proteins["accession"]), 10**6))
    with h5py.File(run / "codes-0.h5") as file:
        group = file["codes/relu"]
        assert group.attrs["encoding-type"] == "csr_matrix"
        assert group.attrs["encoding-version"] == "0.1.0"
        found = sparse.csr_array(
            tuple(group[name][:] for name in ("data", "indices", "indptr")),
            shape=tuple(group.attrs["shape"]),
        )
    np.testing.assert_array_equal(found.toarray(), rows[: found.shape[0]].toarray())


def test_the_same_bytes_again(run: Path, tmp_path: Path) -> None:
    assert encode(run, run, 1, tmp_path / "again.h5", "topk", "relu") == 0
    assert (tmp_path / "again.h5").read_bytes() == (run / "codes-1.h5").read_bytes()


def test_what_it_says(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert encode(run, run, 0, tmp_path / "codes.h5", "topk") == 0
    with h5py.File(tmp_path / "codes.h5") as file:
        codes = file["codes/topk"]
        n_residues, mean = codes.attrs["shape"][0], len(codes["data"]) / codes.attrs["shape"][0]
    printed = capsys.readouterr().out
    assert printed == f"topk: {n_residues} residues, {mean:.1f} features active each\n"
    assert n_residues == 15 * 29


def annotate(run: Path, codes: list[Path], *variants: str) -> int:
    saes = [str(run / variant) for variant in variants]
    annotations = ["--annotations", str(run / "annotations.parquet"), "--output", str(run / "out")]
    return main(
        ["annotate", "--sae", *saes, "--codes", *map(str, codes), *inputs(run), *annotations]
    )


def test_codes_of_another_sae(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "relu"
    assert train_saes(run, tmp_path, {"relu": {**RELU, "seed": 1}}) == 0
    capsys.readouterr()
    assert annotate(run, [run / "codes-0.h5", run / "codes-1.h5"], str(other)) == 2
    assert capsys.readouterr().err == (
        f"protsae annotate: {run}/codes-0.h5: the codes of relu are of SAE "
        f"{sae_sha256(run / 'relu')[:12]}, but the one given is {sae_sha256(other)[:12]}; "
        "encode again\n"
    )


def test_codes_without_an_sae(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert encode(run, run, 0, tmp_path / "codes.h5", "topk") == 0
    capsys.readouterr()
    assert annotate(run, [tmp_path / "codes.h5"], "relu") == 2
    assert capsys.readouterr().err == (
        f"protsae annotate: {tmp_path}/codes.h5: no codes of SAE relu; it has topk; encode again\n"
    )


def test_shards_out_of_order(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert annotate(run, [run / "codes-1.h5", run / "codes-0.h5"], "topk") == 2
    assert capsys.readouterr().err == (
        "protsae annotate: --codes: the shards hold the proteins in another order than the table "
        "of proteins; give them in the order of their numbers\n"
    )


def test_a_shard_of_codes_that_was_not_given(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert annotate(run, [run / "codes-1.h5"], "topk") == 2
    assert capsys.readouterr().err == (
        "protsae annotate: codes: 5 of the 10 proteins asked for are in none of the files given, "
        "first P00000; give all shards\n"
    )
    assert annotate(run, [run / "codes-1.h5"] * 2, "topk") == 2
    assert capsys.readouterr().err == (
        f"protsae annotate: {run}/codes-1.h5: protein P00015 is in another file of codes too; give "
        "each shard once\n"
    )


def test_codes_of_other_activations(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shards = [Path(shutil.copy(run / f"codes-{shard}.h5", tmp_path)) for shard in (0, 1)]
    for path in shards:
        with h5py.File(path, "a") as file:
            write_text(file, "settings", '{"context": 7}')
            seal_header(file, KIND)
    assert annotate(run, shards, "topk") == 2
    assert capsys.readouterr().err == (
        'protsae annotate: --codes: settings is {"context": 7}, but that of the activations is '
        "{}; encode these activations first\n"
    )


def test_no_codes(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert annotate(run, [tmp_path / "codes.h5"], "topk") == 2
    assert capsys.readouterr().err == (
        f"protsae annotate: {tmp_path}/codes.h5: no such file; run the encode stage first\n"
    )
    assert annotate(run, [run / "shard-0.h5"], "topk") == 2
    assert capsys.readouterr().err == (
        f"protsae annotate: {run}/shard-0.h5: format protsae-activations version 4; expected a "
        "complete protsae-codes file of version 4; run the encode stage again\n"
    )


def copied(run: Path, folder: Path) -> Path:
    """The codes, with the protein table and the SAE that they need, where they may be damaged."""
    for name in ("codes-0.h5", "codes-1.h5", "proteins.parquet"):
        shutil.copy(run / name, folder / name)
    shutil.copytree(run / "topk", folder / "topk")
    return folder


def every_block(run: Path) -> list[tuple[list[str], sparse.csr_array]]:
    names = set(read_split_proteins(run / "proteins.parquet")[0]["accession"])
    return list(open_codes(run, "topk").blocks(names, 100))


@pytest.mark.parametrize("name", ["data", "indices", "indptr"])
def test_a_flipped_bit_is_found(run: Path, tmp_path: Path, name: str) -> None:
    path = copied(run, tmp_path) / "codes-0.h5"
    assert every_block(tmp_path)
    with h5py.File(path, "r") as file:
        chunk = file[f"codes/topk/{name}"].id.get_chunk_info(0)
    damaged = bytearray(path.read_bytes())
    damaged[chunk.byte_offset + 5] ^= 4
    path.write_bytes(damaged)
    start, end = re.escape(f"{path}: damaged ("), re.escape("); encode again")
    with pytest.raises(UserError, match=f"^{start}.*{end}$"):
        every_block(tmp_path)


@pytest.mark.parametrize(
    ("name", "place", "value", "problem"),
    [
        ("indptr", 3, 10**6, "/indptr does not cut "),
        ("indptr", 0, 1, "/indptr does not cut "),
        ("indptr", -1, 5, "/indptr does not cut "),
        ("indices", 7, -1, " has features that are not among "),
        ("indices", 7, 10**6, " has features that are not among "),
        ("data", 7, np.nan, " has values that are NaN, infinite or below 0"),
        ("data", 7, np.inf, " has values that are NaN, infinite or below 0"),
        ("data", 7, -1.0, " has values that are NaN, infinite or below 0"),
    ],
)
def test_codes_that_are_none(
    run: Path, tmp_path: Path, name: str, place: int, value: float, problem: str
) -> None:
    """Written with right checksums: SciPy would read and write beside its arrays."""
    path = copied(run, tmp_path) / "codes-0.h5"
    with h5py.File(path, "a") as file:
        dataset = file[f"codes/topk/{name}"]
        dataset[len(dataset) - 1 if place < 0 else place] = value
    with pytest.raises(UserError, match=re.escape(problem)) as error:
        every_block(tmp_path)
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).endswith("; encode again")
