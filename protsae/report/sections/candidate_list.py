"""Where annotations may be missing: the best candidates of all SAEs, and how far to trust them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes

from protsae.config.reserved_names import ONEHOT, is_permuted
from protsae.missing_annotations.search import HIDDEN_SHARE, MIN_PROBABILITY, NEAR
from protsae.report.figures.svg import GREY, SERIES, svg
from protsae.report.layer_names import layer_names

SHOWN = 25
"""Candidates on the page."""
OF_A_TYPE = 5
"""Of these, with concepts of one type: one good feature would fill the table otherwise."""

FeatureKey = tuple[str, int, str, int]
"""Model, layer, variant, feature."""

_SAE = ["model", "layer", "variant"]


def of_models(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of models as they were trained: neither one-hot nor permuted."""
    return _of(rows, lambda model: model != ONEHOT and not is_permuted(model))


def best_candidates(candidates: pd.DataFrame, count: int = SHOWN) -> pd.DataFrame:
    """The most probable candidates of the trained models, each place once.

    Segments of one protein that are at most ``NEAR`` residues apart and point to concepts of one
    type (TRANSMEM and TRANSMEM: Helical) are one candidate: the most probable stands for them. At
    most ``OF_A_TYPE`` are of one type.

    Returns
    -------
    DataFrame
        At most ``count`` rows by falling probability, with ``n_saes``, the SAEs that point there.

    Examples
    --------
    >>> columns = ["model", "layer", "variant", "rank", "accession", "start", "end"]
    >>> columns += ["concept", "probability"]
    >>> rows = [("esm2", 1, "topk", 1, "P1", 3, 9, "TRANSMEM", 0.7)]
    >>> rows += [("esm2", 2, "topk", 1, "P1", 14, 17, "TRANSMEM: Helical", 0.9)]
    >>> rows += [("esm2", 2, "topk", 2, "P1", 24, 25, "TRANSMEM", 0.6)]
    >>> best = best_candidates(pd.DataFrame(rows, columns=columns))
    >>> best[["layer", "start", "probability", "n_saes"]].values.tolist()
    [[2.0, 14.0, 0.9, 2.0], [2.0, 24.0, 0.6, 1.0]]
    """
    rest = of_models(candidates).sort_values(
        ["probability", *_SAE, "rank"], ascending=[False, *[True] * 4], kind="stable"
    )
    rest = rest.assign(type=[name.split(":")[0] for name in rest["concept"]], n_saes=0)
    chosen = rest.head(0)
    while len(rest) and len(chosen) < count:
        best = rest.iloc[0]
        same = (rest["accession"] == best["accession"]) & (rest["type"] == best["type"])
        same &= (rest["start"] <= best["end"] + NEAR) & (rest["end"] >= best["start"] - NEAR)
        n_saes = len(rest.loc[same, _SAE].drop_duplicates())
        chosen = pd.concat([chosen, rest.head(1).assign(n_saes=n_saes)])
        rest = rest[~same]
        if (chosen["type"] == best["type"]).sum() == OF_A_TYPE:
            rest = rest[rest["type"] != best["type"]]
    return chosen.drop(columns="type").reset_index(drop=True)


def found_again(recovery: pd.DataFrame) -> tuple[int, int]:
    """Hidden instances among the first candidates, and how many were hidden: the perfect number.

    Summed over SAEs and concepts; of each, as many candidates count as were hidden.
    """
    return int(recovery["n_found_first"].sum()), int(recovery["n_hidden"].sum())


def pooled_reliability(reliability: pd.DataFrame) -> pd.DataFrame:
    """The bins of all SAEs together: n_candidates, n_hidden, expected_share, observed_share.

    Examples
    --------
    >>> bins = pd.DataFrame({"p_from": 0.5, "p_to": 0.6, "n_candidates": [10, 30]}, index=[0, 1])
    >>> bins = bins.assign(n_hidden=[3, 5], probability=0.55, expected_share=[0.1, 0.2])
    >>> pooled_reliability(bins).iloc[0].round(3).tolist()
    [0.5, 0.6, 40.0, 8.0, 0.55, 0.175, 0.2]
    """
    sums = ["n_candidates", "n_hidden", "probability", "expected_share"]
    weighted = reliability.assign(
        **{c: reliability[c] * reliability["n_candidates"] for c in sums[2:]}
    )
    pooled = weighted.groupby(["p_from", "p_to"], as_index=False)[sums].sum()
    for column in sums[2:]:
        pooled[column] /= pooled["n_candidates"]
    return pooled.assign(observed_share=pooled["n_hidden"] / pooled["n_candidates"])


def candidate_section(
    candidates: pd.DataFrame,
    recovery: pd.DataFrame,
    reliability: pd.DataFrame,
    cards: Mapping[FeatureKey, str],
    proteins: pd.DataFrame,
) -> dict[str, Any]:
    """The list, how many there are, and the test of the method.

    Parameters
    ----------
    cards : mapping
        Id on the page of each feature that has a card.
    proteins : DataFrame
        Indexed by accession; entry_name.
    """
    tested = recovery[[*_SAE, "concept", "n_found_first", "n_hidden"]]
    best = best_candidates(candidates).merge(tested, "left", [*_SAE, "concept"])
    places = layer_names(list(zip(best["model"], best["layer"], strict=True)))
    searched = of_models(recovery)
    pooled = pooled_reliability(of_models(reliability))
    return {
        "rows": [
            {
                **row,
                "place": place,
                "card": cards.get((row["model"], row["layer"], row["variant"], row["feature"])),
                "entry_name": proteins.at[row["accession"], "entry_name"],
            }
            for row, place in zip(best.to_dict("records"), places, strict=True)
        ],
        "n_candidates": len(of_models(candidates)),
        "n_concepts": searched["concept"].nunique(),
        "n_saes": len(searched[_SAE].drop_duplicates()),
        "of_a_type": OF_A_TYPE,
        "least": MIN_PROBABILITY,
        "hidden_share": HIDDEN_SHARE,
        "found": found_again(searched),
        "found_shuffled": found_again(_of(recovery, is_permuted)),
        "bins": pooled.to_dict("records"),
        "figure": reliability_figure(pooled) if len(pooled) else None,
    }


def _of(rows: pd.DataFrame, wanted: Callable[[str], bool]) -> pd.DataFrame:
    """Rows of the models that are wanted."""
    return rows[np.array([wanted(model) for model in rows["model"]], dtype=bool)]


def reliability_figure(pooled: pd.DataFrame) -> Markup:
    """Share of candidates at a hidden instance by probability, and what it should be."""

    def draw(axes: Sequence[Axes]) -> None:
        axis = axes[0]
        p = np.linspace(0, 1, 101)
        expected = HIDDEN_SHARE * p / (1 - p + HIDDEN_SHARE * p)
        axis.plot(p, expected, color=GREY, ls=":", lw=1.3, label="expected")
        axis.plot(
            pooled["probability"],
            pooled["observed_share"],
            color=SERIES[0],
            marker="o",
            ms=4.5,
            lw=1.3,
            label="found",
        )
        axis.set_title("Candidates at a hidden instance")
        axis.set_xlabel("probability")
        axis.set_ylabel("share")
        axis.set_xlim(0, 1)
        axis.set_ylim(0, 1)
        axis.legend(loc="upper left", fontsize=8)

    description = (
        "Share of candidates at a hidden instance by probability; the table has the numbers"
    )
    return svg("reliability", description, (3.6, 2.9), (1, 1), draw)
