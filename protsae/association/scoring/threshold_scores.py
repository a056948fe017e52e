"""All scores of a pair at its threshold, from counts."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from protsae.association.scoring.base_rate_adjustment import (
    f1_at_base_rate,
    false_positive_rate,
    rates_of,
)
from protsae.association.scoring.metrics import (
    f1_score,
    harmonic_mean,
    lift,
    matthews_correlation,
    ratio,
)


def threshold_scores(
    concepts: pd.Series,
    counts: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    instances: tuple[np.ndarray, np.ndarray],
    reference_rates: Mapping[str, float],
) -> pd.DataFrame:
    """Scores that follow from counts, a row for each pair; columns as in docs/tables.md.

    Parameters
    ----------
    concepts : Series of str, shape (n_pairs,)
        The concept of each pair.
    counts : tp, on, positives, n_residues; ndarrays of int, shape (n_pairs,)
        Residues, of those whose label is known: on and labelled, on, labelled, and all.
    instances : found, n_instances; ndarrays of int, shape (n_pairs,)
        Annotated instances with a residue on, and all.
    reference_rates : mapping of str to float
        Base rates of concepts, by name, that F1 is also given at.

    Examples
    --------
    On at three residues of four, two of them labelled; one of two instances is found:

    >>> four, two = (np.array([n]) for n in (4, 2))
    >>> counts = two, two + 1, two, four
    >>> scores = threshold_scores(pd.Series(["SIGNAL"]), counts, (two - 1, two), {})
    >>> scores[["f1", "instance_recall", "tp", "fp", "fn"]].values.tolist()
    [[0.8, 0.5, 2.0, 1.0, 0.0]]
    """
    tp, on, positives, n_residues = counts
    precision, recall, instance_recall = ratio(tp, on), ratio(tp, positives), ratio(*instances)
    false_positives = false_positive_rate(tp, on, positives, n_residues)
    reference = rates_of(concepts.tolist(), reference_rates)
    return pd.DataFrame(
        {
            "precision": precision,
            "recall": recall,
            "f1": f1_score(tp, on, positives),
            "false_positive_rate": false_positives,
            "reference_base_rate": reference,
            "f1_at_reference_rate": f1_at_base_rate(recall, false_positives, reference),
            "instance_recall": instance_recall,
            "instance_f1": harmonic_mean(precision, instance_recall),
            "mcc": matthews_correlation(tp, on, positives, n_residues),
            "lift": lift(tp, on, positives, n_residues),
            "base_rate": ratio(positives, n_residues),
            "tp": tp,
            "fp": on - tp,
            "fn": positives - tp,
        },
        index=concepts.index,
    )
