"""Ways in which a file of a run goes wrong."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from safetensors.numpy import load_file, save_file

Damage = Callable[[Path, random.Random], bool]
"""Changes a file; False if this kind of file cannot be damaged so."""


def flip_bit(path: Path, draw: random.Random) -> bool:
    """One bit, anywhere."""
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    return True


def blank_sector(path: Path, draw: random.Random) -> bool:
    """512 bytes of zeros, as of a disk that lost a sector."""
    content = bytearray(path.read_bytes())
    start = draw.randrange(max(1, len(content) - 512))
    lost = content[start : start + 512]
    content[start : start + 512] = bytes(len(lost))
    path.write_bytes(content)
    return any(lost)


def cut_short(path: Path, draw: random.Random) -> bool:
    """Only the beginning, as of a copy that broke off; the file may be empty."""
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))])
    return True


def append(path: Path, draw: random.Random) -> bool:
    """Bytes after the end."""
    with path.open("ab") as file:
        file.write(draw.randbytes(37))
    return path.suffix not in (".pt", ".html", ".png", ".h5")  # readers of these look no further


def swap(path: Path, draw: random.Random) -> bool:
    """The same file of another shard, layer, model or variant, whole."""
    results = next(folder for folder in path.parents if folder.name == "results")
    others = [
        other
        for other in sorted(results.rglob(f"*{path.suffix}"))
        if other != path
        and other.relative_to(results).parts[0] == path.relative_to(results).parts[0]
        and PurePosixPath(other).stem.split("-")[0] == path.stem.split("-")[0]
        and other.read_bytes() != path.read_bytes()
    ]
    if not others:
        return False
    shutil.copyfile(draw.choice(others), path)
    return True


def poison(path: Path, draw: random.Random) -> bool:
    """A NaN or an infinity among the numbers, by the library that writes the format."""
    value = draw.choice([np.nan, np.inf, -np.inf])
    if path.suffix == ".h5":
        with h5py.File(path, "a") as file:
            group = file["layers" if "layers" in file else "codes"]
            found = draw.choice(sorted(group))
            rows = group[found] if isinstance(group[found], h5py.Dataset) else group[found]["data"]
            rows[draw.randrange(len(rows))] = value
        return True
    if path.suffix == ".safetensors":
        tensors = load_file(path)
        name = draw.choice(sorted(tensors))
        tensors[name].reshape(-1)[draw.randrange(tensors[name].size)] = value
        save_file(tensors, path)
        return True
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        numbers = [field.name for field in table.schema if pa.types.is_floating(field.type)]
        if not numbers or not table.num_rows:
            return False
        name = draw.choice(numbers)
        column = table[name].to_pylist()
        column[draw.randrange(len(column))] = float(value)
        place = table.schema.get_field_index(name)
        table = table.set_column(place, name, pa.array(column, pa.float64()))
        pq.write_table(table, path)
        return True
    return False


def remove(path: Path, draw: random.Random) -> bool:
    """No file."""
    path.unlink()
    return True


EVERY: dict[str, Damage] = {
    "a bit flipped": flip_bit,
    "a sector lost": blank_sector,
    "cut short": cut_short,
    "bytes at the end": append,
    "another's file": swap,
    "poisoned": poison,
    "removed": remove,
}
