"""One protein of a finished run as an object: its annotations, and which features mark it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.features.protein_segments import by_trust, protein_segments
from protsae.schema.explained.segment_table import FROM_FEATURES

SaePlace = tuple[int, str]
"""Layer and variant."""


class ProteinActivations(Mapping[SaePlace, sparse.csr_array]):
    """Activations of one protein by layer and variant, each read when it is first asked for.

    Parameters
    ----------
    places : sequence of (int, str)
    read : function
        Of layer and variant: csr_array, float32, shape (n_residues, n_features).
    """

    def __init__(self, places: Sequence[SaePlace], read: Callable[[int, str], sparse.csr_array]):
        self._places = dict.fromkeys(places)
        self._read = read
        self._held: dict[SaePlace, sparse.csr_array] = {}

    def __getitem__(self, place: SaePlace) -> sparse.csr_array:
        if place not in self._places:
            raise KeyError(place)
        if place not in self._held:
            self._held[place] = self._read(*place)
        return self._held[place]

    def __iter__(self) -> Iterator[SaePlace]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


@dataclass(frozen=True, eq=False)
class RunProtein:
    """A protein of a run, with its annotations and the activations of all features.

    Attributes
    ----------
    row : Series
        Its row of the protein table: accession, sequence, cluster, split, ...
    annotations : DataFrame
        Its rows of the annotations table; positions are 1-based, inclusive.
    activations : mapping of (int, str) to csr_array
        By layer and variant, of the run's own model and the SAEs that are not frozen: float32,
        shape (n_residues, n_features); row i is residue i + 1.
    features : DataFrame
        The feature table, with the rows of these SAEs.

    Examples
    --------
    >>> from protsae import read_run  # doctest: +SKIP
    >>> protein = read_run("results").protein("P00321")  # doctest: +SKIP
    >>> protein.split, len(protein.sequence)  # doctest: +SKIP
    >>> protein.activations[6, "topk"].shape  # doctest: +SKIP
    (137, 512)
    >>> protein.strongest().head()  # doctest: +SKIP
    >>> protein.segments().query("verdict == 'above'")  # doctest: +SKIP
    """

    row: pd.Series
    annotations: pd.DataFrame
    activations: Mapping[SaePlace, sparse.csr_array]
    features: pd.DataFrame

    @property
    def accession(self) -> str:
        """UniProt accession."""
        return str(self.row["accession"])

    @property
    def sequence(self) -> str:
        """Amino acids, one letter each."""
        return str(self.row["sequence"])

    @property
    def split(self) -> str:
        """train, valid or test: features have seen it, were chosen on it, or are scored on it."""
        return str(self.row["split"])

    def segments(self) -> pd.DataFrame:
        """Where features are on, each above its own threshold; the surest concepts first.

        Returns
        -------
        DataFrame
            The columns of the segments table (docs/tables.md) but for protein, label and those of
            probabilities, which `Run.explain` gives for any sequence.
        """
        return self._segments.copy()

    def strongest(self) -> pd.DataFrame:
        """One row per feature that is active in the protein, the strongest first.

        By ``relative_activation``, the largest activation in the protein divided by the largest on
        the test set, as activations of different SAEs have no common scale.

        Returns
        -------
        DataFrame
            layer, variant, feature, peak (1-based; the first of equal ones), activation,
            relative_activation, and what the feature table says of the feature's concept. Features
            that are active at no test residue come last: nothing says how strong that is.
        """
        rows = [
            _peaks(self.activations[place], self._rows(*place), place) for place in self.activations
        ]
        found = pd.concat(rows, ignore_index=True)
        return found.sort_values("relative_activation", ascending=False, kind="stable").reset_index(
            drop=True
        )

    @cached_property
    def _segments(self) -> pd.DataFrame:
        own = [
            protein_segments(self.activations[place], self._rows(*place), FROM_FEATURES)
            for place in self.activations
        ]
        return by_trust(pd.concat(own, ignore_index=True))

    def _rows(self, layer: int, variant: str) -> pd.DataFrame:
        """Of the feature table, row i being feature i of the SAE."""
        own = (self.features["layer"] == layer) & (self.features["variant"] == variant)
        return self.features[own].reset_index(drop=True)


def _peaks(codes: sparse.csr_array, features: pd.DataFrame, place: SaePlace) -> pd.DataFrame:
    """The largest activation of each feature that is active, and the first residue with it.

    Examples
    --------
    >>> codes = sparse.csr_array(np.array([[0, 3, 0], [0, 1, 2], [0, 3, 0]], np.float32))
    >>> features = pd.DataFrame({"feature": [0, 1, 2], "max_activation": [1.0, 6.0, 0.0]})
    >>> features = features.reindex(columns=["feature", "max_activation", *FROM_FEATURES])
    >>> columns = ["layer", "feature", "peak", "activation", "relative_activation"]
    >>> _peaks(codes, features, (6, "topk"))[columns].values.tolist()
    [[6.0, 1.0, 1.0, 3.0, 0.5], [6.0, 2.0, 2.0, 2.0, nan]]
    """
    largest, peak = codes.max(axis=0).toarray(), np.asarray(codes.argmax(axis=0))
    feature = np.flatnonzero(largest > 0)
    activation = largest[feature].astype(np.float64)
    on_test = features["max_activation"].to_numpy(np.float64)[feature]
    own = features[[*FROM_FEATURES]].iloc[feature].reset_index(drop=True)
    head = pd.DataFrame(
        {
            "layer": place[0],
            "variant": place[1],
            "feature": feature,
            "peak": peak[feature] + 1,
            "activation": activation,
            "relative_activation": activation / np.where(on_test > 0, on_test, np.nan),
        }
    )
    return pd.concat([head, own], axis=1)
