"""What is active in a protein, in words: the surest concepts, where, and what is not named."""

import pandas as pd

from protsae.features.protein_segments import agreement, n_features, trust
from protsae.features.recurrence import recurrence_words
from protsae.one_line import note, one_line
from protsae.screen.wording import count, fitted, listed

MOST_ABOVE, MOST_CALLED, MOST_PLACES = 8, 4, 4
"""Concepts that are named for a protein, above all baselines or only called; places of each."""

NO_PROBABILITIES = note(
    "F1 and precision are those of the run's test set at its base rates, no calibrated "
    "probabilities"
)


def protein_lines(name: str, length: int, segments: pd.DataFrame) -> list[str]:
    """Which concepts the features that are on in a protein point to, the surest in words.

    Parameters
    ----------
    segments : DataFrame
        All rows of the protein in the segments table.
    """
    level = pd.Series(trust(segments), index=segments.index)
    above, called = segments[level == 0], segments[level == 1]
    none = "No feature above all baselines is on."
    head = "On, and above all baselines:" if len(above) else none
    lines = [f"{one_line(name)}: {count(length, 'residue')}", f"  {head}"]
    lines += _concept_lines(above, MOST_ABOVE)
    if len(called):
        on = count(n_features(called), "feature")
        of = count(called["concept"].nunique(), "concept")
        lines.append(f"  Called (q ≤ 0.05), but not above all baselines: {on}, {of}.")
        lines += _concept_lines(called, MOST_CALLED)
    return [*lines, *_left_out_lines(segments, level)]


def _concept_lines(segments: pd.DataFrame, most: int) -> list[str]:
    """Each concept by falling F1 of its best feature, with the places at which that one is on."""
    # Chosen by F1 on valid, so that the F1 on test that is shown is not flattered.
    best = segments.sort_values("valid_f1", ascending=False, kind="stable")
    best = best.drop_duplicates("concept").sort_values("f1", ascending=False, kind="stable")
    lines = []
    for _, row in best[:most].iterrows():
        same = segments[segments["concept"] == row["concept"]]
        own = same[(same[list(_FEATURE)] == row[list(_FEATURE)]).all(axis=1)]
        places = agreement(own, same).sort_values("n_features", ascending=False, kind="stable")
        where = listed([_place(place) for _, place in places.iterrows()], MOST_PLACES)
        text = f"{one_line(str(row['concept']))} at {where}; {_score(row)}"
        first, *others = fitted(text, "      ")
        lines += ["    " + first.lstrip(), *others]
    more = len(best) - most
    return [*lines, f"    and {count(more, 'more concept')}"] if more > 0 else lines


_FEATURE = ("layer", "variant", "feature")


def _place(place: pd.Series) -> str:
    """Residues of a segment, and how many features of how many layers agree."""
    start, end, n = place["start"], place["end"], place["n_features"]
    residues = f"{start}" if start == end else f"{start} to {end}"
    return f"{residues} ({count(n, 'feature')} of {count(place['n_layers'], 'layer')})"


def _score(row: pd.Series) -> str:
    """How well the feature detects the concept on test, and how the best baseline does."""
    has_interval = pd.notna(row["f1_low"])
    interval = f" [{row['f1_low']:.2f}, {row['f1_high']:.2f}]" if has_interval else ""
    verdict = row["verdict"] if isinstance(row["verdict"], str) else "no verdict"
    baseline = f"{row['best_baseline']} {row['best_baseline_f1']:.2f}"
    against = f", {verdict} ({baseline})" if isinstance(row["best_baseline"], str) else ""
    which = f"layer {row['layer']}, {row['variant']} {row['feature']}"
    doubt = recurrence_words(row)
    score = f"F1 {row['f1']:.2f}{interval}{against}, precision {row['precision']:.2f}; {which}"
    return f"{score}; {doubt}" if doubt else score


def _left_out_lines(segments: pd.DataFrame, level: pd.Series) -> list[str]:
    """Features that are on and not named, by why."""
    why = {
        2: "called for a concept that the sequence defines",
        3: "not called for their concept",
        4: "without a concept",
    }
    numbers = {text: n_features(segments[level == number]) for number, text in why.items()}
    found = [f"{n:,} {text}" for text, n in numbers.items() if n]
    return fitted(", ".join(found), "  Features not named: ") if found else []
