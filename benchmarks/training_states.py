"""Time of SAE training on real activations: its first steps, and once features are sparse.

Activations are those of a shipped model on the shipped proteins. All arms take a step by turns on
the same batch, on one thread: protsae at every step, the products alone and the peers at every
``EVERY``-th. Figures are CPU milliseconds; a ratio is the median over ratios of a protsae step and
the others' step of the same turn. Between the two states protsae trains on alone until it is
sparse; peers, whose time does not depend on how many features are active, do not.

    ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 MKL_ENABLE_INSTRUCTIONS=AVX2 \\
        FBGEMM_ENABLE_INSTRUCTIONS=AVX2 python -m benchmarks.training_states --precision float32
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import trainers
from benchmarks.planted import PENALTIES
from benchmarks.processor import machine
from benchmarks.real_proteins import read_sequences
from benchmarks.sae_training import SPARSE, dense_floor, sparse_floor
from benchmarks.trainers import ARCHITECTURES, Protsae, Recipe
from protsae.device import keep_freed_memory, products_dtype
from protsae.plm.embedding import Embedder
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import load_esm

MODEL = Path(__file__).parents[1] / "data" / "model" / "esm2_t8_protsae.pt"
SPARSE_AT = 0.03
EVERY = 10
"""Steps between two of the floor and the peers."""
FLOOR, PROTSAE = "floor, float32", "protsae"
MOST_STEPS = 2000
"""Of the whole schedule; the default."""

MOST_OF_FLOOR = {"relu": 0.6, "topk": 1.5}
LEAST_FASTER = 2.0
MOST_OF_TOPK = 2.0

Arm = Callable[[Tensor], object]
Times = dict[str, list[float]]


def main() -> None:
    """Measure, print, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--architectures", nargs="+", choices=ARCHITECTURES, default=ARCHITECTURES)
    parser.add_argument("--layer", type=int, default=4)
    parser.add_argument("--width", type=int, default=2560)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--steps", type=int, default=300, help="in each state")
    parser.add_argument("--precision", default="auto", help="of protsae's products")
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure falls short")
    args = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    rows_ND = real_rows(args.layer)
    args.d_model, args.device = rows_ND.shape[1], "cpu"  # as the floors read them
    dtype = products_dtype(args.precision, torch.device("cpu"))
    print(machine())
    print(f"{len(rows_ND):,} residues of {rows_ND.shape[1]}, {args.width:,} features, ", end="")
    print(f"batch {args.batch:,}; products in {dtype}\n")
    print("| | state | active | ms/step | floor | / floor | fastest peer / protsae |")
    print("|---|---|---|---|---|---|---|")
    in_sparse = {name: measure(name, rows_ND, args) for name in args.architectures}
    short = shortfalls(in_sparse)
    for line in short:
        print(f"short: {line}")
    if args.check and short:
        sys.exit(1)


def real_rows(layer: int) -> Tensor:
    """Centred activations, float32, of every residue, with E|x|^2 = d_model."""
    model = load_esm(str(MODEL), "cpu").model
    embed = Embedder(FusedEsm2(model, torch.float32), {layer: torch.float32})
    with torch.no_grad():
        blocks = [piece.rows[layer] for piece in embed(read_sequences())]
    rows_ND = torch.from_numpy(np.concatenate(blocks))
    rows_ND -= rows_ND.mean(0)
    return rows_ND * (rows_ND.shape[1] / rows_ND.square().sum(1).mean()).sqrt()


def batches(rows_ND: Tensor, size: int) -> Iterator[Tensor]:
    """Random rows, pass after pass."""
    generator = torch.Generator().manual_seed(0)
    while True:
        for rows in torch.randperm(len(rows_ND), generator=generator).split(size)[:-1]:
            yield rows_ND[rows]


def measure(architecture: str, rows_ND: Tensor, args: argparse.Namespace) -> Times:
    """Times of the arms once protsae is sparse; prints those of the first steps as well."""
    recipe = partial(
        Recipe, rows_ND.shape[1], args.width, steps=MOST_STEPS, batch=args.batch, k=args.k
    )
    penalty = PENALTIES.get((PROTSAE, architecture))
    ours = Protsae(architecture, recipe(penalty=penalty), args.precision)
    feed = batches(rows_ND, args.batch)
    arms: dict[str, Arm] = {PROTSAE: ours.step, FLOOR: floor_of(architecture, next(feed), args)}
    for name, (architectures, build) in trainers.TRAINERS.items():
        if trainers.installed_version(name) and architecture in architectures:
            penalty = PENALTIES.get((name, architecture))
            arms[name] = build(architecture, recipe(penalty=penalty)).step
    times = take_turns(arms, islice(feed, args.steps))
    report(architecture, f"first {args.steps}", ours, times)
    spent = args.steps
    while active_share(ours) > SPARSE_AT:
        if spent + args.steps >= MOST_STEPS:
            print(f"{architecture}: still {active_share(ours):.1%} active after {spent} steps")
            break
        ours.step(next(feed))
        spent += 1
    times = take_turns(arms, islice(feed, args.steps))
    report(architecture, f"{args.steps} from step {spent}", ours, times)
    return times


def floor_of(architecture: str, x_ND: Tensor, args: argparse.Namespace) -> Arm:
    """The products alone, of a batch of that size."""
    if architecture in SPARSE:
        products = sparse_floor(x_ND, args)
    else:
        products = dense_floor(x_ND, args, torch.float32)
    return lambda _: products()


def active_share(ours: Protsae) -> float:
    """Of the features, at the last step."""
    assert ours.taken is not None
    return float(ours.taken.losses.l0) / len(ours.decoder())


def take_turns(arms: dict[str, Arm], feed: Iterator[Tensor]) -> Times:
    """CPU milliseconds of every step of an arm; NaN where it took none."""
    times: Times = {name: [] for name in arms}
    for turn, x_ND in enumerate(feed):
        for name, step in arms.items():
            if name != PROTSAE and turn % EVERY:
                times[name].append(float("nan"))
                continue
            began = time.process_time()
            step(x_ND)
            times[name].append(1e3 * (time.process_time() - began))
    return times


def ratio(times: Times, name: str, base: str) -> float:
    """Median over turns of both."""
    pairs = zip(times[name], times[base], strict=True)
    return statistics.median(a / b for a, b in pairs if a == a and b == b)


def fastest_peer(times: Times) -> float:
    """Its time over protsae's; NaN without peers."""
    peers = [name for name in times if name not in (PROTSAE, FLOOR)]
    return min((ratio(times, name, PROTSAE) for name in peers), default=float("nan"))


def report(architecture: str, state: str, ours: Protsae, times: Times) -> None:
    """A line of the table."""
    floor = statistics.median(t for t in times[FLOOR] if t == t)
    print(
        f"| {architecture} | {state} | {active_share(ours):.1%} | "
        f"{statistics.mean(times[PROTSAE]):.0f} | {floor:.0f} | "
        f"{ratio(times, PROTSAE, FLOOR):.2f} | {fastest_peer(times):.2f} |",
        flush=True,
    )


def shortfalls(found: dict[str, Times]) -> list[str]:
    """Targets that a sparse state misses."""
    short = []
    for architecture, times in found.items():
        of_floor = ratio(times, PROTSAE, FLOOR)
        if of_floor > MOST_OF_FLOOR.get(architecture, float("inf")):
            short.append(f"{architecture}: {of_floor:.2f} x the floor")
        if architecture in MOST_OF_FLOOR and fastest_peer(times) < LEAST_FASTER:
            short.append(f"{architecture}: fastest peer {fastest_peer(times):.2f} x protsae")
    if "topk" in found:
        # Floors are the clock that two architectures, measured one after another, share.
        topk = statistics.median(found["topk"][PROTSAE])
        for architecture in {"jumprelu", "gated", "matryoshka"} & found.keys():
            of_topk = statistics.median(found[architecture][PROTSAE]) / topk
            if of_topk > MOST_OF_TOPK:
                short.append(f"{architecture}: {of_topk:.2f} x TopK")
    return short


if __name__ == "__main__":
    main()
