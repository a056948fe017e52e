"""Time and peak memory of every stage of a run on annotated proteins.

Runs the whole workflow, on the shipped sample, or on records with accession, entry_name, organism,
taxon_id, sequence and features (gzipped JSON lines): all of them or some drawn by seed, which
`fetch` gets as FASTA with an annotation table beside it. The last lines are a table for
docs/benchmarks.md.

    python -m benchmarks.stages proteins.jsonl.gz --configfile config/findings.yaml
"""

import argparse
import csv
import gzip
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import yaml

from benchmarks.processor import machine
from benchmarks.real_proteins import read_sequences
from protsae.screen.stage_costs import stage_jobs


def main() -> None:
    """Convert, run, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("records", nargs="?", help="proteins (default: the shipped sample)")
    parser.add_argument("--proteins", type=int, help="so many of the records, drawn at random")
    parser.add_argument("--configfile", help="settings beside the defaults")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--output", default="results-stages")
    args = parser.parse_args()
    print(machine(), flush=True)
    output = Path(args.output)
    output.mkdir(parents=True, exist_ok=True)
    config: dict[str, object] = {"results": str(output / "run")}
    if args.records is None:
        n_proteins = len(read_sequences())
    else:
        if not Path(args.records).is_file():
            sys.exit(f"{args.records}: no such file; expected gzipped JSON lines of proteins")
        n_proteins = write_input(Path(args.records), args.proteins, output)
        config["fetch"] = {
            "input": str(output / "proteins.fasta"),
            "annotations": str(output / "annotations.tsv"),
        }
    (output / "config.yaml").write_text(yaml.safe_dump(config))
    began = time.monotonic()
    subprocess.run(
        [
            *(sys.executable, "-m", "snakemake", "--cores", str(args.cores), "--forceall"),
            *("--configfile", *([args.configfile] if args.configfile else [])),
            *(str(output / "config.yaml"), "--quiet", "rules", "host"),
        ],
        check=True,
    )
    wall = time.monotonic() - began
    print(f"\n{n_proteins:,} proteins, {args.cores} cores, {wall / 60:.1f} min in all\n")
    print(stage_table(output / "run").to_string(index=False))


def write_input(records: Path, n_proteins: int | None, output: Path) -> int:
    """FASTA and annotation TSV of the records, or of a seeded sample; returns their number."""
    with gzip.open(records, "rt") as handle:
        chosen = list(handle)
    if n_proteins is not None:
        chosen = random.Random(0).sample(chosen, n_proteins)
    with (
        (output / "proteins.fasta").open("w") as fasta,
        (output / "annotations.tsv").open("w") as table,
    ):
        rows = csv.writer(table, delimiter="\t", lineterminator="\n")
        rows.writerow(["accession", "type", "start", "end", "description"])
        for record in map(json.loads, chosen):
            accession = record["accession"]
            fasta.write(
                f">sp|{accession}|{record['entry_name']} OS={record['organism']} "
                f"OX={record['taxon_id']}\n{record['sequence']}\n"
            )
            for feature in record["features"]:
                place = (feature["type"], feature["start"], feature["end"])
                rows.writerow([accession, *place, feature["description"]])
    return len(chosen)


def stage_table(folder: Path) -> pd.DataFrame:
    """Jobs, summed and longest wall time, CPU time, and the highest resident memory of stages."""
    rows = []
    for stage, jobs in stage_jobs(folder).items():
        rows.append(
            {
                "stage": stage,
                "jobs": len(jobs),
                "wall, all jobs (s)": round(sum(job.wall for job in jobs), 1),
                "longest job (s)": round(max(job.wall for job in jobs), 1),
                "CPU, all jobs (s)": round(sum(job.cpu for job in jobs), 1),
                "peak memory (MB)": round(max(job.memory for job in jobs) / 1e6),
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
