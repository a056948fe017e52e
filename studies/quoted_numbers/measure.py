"""The figures that README, guide and model card quote: the default run, trained three times.

All runs share proteins, splits and the language model; they differ in the SAEs' initial weights and
in the order of the residues they see. A figure is of a concept or of an SAE, never of a feature,
whose number means nothing in another training. Where a concept needs a feature, it is the one with
the highest F1 on valid.

    python -m studies.quoted_numbers.measure           # train, write docs/numbers.json (40 CPU-min)
    python -m studies.quoted_numbers.measure --write   # put its figures into the documents

A run that was stopped resumes.
"""

import argparse
import contextlib
import io
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
import yaml

from protsae.association.joined_baselines import best_per_concept
from protsae.association.scoring.metrics import CALLED_Q
from protsae.concepts.concept import are_defined_by_sequence
from protsae.config.reserved_names import COORDINATES, DETECTORS, MLP, ONEHOT, is_permuted
from studies.quoted_numbers.documents import DOCUMENTS, NUMBERS, ROOT, Numbers, fill

SEEDS = (0, 1, 2)

OF_SAES = ("fvu", "best_fvu", "pca_sparse_fvu", "l0", "loss_recovered")
"""Columns of summary.tsv that are kept; where one is empty, there is no such figure."""

UNSEEDED = ("proteins", "models", "activations", "probes")
UNSEEDED_FILES = ("references.parquet", "concepts.tsv", "rules.parquet", "rule_counts.parquet")
"""What does not depend on the seeds of training: folders and files of a run."""

PART = (6, "topk")
"""Layer and SAE of the default run that the tests train again."""


def figures(results: Path) -> dict[str, dict[str, float]]:
    """Quantity to what it is of to its value, for one finished run.

    `OF_SAES` and ``called_share``, the share of the concepts scored that a feature is called for,
    are of a layer's SAE of the trained model; ``called``, their number, is of all SAEs, or of all
    coordinates. Both leave out concepts that the sequence defines. The others are F1 on test, of a
    concept.
    """
    summary = _of_trained(pd.read_csv(results / "summary.tsv", sep="\t"))
    pairs = pd.read_parquet(results / "associations.parquet")
    probes = [pd.read_parquet(path) for path in sorted(results.glob("probes/*/*/probes.parquet"))]
    probe = _of_trained(pd.concat(probes))
    lookup = pd.read_parquet(results / "references.parquet").groupby("method")
    trained = _of_trained(pairs)
    frozen = summary.loc[summary["freeze"] != "none", "variant"]
    sae = trained[~trained["variant"].isin([*DETECTORS, *frozen])]
    coordinates = trained[trained["variant"] == COORDINATES]
    n_concepts = n_undefined(probe)
    by_set = summary.set_index(set_names(summary))
    found: dict[str, dict[str, float]] = {
        name: {str(k): value for k, value in by_set[name].dropna().items()} for name in OF_SAES
    }
    found |= part_figures(sae, n_concepts)
    found["called"] = {"SAE features": n_called(sae), "coordinates": n_called(coordinates)}
    found["concepts_scored"] = {"default run": n_concepts}
    best = {
        "f1": sae,
        "coordinate_f1": coordinates,
        "neuron_f1": trained[trained["variant"] == MLP],
        "frozen_f1": trained[trained["variant"].isin(frozen)],
        "onehot_f1": pairs[pairs["model"] == ONEHOT],
        "permuted_f1": pairs[pairs["model"].map(is_permuted).astype(bool)],
        "probe_f1": probe,
        "window_f1": lookup.get_group("blosum_window"),
        "homology_f1": lookup.get_group("homology"),
        "rule_f1": pd.read_parquet(results / "rules.parquet"),
    }
    return found | {name: best_f1(rows) for name, rows in best.items()}


def part_figures(pairs: pd.DataFrame, n_concepts: int) -> dict[str, dict[str, float]]:
    """What the tests compare beside the summary: concepts called, by SAE, and F1 of `PART`."""
    of_set = pairs.groupby(set_names(pairs).to_numpy())
    layer, variant = PART
    part = pairs[(pairs["layer"] == layer) & (pairs["variant"] == variant)]
    return {
        "called_share": {str(name): n_called(rows) / n_concepts for name, rows in of_set},
        "part_f1": best_f1(part),
    }


def set_names(rows: pd.DataFrame) -> pd.Series:
    """``layer 6 topk`` for the SAE of each row.

    Examples
    --------
    >>> set_names(pd.DataFrame({"layer": [6], "variant": ["topk"]})).tolist()
    ['layer 6 topk']
    """
    return "layer " + rows["layer"].astype(str) + " " + rows["variant"]


def n_called(pairs: pd.DataFrame) -> int:
    """Concepts with a pair at q <= 0.05, of those that the sequence does not define."""
    return n_undefined(pairs[(pairs["q_value"] <= CALLED_Q).fillna(False)])


def n_undefined(rows: pd.DataFrame) -> int:
    """Concepts in these rows that the sequence does not define."""
    undefined = ~are_defined_by_sequence(rows["concept_type"])
    return int(rows.loc[undefined, "concept"].nunique())


def best_f1(rows: pd.DataFrame) -> dict[str, float]:
    """Concept to the F1 on test of its best row by valid."""
    if "valid_f1" in rows:
        rows = best_per_concept(rows.reset_index(drop=True))
    return {str(k): float(f1) for k, f1 in rows.set_index("concept")["f1"].dropna().items()}


def over_seeds(runs: Sequence[dict[str, dict[str, float]]]) -> dict[str, dict[str, list[float]]]:
    """Figures that every run has, to four decimals.

    Examples
    --------
    >>> over_seeds([{"f1": {"SIGNAL": 0.7, "TURN": 0.1}}, {"f1": {"SIGNAL": 0.6}}])
    {'f1': {'SIGNAL': [0.7, 0.6]}}
    """
    return {
        quantity: {
            name: [round(float(run[quantity][name]), 4) for run in runs]
            for name in sorted(of)
            if all(name in run[quantity] for run in runs)
        }
        for quantity, of in runs[0].items()
    }


def guide_outputs(results: Path) -> list[str]:
    """What each block of code of docs/guide.md prints, ``results`` being the run it reads."""
    names: dict[str, object] = {}
    printed = []
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("results").symlink_to(results.resolve())
        guide = (ROOT / "docs" / "guide.md").read_text()
        for code in re.findall(r"```python\n(.*?)```", guide, re.DOTALL):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(code, names)
            printed.append(out.getvalue().rstrip("\n"))
    return printed


def _of_trained(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of the model that is neither one-hot sequences nor has permuted weights."""
    return rows[(rows["model"] != ONEHOT) & ~rows["model"].map(is_permuted).astype(bool)]


def train(seed: int, results: Path, cores: int, configfile: Path | None) -> None:
    """Run the default workflow with this seed of training; resume it if it was stopped."""
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    given = yaml.safe_load(configfile.read_text()) if configfile else {}
    saes = {**config["train"], **given.get("train", {})}
    seeds = {"seed": seed}
    settings = {
        "results": str(results),
        "trainer": json.dumps(seeds),
        "train": json.dumps({name: seeds for name, sae in saes.items() if sae is not None}),
    }
    command = [sys.executable, "-m", "snakemake", "--cores", str(cores)]
    command += ["--quiet", "host", "reason"]
    command += ["--configfile", str(configfile.resolve())] if configfile else []
    command += ["--config", *(f"{key}={value}" for key, value in settings.items())]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit(
            f"the run with seed {seed} failed; fix the error above and run this again: it resumes"
        )


def share(first: Path, run: Path) -> None:
    """Link what no seed changes into another run, so that it is computed once.

    Files that the first run has rewritten since are linked again, so that both stay the same.
    """
    in_folders = [path for name in UNSEEDED for path in (first / name).rglob("*")]
    for source in [*in_folders, *(first / name for name in UNSEEDED_FILES)]:
        target = run / source.relative_to(first)
        if source.is_dir() or (target.exists() and target.samefile(source)):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        os.link(source, target)


def collect(runs: Sequence[Path]) -> Numbers:
    """What the finished runs, one for each of `SEEDS`, have to say."""
    rules = pd.read_parquet(runs[0] / "rules.parquet").set_index("concept")["rule"]
    made_on = {"processor": platform.machine(), "torch": torch.__version__}
    made_on["instructions"] = torch.backends.cpu.get_cpu_capability()
    return Numbers(
        list(SEEDS),
        made_on,
        over_seeds([figures(run) for run in runs]),
        {str(concept): str(rule) for concept, rule in rules.items()},
        guide_outputs(runs[0]),
    )


def main() -> None:
    """Train and collect, or write what was collected into the documents."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="only fill in the documents")
    parser.add_argument("--results", default="results-numbers", help="folder for the runs")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--configfile", type=Path, help="of another run than the default")
    parser.add_argument("--output", type=Path, default=NUMBERS)
    args = parser.parse_args()
    if args.write:
        numbers = Numbers.read(args.output)
        for path in (ROOT / document for document in DOCUMENTS):
            path.write_text(fill(path.read_text(), numbers))
        print(f"filled in {', '.join(DOCUMENTS)}")
        return
    runs = [ROOT / args.results / f"seed-{seed}" for seed in SEEDS]
    for number, (seed, run) in enumerate(zip(SEEDS, runs, strict=True), start=1):
        print(f"run {number} of {len(SEEDS)}: seed {seed}, in {run}", flush=True)
        if run != runs[0]:
            share(runs[0], run)
        train(seed, run, args.cores, args.configfile)
    collect(runs).write(args.output)
    print(f"wrote {args.output}; --write puts its figures into the documents")


if __name__ == "__main__":
    main()
