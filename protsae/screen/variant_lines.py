"""Variants in words: how much less the model expects them, and which features they change."""

import math

import pandas as pd

from protsae.features.protein_segments import n_features
from protsae.one_line import note, one_line
from protsae.screen.wording import count, fitted, listed

UNKNOWN = "unknown"
"""Label of a feature that no rule describes (docs/tables.md)."""

MOST_NAMED = 3
"""Labels that are named among the features that a mutant takes away, and among those it adds."""

WHAT_IT_SAYS = note(
    "log-odds are in nats: log p of the new residue less log p of the residue that is there; below "
    "0 the model expects it less"
)
SUMS = note("log-odds of several substitutions are sums, which take them as independent")
WHAT_FEATURES_SAY = note(
    "features are those that change most within ± 8 residues; they say what the SAEs see, not what "
    "becomes of the protein"
)


def variant_lines(variants: pd.DataFrame, features: pd.DataFrame, most: int) -> list[str]:
    """The mutants that the model expects least, with the features that change.

    Parameters
    ----------
    variants : DataFrame
        All rows of the variants table.
    features : DataFrame
        Rows of the variant_features table, at least those of the mutants shown.
    most : int
        Mutants that are named, by masked log-odds.
    """
    name = one_line(str(variants["protein"].iloc[0]))
    lines = [f"{name}: {count(len(variants), 'mutant')}"]
    ordered = variants.sort_values("masked_log_odds", kind="stable")
    if len(ordered) > most:
        lines.append(f"  The {most} that the model expects least:")
    for _, row in ordered.head(most).iterrows():
        lines += fitted(_log_odds(row), "  ")
        own = features[features["mutant"] == row["mutant"]]
        for word, changes in (("Lost", ("lost", "less")), ("Gained", ("gained", "more"))):
            if named := _named(own[own["change"].isin(changes)]):
                lines += fitted(listed(named, MOST_NAMED), f"    {word}: ")
    return lines


def _log_odds(row: pd.Series) -> str:
    """Both log-odds, the first also as how many times likelier one residue is."""
    masked, unmasked = row["masked_log_odds"], row["wild_type_log_odds"]
    ratio = math.exp(min(abs(masked), 700))
    times = f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.1f}"
    what = "residue" if row["n_substitutions"] == 1 else "residues"
    which = "less" if masked < 0 else "more"
    return (
        f"{row['mutant']}: log-odds {masked:.2f} (the new {what} {times} times {which} likely), "
        f"{unmasked:.2f} with no residue masked"
    )


def _named(features: pd.DataFrame) -> list[str]:
    """Each label with the place of its first feature, and how many features have it."""
    known = features["label"].notna() & (features["label"] != UNKNOWN)
    label = features["label"].where(known, "without a label")
    named = []
    for text, own in features.groupby(label.to_numpy(), sort=False):
        first = own.iloc[0]
        which = f"layer {first['layer']}, {first['variant']} {first['feature']}"
        n = n_features(own)
        more = f" and {n - 1:,} more" if n > 1 else ""
        doubts = ["low confidence"] if first["confidence"] == "low" else []
        if pd.notna(first["recurs"]) and first["recurs"] == 0:
            doubts.append("does not recur")
        said = "; ".join([f"{which}{more}", *doubts])
        named.append(f"{one_line(str(text))} (at residue {first['position']}; {said})")
    return named


def said_at_end(output: str, variants: pd.DataFrame, features_wanted: int) -> list[str]:
    """How to read it, what was left out, and what was written where.

    Parameters
    ----------
    features_wanted : int
        Mutants whose features were computed.

    Examples
    --------
    >>> rows = pd.DataFrame({"n_substitutions": [1, 1, 1]})
    >>> for line in said_at_end("variants", rows, 2)[2:]:
    ...     print(line)
    note: features are of the 2 of 3 mutants with the lowest log-odds; --features N for more
    wrote variants/: variants and variant_features, of 3 mutants
    """
    n = len(variants)
    notes = [WHAT_IT_SAYS]
    if (variants["n_substitutions"] > 1).any():
        notes.append(SUMS)
    if features_wanted:
        notes.append(WHAT_FEATURES_SAY)
    if features_wanted < n:
        which = f"of the {features_wanted:,} of {n:,} mutants with the lowest log-odds"
        none = "features were not asked for"
        said = f"features are {which}; --features N for more" if features_wanted else none
        notes.append(note(said))
    return [*notes, f"wrote {output}/: variants and variant_features, of {count(n, 'mutant')}"]
