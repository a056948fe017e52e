"""protsae attribute on a run: files, screen, one line for every mistake; and Run.attribute."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from protsae import read_run
from protsae.cli import main
from protsae.io.hdf5.activation_cache import LayerCache
from protsae.io.table_files.parquet import read_metadata, read_table
from protsae.provenance import file_sha256
from protsae.schema.explained.variant_tables import VARIANTS
from protsae.schema.interventions.attribution_tables import ATTRIBUTION_CHECKS, ATTRIBUTIONS
from protsae.schema.reference_tables import PROBES
from protsae.stages.inputs.studied_proteins import read_study
from tests.helpers.finished_run import RESULTS
from tests.helpers.tiny_esm import random_sequence

SEQUENCE = random_sequence(90)
POSITION = 41
LETTER = SEQUENCE[POSITION - 1]
VARIANT = f"{LETTER}{POSITION}{'W' if LETTER != 'W' else 'Y'}"
CONCEPT = f"residue: C@{POSITION}"
EVERY_NODE = "100000"


def attribute(output: Path, *words: object) -> int:
    return main(["attribute", "--run", RESULTS, "--output", str(output), *map(str, words)])


def tables(output: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    nodes = read_table(output / "attributions.parquet", ATTRIBUTIONS)
    return nodes, read_table(output / "attribution_checks.parquet", ATTRIBUTION_CHECKS)


def test_files_and_screen(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("--sequence", SEQUENCE, "--of", POSITION, "--of", VARIANT, "--top", 13)
    assert attribute(tmp_path, *words, "--ablations", 23) == 0
    nodes, checks = tables(tmp_path)
    assert checks["output"].tolist() == [str(POSITION), VARIANT]
    for (output, _), rows in nodes.groupby(["output", "layer"]):
        check = checks.set_index("output").loc[output]
        # The top ones, the sample, and a row of each of ten features; two methods.
        assert rows["rank"].tolist() == sorted(rows["rank"])
        assert rows["rank"].tolist()[:13] == [*range(1, 14)]
        assert rows["sampled"].sum() == check["n_sampled"] == 23
        assert len(rows) == check["n_rows"] <= 2 * 13 + 23 + 2 * 10
        # The 20 with the largest attribution are ablated, too.
        assert set(range(1, 14)) <= set(rows["gradient_rank"])
        for rank in ("rank", "gradient_rank"):
            assert rows.loc[rows[rank] <= 13, "ablation"].notna().all()
        assert rows.loc[rows["sampled"], "ablation"].notna().all()
        assert (rows["residue"] == [SEQUENCE[p - 1] for p in rows["position"]]).all()
        assert (rows["distance"] == rows["position"] - POSITION).all()
        size = rows["attribution"].abs().to_numpy()
        assert (np.diff(size) <= 0).all()
        assert 0 < check["share_kept"] < 1
    stated = read_metadata(tmp_path / "attributions.parquet")
    assert stated["texts"] == {"attributions.tsv": file_sha256(tmp_path / "attributions.tsv")}
    assert [one["output"] for one in stated["checks"]] == [str(POSITION), VARIANT]
    assert stated["checks"][0]["spearman"] == pytest.approx(checks["spearman"].iloc[0])
    assert list(pd.read_csv(tmp_path / "attributions.tsv", sep="\t")) == ATTRIBUTIONS.names
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "sequence"
    first = checks.iloc[0]
    assert lines[1] == (
        f"{POSITION}, layer 1: y = {first['value']:.3g}, {first['baseline_value']:.3g} without "
        "features and errors"
    )
    checked = [line for line in lines if "Checked: rank correlation with ablation of 23" in line]
    assert len(checked) == 2
    assert lines[-1].startswith(f"wrote {tmp_path}/: attributions and attribution_checks")


def test_all_nodes_sum_to_the_output_less_its_baseline(folder: Path, tmp_path: Path) -> None:
    outputs = ("--of", POSITION, "--of", VARIANT, "--of", CONCEPT)
    assert attribute(tmp_path, "--sequence", SEQUENCE, *outputs, "--top", EVERY_NODE) == 0
    nodes, checks = tables(tmp_path)
    assert checks["is_complete"].all()
    assert checks["share_kept"].to_numpy() == pytest.approx(1)
    # Each layer has an error at every residue.
    assert (nodes["feature"].isna().groupby(nodes["output"]).sum() == len(SEQUENCE)).all()
    for row in checks.itertuples():
        own = nodes[nodes["output"] == row.output]
        is_error = own["feature"].isna()
        assert own.loc[~is_error, "attribution"].sum() == pytest.approx(row.feature_sum)
        assert own.loc[is_error, "attribution"].sum() == pytest.approx(row.error_sum)
        difference = row.value - row.baseline_value
        total = own["attribution"].sum()
        assert total - difference == pytest.approx(row.completeness_error, abs=1e-6)
        assert abs(total - difference) <= max(0.01 * abs(difference), 0.001)
        assert own["gradient_attribution"].sum() == pytest.approx(row.gradient_sum)
        # Sums by feature, over all residues.
        stated = own.dropna(subset="feature").drop_duplicates("feature").set_index("feature")
        for name in ("attribution", "gradient_attribution"):
            sums = own.groupby("feature")[name].sum()[stated.index]
            np.testing.assert_allclose(stated[f"feature_{name}"], sums, atol=1e-9)
        shares = [getattr(row, f"share_{name}") for name in ("at_site", "near", "elsewhere")]
        assert sum(shares) + row.share_error == pytest.approx(1)
        size = own["attribution"].abs()
        near = ~is_error & own["distance"].abs().between(1, 8)
        assert row.share_near == pytest.approx(size[near].sum() / size.sum())


@pytest.mark.parametrize(("length", "position"), [(90, 41), (1100, 1060)])
def test_log_odds_are_those_of_protsae_variants(
    length: int, position: int, folder: Path, tmp_path: Path
) -> None:
    """Of a protein in one piece, and in the second window of one that is longer than that."""
    sequence = random_sequence(length)
    letter = sequence[position - 1]
    variant = f"{letter}{position}{'W' if letter != 'W' else 'Y'}"
    assert attribute(tmp_path / "a", "--sequence", sequence, "--of", variant) == 0
    words = ["--run", RESULTS, "--sequence", sequence, "--mutants", variant, "--features", "0"]
    assert main(["variants", *words, "--output", str(tmp_path / "v")]) == 0
    [expected] = read_table(tmp_path / "v" / "variants.parquet", VARIANTS)["masked_log_odds"]
    nodes, checks = tables(tmp_path / "a")
    assert checks["value"].item() == pytest.approx(expected, abs=1e-5)
    assert (nodes["residue"] == [sequence[p - 1] for p in nodes["position"]]).all()
    assert (nodes["distance"] == nodes["position"] - position).all()
    assert (nodes["distance"] == 0).any()


def test_a_probes_logit_is_attributed_and_has_shap_values(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = read_run(RESULTS)
    words = ("--sequence", SEQUENCE, "--of", CONCEPT, "--top", EVERY_NODE)
    assert attribute(tmp_path, *words) == 0
    nodes, checks = tables(tmp_path)
    [check] = checks.to_dict("records")
    # The probe reads the layer that is attributed: nothing but the residue itself counts.
    assert (nodes.loc[nodes["attribution"].abs() > 1e-12, "position"] == POSITION).all()
    assert check["n_steps"] == 8
    np.testing.assert_allclose(nodes["attribution"], nodes["gradient_attribution"], atol=1e-6)
    shap = nodes.dropna(subset="shap")
    assert (shap["position"] == POSITION).all()
    assert shap["shap"].sum() + check["expected_value"] == pytest.approx(check["value"], abs=1e-4)
    # Features that could have been active but are not.
    silent = shap[(shap["activation"] == 0)]
    assert len(silent) > 10
    assert not silent["attribution"].any()
    assert (silent["rank"] > check["n_nodes"]).all()
    f1 = read_table(
        folder / RESULTS / "probes" / "esm2_tiny" / "layer-01" / "probes.parquet", PROBES
    ).set_index("concept")["f1"]["residue: C"]
    said = capsys.readouterr().out
    assert re.search(rf"residue: C on layer 1 was fitted anew to \d.* \(test F1 {f1:.2f} in", said)
    assert run.attribution().saes.keys() == {1}


def test_the_probe_is_that_of_the_run(folder: Path) -> None:
    """On test, at the run's threshold, it scores as the run's probe did.

    But for a residue or two of 103: the run fits all concepts together, and stops elsewhere.
    """
    run = read_run(RESULTS)
    path = folder / RESULTS / "probes" / "esm2_tiny" / "layer-01" / "probes.parquet"
    row = read_table(path, PROBES).set_index("concept").loc["residue: C"]
    probe = run.attribution().fit_probe(1, "residue: C")
    study = read_study(folder / RESULTS / "proteins" / "proteins.parquet")
    test = study.of_split("test").set_index("accession")
    shards = sorted((folder / RESULTS / "activations" / "esm2_tiny").glob("shard-*.h5"))
    cache = LayerCache(shards, 1, study.protein_set)
    counts = np.zeros(3)
    for names, x_ND in cache.protein_blocks(set(test.index), 5000):
        has = np.array(list("".join(test.loc[names, "sequence"]))) == "C"
        is_on = x_ND @ probe.reading.weights_D + probe.reading.bias >= row["threshold"]
        counts += [(has & is_on).sum(), is_on.sum(), has.sum()]
    assert 2 * counts[0] / counts[1:].sum() == pytest.approx(row["f1"], abs=0.015)
    assert probe.f1 == row["f1"]


def test_equal_inputs_give_equal_bytes_and_python_the_same_table(
    folder: Path, tmp_path: Path
) -> None:
    words = ("--sequence", SEQUENCE, "--of", VARIANT, "--of", CONCEPT)
    for name in ("one", "two"):
        assert attribute(tmp_path / name, *words) == 0
    for name in ("attributions", "attribution_checks"):
        for ending in ("parquet", "tsv"):
            paths = [tmp_path / folder / f"{name}.{ending}" for folder in ("one", "two")]
            assert paths[0].read_bytes() == paths[1].read_bytes()
    found = read_run(RESULTS).attribute(SEQUENCE, [VARIANT, CONCEPT], sae="topk", layers=[1])
    nodes, checks = tables(tmp_path / "one")
    pd.testing.assert_frame_equal(found.nodes, nodes)
    pd.testing.assert_frame_equal(found.checks, checks)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("--of", "4"), r"--of 4: sequence has 3 residues; expected a position from 1 to 3"),
        (("--of", "3"), r"--of 3: residue 3 of sequence is X; expected one of the 20 amino acids"),
        (("--of", "A2V"), r"--of A2V: residue 2 of sequence is K; expected A"),
        (("--of", "K2A:M1L"), r"--of K2A:M1L: replaces 2 residues; expected one"),
        (("--of", "helix"), r"--of helix: no output; expected a position such as 45, a variant"),
        (("--of", "NONE@2"), r"--of NONE: no such concept among the \d+ with a probe in results"),
        (("--of", "SIGNAL@9"), r"--of SIGNAL@9: sequence has 3 residues; expected"),
        (
            ("--of", "residue: C@2", "--probe-layer", "0"),
            r"--of residue: C@2: the probe reads layer 0, before layer 1; expected layers up to",
        ),
        (
            ("--of", "2", "--probe-layer", "1"),
            r"--probe-layer 1: 2 needs no probe; expected an output such as SIGNAL@45; leave",
        ),
        (("--of", "2", "--layers", "9"), r"results: no layer 9 of esm2_tiny; it has 1"),
        (("--of", "2", "--sae", "b"), r"results: no SAE 'b'; it has topk, batchtopk"),
        (("--of", "2", "--ablations", "9"), r"--top 50, --ablations 9; expected at least 1 and 10"),
        (("--of", "2", "--run", "none"), r"none/config\.yaml: no such file"),
    ],
)
def test_one_line_says_what_is_wrong(
    words: tuple[str, ...],
    line: str,
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert attribute(tmp_path / "out", "--sequence", "MKX", *words) == 2
    said = capsys.readouterr().err
    assert re.match(rf"protsae attribute: .*{line}", said), said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("out/*"))
