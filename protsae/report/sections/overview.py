"""The run in numbers: what went in, and what was kept of it."""

import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from protsae import __version__
from protsae.association.scoring.metrics import CALLED_Q
from protsae.config.reserved_names import ONEHOT, is_permuted
from protsae.report.page_data import PageData

_SHA256 = re.compile(r"[0-9a-f]{64}")


def run_numbers(run: PageData) -> list[tuple[str, list[str]]]:
    """The run in numbers: a name and its lines, for what the provenance and tables hold."""
    source = run.provenance["source"]
    counts = run.provenance["counts"]
    proteins, features = counts["proteins"], counts["features"]
    left_out = {key: sum(reasons.values()) for key, reasons in features["left_out"].items()}
    models: dict[str, list[str]] = {}
    for layer in run.layers:
        models.setdefault(layer.model, []).append(str(layer.number))
    rows: list[tuple[str, list[str]]] = [
        ("Source", [f"{name}: {_short(value)}" for name, value in source.items()]),
        ("Proteins", [f"{proteins['kept']:,} kept of {proteins['read']:,} read"]),
        ("Dropped", _listed(proteins["dropped"])),
        ("Changed", _listed(proteins["changed"])),
        ("Residues", [f"{int(run.proteins['length'].sum()):,}"]),
        ("Homology clusters", [f"{run.proteins['cluster'].nunique():,}"]),
        ("Relatives of train in test", relatives(run.proteins, run.best_features)),
        ("Annotations kept", _joined(features["kept"])),
        ("Annotations without exact ends", _joined(features["uncertain"])),
        ("Annotations left out", _joined(left_out)),
        (
            "Models and layers",
            [
                "onehot (sequence only, the baseline)"
                if model == ONEHOT
                else f"{model}: {', '.join(numbers)}{' (permuted model)' * is_permuted(model)}"
                for model, numbers in models.items()
            ],
        ),
        ("SAE variants", list(dict.fromkeys(run.summary["variant"]))),
        ("Features", [f"{len(run.features):,}"]),
        ("protsae", [f"{__version__} (proteins fetched by {run.provenance['protsae_version']})"]),
    ]
    return [(name, lines) for name, lines in rows if lines]


def relatives(proteins: pd.DataFrame, best: pd.DataFrame) -> list[str]:
    """How many test proteins have any, and the best feature of each concept with and without them.

    Of table ``best_features`` those called, without concepts that the sequence defines.

    Examples
    --------
    >>> proteins = pd.DataFrame({"split": ["test"] * 3, "has_relative_in_train": [1, 0, 0]})
    >>> best = pd.DataFrame({"concept": ["SIGNAL"], "defined_by_sequence": 0, "q_value": 0.01})
    >>> relatives(proteins, best.assign(f1=0.5, f1_without_relatives=0.4))
    ['1 of 3 proteins', 'F1 of the best feature, and without these:', 'SIGNAL 0.50, 0.40']
    """
    in_test = proteins[proteins["split"] == "test"]
    related = in_test["has_relative_in_train"].astype(bool)
    lines = [f"{related.sum():,} of {len(in_test):,} proteins"]
    called = best[
        (best["q_value"] <= CALLED_Q).fillna(False)
        & best["defined_by_sequence"].eq(0).fillna(False)
        & best["f1_without_relatives"].notna()
    ]
    if related.any() and len(called):
        lines.append("F1 of the best feature, and without these:")
        lines += [
            f"{row['concept']} {row['f1']:.2f}, {row['f1_without_relatives']:.2f}"
            for _, row in called.iterrows()
        ]
    return lines


def split_rows(proteins: pd.DataFrame) -> list[dict[str, Any]]:
    """Proteins, residues and clusters of train, valid and test, and of what is left out, if any.

    Examples
    --------
    >>> proteins = pd.DataFrame(
    ...     [("train", 7, "A"), ("train", 5, "A"), ("left out", 3, "B")],
    ...     columns=["split", "length", "cluster"],
    ... )
    >>> for row in split_rows(proteins):
    ...     print(*row.values())
    train 2 12 1
    valid 0 0 0
    test 0 0 0
    left out 1 3 1
    """
    return [
        {
            "split": split,
            "proteins": len(part),
            "residues": int(part["length"].sum()),
            "clusters": part["cluster"].nunique(),
        }
        for split in ("train", "valid", "test", "left out")
        for part in [proteins[proteins["split"] == split]]
        if len(part) or split != "left out"
    ]


def _listed(counts: Mapping[str, int]) -> list[str]:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"{name}: {count:,}" for name, count in ordered]


def _joined(counts: Mapping[str, int]) -> list[str]:
    return [", ".join(_listed(counts))] if counts else []


def _short(value: Any) -> str:
    """Checksums cut to what a person compares."""
    return f"{value[:12]}…" if isinstance(value, str) and _SHA256.fullmatch(value) else str(value)
