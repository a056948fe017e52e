"""What `protsae attribute` writes: a row for each node, and the checks of each output and layer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from protsae.interventions.attribution.path_gradients import ABSOLUTE_ERROR, RELATIVE_ERROR
from protsae.io.table_files.growing_tables import growing_table
from protsae.schema.interventions.attribution_tables import ATTRIBUTION_CHECKS, ATTRIBUTIONS
from protsae.stages.attributing.attribute_outputs import Attributed
from protsae.stages.attributing.attributed_layer import Amounts

_IN_METADATA = (
    *("output", "layer", "value", "baseline_value", "completeness_error", "is_complete"),
    *("n_sampled", "spearman", "spearman_low", "spearman_high"),
    *("gradient_spearman", "gradient_spearman_low", "gradient_spearman_high"),
)


def write_attributed(
    folder: str | Path, found: Attributed, amounts: Amounts, made_from: Mapping[str, Any]
) -> None:
    """Write both tables as .parquet and .tsv; they appear at the end.

    The metadata state the checks, so that no table of attributions is without them.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    checks = found.checks[list(_IN_METADATA)].astype(object)
    about = {
        "stage": "attribute",
        **made_from,
        **vars(amounts),
        "baseline": "b_dec of the SAE at every residue; <cls> and <eos> stay",
        "tolerance": {"relative": RELATIVE_ERROR, "absolute": ABSOLUTE_ERROR},
        "probes": {f"{one.layer}/{one.concept}": one.f1 for one in found.probes},
        "checks": checks.where(checks.notna(), None).to_dict("records"),
    }
    with (
        growing_table(folder, ATTRIBUTIONS, about) as nodes,
        growing_table(folder, ATTRIBUTION_CHECKS, about) as table,
    ):
        nodes.append(found.nodes)
        table.append(found.checks)
