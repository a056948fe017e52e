"""Sections of the layers: cards of the best features, with their strongest segments."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd

from protsae.config.reserved_names import ONEHOT, is_permuted
from protsae.errors import UserError
from protsae.features.error_sites import SILENT, UNANNOTATED
from protsae.features.example_sites import STRENGTHS, STRONGEST
from protsae.features.recurrence import recurrence_words
from protsae.inspection.feature_lines import effect_words
from protsae.report.figures import layer_figures as plots
from protsae.report.figures.logo_drawing import logo_svg
from protsae.report.figures.sequence_html import coloured_residues, shown_ranges
from protsae.report.number_format import decimals, percent
from protsae.report.page_data import Layer
from protsae.report.sections.concept_residues import ConceptResidues
from protsae.report.sections.layer_maps import layer_maps

WHAT = {
    STRONGEST: "Strongest",
    **dict(zip(STRENGTHS, ("Strong", "Medium", "Weak"), strict=True)),
    UNANNOTATED: "Active, not annotated",
    SILENT: "Annotated, not active",
}
"""Selections of examples, in words."""


def layer_section(
    number: int, layer: Layer, name: str, proteins: pd.DataFrame, residues: ConceptResidues
) -> dict[str, Any]:
    """What the template shows of a layer: figures, and cards in the order of `best_features`."""
    key = f"layer-{number}"
    examples = dict(iter(layer.examples.groupby(["variant", "feature"])))
    logos = dict(iter(layer.logos.groupby(["variant", "feature"])))
    histograms = {v: e["density_histogram"] for v, e in layer.evaluations.items()}
    return {
        "id": key,
        "name": name,
        "model": layer.model,
        "number": layer.number,
        "onehot": layer.model == ONEHOT,
        "permuted": is_permuted(layer.model),
        "training": plots.training_curves(layer.training, f"{key}-training"),
        "maps": layer_maps(layer.placed, name),
        "density": plots.density_histograms(histograms, f"{key}-density"),
        "features": [
            {
                **row,
                "id": f"{key}-feature-{place}",
                "elsewhere": elsewhere(row["reference_base_rate"], row["f1_at_reference_rate"]),
                "recurrence": recurrence_words(pd.Series(row)),
                "described": _described(row),
                "effect": effect_words(pd.Series(row)),
                "end": row["preferred_end"] if pd.notna(row["preferred_end"]) else "",
                "logo": _logo(logos.get((row["variant"], row["feature"]), layer.logos.head(0))),
                "examples": _examples(
                    examples.get((row["variant"], row["feature"]), layer.examples.head(0)),
                    row["concept"],
                    proteins,
                    residues,
                ),
            }
            for place, row in enumerate(layer.best.to_dict("records"))
        ],
    }


def _described(row: Mapping[Hashable, Any]) -> str:
    """The label of a feature with its confidence; empty if it has none that is known.

    Examples
    --------
    >>> _described({"label": "C", "confidence": "high"})
    'C (confidence: high)'
    >>> _described({"label": "unknown", "confidence": "unknown"}), _described({"label": None})
    ('', '')
    """
    label = row["label"]
    if not isinstance(label, str) or label == row["confidence"]:
        return ""
    return f"{label} (confidence: {row['confidence']})"


def elsewhere(base_rate: float, f1: float) -> str:
    """What F1 comes to at another base rate, in words.

    Examples
    --------
    >>> elsewhere(0.007, 0.384)
    'F1 0.38 where 0.7 % of residues have it, as in the reference set, by the same recall and \
false-positive rate'
    >>> elsewhere(float("nan"), float("nan"))
    'the reference set does not say how common it is'
    """
    if pd.isna(base_rate):
        return "the reference set does not say how common it is"
    return (
        f"F1 {decimals(f1)} where {percent(base_rate)} of residues have it, as in the reference "
        "set, by the same recall and false-positive rate"
    )


def _logo(logo: pd.DataFrame) -> dict[str, Any]:
    """The drawing, and of how many homology clusters it is: 0 if there is none."""
    return {
        "drawing": logo_svg(logo),
        "n_clusters": int(logo["n_windows"].max()) if len(logo) else 0,
    }


def _examples(
    rows: pd.DataFrame, concept: str, proteins: pd.DataFrame, residues: ConceptResidues
) -> list[dict[Any, Any]]:
    strongest = float(rows["activation"].max()) if len(rows) else 0.0
    shown = []
    for row in rows.to_dict("records"):
        protein = proteins.loc[row["accession"]]
        start, end = row["start"], row["end"]
        segment = protein["sequence"][start - 1 : end]
        if len(segment) != end - start + 1 or len(row["activations"]) != len(segment):
            raise UserError(
                f"examples.parquet: residues {start}-{end} of {row['accession']} do not fit its "
                f"{len(protein['sequence'])} residues; run the annotate stage again"
            )
        everywhere = residues.positions(row["accession"], concept)
        inside = {position for position in everywhere or () if start <= position <= end}
        shown.append(
            {
                **row,
                "what": WHAT[row["selection"]],
                "point": "peak" if row["selection"] in (STRONGEST, UNANNOTATED) else "residue",
                "entry_name": protein["entry_name"],
                "organism": protein["organism"],
                "split": protein["split"],
                "length": len(protein["sequence"]),
                "peak_residue": segment[row["peak"] - start],
                "marked": shown_ranges(inside),
                "unmarked": _unmarked(everywhere),
                "html": coloured_residues(
                    segment, start, row["activations"], strongest, inside, row["peak"]
                ),
            }
        )
    return shown


def _unmarked(everywhere: set[int] | None) -> str:
    """Why no residue shown has the concept."""
    if everywhere is None:
        return "whether this protein has the concept is not known"
    if everywhere:
        return "the concept is elsewhere in this protein"
    return "this protein is not annotated with the concept"
