"""Nodes and checks of a layer, held against brute force; silent SAEs, and the last layer."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from protsae.detectors.encoding import encoder
from protsae.interventions.attribution.output_pass import predicted_pass
from protsae.interventions.log_odds import window_of
from protsae.plm.esm2.forward import FusedEsm2
from protsae.sae.architectures.topk import TopkSae
from protsae.stages.attributing.attributed_layer import (
    MOST_ABLATED,
    Amounts,
    attribute_layer,
    kept_rows,
    layer_checks,
)
from protsae.stages.attributing.opened_attribution import AttributedSae
from tests.helpers.tiny_esm import build_esm, random_sequence

SEQUENCE, SITE = random_sequence(31), 17
AMOUNTS = Amounts(n_rows=11, n_sampled=29, seed=3)


def attributed_sae(d_model, k=5):
    sae = TopkSae(d_model, 2 * d_model, k).init_weights(0).requires_grad_(False)
    labels = np.full(2 * d_model, None, object)
    return sae, AttributedSae(encoder(sae), sae.W_dec.numpy(), sae.b_dec, labels)


def pass_of(esm2, layer):
    return predicted_pass(esm2, layer, SEQUENCE, window_of(SITE, 31, 1022, 256), SITE, "W")


@pytest.fixture(scope="module")
def world():
    esm2 = FusedEsm2(build_esm().requires_grad_(False))
    sae, own = attributed_sae(esm2.d_model)
    one = pass_of(esm2, 2)
    return sae, one, attribute_layer(one, own, AMOUNTS, 1000)


def test_ablations_are_of_the_sample_and_the_top_nodes_exactly(world):
    sae, one, found = world
    table = found.nodes
    assert len(table) == 31 * 5 + 31
    top = (table["rank"] <= MOST_ABLATED) | (table["gradient_rank"] <= MOST_ABLATED)
    assert (table["ablation"].notna() == (top | table["sampled"])).all()
    assert table["sampled"].sum() == 29
    assert not table.loc[table["feature"].isna(), "sampled"].any()
    assert table.loc[table["feature"].isna(), "ablation"].notna().any()
    x_RD = one.x_ND[one.rows]
    clean = one.value(one.x_ND[None]).item()
    for row in table[table["ablation"].notna()].itertuples():
        if np.isnan(row.feature):
            part_D = x_RD[row.residue] - sae(x_RD)[row.residue]
        else:
            part_D = row.activation * sae.W_dec[int(row.feature)]
        assert row.length == pytest.approx(part_D.norm().item(), rel=1e-4)
        x_ND = one.x_ND.clone()
        x_ND[1 + row.residue] -= part_D
        assert row.ablation == pytest.approx(clean - one.value(x_ND[None]).item(), abs=2e-5)


def test_checks_are_those_of_the_nodes(world):
    _, _, found = world
    table = found.nodes
    kept = kept_rows(table, AMOUNTS.n_rows)
    checks = layer_checks(found, SITE, kept)
    sample = table[table["sampled"]]
    effect, size = sample["ablation"], sample["ablation"].abs()
    distance = -(sample["residue"] - SITE).abs()
    top = table[(table["rank"] <= 20) | (table["gradient_rank"] <= 20)]
    pairs = {
        "spearman": (sample["attribution"], effect),
        "gradient_spearman": (sample["gradient_attribution"], effect),
        "size_spearman": (sample["attribution"].abs(), size),
        "gradient_size_spearman": (sample["gradient_attribution"].abs(), size),
        "activation_spearman": (sample["activation"], size),
        "length_spearman": (sample["length"], size),
        "nearness_spearman": (distance, size),
        "top_spearman": (top["attribution"], top["ablation"]),
        "top_gradient_spearman": (top["gradient_attribution"], top["ablation"]),
    }
    for name, (x, y) in pairs.items():
        assert checks[name] == pytest.approx(spearmanr(x, y).statistic), name
    assert checks["n_top"] == len(top)
    assert checks["gradient_spearman"] > 0.8
    assert checks["n_rows"] == kept.sum() < len(table) == checks["n_nodes"]
    attribution = table["attribution"].abs()
    assert checks["share_kept"] == pytest.approx(attribution[kept].sum() / attribution.sum())
    for name in ("attribution", "gradient_attribution"):
        sums = table.groupby("feature")[name].sum().abs().sort_values().index[-10:]
        assert set(sums) <= set(table.loc[kept, "feature"])


def test_after_the_last_layer_the_sample_is_of_the_residue_itself():
    esm2 = FusedEsm2(build_esm().requires_grad_(False))
    found = attribute_layer(pass_of(esm2, 3), attributed_sae(esm2.d_model)[1], AMOUNTS, 1000)
    sample = found.nodes[found.nodes["sampled"]]
    assert sample["residue"].tolist() == [SITE] * 5
    checks = layer_checks(found, SITE, kept_rows(found.nodes, 1))
    assert checks["share_at_site"] + checks["share_error"] == pytest.approx(1)
    assert np.isnan(checks["spearman_low"])
    assert np.isnan(checks["nearness_spearman"])


def test_an_sae_without_active_features_leaves_all_to_the_errors():
    esm2 = FusedEsm2(build_esm().requires_grad_(False))
    _, own = attributed_sae(esm2.d_model)
    silent = AttributedSae(
        lambda rows: np.zeros((len(rows), 48), np.float32), own.decoder_FD, own.b_dec_D, own.labels
    )
    found = attribute_layer(pass_of(esm2, 2), silent, AMOUNTS, 1000)
    assert found.nodes["feature"].isna().all()
    checks = layer_checks(found, SITE, kept_rows(found.nodes, 3))
    assert (checks["feature_sum"], checks["n_sampled"], checks["share_error"]) == (0, 0, 1)
    assert np.isnan(checks["spearman"])
    assert checks["is_complete"]
    assert torch.isfinite(torch.tensor(checks["top_gradient_spearman"]))
