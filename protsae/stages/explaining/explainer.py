"""What is active in proteins: their layer activations, codes and active segments."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise, starmap
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import sparse

from protsae.detectors.activations import stacked
from protsae.features.predicted_concepts import (
    OF_RUN,
    concept_features,
    label_of,
    predicted_segments,
)
from protsae.features.protein_segments import (
    LEVELS,
    by_trust,
    protein_segments,
)
from protsae.io.hdf5.float16 import to_float32
from protsae.plm.embedding import Embedder
from protsae.plm.esm2.places import layer_of
from protsae.plm.precision import Float16Error
from protsae.probabilities.activation_probabilities import ActivationProbabilities
from protsae.schema.explained.prediction_tables import PREDICTIONS, RESIDUES
from protsae.schema.explained.segment_table import FROM_FEATURES, SEGMENTS
from protsae.schema.table import Table, conform
from protsae.stages.explaining.given_proteins import in_groups
from protsae.stages.explaining.opened_sae import OpenedSae, encoded
from protsae.statistics import ragged

BOUNDS = ("probability", "probability_low", "probability_high")
_CLAIMED = ("label", "assumed_base_rate", "base_rate_from", "calibration", "look_alike_rate")
_ROW = "row"
"""Place of a feature among those kept."""


@dataclass(frozen=True)
class _Kept:
    """Features of all SAEs at some level of trust, side by side.

    Attributes
    ----------
    columns : dict of (layer, variant) to ndarray of int
        Which of each SAE.
    features : DataFrame
        Their rows of the feature table, with label and claims.
    probabilities : ActivationProbabilities
    rank : ndarray of int
        Place of each in the order of `by_trust`.
    """

    columns: dict[tuple[int, str], np.ndarray]
    features: pd.DataFrame
    probabilities: ActivationProbabilities
    rank: np.ndarray

    @classmethod
    def of(cls, saes: Mapping[tuple[int, str], OpenedSae], level: str) -> "_Kept":
        columns = {k: np.flatnonzero(sae.trust <= LEVELS[level]) for k, sae in saes.items()}
        own = [saes[key].probabilities.take(kept) for key, kept in columns.items()]
        probabilities = ActivationProbabilities.beside(own)
        rows = [saes[key].features.iloc[kept] for key, kept in columns.items()]
        features = pd.concat(rows, ignore_index=True)
        said = probabilities.claims.assign(label=label_of(features), row=range(len(features)))
        features = features.assign(**said)
        rank = np.argsort(by_trust(features.assign(start=0))[_ROW].to_numpy())
        return cls(columns, features, probabilities, rank)


@dataclass(frozen=True)
class Explained:
    """What is on in one protein.

    Attributes
    ----------
    name, sequence : str
    segments, predictions, residues : DataFrame
        Its rows of the tables of these names (docs/tables.md).
    n_on : dict of int to int
        Features that are on, by `trust`.
    """

    name: str
    sequence: str
    segments: pd.DataFrame
    predictions: pd.DataFrame
    residues: pd.DataFrame
    n_on: Mapping[int, int]


@dataclass(frozen=True)
class Explainer:
    """A run's model and SAEs, ready for proteins; each protein is computed by itself.

    So what is said of a protein does not depend on those given with it. A protein of the run has
    the codes that the run has stored, bit for bit, on the same machine and in the same precision.

    Attributes
    ----------
    embedder : Embedder
        The run's model, windows and precision, for the layers of the SAEs.
    saes : mapping of (layer, variant) to OpenedSae
    made_from : mapping
        Model, weights, proteins of the run and checksums of the SAEs, for the metadata of a table.
    stated_settings : mapping
        How the run's activations were computed, as they state.
    """

    embedder: Embedder
    saes: Mapping[tuple[int, str], OpenedSae]
    made_from: Mapping[str, Any]
    stated_settings: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, name: str, sequence: str) -> pd.DataFrame:
        """The active segments of a protein, the surest concepts first.

        Parameters
        ----------
        name : str
            For the column ``protein``.
        sequence : str
            Letters A to Z, one or more (`checked_sequence`); J is read as X.

        Returns
        -------
        DataFrame
            The columns of the segments table (docs/tables.md).
        """
        return self.explained(name, sequence).segments

    def explained(self, name: str, sequence: str, level: str = "all") -> Explained:
        """Active segments, and the concepts that are predicted.

        Parameters
        ----------
        name, sequence : str
            As above.
        level : str
            One of `LEVELS`, which segments are limited to.
        """
        return next(self.explained_each([(name, sequence)], level))

    def explained_each(
        self, proteins: Iterable[tuple[str, str]], level: str = "all"
    ) -> Iterator[Explained]:
        """The same of many proteins, by name and sequence; a few are held at a time.

        Their tables are made together, in a fraction of the time, from codes that are computed one
        protein at a time.
        """
        for group in in_groups(proteins):
            yield from self._together(group, level)

    def _together(self, proteins: list[tuple[str, str]], level: str) -> Iterator[Explained]:
        names, sequences = zip(*proteins, strict=True)
        of_each = [self.codes(sequence) for sequence in sequences]
        codes = {key: stacked([own[key] for own in of_each]) for key in self.saes}
        lengths = [len(sequence) for sequence in sequences]
        near = {
            key: sae.probabilities.near_look_alikes(codes[key], np.array(lengths))
            for key, sae in self.saes.items()
        }
        residues = self._residues("".join(sequences), codes, near, lengths)
        tables = (
            _by_protein(self._segments(codes, near, lengths, level), SEGMENTS, names),
            _by_protein(predicted_segments(residues), PREDICTIONS, names),
            _by_protein(residues, RESIDUES, names),
        )
        n_on = map(self._n_on, of_each)
        return starmap(Explained, zip(names, sequences, *tables, n_on, strict=True))

    def _n_on(self, codes: Mapping[tuple[int, str], sparse.csr_array]) -> dict[int, int]:
        """Features that are on in a protein, by `trust`."""
        on = [self.saes[key].levels_on(of_sae) for key, of_sae in codes.items()]
        return dict(enumerate(np.sum(on, axis=0).tolist()))

    def _segments(
        self,
        codes: Mapping[tuple[int, str], sparse.csr_array],
        near: Mapping[tuple[int, str], np.ndarray],
        lengths: list[int],
        level: str,
    ) -> pd.DataFrame:
        """Of all SAEs at a time: rows of the segments table, with the number of the protein."""
        kept = self._kept(level)
        of_kept = [codes[key][:, columns] for key, columns in kept.columns.items()]
        together = sparse.csr_array(sparse.hstack(of_kept))
        taken = [*FROM_FEATURES, *_CLAIMED, _ROW]
        rows = protein_segments(together, kept.features, taken, lengths)
        order = np.lexsort((kept.rank[rows[_ROW]], rows["number"]))  # stable: places still rise
        rows = rows.take(order).reset_index(drop=True)
        row = rows.pop(_ROW).to_numpy(np.int64)
        peak = ragged.starts(np.array(lengths))[rows["number"]] + rows["peak"].to_numpy() - 1
        near_together = np.hstack([near[key] for key in kept.columns])
        look_alike = kept.probabilities.beside_look_alike(row, peak, near_together)
        is_near = pd.notna(look_alike)
        bounds = kept.probabilities.at(row, rows["activation"].to_numpy(), is_near)
        return rows.assign(look_alike=look_alike, **dict(zip(BOUNDS, bounds, strict=True)))

    def _kept(self, level: str) -> "_Kept":
        """The features that segments are limited to; made once."""
        if level not in self._kept_of:
            self._kept_of[level] = _Kept.of(self.saes, level)
        return self._kept_of[level]

    @cached_property
    def _kept_of(self) -> dict[str, "_Kept"]:
        return {}

    def _residues(
        self,
        letters: str,
        codes: Mapping[tuple[int, str], sparse.csr_array],
        near: Mapping[tuple[int, str], np.ndarray],
        lengths: list[int],
    ) -> pd.DataFrame:
        """Rows of the residues table, with the number of the protein."""
        parts = []
        for row in self._concept_records:
            key = row["layer"], row["variant"]
            value = codes[key][:, [row["feature"]]].toarray().ravel()
            place = np.flatnonzero(value > row["threshold"])
            probabilities, own = self.saes[key].probabilities, np.full(len(place), row["pair"])
            look_alike = probabilities.beside_look_alike(own, place, near[key])
            bounds = probabilities.at(own, value[place], pd.notna(look_alike))
            parts.append((place, value[place], look_alike, bounds))
        concept = ragged.groups(np.array([len(part[0]) for part in parts], np.int64))
        place = np.concatenate([np.empty(0, np.int64), *(part[0] for part in parts)])
        activation = np.concatenate([np.empty(0), *(part[1] for part in parts)])
        look_alike = np.concatenate([np.empty(0, object), *(part[2] for part in parts)])
        bounds = np.concatenate([np.empty((3, 0)), *(part[3] for part in parts)], axis=1)
        sizes = np.array(lengths)
        number = ragged.groups(sizes)[place]
        order = np.argsort(number, kind="stable")  # by concept and place in each protein
        place, number = place[order], number[order]
        said = self.concept_features[list(OF_RUN)].iloc[concept[order]]
        return said.reset_index(drop=True).assign(
            number=number,
            position=place - ragged.starts(sizes)[number] + 1,
            residue=np.array(list(letters), dtype=object)[place],
            activation=activation[order],
            look_alike=look_alike[order],
            **dict(zip(BOUNDS, bounds[:, order], strict=True)),
        )

    @cached_property
    def _concept_records(self) -> list[dict[Any, Any]]:
        return self.concept_features.to_dict("records")

    @cached_property
    def concept_features(self) -> pd.DataFrame:
        """The feature that predicts each concept, with its label and claims.

        And ``pair``, the row of both in the SAE's `OpenedSae.pairs`.
        """
        parts = [sae.predictors for sae in self.saes.values()]
        return concept_features(pd.concat(parts, ignore_index=True))

    def codes(self, sequence: str) -> dict[tuple[int, str], sparse.csr_array]:
        """Activations of all features at every residue, by layer and variant.

        Returns
        -------
        dict of (int, str) to csr_array
            float32, shape (n_residues, n_features).
        """
        rows = self.layer_activations(sequence)
        return {key: encoded(sae.encode, rows[key[0]]) for key, sae in self.saes.items()}

    def layer_activations(self, sequence: str) -> dict[int, np.ndarray]:
        """Layer activations as the run stores and reads them: float32, shape (n_residues, d_model).

        What float16 cannot hold of this protein is kept in float32, as `protsae embed` does.
        """
        dtypes = dict(self.embedder.dtypes)
        try:
            while True:
                try:
                    return self._embedded(sequence)
                except Float16Error as error:
                    self.embedder.dtypes[error.place] = torch.float32
        finally:
            self.embedder.dtypes.update(dtypes)  # the next protein does not depend on this one

    def _embedded(self, sequence: str) -> dict[int, np.ndarray]:
        shape = (len(sequence), self.embedder.esm2.d_model)
        found = {layer_of(place): np.empty(shape, np.float32) for place in self.embedder.dtypes}
        for piece in self.embedder([sequence]):
            for place, rows in piece.rows.items():
                to_float32(rows, found[layer_of(place)][piece.start : piece.start + len(rows)])
        return found


def _by_protein(rows: pd.DataFrame, table: Table, names: Sequence[str]) -> list[pd.DataFrame]:
    """Rows of a table, split where the number of the protein changes; sorted by that."""
    number = rows.pop("number").to_numpy(np.int64)
    named = conform(rows.assign(protein=np.array(names, dtype=object)[number]), table, table.name)
    ends = np.searchsorted(number, np.arange(len(names) + 1))
    return [named.iloc[first:end].reset_index(drop=True) for first, end in pairwise(ends)]
