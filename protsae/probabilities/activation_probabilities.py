"""Probabilities that residues have the concepts of an SAE's features, at stated base rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from protsae.association.scoring.base_rate_adjustment import rates_of
from protsae.probabilities.likelihood_ratios import probability_at

GIVEN, REFERENCE, OF_TEST = "given", "reference", "test set"
"""Where a base rate comes from: the user, ``annotate.reference_rates``, or the run's test set."""

_RATIOS = ("likelihood_ratio", "likelihood_ratio_low", "likelihood_ratio_high")


@dataclass(frozen=True, eq=False)
class ActivationProbabilities:
    """What the activations of an SAE's features say of their concepts.

    Attributes
    ----------
    edges : ndarray of float, shape (n_features, n_bins)
        Lower bounds of the bins, rising; infinite beyond the last, and for features without any.
    ratios : ndarray of float, shape (3, n_features, n_bins)
        Likelihood ratios, and the bounds of their intervals.
    claims : DataFrame
        One row per feature: assumed_base_rate, base_rate_from, calibration; empty for features
        that the calibration table does not have.
    """

    edges: np.ndarray
    ratios: np.ndarray
    claims: pd.DataFrame

    @classmethod
    def of(
        cls, features: pd.DataFrame, calibration: pd.DataFrame, rates: Mapping[str, float]
    ) -> "ActivationProbabilities":
        """From tables of one SAE.

        Parameters
        ----------
        features : DataFrame
            Rows of the feature table, row i being feature i.
        calibration : DataFrame
            Its rows of the calibration table.
        rates : mapping of str to float
            Base rates of concepts that go before those of the feature table.
        """
        n_bins = max(1, int(calibration["bin"].max())) if len(calibration) else 1
        place = calibration["feature"].to_numpy(np.int64), calibration["bin"].to_numpy(int) - 1
        edges = np.full((len(features), n_bins), np.inf)
        edges[place] = calibration["activation_above"]
        ratios = np.full((3, *edges.shape), np.nan)
        for bound, name in enumerate(_RATIOS):
            ratios[bound][place] = calibration[name]
        first = calibration.drop_duplicates("feature").set_index("feature")
        claims = base_rates(features, rates)
        claims["calibration"] = first["calibration"].reindex(range(len(features))).to_numpy()
        claims.loc[claims["calibration"].isna(), ["assumed_base_rate", "base_rate_from"]] = None
        return cls(edges, ratios, claims.astype({"assumed_base_rate": float}))

    def take(self, features: np.ndarray) -> "ActivationProbabilities":
        """Of these features alone, in this order."""
        claims = self.claims.iloc[features].reset_index(drop=True)
        return ActivationProbabilities(self.edges[features], self.ratios[:, features], claims)

    @classmethod
    def beside(cls, parts: Sequence["ActivationProbabilities"]) -> "ActivationProbabilities":
        """Features of several SAEs, one SAE after another."""
        widest = max(part.edges.shape[1] for part in parts)
        more = [(0, 0), (0, 0)]
        edges, ratios = [], []
        for part in parts:
            more[1] = (0, widest - part.edges.shape[1])
            edges.append(np.pad(part.edges, more, constant_values=np.inf))
            ratios.append(np.pad(part.ratios, [(0, 0), *more], constant_values=np.nan))
        claims = pd.concat([part.claims for part in parts], ignore_index=True)
        return cls(np.concatenate(edges), np.concatenate(ratios, axis=1), claims)

    def at(self, feature: np.ndarray, activation: np.ndarray) -> np.ndarray:
        """Probability and the bounds of its 95 % interval: float64, shape (3, n).

        NaN where the feature is off or has no probabilities. The base rate is taken as known.
        """
        above = (np.asarray(activation)[:, None] > self.edges[feature]).sum(1)
        ratio = self.ratios[:, feature, np.maximum(above - 1, 0)]
        rate = self.claims["assumed_base_rate"].to_numpy(np.float64)[feature]
        return np.where(above > 0, probability_at(ratio, rate), np.nan)


def base_rates(features: pd.DataFrame, rates: Mapping[str, float]) -> pd.DataFrame:
    """The base rate that each feature's concept is taken to have, and where that comes from.

    Examples
    --------
    >>> rows = [("SIGNAL", 0.01, 0.06), ("TRANSMEM", 0.02, 0.05), ("MOTIF", None, 0.01)]
    >>> features = pd.DataFrame(rows, columns=["concept", "reference_base_rate", "base_rate"])
    >>> base_rates(features, {"SIGNAL": 0.5}).values.tolist()
    [[0.5, 'given'], [0.02, 'reference'], [0.01, 'test set']]
    """
    given = rates_of(features["concept"].tolist(), rates)
    reference = features["reference_base_rate"].to_numpy(np.float64)
    of_test = features["base_rate"].to_numpy(np.float64)
    is_given, is_reference = ~np.isnan(given), ~np.isnan(reference)
    rate = np.where(is_given, given, np.where(is_reference, reference, of_test))
    source = np.where(is_given, GIVEN, np.where(is_reference, REFERENCE, OF_TEST))
    return pd.DataFrame({"assumed_base_rate": rate, "base_rate_from": source.astype(object)})
