"""Activations and labels as arrays of each protein, checked, in the form that a `Layer` reads."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.concepts.concept import Concept
from protsae.concepts.uniprot.spans import Spans
from protsae.proteins.split_names import PARTS, SPLITS

PerProtein = Mapping[str, Any]
"""Protein to an array (dense, or sparse by rows) with a row for each of its residues."""


def protein_rows(
    activations: PerProtein,
    clusters: Mapping[str, str],
    split: Mapping[str, str] | None,
    seed: int,
) -> pd.DataFrame:
    """The table of the proteins that have activations: accession, cluster, length, split.

    Without ``split``, clusters are drawn at random, first for test, then for valid, until each has
    20 % of all residues.

    Raises
    ------
    ValueError
        If an argument is no mapping, there is no protein, one lacks a cluster or a side of the
        split, a cluster is on two sides, or a side has no protein.

    Examples
    --------
    >>> rows = {"P1": np.ones((3, 1)), "P2": np.ones((5, 1)), "P3": np.ones((7, 1))}
    >>> split = {"P1": "train", "P2": "valid", "P3": "test"}
    >>> protein_rows(rows, dict(zip(rows, "abc")), split, seed=0)["length"].tolist()
    [3, 5, 7]
    """
    _validate_mapping(activations, "activations")
    _validate_mapping(clusters, "clusters")
    names = list(activations.keys())
    if not names:
        raise ValueError("no activations; expected those of some proteins")
    table = pd.DataFrame(
        {
            "accession": names,
            "cluster": [_own(clusters, name, "cluster") for name in names],
            "length": [activations[name].shape[0] for name in names],
        }
    )
    if split is not None:
        _validate_mapping(split, "split")
        sides = [_own(split, name, "split") for name in names]
        why = f"the split given has none of the {len(names)} proteins there"
        return _all_sides(_checked(table.assign(split=sides)), why)
    residues = table.groupby("cluster", sort=True)["length"].sum().sample(frac=1, random_state=seed)
    before = (residues.cumsum() - residues) / residues.sum()
    part = pd.Series(
        np.select([before < 0.2, before < 0.4], ["test", "valid"], "train"), before.index
    )
    n_clusters = residues.size
    why = (
        f"{len(names)} proteins in {n_clusters} homology clusters; give more diverse ones, or split"
    )
    return _all_sides(table.assign(split=table["cluster"].map(part)), why)


def _all_sides(table: pd.DataFrame, why: str) -> pd.DataFrame:
    """The table; without valid, no pair would be proposed, and nothing said of it."""
    for side in SPLITS:
        if side not in table["split"].array:
            raise ValueError(f"no protein is in {side}: {why}")
    return table


def _validate_mapping(given: Any, what: str) -> None:
    if not hasattr(given, "keys"):  # a Series has them, too
        raise ValueError(
            f"{what}: a {type(given).__name__}; expected a mapping, such as a dict, from the name "
            "of each protein"
        )


def _own(of_proteins: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in of_proteins:
        raise ValueError(f"{name}: no {what}")
    return of_proteins[name]


def sequences_of(sequences: Mapping[str, str], proteins: pd.DataFrame) -> list[str]:
    """The sequence of each protein of the table.

    Raises
    ------
    ValueError
        If a protein has none, or one of another length than its activations.
    """
    found = [_own(sequences, name, "sequence") for name in proteins["accession"]]
    for name, length, own in zip(proteins["accession"], proteins["length"], found, strict=True):
        if len(own) != length:
            raise ValueError(f"{name}: {len(own)} letters, but {length} residues have activations")
    return found


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    unknown = table[~table["split"].isin(PARTS)]
    if len(unknown):  # or its proteins would count nowhere
        name, side = unknown[["accession", "split"]].iloc[0]
        raise ValueError(f"{name}: split {side!r}; expected one of {', '.join(PARTS)}")
    sides = table.groupby("cluster")["split"].nunique()
    if (sides > 1).any():
        raise ValueError(f"cluster {sides.idxmax()} is on {sides.max()} sides of the split")
    return table


@dataclass(frozen=True, eq=False)
class ArrayCodes:
    """Detectors whose activations are at hand, as `Codes`."""

    arrays: Mapping[str, sparse.csr_array]
    n_features: int

    @classmethod
    def of(
        cls, activations: PerProtein, proteins: pd.DataFrame, what: str = "activations"
    ) -> "ArrayCodes":
        """Check them against the table of proteins; ``what`` is their name in messages."""
        _validate_mapping(activations, what)
        arrays: dict[str, sparse.csr_array] = {}
        n_features = None
        for name, length in zip(proteins["accession"], proteins["length"], strict=True):
            given = _own(activations, name, what)
            if given.ndim != 2 or not given.shape[1]:
                raise ValueError(
                    f"{name}: {what} of shape {given.shape}; expected (n_residues, n_detectors)"
                )
            array = sparse.csr_array(given, dtype=np.float32)
            array.eliminate_zeros()
            n_features = array.shape[1] if n_features is None else n_features
            if array.shape != (length, n_features):
                raise ValueError(
                    f"{name}: {what} of shape {array.shape}; expected {(length, n_features)}"
                )
            if not np.isfinite(array.data).all():  # a NaN is above no threshold and below none
                odd = array.data[~np.isfinite(array.data)][0]
                raise ValueError(f"{name}: {what} hold {odd:g}; expected finite numbers")
            if array.nnz and array.data.min() < 0:
                raise ValueError(f"{name}: {what} hold {array.data.min():g}; expected none below 0")
            arrays[name] = array
        return cls(arrays, next(iter(arrays.values())).shape[1])

    def blocks(
        self, accessions: set[str], max_rows: int
    ) -> Iterator[tuple[list[str], sparse.csr_array]]:
        """As of `Codes`."""
        names: list[str] = []
        n_rows = 0
        for name, array in self.arrays.items():
            if name not in accessions:
                continue
            if names and n_rows + array.shape[0] > max_rows:
                yield names, self._stacked(names)
                names, n_rows = [], 0
            names.append(name)
            n_rows += array.shape[0]
        if names:
            yield names, self._stacked(names)

    def _stacked(self, names: list[str]) -> sparse.csr_array:
        return sparse.csr_array(sparse.vstack([self.arrays[name] for name in names]))


@dataclass(frozen=True, eq=False)
class ArrayLabels:
    """Labels that are at hand, in the form that a `Layer` reads."""

    concepts: tuple[Concept, ...]
    arrays: Mapping[str, np.ndarray]
    knowns: Mapping[str, np.ndarray]
    known_column: np.ndarray
    has_instances: np.ndarray

    @classmethod
    def of(
        cls,
        labels: PerProtein,
        known: PerProtein | None,
        proteins: pd.DataFrame,
        concepts: Sequence[str] | None,
    ) -> "ArrayLabels":
        """Check them against the table of proteins."""
        _validate_mapping(labels, "labels")
        if known is not None:
            _validate_mapping(known, "known")
        arrays, knowns = {}, {}
        for name, length in zip(proteins["accession"], proteins["length"], strict=True):
            everywhere = np.ones((length, 1), bool)
            is_known = (
                everywhere if known is None else _labelled(known, name, length, "known", everywhere)
            )
            label = _labelled(labels, name, length, "labels", is_known)
            arrays[name], knowns[name] = label & is_known, is_known
        if not any(label.any() for label in arrays.values()):
            raise ValueError("labels: no residue has any concept; expected some to be True")
        n_concepts = arrays[proteins["accession"].iloc[0]].shape[1]
        n_known = knowns[proteins["accession"].iloc[0]].shape[1]
        for name, label in arrays.items():
            if label.shape[1] != n_concepts or knowns[name].shape[1] != n_known:
                raise ValueError(f"{name}: labels or known of other columns than those before")
        names = list(concepts) if concepts is not None else [str(i) for i in range(n_concepts)]
        if len(names) != n_concepts or len(set(names)) != n_concepts:
            raise ValueError(
                f"concepts {', '.join(map(str, names))}; expected {n_concepts} different names, "
                "one for each column of labels"
            )
        return cls(
            tuple(Concept(name, "label", "given") for name in names),
            arrays,
            knowns,
            np.arange(n_concepts) if n_known > 1 else np.zeros(n_concepts, np.int64),
            np.zeros(n_concepts, dtype=bool),
        )

    @property
    def names(self) -> list[str]:
        """Of the concepts."""
        return [named.name for named in self.concepts]

    def labels(self, accessions: Sequence[str]) -> sparse.csr_array:
        """As of `ConceptTable`."""
        stacked = np.vstack([self.arrays[name] for name in accessions])
        return sparse.csr_array(stacked, dtype=np.uint8)

    def known(self, accessions: Sequence[str]) -> np.ndarray:
        """As of `ConceptTable`."""
        return np.vstack([self.knowns[name] for name in accessions])

    def instances(self, accessions: Sequence[str]) -> Spans:
        """None: each residue is an instance of its own."""
        nothing = np.zeros(0, dtype=np.int64)
        return Spans(nothing, nothing, nothing, nothing)


def _labelled(
    arrays: PerProtein, name: str, length: int, what: str, is_read: np.ndarray
) -> np.ndarray:
    """Of one protein: bool, shape (n_residues, n_columns); a NaN may be where nothing is read."""
    given = _own(arrays, name, what)
    values = given.toarray() if sparse.issparse(given) else np.asarray(given)
    if len(values) != length:
        raise ValueError(f"{name}: {len(values)} residues labelled, but {length} have activations")
    if not values.size:
        raise ValueError(
            f"{name}: {what} of shape {values.shape}; expected some residues, concepts"
        )
    if values.dtype.kind in "SU":  # 'False' as a truth value would be True
        raise ValueError(f"{name}: {what} hold text; expected True or False")
    values = values.reshape(length, -1)
    if (pd.isna(values) & is_read).any():  # as a truth value it would be True
        raise ValueError(f"{name}: {what} hold NaN; expected True or False; known says where")
    read = values[np.broadcast_to(is_read, values.shape)]
    odd = read[(read != 0) & (read != 1)]
    if len(odd):  # -1 for "no", or a probability: as a truth value it would be True
        raise ValueError(f"{name}: {what} hold {odd[0]}; expected True or False")
    return values.astype(bool)
