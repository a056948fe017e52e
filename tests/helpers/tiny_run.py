"""Small activation caches and protein tables, in the files that the stages read.

Proteins take turns between the splits, each its own homology cluster. Sizes are distinct primes.
"""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from protsae.cli import main
from protsae.io.hdf5.activation_cache import LayerCache, LayerFormat, write_shard
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.hdf5.stored_rows import Compression
from protsae.io.table_files.proteins_table import APART_FROM, read_split_proteins, study_stamp
from protsae.proteins.alphabet import STANDARD
from protsae.proteins.split_names import SPLITS
from protsae.provenance import protein_set_sha256
from protsae.schema.protein_tables import FURTHER
from tests.helpers.stored_tables import store
from tests.helpers.tiny_esm import save_tiny

PROTEIN_SET = "5e7" + "0" * 61
SOURCE = CacheSource("tiny", "abc123", PROTEIN_SET, "{}", "0.1.0")
LENGTHS = (7, 1, 13, 5, 2, 11)
D_MODEL = {1: 3, 2: 5}
SMALL = {"width": 37, "steps": 40, "lr": 0.01}
TOPK = {"architecture": "topk", "k": 2, **SMALL}


def cache_rows(lengths: Sequence[int] = LENGTHS, d_model: int = 3, seed: int = 0) -> np.ndarray:
    """Rows in which every value occurs once, exact in float16."""
    n_values = int(np.sum(lengths)) * d_model
    values = np.random.default_rng(seed).permutation(n_values) / 8
    return values.reshape(-1, d_model).astype(np.float32)


def write_cache(
    folder: Path,
    lengths: Sequence[int] = LENGTHS,
    cuts: Sequence[int] = (4,),
    source: CacheSource = SOURCE,
    dtype: str = "float16",
    compression: Compression = "none",
) -> list[Path]:
    """Shards of proteins P0, P1, ... with layers 1 and 2; protein ``cut`` starts a new shard."""
    paths = []
    ends = [0, *cuts, len(lengths)]
    first_row = np.concatenate([[0], np.cumsum(lengths)])
    for shard, (start, stop) in enumerate(itertools.pairwise(ends)):
        path = folder / f"shard-{shard:04d}.h5"
        names = [f"P{i}" for i in range(start, stop)]
        formats = {layer: LayerFormat(width, dtype) for layer, width in D_MODEL.items()}
        of_shard = slice(first_row[start], first_row[stop])
        with write_shard(path, names, lengths[start:stop], formats, source, compression) as writer:
            for layer, width in D_MODEL.items():
                writer.write(layer, 0, cache_rows(lengths, width, layer)[of_shard].astype(dtype))
        paths.append(path)
    return paths


def open_cache(folder: Path, layer: int = 1, **options: object) -> LayerCache:
    """A cache of `write_cache`, opened."""
    return LayerCache(write_cache(folder, **options), layer, PROTEIN_SET)  # type: ignore[arg-type]


def protein_rows(n_proteins: int = 18, length: int = 29, seed: int = 0) -> pd.DataFrame:
    """Random proteins, each a cluster of its own, in train, valid and test by turns."""
    rng = np.random.default_rng(seed)
    letters = rng.choice(list(STANDARD), size=(n_proteins, length))
    accession = [f"P{i:05d}" for i in range(n_proteins)]
    return pd.DataFrame(
        {
            "accession": accession,
            "entry_name": [f"{name}_TEST" for name in accession],
            "organism": "Homo sapiens",
            "taxon_id": pd.array([9606] * n_proteins, dtype="Int64"),
            "length": length,
            "sequence": ["".join(row) for row in letters],
            "cluster": accession,
            "split": [SPLITS[i % 3] for i in range(n_proteins)],
            "has_relative_in_train": False,
        }
    )


def write_proteins(path: Path, proteins: pd.DataFrame) -> str:
    """Write proteins.parquet; returns the checksum of the set."""
    checksum = protein_set_sha256(proteins["accession"], proteins["sequence"])
    store(path, proteins, {"stage": "split", "protein_set_sha256": checksum})
    return checksum


def write_annotations(path: Path, proteins: pd.DataFrame) -> None:
    """Write annotations.parquet: residues 4 to 9 of every protein are a SIGNAL."""
    rows = [(name, "SIGNAL", "", 4, 9, "", True) for name in proteins["accession"]]
    columns = ["accession", "type", "description", "start", "end", "evidence", "certain"]
    store(path, pd.DataFrame(rows, columns=columns), {"stage": "fetch"})


def write_onehot_run(folder: Path, proteins: pd.DataFrame | None = None, n_shards: int = 2) -> Path:
    """Proteins, annotations and one-hot activations in shards, by the stage itself."""
    proteins = protein_rows() if proteins is None else proteins
    write_proteins(folder / "proteins.parquet", proteins)
    write_annotations(folder / "annotations.parquet", proteins)
    for shard in range(n_shards):
        output = folder / f"shard-{shard}.h5"
        shards = ["--shard", str(shard), "--shards", str(n_shards), "--output", str(output)]
        assert main(["onehot", "--proteins", str(folder / "proteins.parquet"), *shards]) == 0
    return folder


def write_embedded_run(folder: Path, layer: int, proteins: pd.DataFrame | None = None) -> Path:
    """A tiny ESM-2, proteins, and the activations of one of its layers in two shards."""
    model = ["--model", str(save_tiny(folder)), "--layers", str(layer), "--device", "cpu"]
    write_proteins(folder / "proteins.parquet", protein_rows() if proteins is None else proteins)
    of_proteins = ["--proteins", str(folder / "proteins.parquet")]
    for shard in ("0", "1"):
        output = ["--shard", shard, "--shards", "2", "--output", str(folder / f"shard-{shard}.h5")]
        assert main(["embed", *of_proteins, *output, *model, "--dtype", "float32"]) == 0
    return folder


def write_further(folder: Path, embed: Sequence[str] = ("onehot",), n_proteins: int = 5) -> Path:
    """Further proteins beside those of a folder, and a shard of their activations, by the stages.

    Parameters
    ----------
    embed : sequence of str
        Command that makes activations, and its settings.
    """
    proteins, protein_set = read_split_proteins(folder / "proteins.parquet")
    table = protein_rows(n_proteins, length=23, seed=7)[FURTHER.names]
    table["accession"] = [f"F{i}" for i in range(n_proteins)]
    stamp = {"stage": "further", APART_FROM: study_stamp(proteins, protein_set)}
    store(folder / "further.parquet", table, stamp)
    shard = ["--shard", "0", "--shards", "1", "--output", str(folder / "further-0.h5")]
    assert main([*embed, "--proteins", str(folder / "further.parquet"), *shard]) == 0
    return folder


def further_inputs(folder: Path) -> list[str]:
    """The flags that name the files of `write_further`."""
    table, shard = (str(folder / name) for name in ("further.parquet", "further-0.h5"))
    return ["--further-proteins", table, "--further-activations", shard]


def inputs(folder: Path) -> list[str]:
    """The flags that name proteins and shards of `write_onehot_run`."""
    shards = map(str, sorted(folder.glob("shard-*.h5")))
    return ["--proteins", str(folder / "proteins.parquet"), "--activations", *shards]


def train_command(
    folder: Path, output: Path, saes: dict[str, dict[str, object]], *flags: str
) -> list[str]:
    """Words that train small SAEs, on layer 0 unless a flag says another."""
    stream = ["--batch", "31", "--device", "cpu", "--layer", "0", "--output", str(output)]
    return ["train", *inputs(folder), *stream, "--saes", json.dumps(saes), *flags]


def train_saes(folder: Path, output: Path, saes: dict[str, dict[str, object]], *flags: str) -> int:
    """Run ``train_command``; returns the exit status."""
    return main(train_command(folder, output, saes, *flags))


def encode(folder: Path, saes: Path, shard: int, output: Path, *variants: str) -> int:
    """Run the encode stage on a shard of `write_onehot_run`; returns the exit status."""
    return main(
        [
            *("encode", "--sae", *(str(saes / variant) for variant in variants)),
            *("--activations", str(folder / f"shard-{shard}.h5")),
            *("--proteins", str(folder / "proteins.parquet"), "--output", str(output)),
        ]
    )
