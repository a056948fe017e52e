"""An SAE opened for proteins: its encoder, its features, and what they predict."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.detectors.activations import Encode, stacked
from protsae.errors import UserError
from protsae.features.predicted_concepts import label_of
from protsae.features.protein_segments import LEVELS, thresholds, trust
from protsae.probabilities.activation_probabilities import ActivationProbabilities

_OF_PAIR = (
    *("layer", "variant", "feature", "concept", "threshold", "valid_f1", "f1", "f1_low", "f1_high"),
    *("q_value", "verdict", "best_baseline", "best_baseline_f1"),
    *("base_rate", "reference_base_rate", "defined_by_sequence"),
)
"""What predicting takes from the tables of features and of best features."""
_OF_FEATURE = ["label", "stability", "random_stability", "recurs"]
"""And what it takes from that of features alone."""

_ROWS_TOGETHER = 8192
"""Residues of a longer protein that are encoded at a time, so that its dense codes fit memory."""


@dataclass(frozen=True)
class OpenedSae:
    """An SAE's encoder as a function on arrays, and what the run's tables say of its features.

    Attributes
    ----------
    encode : Encode
        Of `protsae.detectors.encoding.encoder`, as `protsae encode` uses it.
    features : DataFrame
        Their rows of the feature table; row i is feature i.
    pairs : DataFrame
        ``_OF_PAIR`` and ``_OF_FEATURE`` of each feature with the concept that it matches best
        (``is_own``), row i being feature i; below them, of features that are best for another
        concept.
    probabilities : ActivationProbabilities
        Of the pairs.
    """

    encode: Encode
    features: pd.DataFrame
    pairs: pd.DataFrame
    probabilities: ActivationProbabilities

    @classmethod
    def of(
        cls,
        encode: Encode,
        features: pd.DataFrame,
        best_features: pd.DataFrame,
        calibration: pd.DataFrame,
        rates: Mapping[str, float],
    ) -> "OpenedSae":
        """From tables of a run.

        Parameters
        ----------
        features, calibration : DataFrame
            Rows of this SAE.
        best_features : DataFrame
            Those of other SAEs are left out.
        rates : mapping of str to float
            As of `ActivationProbabilities.of`.

        Raises
        ------
        UserError
            If one of the best features is beyond the features of the SAE.
        """
        place = ["model", "layer", "variant"]
        best = best_features.merge(features[place].head(1), on=place)
        others = best[best["concept"] != best["own_concept"]]
        if (beyond := others["feature"] >= len(features)).any():
            raise UserError(
                f"best_features.parquet: feature {others['feature'][beyond].iloc[0]} of an SAE "
                f"with {len(features):,} features; run the tables stage again"
            )
        of_feature = features[["feature", *_OF_FEATURE]]
        others = others[list(_OF_PAIR)].merge(of_feature, on="feature", validate="m:1")
        names = [*_OF_PAIR, *_OF_FEATURE, "is_own"]
        both = features.assign(is_own=True)[names], others.assign(is_own=False)[names]
        pairs = pd.concat(both, ignore_index=True)
        return cls(encode, features, pairs, ActivationProbabilities.of(pairs, calibration, rates))

    @cached_property
    def predictors(self) -> pd.DataFrame:
        """The pairs with labels and claims, and the row of each as ``pair``."""
        claims = self.probabilities.claims
        said = claims.assign(label=label_of(self.pairs), pair=range(len(claims)))
        return self.pairs.assign(**said)

    @cached_property
    def trust(self) -> np.ndarray:
        """How sure the concept of each feature is, as `trust` says."""
        return trust(self.features)

    @cached_property
    def thresholds(self) -> np.ndarray:
        """Activations above which features are on."""
        return thresholds(self.features)

    def levels_on(self, codes: sparse.csr_array) -> np.ndarray:
        """How many features are on at a residue or more, by their `trust`: int, shape (5,)."""
        column = codes.indices[codes.data > self.thresholds[codes.indices]]
        is_on = np.zeros(len(self.trust), dtype=bool)
        is_on[column] = True
        return np.bincount(self.trust[is_on], minlength=len(LEVELS))


def encoded(encode: Encode, rows: np.ndarray) -> sparse.csr_array:
    """Codes of a protein's rows, some thousand residues at a time."""
    starts = range(0, len(rows), _ROWS_TOGETHER)
    return stacked([encode(rows[i : i + _ROWS_TOGETHER]) for i in starts])
