"""Features of a run by words: those of their concept, its synonyms, and their label."""

import re

import pandas as pd

from protsae.association.frozen_saes import is_frozen
from protsae.association.scoring.metrics import CALLED_Q
from protsae.concepts.uniprot.words import concept_words, synonyms
from protsae.inspection.description_words import interval_words
from protsae.one_line import cut, one_line
from protsae.screen.wording import count, fitted

MOST_SHOWN = 20
"""Features that are listed; the others are counted."""


def is_search(text: str) -> bool:
    """Whether it is words to look for: letters, and no slash as in a feature's name.

    Examples
    --------
    >>> is_search("signal peptide"), is_search("6/topk/246"), is_search("7")
    (True, False, False)
    """
    return "/" not in text and any(character.isalpha() for character in text)


def found_features(features: pd.DataFrame, model: str, words: str) -> pd.DataFrame:
    """Features whose best concept or label has all the words, the likeliest first.

    A word is found at the beginning of any word, in upper or lower case, of a concept's name in
    UniProt's table or pages, of its synonyms ("PTM" for MOD_RES), or of the label.

    Parameters
    ----------
    features : DataFrame
        The feature table.
    model : str
        Only features of this one; those of frozen SAEs, which are baselines, are left out.
    words : str

    Returns
    -------
    DataFrame
        Rows of ``features``: those called for a concept with the words, then the others with such
        a concept, then those whose label alone has them; within each by F1 on valid, so that F1 on
        test is no luck of the search.
    """
    own = features[(features["model"] == model) & ~is_frozen(features)]
    wanted = [re.compile(rf"(?<!\w){re.escape(word)}", re.IGNORECASE) for word in words.split()]

    def has_all(text: str) -> bool:
        return all(word.search(text) for word in wanted)

    concepts = own["concept"].dropna().unique()
    named = {name for name in concepts if has_all(_texts(str(name)))}
    by_concept = own["concept"].isin(named)
    by_label = own["label"].fillna("").map(has_all).astype(bool)
    called = by_concept & (own["q_value"].fillna(1) <= CALLED_Q)
    found = own.assign(_by_concept=by_concept, _called=called)[by_concept | by_label]
    order = ["_called", "_by_concept", "valid_f1"]
    ranked = found.sort_values(order, ascending=False, kind="stable", na_position="last")
    return ranked.drop(columns=order[:2])


def search_lines(found: pd.DataFrame, model: str, words: str, width: int) -> list[str]:
    """How many were found, and the first `MOST_SHOWN` with what each detects and how surely."""
    asked = cut(repr(" ".join(words.split())), 60)
    n_found = count(len(found), "feature") if len(found) else "no feature"
    head = f"{n_found} of {model} with {asked} in the concept or the label"
    if found.empty:
        return fitted(
            f"{head}. Concepts that features have: the column concept of features.tsv.",
            "",
            width=width,
        )
    lines = fitted(f"{head}, the best on the validation set first:", "", width=width)
    for _, row in found.head(MOST_SHOWN).iterrows():
        name = f"{row['layer']}/{row['variant']}/{row['feature']}"
        lines += fitted(one_line("; ".join(_parts(row))), f"  {name:<14} ", 2, width)
    if len(found) > MOST_SHOWN:
        lines.append(f"  and {len(found) - MOST_SHOWN:,} more")
    first = found.iloc[0]
    example = f"{first['layer']}/{first['variant']}/{first['feature']}"
    return [*lines, f"All about one of them: protsae show {example}"]


def _texts(concept: str) -> str:
    return " ".join((concept, concept_words(concept), *synonyms(concept)))


def _parts(row: pd.Series) -> list[str]:
    """Concept, F1 with its interval, whether called, and the verdict; then the label."""
    label = row["label"] if pd.notna(row["label"]) else "no label"
    if pd.isna(row["concept"]):
        return [str(label)]
    is_called = pd.notna(row["q_value"]) and row["q_value"] <= CALLED_Q
    beside = f" ({row['best_baseline']} {row['best_baseline_f1']:.2f})"
    verdict = f", {row['verdict']}{beside}" if pd.notna(row["verdict"]) else ""
    surely = f"called{verdict}" if is_called else "not called"
    score = f"F1 {row['f1']:.2f}{interval_words(row, 'f1')}"
    return [f"{row['concept']} {score}, {surely}", str(label)]
