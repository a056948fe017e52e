"""Time and memory of a training step: protsae, its peers, and the matrix products alone.

All arms take a step by turns on the same batch, with real optimisers, clipping and norms; figures
are medians over turns of CPU milliseconds per step, ratios medians of the ratios within a turn. The
floor of ReLU is its five dense products; that of TopK a dense encoder and a sparse decoder, in
float32. Peak memory is that of a process of its own, over what it held before its first step.
A sweep trains eight SAEs of different penalty or k on each batch.

    python benchmarks/sae_training.py --check
"""

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
import trainers
from torch import Tensor
from trainers import Protsae, Recipe

from protsae.config import TrainSettings
from protsae.device import keep_freed_memory
from protsae.sae.architectures import build_sae
from protsae.sae.sae import Batch
from protsae.sae.train import SaeTraining, products_dtype

ARCHITECTURES = ("relu", "topk")
PENALTY = {"protsae": 3.0}
SWEEP = 8
FLOOR_FLOAT32, FLOOR_BFLOAT16 = "floor, float32", "floor, bfloat16"
PROTSAE, SWEPT = "protsae", f"protsae, sweep of {SWEEP}, per SAE"

MOST_RELU_BFLOAT16, MOST_RELU_FLOAT32, MOST_TOPK = 1.25, 1.15, 2.0
LEAST_FASTER = 2.5
MOST_SWEEP = 1.0
MOST_MEMORY = 1.1

Arm = Callable[[], object]


def main() -> None:
    """Measure, print, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--d-model", type=int, default=320)
    parser.add_argument("--width", type=int, default=2560)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure falls short")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(peak_megabytes(*args.child, args))
        return
    keep_freed_memory()  # as the train stage does; peers and floors profit as well
    dtype = products_dtype("auto", torch.device(args.device))
    print(f"batch {args.batch:,}, d_model {args.d_model}, {args.width:,} features, k {args.k}; ")
    print(f"protsae's products in {dtype}; torch {torch.__version__} on {args.device}\n")
    figures: dict[str, float] = {}
    for n_threads in args.threads:
        torch.set_num_threads(n_threads)
        for architecture in ARCHITECTURES:
            arms = build_arms(architecture, args)
            times = take_turns(arms, args.rounds, args.device)
            memory = memory_of(arms, architecture, args) if n_threads == args.threads[0] else {}
            report(architecture, n_threads, times, memory)
            if n_threads == args.threads[0]:
                figures |= judge(architecture, times, memory, dtype)
    short = [name for name, value in figures.items() if falls_short(name, value)]
    print(", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
    if args.check and short:
        sys.exit("falls short: " + ", ".join(f"{name} {figures[name]:.2f}" for name in short))


def recipe_of(trainer: str, args: argparse.Namespace) -> Recipe:
    """Enough steps that no schedule ends; penalties of each trainer's own scale."""
    return Recipe(
        d_model=args.d_model,
        n_features=args.width,
        steps=100_000,
        batch=args.batch,
        k=args.k,
        penalty=PENALTY.get(trainer),
        device=args.device,
    )


def build_arms(architecture: str, args: argparse.Namespace) -> dict[str, Arm]:
    """Everything that takes a turn, by name; peers that are not installed are left out."""
    x_ND = torch.randn(args.batch, args.d_model, device=args.device)
    arms: dict[str, Arm] = {}
    if architecture == "relu":
        arms[FLOOR_FLOAT32] = dense_floor(x_ND, args, torch.float32)
        arms[FLOOR_BFLOAT16] = dense_floor(x_ND, args, torch.bfloat16)
    else:
        arms[FLOOR_FLOAT32] = sparse_floor(x_ND, args)
    ours = recipe_of("protsae", args)
    arms[PROTSAE] = partial(Protsae(architecture, ours).step, x_ND)
    arms["protsae, float32"] = partial(Protsae(architecture, ours, "float32").step, x_ND)
    arms[SWEPT] = sweep(architecture, x_ND, args)
    for name, (architectures, build) in trainers.TRAINERS.items():
        version = trainers.installed_version(name)
        if version and architecture in architectures:
            trainer = build(architecture, recipe_of(name, args))
            arms[f"{name} {version}"] = partial(trainer.step, x_ND)
    return arms


def dense_floor(x_ND: Tensor, args: argparse.Namespace, dtype: torch.dtype) -> Arm:
    """The five products of a dense step: encode, decode, and three gradients."""
    x_ND = x_ND.to(dtype)
    f_NF = torch.randn(len(x_ND), args.width, device=args.device).to(dtype)
    decoder_FD = torch.randn(args.width, args.d_model, device=args.device).to(dtype)
    encoder_DF = decoder_FD.T.contiguous()

    def products() -> None:
        _ = x_ND @ encoder_DF
        _ = f_NF @ decoder_FD
        _ = x_ND @ decoder_FD.T
        _ = f_NF.T @ x_ND
        _ = x_ND.T @ f_NF

    return products


def sparse_floor(x_ND: Tensor, args: argparse.Namespace) -> Arm:
    """A dense encoder and a decoder that adds k rows for each residue."""
    decoder_FD = torch.randn(args.width, args.d_model, device=args.device)
    encoder_DF = decoder_FD.T.contiguous()
    features_NK = torch.randint(args.width, (len(x_ND), args.k), device=args.device)
    values_NK = torch.rand(len(x_ND), args.k, device=args.device)

    def products() -> None:
        _ = x_ND @ encoder_DF
        F.embedding_bag(features_NK, decoder_FD, per_sample_weights=values_NK, mode="sum")

    return products


def sweep(architecture: str, x_ND: Tensor, args: argparse.Namespace) -> Arm:
    """A step of ``SWEEP`` SAEs on one batch, as the train stage takes it."""
    device = torch.device(args.device)
    dtype = products_dtype("auto", device)
    ours = []
    for i in range(SWEEP):
        values = {"penalty": 1.0 + i} if architecture == "relu" else {"k": args.k - SWEEP // 2 + i}
        settings = TrainSettings.model_validate(
            {"architecture": architecture, "width": args.width, "steps": 100_000, **values}
        )
        ours.append(SaeTraining(build_sae(settings, args.d_model).to(device), settings))
    steps = iter(range(100_000))

    def step() -> None:
        batch, number = Batch.of(x_ND, dtype), next(steps)
        for training in ours:
            training.step(batch, number)

    return step


def take_turns(arms: dict[str, Arm], rounds: int, device: str) -> dict[str, list[float]]:
    """CPU (or, on CUDA, wall) milliseconds per step of every arm in every round."""
    clock = time.perf_counter if device == "cuda" else time.process_time
    times: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(rounds + 1):
        for name in list(arms)[:: 1 if turn % 2 else -1]:
            began = clock()
            arms[name]()
            if device == "cuda":
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                per_step = SWEEP if name == SWEPT else 1
                times[name].append(1e3 * (clock() - began) / per_step)
    return times


def ratio(times: dict[str, list[float]], name: str, base: str) -> float:
    """Median over rounds of one arm's time over another's in the same round."""
    return statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))


def memory_of(
    arms: dict[str, Arm], architecture: str, args: argparse.Namespace
) -> dict[str, float]:
    """Peak megabytes of each trainer, in a process of its own."""
    found = {}
    for name in arms:
        trainer = name.split(" ")[0]
        if name == PROTSAE or trainer in trainers.TRAINERS:
            sizes = (args.d_model, args.width, args.k, args.batch)
            flags = zip(("--d-model", "--width", "--k", "--batch"), map(str, sizes), strict=True)
            command = [sys.executable, __file__, "--child", architecture, trainer]
            command += [word for pair in flags for word in pair]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[name] = float(said.split()[-1])
    return found


def peak_megabytes(architecture: str, name: str, args: argparse.Namespace) -> float:
    """Growth of the peak resident size over a few steps; weights, moments and batch included."""
    torch.set_num_threads(1)
    if name == "protsae":
        keep_freed_memory()
    build = {"protsae": Protsae, **{n: b for n, (_, b) in trainers.TRAINERS.items()}}[name]
    recipe = recipe_of(name, args)
    tiny = Recipe(d_model=8, n_features=16, steps=1000, batch=8, k=2, penalty=recipe.penalty)
    build(architecture, tiny).step(torch.randn(8, 8))  # imports and thread pools
    before = high_water()
    x_ND = torch.randn(args.batch, args.d_model)
    trainer = build(architecture, recipe)
    for _ in range(4):
        trainer.step(x_ND)
    return high_water() - before


def high_water() -> float:
    """Peak resident megabytes of this process; ru_maxrss would count the one that started it."""
    status = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in status if line.startswith("VmHWM"))) / 1000


def report(
    architecture: str,
    n_threads: int,
    times: dict[str, list[float]],
    memory: dict[str, float],
) -> None:
    """A Markdown table."""
    print(f"| {architecture}, {n_threads} thread(s) | CPU-ms per step | x floor | peak MB |")
    print("|---|---|---|---|")
    for name, values in times.items():
        beside = f"{ratio(times, name, FLOOR_FLOAT32):.2f}"
        peak = f"{memory[name]:,.0f}" if name in memory else ""
        print(f"| {name} | {statistics.median(values):.0f} | {beside} | {peak} |")
    print(flush=True)


def judge(
    architecture: str,
    times: dict[str, list[float]],
    memory: dict[str, float],
    dtype: torch.dtype,
) -> dict[str, float]:
    """The figures that have a target."""
    fast = architecture == "relu" and dtype == torch.bfloat16
    floor = FLOOR_BFLOAT16 if fast else FLOOR_FLOAT32
    figures = {
        f"{architecture} / {floor.replace(', ', ' ')}": ratio(times, PROTSAE, floor),
        f"{architecture} sweep / floor float32": ratio(times, SWEPT, FLOOR_FLOAT32),
    }
    peers = [name for name in times if name.split(" ")[0] in trainers.TRAINERS]
    if peers:
        fastest = min(ratio(times, name, PROTSAE) for name in peers)
        leanest = min(memory[name] for name in peers)
        figures[f"{architecture} fastest peer / protsae"] = fastest
        figures[f"{architecture} memory / leanest peer"] = memory[PROTSAE] / leanest
    return figures


def falls_short(name: str, value: float) -> bool:
    """Whether a figure of the last line misses its target."""
    if "fastest peer" in name:
        return value < LEAST_FASTER
    if "memory" in name:
        return value > MOST_MEMORY
    if "sweep" in name:
        return value > MOST_SWEEP
    if name.startswith("topk"):
        return value > MOST_TOPK
    return value > (MOST_RELU_BFLOAT16 if "bfloat16" in name else MOST_RELU_FLOAT32)


if __name__ == "__main__":
    main()
