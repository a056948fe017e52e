"""Tables of docs/findings.md in Markdown, from the TSVs that ``write_page`` writes."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pandas as pd

from protsae.association.baseline_comparison import RULE
from studies.findings.comparison import TOO_FEW, VERDICTS
from studies.findings.tables import ALL_LAYERS, N_TYPES, OF_LAYERS, SAE, shown_model, stated


def markdown(folder: Path) -> list[str]:
    """The tables of docs/findings.md, from those that were written, the findings first."""
    makers: dict[str, Sequence[Callable[[pd.DataFrame], str]]] = {
        "verdicts": (by_layer, by_type),
        "detectors": (detectors_table,),
        "probes": (probes_table,),
        "recovery": (recovery_table,),
        "reliability": (reliability_table,),
    }
    if (folder / "second_population.tsv").is_file():
        makers["second_population"] = (second_population_table,)
    tables = {name: pd.read_csv(folder / f"{name}.tsv", sep="\t") for name in makers}
    first = findings_table(stated(tables["verdicts"], tables.get("second_population")))
    return [first, *(make(tables[name]) for name, of_table in makers.items() for make in of_table)]


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return "-" if pd.isna(value) else f"{value:.2f}"


def findings_table(findings: pd.DataFrame) -> str:
    """A row for each finding, beside the largest baseline and, with ``there_*``, other proteins."""
    elsewhere = "there_concept" in findings
    lines = []
    for _, row in findings.iterrows():
        cells = [row["concept"], row["n_clusters"], f"{row['base_rate']:.4f}"]
        cells += [f"{row['of_layer']:.0f}", _interval(row, "sae_f1")]
        cells += [row["best_other"], _interval(row, "other_f1"), _difference(row)]
        cells += [f"{row['verdict_q_value']:.0e}"]
        cells += _elsewhere(row) if elsewhere else []
        lines.append([*cells, _interval(row, "supervised_f1")])
    header = ["concept", "clusters", "base rate", "layer", "SAE feature", "best other", "its F1"]
    header += ["difference", "q"]
    header += ["other proteins: claimed / expected / found", "difference there"] * elsewhere
    return _table([*header, "best supervised"], lines)


def _elsewhere(row: pd.Series) -> list[str]:
    """Claimed, expected at the base rate there, found; the difference and verdict there."""
    if pd.isna(row["there_concept"]):
        return ["no labels", ""]
    scores = [row["there_claimed_f1"], row["there_claimed_f1_here"]]
    three = [*map(_number, scores), _interval(row, "there_found_f1")]
    return [
        f"{row['there_population']}: {' / '.join(three)}",
        f"{_difference(row, 'there_')} {_verdict(row, 'there_')}",
    ]


def _difference(row: pd.Series, prefix: str = "") -> str:
    """F1 less the largest of the others, with its interval."""
    value, low, high = (row[f"{prefix}f1_difference{end}"] for end in ("", "_low", "_high"))
    if pd.isna(value):
        return "-"
    return f"{value:+.2f}" if pd.isna(low) else f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def _verdict(row: pd.Series, prefix: str = "") -> str:
    """And of the others the one with the largest F1."""
    if pd.isna(row[f"{prefix}best_other"]):
        return "-"
    verdict = row[f"{prefix}verdict"]
    return f"{TOO_FEW if pd.isna(verdict) else verdict} ({row[f'{prefix}best_other']})"


def by_layer(verdicts: pd.DataFrame) -> str:
    """Numbers of concepts, a row for each layer."""
    return _counts(verdicts, "layer")


def by_type(verdicts: pd.DataFrame) -> str:
    """Numbers of concepts over all layers, a row for each type."""
    return _counts(verdicts[verdicts["layer"] == ALL_LAYERS], "concept_type")


def _counts(verdicts: pd.DataFrame, key: str) -> str:
    rows = []
    for name, own in verdicts.groupby(key):
        decided, supervised = own["verdict"], own["against_supervised"]
        cells = [int((decided == kind).sum()) for kind in VERDICTS]
        cells += [int((supervised == kind).sum()) for kind in ("above", "below")]
        rows.append(["best of all" if name == ALL_LAYERS else name, *cells])
    header = [key, *VERDICTS, "above the supervised", "below the supervised"]
    return _table([header[0].replace("_", " "), *header[1:]], rows)


SHORT = ("SAE", "coordinates", "PCA", "random", "neurons", "frozen SAE")
"""Sets of detectors in the head of a table."""


def detectors_table(detectors: pd.DataFrame) -> str:
    """A row for each model and layer: what its SAE features are, and what each set captures.

    Runs of protsae 0.2 have no neurons and no frozen SAE.
    """
    rows = []
    short = dict(zip((SAE, *OF_LAYERS), SHORT, strict=True))
    sets = [name for name in short if (detectors["set"] == name).any()]
    for (model, layer), own in detectors.groupby(["model", "layer"], sort=False):
        by_set = own.set_index("set").reindex(sets)
        sae = by_set.loc[SAE]
        rows.append(
            [shown_model(str(model)), layer]
            + [f"{sae[f'n_{name}']:.0f}" for name in ("detectors", "dead")]
            + [f"{sae['n_significant']:.0f} (≥ {sae['n_significant_low']:.0f})"]
            + [f"{sae['features_above_baselines']:.0f}"]
            + [_captured(row) for _, row in by_set.iterrows()]
            + [_number(each) for each in by_set["concepts_per_detector"]]
        )
    header = ["model", "layer", "features", "dead", "q ≤ 0.05 (at least)", "above baselines"]
    for count in ("captured", "concepts each"):
        header += [f"{count}: {SAE}" if name == SAE else short[name] for name in sets]
    return _table(header, rows)


def _captured(row: pd.Series) -> str:
    """Concepts captured by a set of detectors, with the interval."""
    if pd.isna(row["concepts_captured"]):
        return "-"
    low, high = (row[f"concepts_captured_{end}"] for end in ("low", "high"))
    return f"{row['concepts_captured']:.0f} [{low:.0f}, {high:.0f}]"


def probes_table(probes: pd.DataFrame) -> str:
    """F1 of the probe and of the best feature, a row for each common type of UniProt."""
    bare = probes[probes["concept"] == probes["concept_type"]]
    layers = sorted(bare["layer"].unique())
    rows = []
    for name, own in list(bare.groupby("concept", sort=False))[:N_TYPES]:
        first, by_layer = own.iloc[0], own.set_index("layer").reindex(layers)
        given = [
            _number(first[f"{one}_f1"])
            for one in ("always_on", "onehot", "window", "permuted_best")
        ]
        both = zip(by_layer["probe_f1"], by_layer["sae_f1"], strict=True)
        cells = [f"{_number(probe)} / {_number(sae)}" for probe, sae in both]
        rows.append([name, first["n_clusters"], *given, *cells])
    header = [
        "type",
        "clusters",
        "always on",
        "probe: one residue",
        "BLOSUM62 window",
        "permuted model",
    ]
    return _table([*header, *(f"layer {layer}" for layer in layers)], rows)


def recovery_table(recovery: pd.DataFrame) -> str:
    """A row for each model and layer."""
    counts = ["n_hidden", "n_found", "n_found_first", "n_candidates"]
    totals = recovery.groupby(["model", "layer"], sort=False)[counts].sum().reset_index()
    header = ["model", "layer", "hidden", "found", "found first", "candidates"]
    return _table(header, [[shown_model(row[0]), *row[1:]] for row in totals.to_numpy().tolist()])


def reliability_table(reliability: pd.DataFrame) -> str:
    """A row for each bin of probability, over the layers of the trained model."""
    rows = []
    for _, row in reliability.iterrows():
        low, high = row["observed_low"], row["observed_high"]
        rows.append(
            [
                f"{row['p_from']:.1f} to {row['p_to']:.1f}",
                f"{row['n_candidates']:.0f}",
                f"{row['expected_share']:.3f}",
                f"{row['observed_share']:.3f} [{low:.3f}, {high:.3f}]",
                f"{row['farthest_difference']:+.3f}",
                f"{row['farthest_layer']:.0f} ({row['farthest_n_candidates']:.0f})",
            ]
        )
    header = ["probability", "candidates", "expected", "observed", "farthest layer's difference"]
    return _table([*header, "that layer (candidates)"], rows)


def second_population_table(table: pd.DataFrame) -> str:
    """Claimed against found of the SAE feature and the rule, a row for each concept."""
    rows = []
    for _, own in table.groupby(["population", "concept"], sort=False):
        by_set = own.set_index("set").reindex([SAE, RULE])
        sae, rule = by_set.iloc[0], by_set.iloc[1]
        first = own.iloc[0]
        rows.append(
            [
                first["population"],
                first["concept"],
                f"{first['found_n_clusters']:.0f}",
                f"{100 * first['claimed_base_rate']:.1f} → {100 * first['found_base_rate']:.1f}",
                _interval(sae, "claimed_f1"),
                _number(sae["claimed_f1_here"]),
                _interval(sae, "found_f1"),
                *(_change(sae, name) for name in ("recall", "false_positive_rate", "auroc")),
                _number(first["definition_f1"]),
                f"{_number(rule['claimed_f1'])} → {_number(rule['found_f1'])}",
                _difference(sae),
                _verdict(sae),
            ]
        )
    header = ["proteins", "concept", "clusters", "base rate, %", "F1 claimed", "at this base rate"]
    header += ["F1 found", "recall", "false positives", "AUROC", "UniProt's labels, F1"]
    return _table([*header, "rule, F1", "difference there", "verdict there (best other)"], rows)


def _interval(row: pd.Series, name: str) -> str:
    if pd.isna(row[name]):
        return "none"
    if pd.isna(row[f"{name}_low"]):
        return _number(row[name])
    return f"{row[name]:.2f} [{row[f'{name}_low']:.2f}, {row[f'{name}_high']:.2f}]"


def _change(row: pd.Series, name: str) -> str:
    """Claimed → found; rates below 0.1 with a digit more."""
    both = [row[f"{when}_{name}"] for when in ("claimed", "found")]
    digits = 3 if name == "false_positive_rate" else 2
    return " → ".join("-" if pd.isna(value) else f"{value:.{digits}f}" for value in both)
