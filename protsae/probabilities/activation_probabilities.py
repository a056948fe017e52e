"""How probable concepts are where an SAE's features are on, at stated base rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.scoring.base_rate_adjustment import rates_of
from protsae.probabilities.likelihood_ratios import probability_at
from protsae.probabilities.look_alike_sites import LookAlike, is_near, look_alike_factor

GIVEN, REFERENCE, OF_TEST = "given", "reference", "test set"
"""Where a base rate comes from: the user, ``annotate.reference_rates``, or the run's test set."""

_LOOK_ALIKE = ("look_alike", "look_alike_feature", "look_alike_above")
_RATIOS = ("likelihood_ratio", "likelihood_ratio_low", "likelihood_ratio_high")


@dataclass(frozen=True, eq=False)
class ActivationProbabilities:
    """What the activations of an SAE's features say of concepts, pair by pair.

    Attributes
    ----------
    edges : ndarray of float, shape (n_pairs, 2, n_bins)
        Lower bounds of the bins elsewhere, and near the look-alike of the pair, rising; infinite
        beyond the last, and where there are none.
    ratios : ndarray of float, shape (3, n_pairs, 2, n_bins)
        Likelihood ratios, and the bounds of their intervals.
        They are already those of the assumed rate of the look-alike.
    claims : DataFrame
        One row per pair: assumed_base_rate, base_rate_from, calibration, look_alike_rate; empty
        for pairs that the calibration table does not have, or that have no look-alike.
    look_alikes : tuple of LookAlike
        Of any of the pairs.
    look_alike_of : ndarray of int, shape (n_pairs,)
        Number of the look-alike of each pair; -1 if it has none.
    """

    edges: np.ndarray
    ratios: np.ndarray
    claims: pd.DataFrame
    look_alikes: tuple[LookAlike, ...]
    look_alike_of: np.ndarray

    @classmethod
    def of(
        cls, pairs: pd.DataFrame, calibration: pd.DataFrame, rates: Mapping[str, float]
    ) -> "ActivationProbabilities":
        """From tables of one SAE.

        Parameters
        ----------
        pairs : DataFrame
            Columns feature, concept (or none), reference_base_rate and base_rate; none twice.
        calibration : DataFrame
            Rows of the calibration table; those of other pairs are left out.
        rates : mapping of str to float
            Base rates of concepts that go before those of the pairs.
        """
        numbered = pairs[["feature", "concept"]].assign(pair=range(len(pairs)))
        calibration = calibration.merge(numbered, on=["feature", "concept"])
        n_bins = max(1, int(calibration["bin"].max())) if len(calibration) else 1
        place = tuple(
            calibration[name].to_numpy(np.int64) for name in ("pair", "near_look_alike", "bin")
        )
        place = (*place[:2], place[2] - 1)
        edges = np.full((len(pairs), 2, n_bins), np.inf)
        edges[place] = calibration["activation_above"]
        ratios = np.full((3, *edges.shape), np.nan)
        for bound, name in enumerate(_RATIOS):
            ratios[bound][place] = calibration[name]
        first = calibration.drop_duplicates("pair").set_index("pair")
        claims = base_rates(pairs, rates)
        claims["calibration"] = first["calibration"].reindex(range(len(pairs))).to_numpy()
        claims.loc[claims["calibration"].isna(), ["assumed_base_rate", "base_rate_from"]] = None
        named = first.loc[first["look_alike"].notna(), list(_LOOK_ALIKE)]
        own = [LookAlike(name, int(of), above) for name, of, above in named.to_numpy(object)]
        look_alikes = tuple(dict.fromkeys(own))
        look_alike_of = np.full(len(pairs), -1)
        look_alike_of[named.index] = [look_alikes.index(each) for each in own]
        given = rates_of(first["look_alike"].tolist(), rates)
        rate = np.where(np.isnan(given), first["look_alike_base_rate"].astype(float), given)
        claims["look_alike_rate"] = pd.Series(rate, first.index).reindex(range(len(pairs)))
        claims = claims.astype({"assumed_base_rate": float})
        ratios /= _factors(calibration, claims, place, edges.shape)
        return cls(edges, ratios, claims, look_alikes, look_alike_of)

    def take(self, pairs: np.ndarray) -> "ActivationProbabilities":
        """Of these pairs alone, in this order; the numbers of look-alikes stay."""
        return ActivationProbabilities(
            self.edges[pairs],
            self.ratios[:, pairs],
            self.claims.iloc[pairs].reset_index(drop=True),
            self.look_alikes,
            self.look_alike_of[pairs],
        )

    @classmethod
    def beside(cls, parts: Sequence["ActivationProbabilities"]) -> "ActivationProbabilities":
        """Pairs of several SAEs, one SAE after another, and so their look-alikes."""
        widest = max(part.edges.shape[2] for part in parts)
        more = [(0, 0), (0, 0), (0, 0)]
        edges, ratios, look_alike_of = [], [], []
        look_alikes: tuple[LookAlike, ...] = ()
        for part in parts:
            more[2] = (0, widest - part.edges.shape[2])
            edges.append(np.pad(part.edges, more, constant_values=np.inf))
            ratios.append(np.pad(part.ratios, [(0, 0), *more], constant_values=np.nan))
            own = part.look_alike_of
            look_alike_of.append(np.where(own >= 0, own + len(look_alikes), -1))
            look_alikes += part.look_alikes
        claims = pd.concat([part.claims for part in parts], ignore_index=True)
        return cls(
            np.concatenate(edges),
            np.concatenate(ratios, axis=1),
            claims,
            look_alikes,
            np.concatenate(look_alike_of),
        )

    def near_look_alikes(self, codes: sparse.csr_array, lengths: np.ndarray) -> np.ndarray:
        """Residues near which each look-alike is on: bool, shape (n_residues, n_look_alikes).

        Parameters
        ----------
        codes : csr_array, shape (n_residues, n_features)
            Of the one SAE, of proteins that stand one after another.
        lengths : ndarray of int, shape (n_proteins,)
        """
        near = np.zeros((codes.shape[0], len(self.look_alikes)), dtype=bool)
        if self.look_alikes:
            value = codes[:, [each.feature for each in self.look_alikes]].toarray()
            for number, each in enumerate(self.look_alikes):
                rows = np.flatnonzero(value[:, number] > each.above)
                near[:, number] = is_near(np.arange(codes.shape[0]), rows, lengths)
        return near

    def beside_look_alike(self, pair: np.ndarray, row: np.ndarray, near: np.ndarray) -> np.ndarray:
        """The concept of a pair's look-alike where it is near the row, else None: object, (n,).

        Parameters
        ----------
        pair, row : ndarray of int, shape (n,)
        near : ndarray of bool, shape (n_residues, n_look_alikes)
            `near_look_alikes`, side by side for several SAEs.
        """
        number = self.look_alike_of[pair]
        concepts = np.array([*(each.concept for each in self.look_alikes), None], dtype=object)
        is_near = number >= 0
        is_near[is_near] = near[row[is_near], number[is_near]]
        found: np.ndarray = concepts[np.where(is_near, number, -1)]
        return found

    def at(self, pair: np.ndarray, activation: np.ndarray, near: np.ndarray) -> np.ndarray:
        """Probability and the bounds of its 95 % interval: float64, shape (3, n).

        NaN where the feature is off or the pair has no probabilities. The base rate is taken as
        known.

        Parameters
        ----------
        pair, activation, near : ndarray of int, of float and of bool, shape (n,)
            Pairs, how strongly their features are on, and whether their look-alike is near.
        """
        part = near.astype(np.int64)
        above = (np.asarray(activation)[:, None] > self.edges[pair, part]).sum(1)
        ratio = self.ratios[:, pair, part, np.maximum(above - 1, 0)]
        rate = self.claims["assumed_base_rate"].to_numpy(np.float64)[pair]
        return np.where(above > 0, probability_at(ratio, rate), np.nan)


def _factors(
    calibration: pd.DataFrame,
    claims: pd.DataFrame,
    place: tuple[np.ndarray, ...],
    shape: tuple[int, ...],
) -> np.ndarray:
    """`look_alike_factor` of each bin at the rates that are assumed; 1 without a look-alike."""
    own = claims[["look_alike_rate", "assumed_base_rate"]].to_numpy(np.float64)[place[0]].T
    # Residues with the concept do not have its look-alike.
    rate = np.minimum(own[0] / np.maximum(1 - own[1], 1e-9), 1.0)
    columns = calibration[["look_alike_ratio", "valid_look_alike_rate"]].to_numpy(np.float64).T
    factor = look_alike_factor(columns[0], columns[1], rate)
    factors = np.ones(shape)
    factors[place] = np.where(np.isnan(factor), 1.0, factor)
    return factors


def base_rates(pairs: pd.DataFrame, rates: Mapping[str, float]) -> pd.DataFrame:
    """The base rate that the concept of each pair is taken to have, and where that comes from.

    Examples
    --------
    >>> rows = [("SIGNAL", 0.01, 0.06), ("TRANSMEM", 0.02, 0.05), ("MOTIF", None, 0.01)]
    >>> pairs = pd.DataFrame(rows, columns=["concept", "reference_base_rate", "base_rate"])
    >>> base_rates(pairs, {"SIGNAL": 0.5}).values.tolist()
    [[0.5, 'given'], [0.02, 'reference'], [0.01, 'test set']]
    """
    given = rates_of(pairs["concept"].tolist(), rates)
    reference = pairs["reference_base_rate"].to_numpy(np.float64)
    of_test = pairs["base_rate"].to_numpy(np.float64)
    is_given, is_reference = ~np.isnan(given), ~np.isnan(reference)
    rate = np.where(is_given, given, np.where(is_reference, reference, of_test))
    source = np.where(is_given, GIVEN, np.where(is_reference, REFERENCE, OF_TEST))
    return pd.DataFrame({"assumed_base_rate": rate, "base_rate_from": source.astype(object)})
