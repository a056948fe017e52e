"""The rows of a comparison of removals: scores, gains, and which number valid chose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from protsae.interventions.confounders.balanced_scores import BalancedTest
from protsae.interventions.confounders.removal_arms import FEATURES, NONE, REMOVALS, REWEIGHTED
from protsae.interventions.confounders.scored_probes import Scored
from protsae.interventions.confounders.worst_cell import worst_gain_interval, worst_interval

SCORES = ("accuracy", "worst_cell", "auroc", "confounder_auroc")
"""Columns of `BalancedTest.scores`."""
GAINS = SCORES[:3]
AUROC = SCORES.index("auroc")
ARMS = (NONE, REWEIGHTED, *REMOVALS)


@dataclass(frozen=True, eq=False)
class ScoredRow:
    """One arm, probe and number removed.

    Attributes
    ----------
    arm : str
    n : int
    variance_removed : float
    found : Scored
    """

    arm: str
    n: int
    variance_removed: float
    found: Scored


def chosen_rows(rows: Sequence[ScoredRow]) -> dict[tuple[str, str], ScoredRow]:
    """By arm and probe the row with the highest AUROC on valid, the least removed of equal ones."""
    found: dict[tuple[str, str], ScoredRow] = {}
    for row in sorted(rows, key=lambda row: (-row.found.valid_auroc, row.n)):
        found.setdefault((row.arm, row.found.probe), row)
    return found


def scored_table(rows: Sequence[ScoredRow], scored: BalancedTest) -> pd.DataFrame:
    """Rows of the table ``deconfounded``, arm by arm, probe by probe, from few removed to many.

    Gains and what the chosen features are ahead by are differences on the same resampled clusters.
    """
    chosen = chosen_rows(rows)
    [none] = [row.found for row in rows if row.arm == NONE]
    table = []
    for row in sorted(rows, key=lambda row: (ARMS.index(row.arm), row.found.probe, row.n)):
        scores, probe = row.found.scores, row.found.probe
        features = chosen[FEATURES, probe].found.scores
        values = {name: scores[:, i] for i, name in enumerate(SCORES)}
        values |= {f"{name}_gain": (scores - none.scores)[:, i] for i, name in enumerate(GAINS)}
        values["features_ahead"] = (features - scores)[:, AUROC]
        fields: dict[str, Any] = {
            "arm": row.arm,
            "probe": probe,
            "n_removed": row.n,
            "is_chosen": row is chosen[row.arm, probe],
            "variance_removed": row.variance_removed,
            "valid_auroc": row.found.valid_auroc,
        }
        intervals = {name: scored.interval(value) for name, value in values.items()}
        if scored.is_told:
            told_DRC = row.found.told_DRC
            intervals["worst_cell"] = worst_interval(told_DRC)
            intervals["worst_cell_gain"] = worst_gain_interval(told_DRC, none.told_DRC)
        for name, (low, high) in intervals.items():
            fields |= {name: float(values[name][0]), f"{name}_low": low, f"{name}_high": high}
        table.append(fields)
    return pd.DataFrame(table)
