"""Rows of the table matches: the features of one SAE, and those of another that stand for them."""

import numpy as np
import pandas as pd
import torch

from protsae.neighbours.assignment import Pairs, assign
from protsae.neighbours.judged_pairs import judge_pairs
from protsae.neighbours.split_features import covered_shares, parts_of
from protsae.sae.evaluation.decoder_similarity import nearest
from protsae.stages.neighbouring.related_sae import RelatedSae, Side
from protsae.statistics.multiple_testing import benjamini_hochberg


def match_rows(own: RelatedSae, other: RelatedSae, chosen: Side, test: Side) -> pd.DataFrame:
    """Pairs are made on train and valid and judged on test.

    SAEs of one model are of one residual stream, so that their decoder vectors can be compared;
    those of two models are not.
    """
    pairs = assign(own.chosen, other.chosen)
    judged = judge_pairs(own.test, other.test, pairs, test.lengths, test.letters)
    q_value = benjamini_hochberg(judged.p_value)
    n_features = len(own.decoder_FD)
    of_pairs = pd.DataFrame(
        {
            "match": pairs.other,
            "valid_correlation": pairs.correlation,
            "correlation": judged.correlation,
            "correlation_low": judged.low,
            "correlation_high": judged.high,
            "exchanged_correlation": judged.exchanged,
            "rotated_correlation": judged.rotated,
            "residue_correlation": judged.by_letter,
            "runner_up": np.where(pairs.runner_up >= 0, pairs.runner_up, np.nan),
            "runner_up_correlation": judged.runner_up,
            "active_clusters": judged.n_proteins,
            "p_value": judged.p_value,
            "q_value": q_value,
            "persists": judged.persists(q_value),
        },
        index=pairs.own,
    ).reindex(np.arange(n_features))
    rows = of_pairs.assign(
        **own.key,
        match_model=other.model,
        match_layer=other.layer,
        match_variant=other.variant,
        feature=np.arange(n_features),
        match_cosine=np.nan,
        decoder_match=None,
        decoder_cosine=np.nan,
        n_parts=None,
        parts_cover=np.nan,
        largest_part_cover=np.nan,
    )
    if other.model != own.model:
        return rows
    rows = rows.assign(**_by_decoder(own, other, pairs))
    if other.layer == own.layer and len(other.decoder_FD) > n_features:
        parts = parts_of(own.chosen > 0, other.chosen > 0, chosen.lengths)
        by_any, by_best = covered_shares(own.test > 0, other.test > 0, parts)
        counts = np.bincount(parts.whole, minlength=n_features)
        rows = rows.assign(n_parts=counts, parts_cover=by_any, largest_part_cover=by_best)
    return rows


def _by_decoder(own: RelatedSae, other: RelatedSae, pairs: Pairs) -> dict[str, np.ndarray]:
    """Columns that compare the decoder vectors of two SAEs of one model."""
    unit, unit_other = (
        torch.nn.functional.normalize(torch.from_numpy(sae.decoder_FD), dim=1)
        for sae in (own, other)
    )
    cosine, which = nearest(unit, unit_other)
    of_match = np.full(len(unit), np.nan)
    of_match[pairs.own] = (unit[pairs.own] * unit_other[pairs.other]).sum(1).numpy()
    return {
        "match_cosine": of_match,
        "decoder_match": which.numpy(),
        "decoder_cosine": cosine.numpy(),
    }
