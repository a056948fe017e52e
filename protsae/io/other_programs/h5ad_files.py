"""AnnData's .h5ad files: whole matrices, and matrices of any number of rows, block by block.

AnnData (Virshup et al. 2024, J. Open Source Softw. 9:4371) is an optional dependency: the extra
``anndata``. It writes all that is encoded here; rows are appended to the datasets that it made.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from protsae.io.atomic import atomic_path

CHUNK = 2**16
"""Values that are stored, and compressed, together."""

_COMPRESSION = "gzip"


def load_anndata() -> Any:
    """AnnData, before there is work that would be lost without it.

    Raises
    ------
    ModuleNotFoundError
        Without it.
    """
    import anndata

    return anndata


def write_h5ad(
    path: str | Path,
    values: sparse.csr_array,
    rows: pd.DataFrame,
    columns: pd.DataFrame,
    notes: Mapping[str, Any],
) -> None:
    """Write a matrix with what is known of its rows and columns.

    Parameters
    ----------
    values : csr_array, float32, shape (n_rows, n_columns)
    rows, columns : DataFrame
        ``obs`` and ``var``, as `storable` makes them; each index has unique names.
    notes : mapping
        ``uns``: numbers, texts, and mappings of these.

    Raises
    ------
    ModuleNotFoundError
        Without AnnData.
    """
    with atomic_path(path) as temporary:
        table = load_anndata().AnnData(X=values, obs=rows, var=columns, uns=dict(notes))
        table.write_h5ad(temporary, compression=_COMPRESSION)


class RowWriter:
    """Appends rows to a .h5ad file; made by `open_h5ad`."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._index = f"obs/{file['obs'].attrs['_index']}"

    def append(
        self, values: sparse.csr_array, names: Sequence[str], columns: Mapping[str, np.ndarray]
    ) -> None:
        """Write the next rows.

        Parameters
        ----------
        values : csr_array, float32, shape (n_rows, n_columns)
        names : sequence of str
            One for each row.
        columns : mapping of str to ndarray, shape (n_rows,)
            Of ``obs``; of a categorical column the numbers of its categories, -1 for none.
        """
        from anndata.io import sparse_dataset

        sparse_dataset(self._file["X"]).append(values)
        _append(self._file[self._index], np.array(names, dtype=object))
        for name, column in columns.items():
            place = self._file[f"obs/{name}"]
            _append(place["codes"] if isinstance(place, h5py.Group) else place, column)


@contextmanager
def open_h5ad(
    path: str | Path, empty: pd.DataFrame, columns: pd.DataFrame, notes: Mapping[str, Any]
) -> Iterator[RowWriter]:
    """Write a matrix block by block; the file appears when the block of code ends.

    Parameters
    ----------
    empty : DataFrame
        ``obs`` without rows: names and types of its columns, and categories where there are any.
    columns, notes
        As of `write_h5ad`.

    Raises
    ------
    ModuleNotFoundError
        Without AnnData.
    """
    anndata = load_anndata()
    none = sparse.csr_array((0, len(columns)), dtype=np.float32)
    # The places of values in so many rows do not fit into 32 bits, which AnnData would take here.
    none.indptr = none.indptr.astype(np.int64)
    with atomic_path(path) as temporary:
        anndata.AnnData(X=none, obs=empty, var=columns, uns=dict(notes)).write_h5ad(temporary)
        with h5py.File(temporary, "r+") as file:
            for place in _growing(file, empty):
                _make_growable(file, place)
            yield RowWriter(file)


def storable(rows: pd.DataFrame) -> pd.DataFrame:
    """Columns as every reader of .h5ad takes them.

    Text becomes categorical, a missing one being no category; integers with gaps become numbers
    with NaN; a slash in a column's name, which HDF5 takes for a group, becomes ``|``.

    Examples
    --------
    >>> rows = pd.DataFrame({"a/b": ["x", None], "n": pd.array([1, None], "Int64")})
    >>> found = storable(rows)
    >>> list(found), found["a|b"].cat.codes.tolist(), found["n"].tolist()
    (['a|b', 'n'], [0, -1], [1.0, nan])
    """
    made = {}
    for name in rows:
        column = rows[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            known = column.cat.categories.tolist()
            made[name] = _categorical(column.cat.codes.to_numpy(), known, rows.index)
        elif pd.api.types.is_bool_dtype(column):
            made[name] = column
        elif pd.api.types.is_numeric_dtype(column):
            filled = column.astype(np.float64) if column.isna().any() else column
            made[name] = pd.Series(filled.to_numpy(), rows.index)
        else:
            known = sorted(set(column.dropna().astype(str)))
            made[name] = _categorical(pd.Index(known).get_indexer(column), known, rows.index)
    return pd.DataFrame(made, index=rows.index).rename(columns=stored_name)


def _categorical(codes: np.ndarray, known: list[str], index: pd.Index) -> pd.Series:
    """Categories are Python's strings: AnnData before 0.13 cannot write those of pandas 3."""
    categories = pd.Index(known, dtype=object)
    return pd.Series(pd.Categorical.from_codes(codes, categories=categories), index)


def stored_name(column: str) -> str:
    """What a column is called in a .h5ad file.

    Examples
    --------
    >>> stored_name("BINDING: a/b")
    'BINDING: a|b'
    """
    return column.replace("/", "|")


def _growing(file: h5py.File, empty: pd.DataFrame) -> list[str]:
    """Datasets that get longer with every row."""
    columns = [f"obs/{name}" for name in empty]
    of_columns = [f"{c}/codes" if isinstance(file[c], h5py.Group) else c for c in columns]
    index = f"obs/{file['obs'].attrs['_index']}"
    return [index, *of_columns, "X/data", "X/indices", "X/indptr"]


def _make_growable(file: h5py.File, place: str) -> None:
    """The same dataset, compressed and without an end."""
    old = file[place]
    values, attributes, dtype = old[:], dict(old.attrs), old.dtype
    del file[place]
    new = file.create_dataset(
        *(place, values.shape, dtype),
        maxshape=(None,),
        chunks=(CHUNK,),
        compression=_COMPRESSION,
    )
    new[:] = values
    new.attrs.update(attributes)


def _append(dataset: h5py.Dataset, values: np.ndarray) -> None:
    stored = len(dataset)
    dataset.resize((stored + len(values),))
    dataset[stored:] = values
