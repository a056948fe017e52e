"""Features of a run by words: those of the concepts they detect, of synonyms, and of labels."""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from protsae.association.frozen_saes import is_frozen
from protsae.association.scoring.metrics import CALLED_Q
from protsae.concepts.uniprot.words import concept_words, synonyms
from protsae.errors import UserError
from protsae.inspection.description_words import interval_words
from protsae.io.table_files.bound_tables import read_bound_table
from protsae.one_line import cut, one_line
from protsae.run.run_places import feature_name
from protsae.schema.features.feature_tables import FEATURES
from protsae.schema.pair_tables import ASSOCIATIONS
from protsae.screen.wording import count, fitted

MOST_CALLED, MOST_OTHERS = 20, 5
"""Features that are listed: called for a concept with the words, and others."""


LEAST_LIKE = 0.75
"""How like what was asked for a word has to be to be suggested, as of `difflib`."""


def is_search(text: str) -> bool:
    """Whether it is words to look for: letters, and no slash as in a feature's name.

    Examples
    --------
    >>> is_search("signal peptide"), is_search("6/topk/246"), is_search("7")
    (True, False, False)
    """
    return "/" not in text and any(character.isalpha() for character in text)


ASKED = (
    *("concept", "q_value", "valid_f1", "f1", "f1_low", "f1_high", "n_clusters"),
    "defined_by_sequence",
)
"""Columns of a pair that ``asked_`` columns give."""

_KEYS = ["model", "layer", "variant", "feature"]


def found_features(
    features: pd.DataFrame, associations: pd.DataFrame, model: str, words: str
) -> pd.DataFrame:
    """Features that detect a concept with all the words, or whose label has them; likeliest first.

    A word is found at the beginning of any word, in upper or lower case, of a concept's name in
    UniProt's table or pages, of its synonyms ("PTM" for MOD_RES, "cysteine" for residue: C), or of
    the label; a plural also without its s. A single letter is found as a word of its own.

    Parameters
    ----------
    features : DataFrame
        The feature table: each with its best concept.
    associations : DataFrame
        All pairs that were kept: a feature may be called for more concepts than its best one.
    model : str
        Only features of this one; those of frozen SAEs, which are baselines, are left out.
    words : str

    Returns
    -------
    DataFrame
        Rows of ``features``. ``asked_concept`` is the concept with the words: the best one, if it
        has them, or another one that the feature is called for; with it come that pair's
        ``asked_q_value``, ``asked_f1`` and so on (``ASKED``). ``is_called``: whether the feature is
        called for it. Called ones come first, then others with such a concept, then those whose
        label alone has the words; concepts of exactly that name before all; within each by F1 on
        valid, so that F1 on test is no luck of the search.
    """
    own = _subjects(features, model)
    wanted = _words(words)
    pairs = _concept_pairs(own, associations)
    names = [name for name in pairs["concept"].unique() if _has_all(_texts(name), wanted)]
    exact = [name for name in names if _words(name.partition(": ")[0]) == wanted]
    pairs = pairs[pairs["concept"].isin(names)]
    best_first = ["is_called", "is_best", "valid_f1"]
    pairs = pairs.sort_values(best_first, ascending=False, kind="stable").drop_duplicates(_KEYS)
    pairs = pairs.rename(columns={name: f"asked_{name}" for name in ASKED})
    found = own.merge(pairs, on=_KEYS, how="left", validate="one_to_one")
    by_concept = found["asked_concept"].notna()
    by_label = found["label"].fillna("").map(lambda label: _has_all(_words(label), wanted))
    ranked = found.assign(
        is_called=found["is_called"].eq(True),
        _is_exact=found["asked_concept"].isin(exact),
        _by_concept=by_concept,
    )[by_concept | by_label.astype(bool)]
    order = ["_is_exact", "is_called", "_by_concept", "asked_valid_f1"]
    ranked = ranked.sort_values(order, ascending=False, kind="stable", na_position="last")
    return ranked.drop(columns=["is_best", "_is_exact", "_by_concept"])


def _concept_pairs(own: pd.DataFrame, associations: pd.DataFrame) -> pd.DataFrame:
    """Each feature with its best concept, and with the others that it is called for: ``ASKED``."""
    best = own[own["concept"].notna()]
    further = associations[associations["q_value"] <= CALLED_Q].merge(
        own[[*_KEYS, "concept"]], on=_KEYS, suffixes=("", "_best")
    )
    further = further[further["concept"] != further["concept_best"]]
    columns = [*_KEYS, *ASKED]
    pairs = [best[columns].assign(is_best=True), further[columns].assign(is_best=False)]
    every = pd.concat(pairs, ignore_index=True)
    return every.assign(is_called=every["q_value"] <= CALLED_Q)


def run_lines(results: Path, model: str, words: str, width: int) -> list[str]:
    """What a run's features are found by words, or, without words, the concepts to look for.

    Raises
    ------
    UserError
        If the run is not finished.
    """
    features = read_bound_table(results, FEATURES)
    columns = [*_KEYS, *ASKED]
    associations = read_bound_table(results, ASSOCIATIONS, columns)
    if not words:
        return concept_lines(features, associations, model, width)
    path = results / "concepts.tsv"
    try:
        concepts = pd.read_csv(path, sep="\t", index_col="concept", dtype=str)["left_out"]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: {cut(str(error))}; run the lookup stage again") from error
    return search_lines(features, associations, concepts, model, words, width)


def search_lines(
    features: pd.DataFrame,
    associations: pd.DataFrame,
    left_out: pd.Series,
    model: str,
    words: str,
    width: int,
) -> list[str]:
    """What `found_features` finds: what each detects and how surely, or why nothing was found.

    Parameters
    ----------
    left_out : Series
        Of the concepts of the run by name: why they are not scored; missing for those that are.
    """
    found = found_features(features, associations, model, words)
    asked = cut(repr(" ".join(words.split())), 60)
    if found.empty:
        return _nothing_lines(_subjects(features, model), left_out, model, words, asked, width)
    called, others = found[found["is_called"]], found[~found["is_called"]]
    n_called = len(called)
    head = (
        f"{count(len(found), 'feature')} of {model} with {asked} in a concept or the label; "
        f"{f'{n_called:,}' if n_called else 'none'} called (q ≤ {CALLED_Q}) for such a concept"
    )
    order = "the best on valid first, F1 on test:" if n_called else "the first of them:"
    lines = fitted(f"{head}; {order}", "", width=width)
    lines += _listed(called, MOST_CALLED, width)
    if n_called and len(others):
        lines.append("not called for it, or by their label alone:")
    lines += _listed(others, MOST_OTHERS, width)
    return [*lines, f"All about one of them: protsae show {_name(found.iloc[0])}"]


def concept_lines(
    features: pd.DataFrame, associations: pd.DataFrame, model: str, width: int
) -> list[str]:
    """Every concept that features of the run are called for, with how many and the best of them.

    Of those that the sequence defines, such as amino acids, how many only.
    """
    own = _subjects(features, model)
    pairs = _concept_pairs(own, associations)
    called = pairs[pairs["is_called"]]
    lines = [f"Concepts that features of {model} are called for (q ≤ {CALLED_Q}):"]
    best_first = called.sort_values("valid_f1", ascending=False, kind="stable")
    firsts = best_first.drop_duplicates("concept")
    n_best = called["concept"][called["is_best"]].value_counts()
    n_further = called["concept"][~called["is_best"]].value_counts()
    is_defined = firsts["defined_by_sequence"] == 1
    named = own.set_index(_KEYS)
    for _, first in firsts[~is_defined].iterrows():
        concept = first["concept"]
        many = _counted(int(n_best.get(concept, 0)), int(n_further.get(concept, 0)))
        row = named.loc[tuple(first[_KEYS])]
        score = _score(row if first["is_best"] else first)
        text = f"{concept}: {many}; best on valid: {_name(first)}, {score}"
        lines += fitted(one_line(text), "  ", width=width)
    defined = [
        f"{concept} {n_best[concept]:,}"
        for concept in sorted(firsts["concept"][is_defined])
        if concept in n_best
    ]
    if defined:
        head = "and for concepts that the sequence defines, features of each: "
        lines += fitted(one_line(f"{head}{', '.join(defined)}"), "  ", width=width)
    return [*lines, "Features of one of them: protsae show WORDS, such as signal peptide"]


def _counted(n_best: int, n_further: int) -> str:
    """How many features are called for a concept, and how many of them have another best one.

    >>> _counted(1, 3), _counted(0, 1)
    ('1 feature, and 3 with another best concept', '1 feature, with another best concept')
    """
    if not n_best:
        return f"{count(n_further, 'feature')}, with another best concept"
    more = f", and {n_further:,} with another best concept" if n_further else ""
    return f"{count(n_best, 'feature')}{more}"


def _subjects(features: pd.DataFrame, model: str) -> pd.DataFrame:
    return features[(features["model"] == model) & ~is_frozen(features)]


def _words(text: str) -> list[str]:
    """Letters and digits apart: Zn2+ and Zn(2+) are the same."""
    return re.findall(r"[^\W\d_]+|\d+", text.lower())


def _texts(concept: str) -> list[str]:
    return _words(" ".join((concept, concept_words(concept), *synonyms(concept))))


def _has_all(texts: list[str], wanted: list[str]) -> bool:
    """Whether each of some words begins one of the others; letters have to be one."""
    return bool(wanted) and all(any(map(_is_in(word), texts)) for word in wanted)


def _is_in(word: str) -> Callable[[str], bool]:
    if len(word) == 1:
        return word.__eq__
    stem = word[:-1] if len(word) > 3 and word.endswith("s") else word
    singular = f"{word[:-3]}x" if word.endswith("ices") else word  # helices
    return lambda text: text.startswith((word, stem, singular))


def _nothing_lines(
    own: pd.DataFrame, left_out: pd.Series, model: str, words: str, asked: str, width: int
) -> list[str]:
    """Why: the concept was not scored, or is written otherwise."""
    wanted = _words(words)
    lines = fitted(f"no feature of {model} with {asked} in a concept or the label", "", None, width)
    for concept, why in left_out.items():
        if _has_all(_texts(str(concept)), wanted):
            reason = (
                "scored, but no feature is called for it" if pd.isna(why) else f"not scored: {why}"
            )
            lines += fitted(one_line(f"{concept}: {reason}"), "  ", width=width)
    known = _vocabulary([*own["concept"].dropna(), *left_out.index], own["label"].dropna())
    near = [close for word in wanted for close in get_close_matches(word, known, 1, LEAST_LIKE)]
    if len(lines) == 1 and len(near) == len(wanted) and near != wanted:
        lines.append(f"  did you mean: {' '.join(near)}?")
    return [*lines, "Concepts that features are called for: protsae show"]


def _vocabulary(concepts: Iterable[str], labels: Iterable[str]) -> set[str]:
    names = {word for concept in set(concepts) for word in _texts(str(concept))}
    return names | {word for label in set(labels) for word in _words(str(label))}


def _listed(found: pd.DataFrame, most: int, width: int) -> list[str]:
    lines = []
    for _, row in found.head(most).iterrows():
        label = row["label"] if pd.notna(row["label"]) else "no label"
        text = one_line("; ".join([*_said(row), str(label)]))
        lines += fitted(text, f"  {_name(row):<14} ", 2, width)
    more = len(found) - most
    return [*lines, f"  and {more:,} more (run.find in Python has all)"] if more > 0 else lines


def _said(row: pd.Series) -> list[str]:
    """What a feature detects: the concept asked for, and its best one where that is another."""
    best = [f"{row['concept']} {_score(row)}"] if pd.notna(row["concept"]) else []
    if pd.isna(row["asked_concept"]) or row["asked_concept"] == row["concept"]:
        return best
    asked = row[[f"asked_{name}" for name in ASKED]].set_axis(ASKED)
    own = f"best concept {row['concept']} (F1 {row['f1']:.2f})"
    return [f"{asked['concept']} {_score(asked)}", own]


def _name(row: pd.Series) -> str:
    return feature_name(row["layer"], row["variant"], row["feature"])


def _score(row: pd.Series) -> str:
    """F1 with its interval, whether called, and the verdict."""
    few = "" if pd.notna(row["f1_low"]) else f" (in {count(row['n_clusters'], 'test cluster')})"
    score = f"F1 {row['f1']:.2f}{interval_words(row, 'f1') or few}"
    if pd.isna(row["q_value"]) or row["q_value"] > CALLED_Q:
        return f"{score}, not called"
    if row["defined_by_sequence"] == 1:
        return f"{score}, called, but the sequence defines it"
    if pd.isna(row.get("verdict")):  # taken for the best concept alone
        return f"{score}, called"
    beside = f" ({row['best_baseline']} {row['best_baseline_f1']:.2f})"
    return f"{score}, called, {row['verdict']}{beside}"
