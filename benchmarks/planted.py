"""Do SAEs find a planted dictionary? protsae beside other trainers, on data whose atoms are known.

Rows are sparse positive combinations of random unit atoms, more atoms than dimensions, with a
little noise; an offset of `gamma` spreads stands for the large means of language models. Every
trainer sees the same rows in the same order, as they are: each centres and scales as it does by
default. All figures but the speed are of held-out rows; speed counts CPU time in training steps
alone, on one thread.

    python -m benchmarks.planted --results planted.jsonl --check
    python -m benchmarks.planted --gamma 5 --steps 1000 --architectures relu topk
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from benchmarks import trainers
from benchmarks.planted_scores import (
    atom_cosines,
    match_atoms,
    mean_max_cosine,
    recovered_share,
    support_f1,
)
from benchmarks.processor import machine
from benchmarks.trainers import ARCHITECTURES, Protsae, Recipe, Trainer

BLOCK_ROWS = 4096
"""Rows made and scored at a time."""

RECOVERED_AT = 0.9
"""Cosine from which an atom counts as recovered."""
TOPK_RECOVERS = 0.99
MOST_DEAD = 0.05
SLACK = 0.002
"""Shares of recovered atoms that differ by less, 2 or 3 of 1,280, count as equal."""

PENALTIES = {
    ("protsae", "relu"): 3.0,
    ("protsae", "jumprelu"): 0.3,
    ("protsae", "gated"): 3.0,
    ("saelens", "relu"): 0.5,
    ("saelens", "jumprelu"): 0.3,
    ("saelens", "gated"): 0.5,
    ("dictionary_learning", "relu"): 0.5,
    ("dictionary_learning", "gated"): 0.5,
}
"""Weights of L1 or L0 that leave about 16 to 60 features active; else the trainer's default."""

Result = dict[str, Any]


@dataclass(frozen=True)
class Planting:
    """How rows are made.

    Attributes
    ----------
    n_rows, n_test, d_model, n_atoms : int
    active : float
        Mean number of atoms in a row.
    group : int
        Atoms that come together: a group is drawn, then each of its atoms with probability 1/2;
        1 draws every atom by itself. The mean number of atoms is the same.
    noise, gamma : float
        Lengths of noise and offset, in spreads: sqrt E|x - mean|^2 of rows without them.
    seed : int
    """

    n_rows: int = 200_000
    n_test: int = 20_000
    d_model: int = 320
    n_atoms: int = 1280
    active: float = 16.0
    group: int = 1
    noise: float = 0.05
    gamma: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class Planted:
    """Rows and what made them.

    Attributes
    ----------
    atoms_AD : Tensor, float32, shape (n_atoms, d_model)
    train_ND, test_ND : Tensor, float32, shape (n_rows or n_test, d_model)
    present_NA : bool tensor, shape (n_test, n_atoms)
        Atoms in the rows of test.
    """

    atoms_AD: Tensor
    train_ND: Tensor
    test_ND: Tensor
    present_NA: Tensor


def main() -> None:
    """Train, score, print, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trainers", nargs="+", choices=TRAINERS, default=list(TRAINERS))
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=ARCHITECTURES)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--width", type=int, default=2560, help="features of the SAEs")
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--penalty", type=float, help="weight of L1 or L0 (default: PENALTIES)")
    parser.add_argument("--gamma", type=float, default=0.0, help="offset in spreads")
    parser.add_argument("--group", type=int, default=1, help="atoms that come together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, help="JSON lines; peers in it do not run again")
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure falls short")
    args = parser.parse_args()
    print(machine(), flush=True)
    torch.set_num_threads(1)
    runs = {args.gamma: args.trainers}
    if args.check:  # whether an offset does harm shows beside the same training without it
        runs = {0.0: ["protsae"]} | runs
    known = read_results(args.results)
    found = []
    for gamma, chosen in runs.items():
        planting = Planting(gamma=gamma, group=args.group, seed=args.seed)
        for result in run_all(chosen, args, planting, known):
            found.append(result)
            print(f"{name(result)} done", file=sys.stderr)
    print(tabulate(found).to_string(index=False))
    failures = shortfalls(found, args.gamma) if args.check else []
    for failure in failures:
        print(f"short: {failure}")
    print(json.dumps({name(result): round(result["recovered"], 4) for result in found}))
    if failures:
        sys.exit(1)


TRAINERS = {"protsae": (ARCHITECTURES, Protsae), **trainers.TRAINERS}


def run_all(
    chosen: list[str], args: argparse.Namespace, planting: Planting, known: list[Result]
) -> Iterator[Result]:
    """Results of the chosen variants: known ones of peers as they are, the others measured."""
    planted = None
    for trainer in chosen:
        architectures, build = TRAINERS[trainer]
        for architecture in [a for a in architectures if a in args.architectures]:
            recipe = make_recipe(trainer, architecture, args, planting)
            asked: Result = {"trainer": trainer, "architecture": architecture}
            asked |= {"recipe": asdict(recipe), "planting": asdict(planting)}
            stored = [r for r in known if trainer != "protsae" and asked.items() <= r.items()]
            if stored:
                yield stored[-1]
                continue
            version = None if trainer == "protsae" else trainers.installed_version(trainer)
            if trainer != "protsae" and version is None:
                package = trainers.PACKAGES[trainer]
                print(f"{trainer} left out: pip install {package}", file=sys.stderr)
                break
            planted = planted or plant(planting)
            figures = measure(build(architecture, recipe), planted, recipe)
            result = asked | {"version": version} | figures
            append_result(args.results, result)
            yield result


def make_recipe(
    trainer: str, architecture: str, args: argparse.Namespace, planting: Planting
) -> Recipe:
    """What a trainer is asked for; its own default learning rate."""
    default = PENALTIES.get((trainer, architecture))
    return Recipe(
        d_model=planting.d_model,
        n_features=args.width,
        steps=args.steps,
        batch=args.batch,
        k=args.k,
        penalty=default if args.penalty is None else args.penalty,
        seed=args.seed,
    )


def append_result(path: Path | None, result: Result) -> None:
    """Keep a result as a JSON line, if results are kept."""
    if path is not None:
        with path.open("a") as lines:
            lines.write(json.dumps(result) + "\n")


def read_results(path: Path | None) -> list[Result]:
    """Stored results; none if there is no file yet."""
    if path is None or not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def plant(planting: Planting) -> Planted:
    """Rows with known atoms, in blocks: first clean, then noise and offset in units of the spread.

    The atoms and codes are the same at every ``gamma``.
    """
    generator = torch.Generator().manual_seed(planting.seed)
    atoms_AD = torch.randn(planting.n_atoms, planting.d_model, generator=generator)
    atoms_AD /= atoms_AD.norm(dim=1, keepdim=True)
    direction_D = torch.randn(planting.d_model, generator=generator)
    direction_D /= direction_D.norm()
    total = planting.n_rows + planting.n_test
    rows_ND = torch.empty(total, planting.d_model)
    present_NA = torch.empty(planting.n_test, planting.n_atoms, dtype=torch.bool)
    for first in range(0, total, BLOCK_ROWS):
        block = rows_ND[first : first + BLOCK_ROWS]
        code_NA = draw_codes(len(block), planting, generator)
        torch.matmul(code_NA, atoms_AD, out=block)
        test = slice(max(first - planting.n_rows, 0), max(first + len(block) - planting.n_rows, 0))
        present_NA[test] = code_NA[len(block) - (test.stop - test.start) :] > 0
    spread = float(rows_ND.var(0, correction=0).sum().sqrt())
    for block in rows_ND.split(BLOCK_ROWS):
        noise_ND = torch.randn(block.shape, generator=generator)
        block += planting.noise * spread / planting.d_model**0.5 * noise_ND
        block += planting.gamma * spread * direction_D
    train_ND, test_ND = rows_ND.split([planting.n_rows, planting.n_test])
    return Planted(atoms_AD, train_ND, test_ND, present_NA)


def draw_codes(n: int, planting: Planting, generator: torch.Generator) -> Tensor:
    """Coefficients, shape (n, n_atoms): 0.5 to 1.5 evenly where an atom is present, else 0."""
    share = planting.active / planting.n_atoms
    shape = (n, planting.n_atoms)
    if planting.group == 1:
        present_NA = torch.rand(shape, generator=generator) < share
    else:
        n_groups = -(-planting.n_atoms // planting.group)
        chosen_NG = torch.rand(n, n_groups, generator=generator) < 2 * share
        chosen_NA = chosen_NG.repeat_interleave(planting.group, 1)[:, : planting.n_atoms]
        present_NA = chosen_NA & (torch.rand(shape, generator=generator) < 0.5)
    return (0.5 + torch.rand(shape, generator=generator)) * present_NA


def measure(trainer: Trainer, planted: Planted, recipe: Recipe) -> Result:
    """Train on shuffled rows, pass after pass; then score."""
    spent = 0.0
    trainer.prepare(planted.train_ND)
    for x_ND in batches(planted.train_ND, recipe):
        began = time.process_time()
        trainer.step(x_ND)
        spent += time.process_time() - began
    speed = {"lr": trainer.lr, "rows per CPU-s": recipe.steps * recipe.batch / spent}
    return speed | score(trainer, planted)


def batches(rows_ND: Tensor, recipe: Recipe) -> Iterator[Tensor]:
    """``steps`` batches of random rows; a row comes again only after all others (but a rest)."""
    generator = torch.Generator().manual_seed(recipe.seed)
    per_pass = len(rows_ND) // recipe.batch
    for step in range(recipe.steps):
        if step % per_pass == 0:
            order = torch.randperm(len(rows_ND), generator=generator)
        first = step % per_pass * recipe.batch
        yield rows_ND[order[first : first + recipe.batch]]


def score(trainer: Trainer, planted: Planted) -> Result:
    """Atoms recovered, and sparsity and error on held-out rows."""
    cosine_AF = atom_cosines(planted.atoms_AD, trainer.decoder())
    error, active = 0.0, []
    for x_ND in planted.test_ND.split(BLOCK_ROWS):
        f_NF = trainer.encode(x_ND)
        error += float((x_ND - trainer.decode(f_NF)).square().sum())
        active.append(f_NF > 0)
    active_NF = torch.cat(active)
    variance = float(planted.test_ND.var(0, correction=0).sum()) * len(planted.test_ND)
    atoms, features = match_atoms(cosine_AF)
    return {
        "fvu": error / variance,
        "l0": float(active_NF.sum() / len(active_NF)),
        "mmcs": mean_max_cosine(cosine_AF),
        "recovered": recovered_share(cosine_AF, RECOVERED_AT),
        "support f1": support_f1(planted.present_NA[:, atoms], active_NF[:, features]),
        "dead": float((~active_NF.any(0)).float().mean()),
    }


def name(result: Result) -> str:
    """``trainer architecture`` and the offset, if there is one."""
    gamma = result["planting"]["gamma"]
    return f"{result['trainer']} {result['architecture']}" + (f" gamma {gamma:g}" if gamma else "")


def tabulate(results: list[Result]) -> pd.DataFrame:
    """One line per variant."""
    return pd.DataFrame(
        {
            "trainer": r["trainer"] + (f" {r['version']}" if r["version"] else ""),
            "architecture": r["architecture"],
            "gamma": f"{r['planting']['gamma']:g}",
            "penalty": "" if r["recipe"]["penalty"] is None else f"{r['recipe']['penalty']:g}",
            "lr": f"{r['lr']:.1e}",
            "FVU": f"{r['fvu']:.3f}",
            "L0": f"{r['l0']:.1f}",
            "MMCS": f"{r['mmcs']:.3f}",
            f"recovered at {RECOVERED_AT}": f"{r['recovered']:.3f}",
            "support F1": f"{r['support f1']:.3f}",
            "dead": f"{r['dead']:.1%}",
            "rows per CPU-s": f"{r['rows per CPU-s']:,.0f}",
        }
        for r in results
    )


def shortfalls(results: list[Result], gamma: float) -> list[str]:
    """What protsae misses: without offset the shares to recover, with one the same steadiness."""
    by_name = {name(result): result for result in results}
    failures = []
    for result in results:
        if result["trainer"] != "protsae" or result["planting"]["gamma"] != gamma:
            continue
        share, architecture = result["recovered"], result["architecture"]
        if gamma:
            least = by_name[f"protsae {architecture}"]["recovered"] - SLACK
            source = "without offset"
        elif architecture == "topk":
            least, source = TOPK_RECOVERS, "target"
        elif f"saelens {architecture}" in by_name:
            least, source = by_name[f"saelens {architecture}"]["recovered"] - SLACK, "SAELens"
        else:
            failures.append(f"{name(result)}: no result of SAELens to compare with")
            continue
        if share < least:
            failures.append(f"{name(result)}: recovers {share:.4f} < {least:.4f} ({source})")
        if gamma and result["dead"] > MOST_DEAD:
            failures.append(f"{name(result)}: {result['dead']:.1%} dead > {MOST_DEAD:.0%}")
    return failures


if __name__ == "__main__":
    main()
