"""One-hot sequences as an activation file, through the command line."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from protsae import __version__
from protsae.cli import main
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.hdf5.attributes import read_attributes
from protsae.proteins.alphabet import LETTERS
from protsae.provenance import protein_set_sha256
from tests.helpers.tiny_esm import random_sequence, write_proteins

SEQUENCES = [
    random_sequence(31),
    LETTERS,
    "M",
    random_sequence(113),
    random_sequence(7, 0, "JUOXBZ"),
]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory with proteins, so that messages have short paths."""
    monkeypatch.chdir(tmp_path)
    write_proteins(Path("proteins.parquet"), SEQUENCES)
    return tmp_path


def onehot(shard=0, shards=1, proteins="proteins.parquet", flags=()):
    return main(
        [
            *("onehot", "--proteins", proteins, "--output", "out/x.h5"),
            *("--shard", str(shard), "--shards", str(shards), *flags),
        ]
    )


def test_the_file(folder, capsys):
    assert onehot() == 0
    assert capsys.readouterr().out == "5 proteins, 178 residues\n"
    assert [path.name for path in Path("out").iterdir()] == ["x.h5"]
    accessions = [f"P{i:05d}" for i in range(5)]
    with h5py.File("out/x.h5") as file:
        attributes = read_attributes(file)
        assert len(attributes.pop("header_xxh3")) == 32
        assert attributes == {
            "format": "protsae-activations",
            "format_version": 4,
            "complete": True,
            "model": "onehot",
            "weights_sha256": "",
            "protein_set_sha256": protein_set_sha256(accessions, SEQUENCES),
            "settings": "{}",
            "code_version": __version__,
        }
        assert list(file["layers"]) == ["00"]
        rows = file["layers/00"]
        assert (rows.shape, rows.dtype, rows.chunks) == ((178, 26), np.float16, None)
        assert file["proteins"]["accession"].tolist() == [name.encode() for name in accessions]
        assert file["proteins"]["offset"].tolist() == [0, 31, 57, 58, 171]
        assert file["proteins"]["length"].tolist() == [31, 26, 1, 113, 7]
        for row, letter in zip(rows[:], "".join(SEQUENCES), strict=True):
            assert [LETTERS[column] for column in np.flatnonzero(row)] == [letter]
            assert row.sum() == 1


def test_compressed_rows_are_the_same(folder):
    found = []
    for compression in ("none", "gzip"):
        assert onehot(flags=("--compression", compression)) == 0
        with h5py.File("out/x.h5") as file:
            found.append(file["layers/00"][:])
            assert (file["layers/00"].compression or "none") == compression
    np.testing.assert_array_equal(*found)


def test_shards_together_are_the_whole(folder):
    paths = []
    for shard in range(3):
        assert onehot(shard, 3) == 0
        paths.append(str(Path("out/x.h5").rename(f"{shard}.h5")))
    digest = protein_set_sha256([f"P{i:05d}" for i in range(5)], SEQUENCES)
    cache = LayerCache(paths, 0, digest)
    found = ""
    for shard, offset, length in cache.index.proteins[["shard", "offset", "length"]].to_numpy():
        found += "".join(LETTERS[i] for i in cache.read(shard, offset, offset + length).argmax(1))
    assert found == "".join(SEQUENCES)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ({"shards": 6}, "cache.shards: 6 shards for 5 proteins; expected at most 5"),
        ({"shard": 2, "shards": 2}, "--shard 2: expected 0 to 1 with --shards 2"),
        ({"shards": 0}, "--shards 0: expected 1 or more"),
        (
            {"proteins": "none.parquet"},
            "none.parquet: no such file; run the stage that writes it first",
        ),
    ],
    ids=["too-many", "out-of-range", "none", "no-proteins"],
)
def test_mistakes(folder, capsys, arguments, line):
    assert onehot(**arguments) == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", f"protsae onehot: {line}\n")
    assert not Path("out").exists()
