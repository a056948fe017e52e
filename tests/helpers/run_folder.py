"""A tiny run: what the stages before ``tables`` leave in a results folder, with round numbers.

Every SAE has the same four features, so that counts can be worked out by hand:

======= ===================== ==== ====== ======== ====== ========= =============
feature concept              f1   f1_low coordinate   null   base rate always-on F1
======= ===================== ==== ====== ======== ====== ========= =============
0       SIGNAL                0.8  0.6    0.5      0.2    0.25      0.4
1       residue: C            0.9  0.7    0.75     0.1    0.1       0.1818
2       none
3       BINDING: HOSTILE      0.4  0.1    0.3      0.1    0.05      0.0952
======= ===================== ==== ====== ======== ====== ========= =============
"""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from scipy import sparse

from protsae.association.joined_baselines import (
    DETECTOR_BASELINES,
    OF_REFERENCES,
    with_rules,
)
from protsae.cli import main
from protsae.concepts.sequence.scales import SCALE_COLUMNS
from protsae.features.recurrence import MEANS
from protsae.io.hdf5.code_cache import write_codes
from protsae.io.hdf5.shard_index import CacheSource
from protsae.io.json_files import write_document
from protsae.io.saes.evaluations import read_evaluation, write_evaluation
from protsae.io.table_files.parquet import write_tsv
from protsae.io.table_files.proteins_table import read_split_proteins, study_stamp
from protsae.schema.concept_tables import CONCEPTS
from protsae.schema.explained.calibration_table import CALIBRATION
from protsae.schema.features.description_table import DESCRIPTIONS
from protsae.schema.features.feature_tables import LAYER_FEATURES
from protsae.schema.interventions.effect_table import EFFECTS
from protsae.schema.missing_annotation_tables import CANDIDATES, RECOVERY, RELIABILITY
from protsae.schema.neighbours.neighbour_tables import MAP
from protsae.schema.pair_tables import CLUSTER_COUNTS, DETECTORS
from protsae.schema.protein_tables import RELATIVES
from protsae.schema.reference_tables import PROBES, REFERENCES, RULE_COUNTS, RULES
from protsae.schema.saes.evaluation_tables import EVALUATION
from protsae.schema.table import Table
from protsae.stages.join_tables import with_effects
from tests.helpers.stored_tables import load, store

HOSTILE = "<script>alert('x')</script> & \"co\""
"""A description as no database should hold one."""

MODEL = "esm2_tiny"
LAYERS = (("onehot", 0), (MODEL, 1), (MODEL, 2))
VARIANTS = ("relu", "topk")
D_MODEL, N_FEATURES, N_RESIDUES = 5, 4, 20

PROTEINS = pd.DataFrame(
    [
        ("P00001", "ONE_HUMAN", "Homo sapiens", 9606, "MKLCAWCDEFGHI", "P00001", "test"),
        ("P00002", "TWO_ECOLI", f"Coli {HOSTILE}", 562, "MACDEFGHIKL", "P00002", "valid"),
        ("P00003", "", "", None, "MSTNQCYWVRHKLIGAPED", "P00003", "train"),
    ],
    columns=["accession", "entry_name", "organism", "taxon_id", "sequence", "cluster", "split"],
)
ANNOTATIONS = pd.DataFrame(
    [
        ("P00001", "SIGNAL", "", 1, 5, "", True),
        ("P00001", "SIGNAL", "", 1, 9, "", False),
        ("P00002", "BINDING", HOSTILE, 3, 4, "ECO:0000269", True),
        ("P00002", "DISULFID", "", 3, 9, "", True),
    ],
    columns=["accession", "type", "description", "start", "end", "evidence", "certain"],
)


def write_stages(results: Path) -> Path:
    """Files of fetch, split, train, evaluate and annotate."""
    return _write_anew(_stages, results)


def write_run(results: Path) -> Path:
    """All of that, and what ``tables`` makes of it."""
    return _write_anew(_run, results)


def _write_anew(write: Callable[[Path], None], results: Path) -> Path:
    """What a function writes into a folder, in another one; it is called for the first only."""
    for name, content in _written(write).items():
        path = results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return results


@cache
def _written(write: Callable[[Path], None]) -> dict[str, bytes]:
    with TemporaryDirectory() as folder:
        write(Path(folder))
        files = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _run(results: Path) -> None:
    write_stages(results)
    assert main(tables_command(results)) == 0


def _stages(results: Path) -> None:
    proteins = PROTEINS.assign(
        length=PROTEINS["sequence"].str.len(), has_relative_in_train=[True, False, False]
    )
    proteins["taxon_id"] = proteins["taxon_id"].astype("Int64")
    store(results / "proteins" / "proteins.parquet", proteins)
    relatives = table_of(RELATIVES, accession=["P00001"], split=["test"], relative=["P00003"])
    write_tsv(results / "proteins" / "relatives.tsv", relatives)
    store(results / "proteins" / "annotations.parquet", ANNOTATIONS, {})
    write_document(results / "proteins" / "provenance.json", provenance())
    of_all = study(results)
    methods, names = ["blosum_window", "blosum_window", "homology"], ["SIGNAL", "residue: C"]
    lookup = table_of(REFERENCES, method=methods, concept=[*names, "SIGNAL"], f1=[0.3, 0.2, 0.1])
    store(results / "references.parquet", lookup, of_all)
    store(results / "rules.parquet", rule_rows(), of_all)
    store(results / "rule_counts.parquet", rule_count_rows(), of_all)
    concepts = ["SIGNAL", "residue: C", f"BINDING: {HOSTILE}", "CHAIN"]
    reasons = ["", "", "fewer than 3 residues in valid or test: 2 in valid, 0 in test", "whole"]
    counts = pd.array([7, 13, 0, None], dtype="Int64")
    table = table_of(CONCEPTS, concept=concepts, left_out=reasons, test_clusters=counts)
    write_tsv(results / "concepts.tsv", table)
    for model, layer in LAYERS:
        folder = f"{model}/layer-{layer:02d}"
        annotation = results / "annotation" / folder
        for name, table in (
            ("features", feature_rows(model, layer)),
            ("detectors", detector_rows(model, layer)),
            ("associations", association_rows(model, layer)),
            ("cluster_counts", cluster_count_rows(model, layer)),
            ("examples", example_rows(model, layer)),
            ("logos", logo_rows().assign(model=model, layer=layer)),
            ("descriptions", description_rows().assign(model=model, layer=layer)),
            ("candidates", candidate_rows(model, layer)),
            ("recovery", recovery_rows(model, layer)),
            ("reliability", reliability_rows(model, layer)),
            ("calibration", calibration_rows(model, layer)),
        ):
            store(annotation / f"{name}.parquet", table, layer_stamp(of_all, model, layer))
        store(
            results / "probes" / folder / "probes.parquet",
            probe_rows(model, layer),
            layer_stamp(of_all, model, layer, "probe"),
        )
        write_layer_codes(results / "codes" / folder / "shard-0000.h5", model)
        for variant in VARIANTS:
            sae = results / "sae" / folder / variant
            scores = evaluation(model, layer, variant)
            write_evaluation(sae / "evaluation.json", {**scores, **of_all, "sae_sha256": "0"})
            store(
                sae / "training.parquet",
                training_rows(),
                layer_stamp(of_all, model, layer, "train"),
            )


def study(results: Path) -> dict[str, str]:
    """What every part states of the proteins, splits and annotations."""
    folder = results / "proteins"
    proteins, protein_set = read_split_proteins(folder / "proteins.parquet")
    stamp = study_stamp(proteins, protein_set, folder / "annotations.parquet")
    return {"stage": "lookup", **stamp}


def layer_stamp(
    of_all: dict[str, str], model: str, layer: int, stage: str = "annotate"
) -> dict[str, object]:
    """What the parts of a layer state, beside what all do."""
    layer_of = {"model": model, "weights_sha256": "0", "layer": layer}
    return {**of_all, "stage": stage, **layer_of, "saes": dict.fromkeys(VARIANTS, "0")}


def restamp(results: Path) -> None:
    """State the proteins as they are now, and of each part the model and layer of its rows."""
    folder = results / "proteins"
    store(folder / "annotations.parquet", load(folder / "annotations.parquet"))
    of_all = study(results)
    for path in results.rglob("*.parquet"):
        rows = load(path)
        if path.parent == results:
            store(path, rows, of_all)
        elif path.is_relative_to(results / "annotation") or path.stem == "probes":
            place = (rows["model"].iloc[0], int(rows["layer"].iloc[0])) if len(rows) else (MODEL, 1)
            stage = "probe" if path.stem == "probes" else "annotate"
            store(path, rows, layer_stamp(of_all, *place, stage))
    for path in results.rglob("evaluation.json"):
        write_evaluation(path, {**read_evaluation(path), **of_all})


def write_layer_codes(path: Path, model: str) -> None:
    """Feature i of every SAE is i at residue i of every protein, and 0 elsewhere."""
    lengths = PROTEINS["sequence"].str.len().tolist()
    widths, digests = dict.fromkeys(VARIANTS, N_FEATURES), dict.fromkeys(VARIANTS, "0")
    source = CacheSource(model, "0", "0", "{}", "0")
    with write_codes(path, PROTEINS["accession"], lengths, widths, digests, source) as writer:
        for length in lengths:
            rows = np.zeros((length, N_FEATURES), np.float32)
            np.fill_diagonal(rows, np.arange(N_FEATURES))
            for variant in VARIANTS:
                writer.append(variant, sparse.csr_array(rows))


def table_of(table: Table, **columns: Sequence[object]) -> pd.DataFrame:
    """A table with these columns, and what no test looks at in the others."""
    rows = pd.DataFrame(columns)
    unseen = {"text": "x", "integer": 1, "number": 0.5, "boolean": False}
    for column in table.columns:
        if column.name not in rows:
            rows[column.name] = unseen[column.kind]
    return rows[table.names]


def write_map(results: Path) -> Path:
    """A map of the SAE topk of layer 1, as ``neighbours`` writes it, with feature 2 nowhere."""
    folder = f"{MODEL}/layer-01"
    placed = {"x": [0.0, 2.0, None, 1.0], "y": [0.0, 1.0, None, 0.5], "feature": range(N_FEATURES)}
    columns = {"model": MODEL, "layer": 1, "variant": "topk", "community": 0}
    stamp = {**study(results), "stage": "neighbours", "saes": {f"{folder}/topk": "0"}}
    path = results / "neighbours" / "map.parquet"
    store(path, table_of(MAP, **placed).assign(**columns), stamp)
    return path


def tables_command(results: Path) -> list[str]:
    """Arguments of ``protsae tables`` for the whole folder, in no particular order."""
    annotations = [str(p.parent) for p in results.glob("annotation/*/*/features.parquet")]
    evaluations = [str(p) for p in results.glob("sae/*/*/*/evaluation.json")]
    assert len(evaluations) == len(LAYERS) * len(VARIANTS)
    return [
        "tables",
        *("--annotations", *sorted(annotations)),
        *("--evaluations", *sorted(evaluations, reverse=True)),
        *("--probes", *sorted(map(str, results.glob("probes/*/*/probes.parquet")))),
        *("--proteins", str(results / "proteins" / "proteins.parquet")),
        *("--references", str(results / "references.parquet")),
        *("--rules", str(results / "rules.parquet")),
        *("--rule-counts", str(results / "rule_counts.parquet")),
        *("--output", str(results)),
    ]


def provenance() -> dict[str, object]:
    """provenance.json with a drop and a type left out."""
    return {
        "protsae_version": "0.0.9",
        "source": {"input": "mine.json", "sha256": "ab" * 32},
        "counts": {
            "proteins": {"read": 5, "kept": 3, "dropped": {"shorter": 2}, "changed": {}},
            "features": {
                "kept": {"BINDING": 1, "DISULFID": 1, "SIGNAL": 1},
                "uncertain": {"SIGNAL": 1},
                "left_out": {"CHAIN": {"covers nearly the whole protein": 7}},
            },
        },
    }


PAIR_NUMBERS = {
    **dict.fromkeys(("quantile", "threshold"), 0.0),
    **dict.fromkeys(("instance_recall", "instance_f1", "average_precision", "auroc"), 0.6),
    **{"auroc_low": 0.5, "auroc_high": 0.7},
    **dict.fromkeys(("rotation_p_value", "position_p_value", "family_p_value"), 0.5),
    **{"concept_level": "residue", "position_null_f1": 0.05},
    **{"false_positive_rate": 0.01},
    **{"reference_base_rate": 0.125, "f1_at_reference_rate": 0.5},
    **{"position_matched_auroc": 0.75, "preferred_end": "N-terminus"},
    **{"position_matched_auroc_low": 0.65, "position_matched_auroc_high": 0.85},
    **{"mcc": 0.5, "lift": 3.0, "n_clusters": 1, "effective_clusters": 1.0},
}
"""What no test looks at, of each pair."""


def feature_rows(model: str, layer: int) -> pd.DataFrame:
    """The four features of the module's table, for each variant; as ``annotate`` writes them."""
    scored = pd.DataFrame(
        [
            (0, "SIGNAL", "SIGNAL", 0.85, 0.8, 0.6, 0.2, 0.001, 0.25, 5),
            (1, "residue: C", "residue", 0.95, 0.9, 0.7, 0.1, 0.01, 0.1, 2),
            (2, *[None] * 9),
            (3, f"BINDING: {HOSTILE}", "BINDING", 0.5, 0.4, 0.1, 0.1, 0.3, 0.05, 1),
        ],
        columns=[
            *("feature", "concept", "concept_type", "valid_f1", "f1", "f1_low", "rotation_null_f1"),
            *("q_value", "base_rate", "n_residues"),
        ],
    )
    scored = scored.assign(f1_high=scored["f1"] + 0.05, p_value=scored["q_value"] / 2)
    for name in ("precision", "recall"):
        scored[name] = scored["f1"]
    has_concept = scored["concept"].notna()
    for name, value in PAIR_NUMBERS.items():
        scored[name] = pd.Series(value, index=scored.index).where(has_concept)
    for name in ("n_residues", "n_clusters"):
        scored[name] = scored[name].astype("Int64")
    scored = scored.assign(
        density=0.123456,
        mean_activation=1.0,
        max_activation=3.0,
        encoder_decoder_cosine=0.5,
        **{"kind": "point", "prevalence": 0.5, "active_share": 0.1, "activation_clusters": 2.0},
        segment_length=1.0,
        spacing=np.nan,
        **{f"{name}_{kind}": 0.1 for name in SCALE_COLUMNS for kind in ("r", "rho")},
        top_proteins="P00001,P00002",
        label=["Signal peptide", *["unknown"] * 3],
        confidence=["moderate", *["unknown"] * 3],
    )
    rows = pd.concat([scored.assign(variant=variant) for variant in reversed(VARIANTS)])
    return rows.assign(model=model, layer=layer)[LAYER_FEATURES.names]


def joined_feature_rows(model: str, layer: int) -> pd.DataFrame:
    """The same with the baselines that ``tables`` joins to them."""
    rows = feature_rows(model, layer)
    by_concept = {"SIGNAL": 0.5, "residue: C": 0.75, f"BINDING: {HOSTILE}": 0.3}
    coordinate_f1 = rows["concept"].map(by_concept)
    coordinate = pd.Series(1, index=rows.index).where(coordinate_f1.notna()).astype("Int64")
    others = dict.fromkeys((*DETECTOR_BASELINES[1:], *OF_REFERENCES, "probe_f1"), np.nan)
    of_one_seed = {**dict.fromkeys(MEANS, np.nan), "recurs": pd.array([pd.NA] * len(rows), "Int64")}
    rows = rows.assign(**of_one_seed)
    rows = rows.assign(
        freeze="none",
        coordinate=coordinate,
        coordinate_sign=coordinate,
        coordinate_f1=coordinate_f1,
        **others,
    )
    best = pd.Series("coordinate", index=rows.index).where(coordinate_f1.notna(), None)
    verdict = rows["feature"].map({0: "above", 1: "below"}).astype(object)
    rows = rows.assign(
        f1_without_relatives=np.nan,
        n_clusters_without_relatives=0,
        n_references=0,
        n_references_below=0,
        best_baseline=best,
        best_baseline_f1=coordinate_f1,
        f1_difference=rows["f1"] - coordinate_f1,
        verdict=verdict.where(verdict.notna(), None),
        **dict.fromkeys(("f1_difference_low", "f1_difference_high"), np.nan),
        **dict.fromkeys(("verdict_p_value", "verdict_q_value"), np.nan),
    )
    no_effects = pd.DataFrame(columns=EFFECTS.names)
    # In one piece: pandas warns of a table of more than a hundred.
    return with_rules(with_effects(rows, no_effects), rule_rows()).copy()


def association_rows(model: str, layer: int) -> pd.DataFrame:
    """Pairs of the SAEs, and of coordinate 0, whose two signs detect two concepts.

    On one-hot sequences every test F1 is half of that on the model.
    """
    columns = ["variant", "feature", "concept", "valid_f1", "f1", "tp", "fp", "fn"]
    pairs = pd.DataFrame(
        [
            *(
                row
                for variant in VARIANTS
                for row in (
                    (variant, 0, "SIGNAL", 0.85, 0.8, 4, 1, 1),
                    (variant, 0, "residue: C", 0.9, 0.1, 1, 17, 1),
                    (variant, 1, "residue: C", 0.95, 0.9, 2, 0, 0),
                    (variant, 3, "SIGNAL", 0.3, 1.0, 5, 0, 0),
                    (variant, 3, f"BINDING: {HOSTILE}", 0.5, 0.4, 1, 3, 0),
                )
            ),
            ("coordinates", 0, "SIGNAL", 0.6, 0.5, 3, 4, 2),
            ("coordinates", D_MODEL + 0, "residue: C", 0.9, 0.75, 2, 1, 0),
            ("pca", 7, "SIGNAL", 0.4, 0.25, 1, 4, 2),
        ],
        columns=columns,
    )
    if model == "onehot":
        pairs["f1"] /= 2
    pairs["concept_type"] = pairs["concept"].str.split(":").str[0]
    unseen = ("valid_precision", "valid_recall", "precision", "recall", "f1_low", "f1_high")
    unseen = (*unseen, "rotation_null_f1", "p_value", "q_value", "base_rate")
    numbers = {**PAIR_NUMBERS, **dict.fromkeys(unseen, 0.5)}
    return pairs.assign(model=model, layer=layer, **numbers)


def rule_rows() -> pd.DataFrame:
    """Rules of the three concepts; the sequence defines one of them."""
    return table_of(
        RULES,
        concept=["SIGNAL", "residue: C", f"BINDING: {HOSTILE}"],
        defined_by_sequence=[0, 1, 0],
        rule=["residues 1–5", "residue C", "everywhere"],  # noqa: RUF001
        f1=[0.45, 1.0, 0.09],
    )


CLUSTERS = [f"C{i:02d}" for i in range(11)]
IN_CLUSTER = 20
"""Homology clusters of test, and residues of each that have a concept."""


def cluster_count_rows(model: str, layer: int) -> pd.DataFrame:
    """Of every pair: in each cluster it is on at as many residues as have the concept, and right
    at the share of them that makes its F1."""
    pairs = association_rows(model, layer)
    rows = pairs[["model", "layer", "variant", "feature", "concept", "f1"]].merge(
        pd.DataFrame({"cluster": CLUSTERS}), how="cross"
    )
    tp = (rows["f1"] * IN_CLUSTER).round().astype(int)
    return rows.assign(tp=tp, on=IN_CLUSTER)[CLUSTER_COUNTS.names]


def rule_count_rows() -> pd.DataFrame:
    """The same of the rules; base rates are those of the module's table."""
    known = {"SIGNAL": 80, "residue: C": 200, f"BINDING: {HOSTILE}": 400}
    rules = rule_rows()[["concept", "f1"]]
    rows = rules.merge(pd.DataFrame({"cluster": CLUSTERS}), how="cross")
    everywhere = rows["f1"] == 0.09
    on = rows["concept"].map(known).where(everywhere, IN_CLUSTER)
    tp = (rows["f1"] * IN_CLUSTER).round().astype(int).where(~everywhere, IN_CLUSTER)
    rows = rows.assign(tp=tp, on=on, positives=IN_CLUSTER, known=rows["concept"].map(known))
    return rows[RULE_COUNTS.names]


def detector_rows(model: str, layer: int) -> pd.DataFrame:
    """Of the SAEs, the coordinates and the principal components."""
    rows = [
        *((v, N_FEATURES, 2, 2, 2, 1.0, 3.0, 2, 2, 2, 1.0, 2.0, 1.5) for v in VARIANTS),
        ("coordinates", 2 * D_MODEL, 1, 1, 2, 1.0, 2.0, 1, 1, 2, 1.0, 2.0, 1.0),
        ("pca", 2 * D_MODEL, 1, 0, 0, 0.0, 1.0, 1, 0, 0, 0.0, 1.0, 1.0),
    ]
    table = pd.DataFrame(rows, columns=DETECTORS.names[2:])
    return table.assign(model=model, layer=layer)[DETECTORS.names]


def example_rows(model: str, layer: int) -> pd.DataFrame:
    """Feature 0 fires on SIGNAL, 1 on cysteines, 3 where the hostile binding site is."""
    rows = [
        (0, 1, "P00001", 2, 1, 6, 4.0, [1.0, 4.0, 2.0, 2.0, 0.0, 0.0]),
        (0, 2, "P00003", 1, 1, 3, 0.5, [0.5, 0.0, 0.0]),
        (1, 1, "P00001", 4, 3, 7, 2.0, [0.0, 2.0, 0.0, 0.0, 1.5]),
        (3, 1, "P00002", 3, 2, 5, 1.0, [0.0, 1.0, 0.9, 0.0]),
    ]
    columns = ["feature", "rank", "accession", "peak", "start", "end", "activation"]
    table = pd.DataFrame(rows, columns=[*columns, "activations"])
    table = table.assign(selection="strongest", cluster=table["accession"], split="train")
    table = table.assign(annotations=None)
    both = pd.concat([table.assign(variant=variant) for variant in VARIANTS], ignore_index=True)
    return both.assign(model=model, layer=layer)


def logo_rows() -> pd.DataFrame:
    """Feature 0 of each SAE peaks at C, in 12 windows; around it, all is as expected."""
    offsets = np.arange(-10, 11)
    at_peak = offsets == 0
    even, only_c = [0.05] * 20, [0.0, 1.0, *[0.0] * 18]
    table = pd.DataFrame(
        {
            **{"feature": 0, "offset": offsets, "n_windows": 12},
            "information": np.where(at_peak, 3.0, 0.0),
            "enriched": ["C" if is_peak else None for is_peak in at_peak],
            "frequencies": [only_c if is_peak else even for is_peak in at_peak],
            "background": [even] * len(offsets),
        }
    )
    return pd.concat([table.assign(variant=variant) for variant in VARIANTS], ignore_index=True)


def description_rows() -> pd.DataFrame:
    """Of each SAE one feature that is named, one that is not."""
    columns = {
        "feature": [0, 1],
        "label": ["Signal peptide", "unknown"],
        "confidence": ["moderate", "unknown"],
        "sentence": ["Signal peptide: 80% of the activation is there.", "No rule tells."],
        "auroc": [0.9, 0.5],
        "correlation": [0.6, 0.0],
    }
    rows = table_of(DESCRIPTIONS, **columns)
    return pd.concat([rows.assign(variant=variant) for variant in VARIANTS], ignore_index=True)


def candidate_rows(model: str, layer: int) -> pd.DataFrame:
    """Both variants point to one place of P00002, whose entry lacks SIGNAL; layer 2 is surer."""
    columns = {
        "variant": [*VARIANTS],
        "feature": [0, 3],
        "concept": ["SIGNAL", "SIGNAL"],
        "accession": ["P00002", "P00002"],
        "start": [2, 5],
        "end": [4, 5],
        "probability": [0.5 + layer / 10, 0.5],
    }
    return table_of(CANDIDATES, **columns).assign(model=model, layer=layer)


def recovery_rows(model: str, layer: int) -> pd.DataFrame:
    """Of each SAE's five hidden signal peptides, ReLU's feature finds 3 first and TopK's 1."""
    columns = {"variant": [*VARIANTS], "n_hidden": [5, 5], "n_found_first": [3, 1]}
    rows = table_of(RECOVERY, concept=["SIGNAL", "SIGNAL"], **columns)
    return rows.assign(model=model, layer=layer)


def reliability_rows(model: str, layer: int) -> pd.DataFrame:
    """A bin of each SAE: 10 candidates, 3 and 1 of them at a hidden stretch."""
    columns = {"variant": [*VARIANTS], "n_candidates": [10, 10], "n_hidden": [3, 1]}
    rows = table_of(RELIABILITY, p_from=[0.5, 0.5], p_to=[0.6, 0.6], **columns)
    rows = rows.assign(observed_share=rows["n_hidden"] / rows["n_candidates"], expected_share=0.25)
    return rows.assign(model=model, layer=layer)


def calibration_rows(model: str, layer: int) -> pd.DataFrame:
    """Each SAE's feature for SIGNAL is on in one bin, 9 times as common where it is."""
    columns = {"variant": [*VARIANTS], "feature": [0, 3], "bin": [1, 1], "concept": "SIGNAL"}
    rows = table_of(CALIBRATION, **columns, calibration="calibrated", likelihood_ratio=9.0)
    alone = dict.fromkeys(name for name in CALIBRATION.names if "look_alike" in name)
    return rows.assign(model=model, layer=layer, **alone | {"near_look_alike": False})


def probe_rows(model: str, layer: int) -> pd.DataFrame:
    """SIGNAL is read better in layer 2 than in layer 1, and from one-hot by chance."""
    columns = {
        "concept": ["SIGNAL", "residue: C"],
        "concept_type": ["SIGNAL", "residue"],
        "f1": [0.75, 0.9],
        "auroc": [0.5 + 0.2 * layer, 1.0],
        "auroc_low": [0.4 + 0.2 * layer, 0.9],
        "auroc_high": [0.6 + 0.2 * layer, 1.0],
        "control_auroc": [0.55, 0.6],
        "n_clusters": [7, 13],
    }
    return table_of(PROBES, **columns).assign(model=model, layer=layer)


def training_rows() -> pd.DataFrame:
    """Three logged steps."""
    return pd.DataFrame(
        {
            "step": [7, 14, 21],
            "loss": [3.0, 2.0, 1.0],
            "mse": [3.0, 2.0, 1.0],
            "fvu": [0.9, 0.5, 0.25],
            "l0": [4.0, 3.0, 2.0],
            "penalty": [0.0, 0.0, 0.0],
            "kl": [np.nan] * 3,
            "dead_fraction": [0.0, 0.25, 0.25],
            "lr": [0.001, 0.001, 0.0],
        }
    )


def evaluation(model: str, layer: int, variant: str) -> dict[str, object]:
    """evaluation.json; a one-hot layer has no losses."""
    has_loss = model != "onehot"
    numbers: dict[str, object] = {
        name: 0.5 if has_loss or not name.startswith(("loss", "ce_", "n_mask")) else None
        for name in EVALUATION.names
    }
    return {
        **numbers,
        "model": model,
        "layer": layer,
        "variant": variant,
        "architecture": variant,
        "freeze": "none",
        "d_model": D_MODEL,
        "n_features": N_FEATURES,
        "n_residues": N_RESIDUES,
        "n_proteins": 3,
        "n_clusters": 3,
        "l0": 1.23456,
        "fvu_low": 0.4,
        "fvu_high": 0.6,
        "pca_components": 2,
        "n_masked": 15 if has_loss else None,
        "n_masks": 5 if has_loss else None,
        "training_residues": 1000,
        "density_histogram": {"log10_edges": [-2.0, -1.0, 0.0], "counts": [1, 3]},
    }
