"""What outputs of a run's model come from: the tables of nodes and of checks for a protein."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from protsae.errors import UserError
from protsae.interventions.attribution.output_pass import OutputPass, predicted_pass, read_pass
from protsae.interventions.attribution.output_text import WrittenOutput, parse_output
from protsae.interventions.log_odds import window_of
from protsae.io.progress import progress
from protsae.plm.esm2.tokens import Window
from protsae.schema.interventions.attribution_tables import ATTRIBUTION_CHECKS, ATTRIBUTIONS
from protsae.schema.table import conform
from protsae.stages.attributing.attributed_layer import (
    Amounts,
    attribute_layer,
    kept_rows,
    layer_checks,
)
from protsae.stages.attributing.opened_attribution import ConceptProbe, OpenedAttribution
from protsae.stages.attributing.probe_shap import has_large_shap, with_shap

FEWEST_SAMPLED = 10
"""Random nodes below which a correlation says nothing."""


@dataclass(frozen=True)
class Attributed:
    """What some outputs come from.

    Attributes
    ----------
    nodes : DataFrame
        The table ``attributions`` (docs/tables.md).
    checks : DataFrame
        The table ``attribution_checks``: how far it can be believed.
    probes : tuple of ConceptProbe
        Those of the outputs' concepts.
    """

    nodes: pd.DataFrame
    checks: pd.DataFrame
    probes: tuple[ConceptProbe, ...]


def attribute_outputs(
    opened: OpenedAttribution,
    name: str,
    sequence: str,
    texts: Sequence[str],
    probe_layer: int | None = None,
    amounts: Amounts | None = None,
) -> Attributed:
    """Attribute outputs of a protein to the features of each layer that is opened.

    Parameters
    ----------
    texts : sequence of str
        As `parse_output` reads them; one or more.
    probe_layer : int, optional
        Layer that probes of concepts read; by default the last one that is opened.
    amounts : Amounts, optional
        How much is done and kept.

    Raises
    ------
    UserError
        If there is no output, one cannot be read or is none of the protein, a probe would read a
        layer before one that was asked for, or none is needed and ``probe_layer`` is given.
    """
    amounts = amounts or Amounts()
    validate_amounts(amounts)
    if not texts:
        raise UserError("no outputs; expected one or more, such as 45, A45V or SIGNAL@45")
    outputs = [parse_output(text, name, sequence) for text in dict.fromkeys(texts)]
    if probe_layer is not None and all(one.concept is None for one in outputs):
        raise UserError(
            f"--probe-layer {probe_layer}: {outputs[0].text} needs no probe; expected an output "
            "such as SIGNAL@45; leave it out"
        )
    reads = max(opened.saes) if probe_layer is None else probe_layer
    plan = [(one, layer) for one in outputs for layer in _layers(opened, one, reads)]
    concepts = dict.fromkeys(one.concept for one in outputs if one.concept is not None)
    probes = {concept: opened.fit_probe(reads, concept) for concept in concepts}
    tables, checks = [], []
    for one, layer in progress(plan, f"{name}: attributing", "layers"):
        probe = None if one.concept is None else probes[one.concept]
        rows, check = _attributed(opened, sequence, one, layer, probe, amounts)
        own: dict[str, Any]
        own = {"protein": name, "output": one.text, "layer": layer, "variant": opened.variant}
        tables.append(conform(rows.assign(**own), ATTRIBUTIONS, name))
        checks.append(own | check)
    return Attributed(
        pd.concat(tables, ignore_index=True),
        conform(pd.DataFrame(checks), ATTRIBUTION_CHECKS, name),
        tuple(probes.values()),
    )


def validate_amounts(amounts: Amounts) -> None:
    """Raise UserError for a number of rows or nodes that makes no sense."""
    if amounts.n_rows < 1 or amounts.n_sampled < FEWEST_SAMPLED:
        raise UserError(
            f"--top {amounts.n_rows}, --ablations {amounts.n_sampled}; expected at least 1 and "
            f"{FEWEST_SAMPLED}"
        )


def _layers(opened: OpenedAttribution, one: WrittenOutput, reads: int) -> list[int]:
    """Layers that an output depends on, of those that are opened."""
    layers = list(opened.saes)
    if one.concept is None:
        return layers
    before = [layer for layer in layers if layer <= reads]
    if not before or (len(before) < len(layers) and not opened.is_every_layer):
        raise UserError(
            f"--of {one.text}: the probe reads layer {reads}, before layer {layers[-1]}; expected "
            "layers up to that of the probe; change --layers or --probe-layer"
        )
    return before


def _attributed(
    opened: OpenedAttribution,
    sequence: str,
    one: WrittenOutput,
    layer: int,
    probe: ConceptProbe | None,
    amounts: Amounts,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Rows of an output and layer, and its checks."""
    window = window_of(one.position - 1, len(sequence), opened.context, opened.overlap)
    site = one.position - 1 - window.start
    sae = opened.saes[layer]
    of_output = _output_pass(opened, sequence, window, one, layer, probe)
    found = attribute_layer(of_output, sae, amounts, opened.tokens_per_batch)
    table, expected = found.nodes.assign(shap=np.nan), None
    if probe is not None and probe.layer == layer:
        table, expected = with_shap(found.nodes, probe, sae, site)
    n_nodes = len(found.nodes)
    kept = np.zeros(len(table), dtype=bool)
    kept[:n_nodes] = kept_rows(found.nodes, amounts.n_rows)
    kept |= has_large_shap(table, amounts.n_rows)
    check = layer_checks(found, site, kept[:n_nodes]) | {"expected_value": expected}
    rows = table[kept]
    position = rows["residue"].to_numpy() + window.start + 1
    labels = pd.Series(
        [None if np.isnan(f) else sae.labels[int(f)] for f in rows["feature"]], rows.index, object
    )
    named = rows.assign(
        position=position,
        residue=[sequence[p - 1] for p in position],
        distance=position - one.position,
        label=labels,
    )
    return named.sort_values("rank", kind="stable"), check


def _output_pass(
    opened: OpenedAttribution,
    sequence: str,
    window: Window,
    one: WrittenOutput,
    layer: int,
    probe: ConceptProbe | None,
) -> OutputPass:
    site = one.position - 1
    if probe is not None:
        return read_pass(opened.esm2, layer, sequence, window, site, probe.reading)
    assert one.letter is not None
    return predicted_pass(opened.esm2, layer, sequence, window, site, one.letter, one.reference)
