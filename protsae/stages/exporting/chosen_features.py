"""Which features of a run are exported: those that are named, or all that pass a filter."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from protsae.config.settings import Config
from protsae.errors import UserError
from protsae.features.protein_segments import LEVELS, trust
from protsae.inspection.feature_name import FeatureName, parse_feature_name
from protsae.one_line import cut
from protsae.run.layout import model_name
from protsae.run.run_places import sae_place
from protsae.stages.exporting.source_run import SourceRun

_SAE = re.compile(r"(?:([^/]+)/)?([0-9]{1,9})/([^/]+)")
_PLACE = ["model", "layer", "variant"]


def parse_sae_name(text: str, results: Path, config: Config) -> tuple[str, int, str]:
    """Model, layer and variant of an SAE that a run has: LAYER/SAE, or MODEL/LAYER/SAE.

    Raises
    ------
    UserError
        If it is no such name, or the run has no such SAE.

    Examples
    --------
    >>> from protsae.config.settings import parse_settings
    >>> config = parse_settings(Config, {"train": {"topk": {"architecture": "topk"}}})
    >>> parse_sae_name("6/topk", Path("results"), config)
    ('esm2_t6_protsae', 6, 'topk')
    >>> parse_sae_name("topk", Path("results"), config)
    Traceback (most recent call last):
    protsae.errors.UserError: 'topk': no name of an SAE; expected LAYER/SAE or MODEL/LAYER/SAE, ...
    """
    found = _SAE.fullmatch(text)
    if found is None:
        raise UserError(
            f"{cut(repr(text), 60)}: no name of an SAE; expected LAYER/SAE or MODEL/LAYER/SAE, "
            "such as 6/topk"
        )
    model, layer, variant = found[1] or model_name(config), int(found[2]), found[3]
    sae_place(results, config, layer, variant, model)
    return model, layer, variant


def own_saes(run: SourceRun) -> list[tuple[str, int, str]]:
    """SAEs of the run's own model but those that are frozen, which are baselines."""
    layers = [layer for model, layer in run.layers if model == run.model]
    return [
        (run.model, layer, name)
        for layer in layers
        for name in run.config.learned_saes or run.variants
    ]


def named_features(run: SourceRun, names: Sequence[str]) -> pd.DataFrame:
    """Rows of the feature table of features that are named, in this order.

    Raises
    ------
    UserError
        If a name is none, or the run has no such feature.
    """
    parsed = [parse_feature_name(name, run.results, run.config) for name in names]
    rows = run.features.set_index([*_PLACE, "feature"], drop=False)
    for name in parsed:
        if tuple(vars(name).values()) not in rows.index:
            raise UserError(_no_such_feature(run, name))
    keys = list(dict.fromkeys(tuple(vars(name).values()) for name in parsed))
    return rows.loc[keys].reset_index(drop=True)


def passing_features(
    run: SourceRun, saes: Sequence[str] = (), level: str = "called", concept: str | None = None
) -> pd.DataFrame:
    """Rows of the feature table of all features that pass a filter.

    Parameters
    ----------
    saes : sequence of str
        As `parse_sae_name` takes them; default: `own_saes`.
    level : str
        One of `LEVELS`: all, those with a concept, called for it, called for one that the sequence
        does not define, or above all baselines.
    concept : str, optional
        Only those with it.

    Raises
    ------
    UserError
        If there is no such SAE or level, or no feature passes.
    """
    if level not in LEVELS:
        raise UserError(f"level {level!r}; expected one of {', '.join(LEVELS)}")
    places = [parse_sae_name(name, run.results, run.config) for name in saes] or own_saes(run)
    rows = run.features
    is_own = pd.MultiIndex.from_frame(rows[_PLACE]).isin(places)
    found = rows[is_own & (trust(rows) <= LEVELS[level])]
    if concept is not None:
        _validate_concept(concept, rows["concept"].dropna().tolist(), run)
        found = found[found["concept"] == concept]
    if found.empty:
        of_concept = f" for {cut(concept, 60)}" if concept is not None else ""
        less = f", or choose {' or '.join(_below(level))}" if _below(level) else ""
        raise UserError(
            f"{run.results}: none of {int(is_own.sum()):,} features is {_MEANT[level]}"
            f"{of_concept}; name features{less}"
        )
    return found.reset_index(drop=True)


def _below(level: str) -> list[str]:
    """Levels that more features pass."""
    return [name for name, least in LEVELS.items() if LEVELS[level] < least < LEVELS["all"]]


def _validate_concept(concept: str, known: Sequence[str], run: SourceRun) -> None:
    if concept not in known:
        names = {name.casefold(): name for name in known}
        near = get_close_matches(concept.casefold(), names, 1)
        meant = f"; did you mean {names[near[0]]}?" if near else ""
        raise UserError(
            f"{run.results}: no feature has the concept {cut(repr(concept), 60)}; expected one of "
            f"the column concept in features.tsv{meant}"
        )


_MEANT = {
    "all": "there",
    "concept": "scored",
    "called": "called",
    "annotated": "called for a concept that the sequence does not define",
    "above": "above all baselines",
}


def _no_such_feature(run: SourceRun, name: FeatureName) -> str:
    own = run.features[_PLACE].eq([name.model, name.layer, name.variant]).all(axis=1)
    last = int(run.features.loc[own, "feature"].max()) if own.any() else -1
    return (
        f"{run.results}: {name.layer}/{name.variant} has no feature {name.feature}; it has 0 to "
        f"{last}"
    )
