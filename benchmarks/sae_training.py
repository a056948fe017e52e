"""Time and memory of a training step: protsae, its peers, and the matrix products alone.

All arms take a step by turns on the same batch, with real optimisers, clipping and norms; figures
are medians over turns of CPU milliseconds per step, ratios medians of the ratios within a turn. The
floor of ReLU is its five dense products; that of TopK a dense encoder and a sparse decoder, in
float32. Peak memory is that of a process of its own, over what it held before its first step.
A sweep trains eight SAEs of different penalty or k on each batch.

No feature is dead, so AuxK has no share.

On a GPU times are of wall, ten steps at a time, and memory is that of the GPU. Beside peers stands
a step in a few lines of PyTorch (dense codes, autograd, Adam as it comes), and the sparse kernels
are timed alone.

    python -m benchmarks.sae_training --check
    python -m benchmarks.sae_training --device cuda --d-model 1280 --width 10240 --k 64
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmarks import trainers
from benchmarks.processor import machine
from benchmarks.trainers import Protsae, Recipe
from protsae.config.sae_settings import TrainSettings
from protsae.device import keep_freed_memory, products_dtype
from protsae.sae.architectures import build_sae
from protsae.sae.autoencoder import Batch
from protsae.sae.sparse import support as sparse
from protsae.sae.training.step import SaeTraining

ARCHITECTURES = ("relu", "topk")
PENALTY = {"protsae": 3.0}
SWEEP = 8
FLOOR_FLOAT32, FLOOR_BFLOAT16 = "floor, float32", "floor, bfloat16"
PROTSAE, SWEPT = "protsae", f"protsae, sweep of {SWEEP}, per SAE"
SPARSE = ("topk", "batchtopk", "matryoshka")
PLAIN = ("relu", "topk", "batchtopk")
"""Architectures that `Plain` has."""
NEVER = 10**12
CUDA_STEPS = 10
"""Between two looks at the clock; the first of them may wait for the GPU."""

MOST_RELU_BFLOAT16, MOST_RELU_FLOAT32, MOST_TOPK = 1.25, 1.15, 2.0
LEAST_FASTER = 2.5
LEAST_FASTER_FLOAT32 = {"relu": 1.0, "topk": 1.3}
"""Where the processor does not multiply bfloat16: then products, which peers have as well, take
most of a step."""
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
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--architectures", nargs="+", default=ARCHITECTURES)
    parser.add_argument("--json", type=Path, help="file for all times")
    parser.add_argument("--check", action="store_true", help="exit 1 if a figure falls short")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        architecture, name = args.child
        print(peak_megabytes(architecture, name, args))
        return
    keep_freed_memory()  # as the train stage does; peers and floors profit as well
    dtype = products_dtype("auto", torch.device(args.device))
    print(machine(args.device))
    print(f"batch {args.batch:,}, d_model {args.d_model}, {args.width:,} features, k {args.k}; ")
    on_gpu = args.device == "cuda"
    place = torch.cuda.get_device_name() if on_gpu else args.device
    print(f"protsae's products in {dtype}\n")
    figures: dict[str, float] = {}
    told: dict[str, object] = {}
    for n_threads in args.threads[:1] if on_gpu else args.threads:
        torch.set_num_threads(n_threads)
        for architecture in args.architectures:
            arms = build_arms(architecture, args)
            times = take_turns(arms, args.rounds, args.device)
            del arms[SWEPT]  # its weights and moments, before memory is measured
            memory = memory_of(arms, architecture, args) if n_threads == args.threads[0] else {}
            report(architecture, "a GPU" if on_gpu else f"{n_threads} thread(s)", times, memory)
            told[f"{architecture} {n_threads}"] = {"times": times, "memory": memory}
            if n_threads == args.threads[0]:
                figures |= judge(architecture, times, memory, dtype)
    if on_gpu:
        told["kernels"] = kernels_alone(args)
    if args.json:
        sizes = {name: getattr(args, name) for name in ("d_model", "width", "k", "batch")}
        args.json.write_text(json.dumps({"device": place, **sizes, **told}))
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
        dead_after=NEVER,
    )


def build_arms(architecture: str, args: argparse.Namespace) -> dict[str, Arm]:
    """Everything that takes a turn, by name; peers that are not installed are left out."""
    x_ND = torch.randn(args.batch, args.d_model, device=args.device)
    arms: dict[str, Arm] = {}
    if architecture in SPARSE:
        arms[FLOOR_FLOAT32] = sparse_floor(x_ND, args)
    else:
        arms[FLOOR_FLOAT32] = dense_floor(x_ND, args, torch.float32)
        arms[FLOOR_BFLOAT16] = dense_floor(x_ND, args, torch.bfloat16)
    ours = recipe_of("protsae", args)
    arms[PROTSAE] = partial(Protsae(architecture, ours).step, x_ND)
    arms["protsae, float32"] = partial(Protsae(architecture, ours, "float32").step, x_ND)
    arms[SWEPT] = sweep(architecture, x_ND, args)
    if args.device == "cuda":
        if architecture in SPARSE:
            arms["protsae, embedding_bag"] = by_embedding_bag(
                partial(Protsae(architecture, ours).step, x_ND)
            )
        for dtype in (torch.float32, torch.bfloat16) if architecture in PLAIN else ():
            name = f"plain PyTorch, {str(dtype).removeprefix('torch.')}"
            arms[name] = partial(Plain(architecture, ours, dtype).step, x_ND)
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


def by_embedding_bag(step: Arm) -> Arm:
    """A step on CUDA without our kernels."""

    def run() -> None:
        with mock.patch.object(sparse, "_bag_sum_on", return_value=sparse._embedding_bag):
            step()

    return run


class Plain:
    """What a few lines of PyTorch do: dense codes, autograd, Adam, clipping, unit norms."""

    def __init__(self, architecture: str, recipe: Recipe, dtype: torch.dtype):
        self._architecture, self._recipe, self._dtype = architecture, recipe, dtype
        directions = torch.randn(recipe.n_features, recipe.d_model, device=recipe.device)
        directions /= directions.norm(dim=1, keepdim=True)
        if architecture == "relu":
            directions *= 0.1
        weights = (directions.T.contiguous(), directions.clone())
        zeros = (torch.zeros(n, device=recipe.device) for n in (recipe.n_features, recipe.d_model))
        self._weights = [w.requires_grad_() for w in (*weights, *zeros)]
        self._optimiser = torch.optim.Adam(self._weights, lr=1e-3)

    def step(self, x_ND: Tensor) -> None:
        encoder_DF, decoder_FD, b_enc_F, b_dec_D = self._weights
        with torch.autocast(x_ND.device.type, torch.bfloat16, self._dtype == torch.bfloat16):
            f_NF = self._active(((x_ND - b_dec_D) @ encoder_DF + b_enc_F).relu())
            rebuilt_ND = f_NF @ decoder_FD + b_dec_D
        loss = (rebuilt_ND.float() - x_ND).square().sum() / len(x_ND)
        if self._architecture == "relu":
            assert self._recipe.penalty is not None
            loss = loss + self._recipe.penalty * (f_NF.float() @ decoder_FD.norm(dim=1)).mean()
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights, 1.0)
        self._optimiser.step()
        if self._architecture != "relu":
            with torch.no_grad():
                decoder_FD /= decoder_FD.norm(dim=1, keepdim=True)

    def _active(self, f_NF: Tensor) -> Tensor:
        if self._architecture == "relu":
            return f_NF
        of, k = f_NF, self._recipe.k
        if self._architecture == "batchtopk":
            of, k = f_NF.flatten()[None], k * len(f_NF)
        values, places = of.topk(k, dim=1, sorted=False)
        return torch.zeros_like(of).scatter(1, places, values).view_as(f_NF)


def kernels_alone(args: argparse.Namespace) -> list[dict[str, object]]:
    """Each sparse sum of a TopK step alone, of random features: microseconds, and bytes gathered.

    A row of the table is gathered for each active feature; a table that fits the cache comes from
    memory once.
    """
    from protsae.sae.sparse.triton_kernels import bag_dot, bag_sum

    n_active = args.batch * args.k
    pre_NF = torch.rand(args.batch, args.width, device=args.device)
    features = pre_NF.topk(args.k, dim=1).indices.sort(1).values.flatten()
    rows = torch.arange(args.batch, device=args.device).repeat_interleave(args.k)
    support = sparse.Support(rows, features, args.batch, args.width)
    order, by_feature = support.by_feature
    values = torch.rand(n_active, device=args.device)
    lines: list[dict[str, object]] = []
    for dtype in (torch.float32, torch.bfloat16):
        decoder_FD = torch.randn(args.width, args.d_model, device=args.device).to(dtype)
        x_ND = torch.randn(args.batch, args.d_model, device=args.device).to(dtype)
        gather = (values, decoder_FD, features, support.row_offsets)
        scatter = (values[order], x_ND, rows[order], by_feature)
        calls = {
            "gather_sum": (partial(bag_sum, *gather), gather),
            "scatter_sum": (partial(bag_sum, *scatter), scatter),
            "bag_dot": (partial(bag_dot, x_ND.float(), decoder_FD, rows, features), None),
        }
        for name, (ours, given) in calls.items():
            times = {"ours": microseconds(ours)}
            if given and dtype == torch.float32:
                times["embedding_bag"] = microseconds(partial(sparse._embedding_bag, *given))
            gathered = n_active * args.d_model * dtype.itemsize
            for by, taken in times.items():
                line = {"sum": name, "table": str(dtype), "by": by, "us": round(taken, 1)}
                lines.append({**line, "TB/s gathered": round(gathered / taken / 1e6, 2)})
    print("| sum | table | by | us | TB/s gathered |\n|---|---|---|---|---|")
    for line in lines:
        print("| " + " | ".join(map(str, line.values())) + " |")
    print(flush=True)
    return lines


def microseconds(call: Arm) -> float:
    """Of a call on the GPU, by its own clock, among others; a median of 30."""
    for _ in range(3):
        call()
    pairs = [[torch.cuda.Event(enable_timing=True) for _ in range(2)] for _ in range(30)]
    torch.cuda._sleep(20_000_000)  # the calls queue up behind it
    for began, ended in pairs:
        began.record()
        call()
        ended.record()
    torch.cuda.synchronize()
    return statistics.median(1e3 * began.elapsed_time(ended) for began, ended in pairs)


def sweep(architecture: str, x_ND: Tensor, args: argparse.Namespace) -> Arm:
    """A step of ``SWEEP`` SAEs on one batch, as the train stage takes it."""
    device = torch.device(args.device)
    dtype = products_dtype("auto", device)
    ours = []
    for i in range(SWEEP):
        values = {"penalty": 1.0 + i} if architecture == "relu" else {"k": args.k - SWEEP // 2 + i}
        settings = TrainSettings.model_validate(
            {
                "architecture": architecture,
                "width": args.width,
                "steps": 100_000,
                "dead_after": NEVER,
                **values,
            }
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
    n_steps = CUDA_STEPS if device == "cuda" else 1
    times: dict[str, list[float]] = {name: [] for name in arms}
    for turn in range(rounds + 1):
        for name in list(arms)[:: 1 if turn % 2 else -1]:
            began = clock()
            for _ in range(n_steps):
                arms[name]()
            if device == "cuda":
                torch.cuda.synchronize()
            if turn:  # the first turn warms up
                per_step = (SWEEP if name == SWEPT else 1) * n_steps
                times[name].append(1e3 * (clock() - began) / per_step)
    return times


def ratio(times: dict[str, list[float]], name: str, base: str) -> float:
    """Median over rounds of one arm's time over another's in the same round."""
    return statistics.median(a / b for a, b in zip(times[name], times[base], strict=True))


def memory_of(
    arms: dict[str, Arm], architecture: str, args: argparse.Namespace
) -> dict[str, float]:
    """Peak megabytes of each trainer: of its process, or on the GPU of weights and steps."""
    found = {}
    if args.device == "cuda":
        recipe = recipe_of("protsae", args)
        builds: dict[str, Callable[[], Protsae | Plain]] = {
            PROTSAE: partial(Protsae, architecture, recipe),
            "protsae, float32": partial(Protsae, architecture, recipe, "float32"),
            "plain PyTorch, float32": partial(Plain, architecture, recipe, torch.float32),
            "plain PyTorch, bfloat16": partial(Plain, architecture, recipe, torch.bfloat16),
        }
        return {name: gpu_megabytes(builds[name], args) for name in arms if name in builds}
    for name in arms:
        trainer = name.split(" ")[0]
        if name == PROTSAE or trainer in trainers.TRAINERS:
            sizes = (args.d_model, args.width, args.k, args.batch)
            flags = zip(("--d-model", "--width", "--k", "--batch"), map(str, sizes), strict=True)
            command = [
                sys.executable,
                "-m",
                "benchmarks.sae_training",
                "--child",
                architecture,
                trainer,
            ]
            command += [word for pair in flags for word in pair]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[name] = float(said.split()[-1])
    return found


def gpu_megabytes(build: Callable[[], Protsae | Plain], args: argparse.Namespace) -> float:
    """Growth of the GPU's allocated memory over a few steps, weights and moments included."""
    x_ND = torch.randn(args.batch, args.d_model, device=args.device)
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    trainer = build()
    for _ in range(3):
        trainer.step(x_ND)
    return (torch.cuda.max_memory_allocated() - before) / 1e6


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
    place: str,
    times: dict[str, list[float]],
    memory: dict[str, float],
) -> None:
    """A Markdown table."""
    unit = "ms" if place == "a GPU" else "CPU-ms"
    print(f"| {architecture}, {place} | {unit} per step | x floor | peak MB |")
    print("|---|---|---|---|")
    for name, values in times.items():
        beside = f"{ratio(times, name, FLOOR_FLOAT32):.2f}"
        peak = f"{memory[name]:,.0f}" if name in memory else ""
        print(f"| {name} | {statistics.median(values):.3g} | {beside} | {peak} |")
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
    of = "" if dtype == torch.bfloat16 else ", float32"
    figures = {
        f"{architecture} / {floor.replace(', ', ' ')}": ratio(times, PROTSAE, floor),
        f"{architecture} sweep{of} / floor float32": ratio(times, SWEPT, FLOOR_FLOAT32),
    }
    peers = [name for name in times if name.split(" ")[0] in trainers.TRAINERS]
    if peers:
        fastest = min(ratio(times, name, PROTSAE) for name in peers)
        leanest = min(memory[name] for name in peers)
        figures[f"{architecture} fastest peer / protsae{of}"] = fastest
        figures[f"{architecture} memory / leanest peer"] = memory[PROTSAE] / leanest
    return figures


def falls_short(name: str, value: float) -> bool:
    """Whether a figure of the last line misses its target."""
    of_float32 = LEAST_FASTER_FLOAT32 if "protsae, float32" in name else {}
    if "fastest peer" in name:
        return value < of_float32.get(name.split(" ")[0], LEAST_FASTER)
    if "memory" in name:
        return value > MOST_MEMORY
    if "sweep" in name and "sweep, float32" not in name:
        return value > MOST_SWEEP
    if name.startswith("topk"):
        return value > MOST_TOPK
    return value > (MOST_RELU_BFLOAT16 if "bfloat16" in name else MOST_RELU_FLOAT32)


if __name__ == "__main__":
    main()
