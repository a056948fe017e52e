"""Tokens per second of embedding: protsae beside fair-esm, Hugging Face and the matrix products.

Random weights of a released architecture (speed does not depend on their values), every layer
kept. The peers run their own way: fair-esm in its own length-sorted batches, Hugging Face padded
and sorted with its SDPA attention. All methods alternate in one run; medians over the rounds. On
one thread a second is a CPU-second, on more and on GPUs a second of wall time, to the last row in
the machine's memory. On GPUs there are arms in half precision too, and the peak of their memory;
on CPUs one with products of 8-bit integers.

    python -m benchmarks.embedding proteins.jsonl.gz --check
    python -m benchmarks.embedding --device cuda --architecture 650M --n 256 \\
        --layers 9 18 24 30 33 --store float16
"""

import argparse
import copy
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import esm
import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from esm.model.esm2 import ESM2
from torch import Tensor

from benchmarks.processor import has_fast_bfloat16, machine
from benchmarks.real_proteins import read_sequences
from protsae.plm.embedding import Embedder, token_budget
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.places import Place

ARCHITECTURES = {
    "8M": (6, 320, 20),
    "35M": (12, 480, 20),
    "150M": (30, 640, 20),
    "650M": (33, 1280, 20),
}
ALPHABET = esm.data.Alphabet.from_architecture("ESM-1b")
CONTEXT = 1022
PEER_TOKENS = 4096
"""Padded tokens in a peer's batch, fair-esm's own default."""
COMPARED = 40
"""Proteins, at most, whose rows are compared."""

TARGETS = {
    (1, "all lengths", "protsae float32", "fair-esm"): 3.0,
    (1, "all lengths", "protsae bfloat16", "fair-esm"): 4.5,
    (1, "all lengths", "protsae float32", "Hugging Face"): 1.4,
    (2, "all lengths", "protsae float32", "fair-esm"): 2.5,
}
"""Least ratio of speeds, by threads, workload, ours and theirs; in bfloat16 only where the
processor multiplies it."""
MAX_DIFFERENCE = 1e-5
"""Largest absolute difference to fair-esm in float32, any layer."""

Rows = list[dict[Place, np.ndarray]]
Method = Callable[[Sequence[str]], Rows]


def main() -> None:
    """Measure, print, check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "records",
        nargs="?",
        help="proteins, as fetch reads them, or gzipped JSON lines (default: the shipped sample)",
    )
    parser.add_argument("--architecture", choices=ARCHITECTURES, default="8M")
    parser.add_argument("--n", type=int, default=40, help="proteins in a measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--layers", type=int, nargs="+", help="kept (default: all)")
    parser.add_argument("--store", choices=["float32", "float16"], default="float32")
    parser.add_argument("--peer-tokens", type=int, default=PEER_TOKENS, help="in a peer's batch")
    parser.add_argument(
        "--tokens", type=int, nargs="*", default=[], help="more sizes of protsae's bfloat16 batches"
    )
    parser.add_argument("--skip", nargs="*", default=[], help="methods or workloads left out")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--check", action="store_true", help="exit 1 if a target is missed")
    args = parser.parse_args()

    sequences = [s[:CONTEXT] for s in read_sequences(args.records)]
    workloads = {
        "all lengths": spread(sequences, args.n),
        "around 300": spread([s for s in sequences if 250 <= len(s) <= 350], args.n),
    }
    workloads = {name: chosen for name, chosen in workloads.items() if name not in args.skip}
    layers, width, heads = ARCHITECTURES[args.architecture]
    args.layers = args.layers or [*range(layers + 1)]
    torch.manual_seed(0)
    with torch.device(args.device):
        model = ESM2(layers, width, heads, ALPHABET).eval()
    print(f"{machine(args.device)}; ESM-2 {args.architecture}: {layers} x {width}, {heads} heads; ")
    print(
        f"layers {args.layers} kept in {args.store}, {args.peer_tokens:,} tokens in peers' batches"
    )

    figures: dict[tuple[int, str, str, str], float] = {}
    failures: list[str] = []
    tables = []
    for threads in args.threads if args.device == "cpu" else [1]:
        methods = make_methods(model, threads, args)
        for name, chosen in workloads.items():
            seconds, memory, outputs = measure(methods, chosen, args.rounds, threads, args.device)
            differences = compare(outputs)
            dtypes = [torch.float32, *[torch.bfloat16] * ("protsae bfloat16" in methods)]
            floor = gemm_seconds(model, chosen, threads, dtypes)
            table = tabulate(seconds, memory, differences, chosen, floor)
            n_tokens = sum(len(s) + 2 for s in chosen)
            print(f"\n{threads} threads, {name}: {len(chosen)} proteins, {n_tokens:,} tokens")
            print(table.to_string(index=False), flush=True)
            tables.append({"threads": threads, "workload": name, "rows": table.to_dict("records")})
            for faster in set(seconds) & {"protsae float32", "protsae bfloat16", "protsae int8"}:
                for peer in set(seconds) & {"fair-esm", "Hugging Face", "protsae float32"} - {
                    faster
                }:
                    ratio = np.median(np.array(seconds[peer]) / seconds[faster])
                    figures[threads, name, faster, peer] = round(float(ratio), 2)
            # What is stored in float16 differs by what that loses.
            exact = differences.get("protsae float32", (0.0, 0.0))
            if args.store == "float32" and exact[0] > MAX_DIFFERENCE:
                failures.append(
                    f"{name}: float32 differs by {differences['protsae float32'][0]:.1e}"
                )
    for key, target in TARGETS.items():
        applies = args.device == "cpu" and ("bfloat16" not in key[2] or has_fast_bfloat16())
        if applies and key in figures and figures[key] < target:
            failures.append(
                f"{key[2]} / {key[3]}, {key[1]}, {key[0]} threads: {figures[key]} < {target}"
            )
    if args.json:
        told = {name: str(value) for name, value in vars(args).items()}
        args.json.write_text(
            json.dumps({"machine": machine(args.device), **told, "tables": tables})
        )
    for failure in failures:
        print(f"short: {failure}")
    print(json.dumps({f"{t} threads, {w}, {a} / {b}": v for (t, w, a, b), v in figures.items()}))
    if args.check and failures:
        sys.exit(1)


def spread(sequences: Sequence[str], n: int) -> list[str]:
    """``n`` sequences at evenly spaced quantiles of length, in a random order."""
    ordered = sorted(sequences, key=len)
    at = ((np.arange(n) + 0.5) / n * len(ordered)).astype(int)
    return [ordered[i] for i in np.random.default_rng(0).permutation(at)]


def make_methods(model: ESM2, threads: int, args: argparse.Namespace) -> dict[str, Method]:
    """Each way of embedding: sequences to the layers' rows of residues, of the first proteins."""
    layers, store = args.layers, getattr(torch, args.store)
    on_gpu = model.embed_tokens.weight.is_cuda

    def protsae(
        dtype: torch.dtype, tokens: int | None = None, kept: Sequence[int] = layers
    ) -> Method:
        # As the embed stage does: on the CPU one worker per thread, each on one thread.
        workers = 2 if on_gpu else threads
        embedder = Embedder(
            FusedEsm2(model, dtype),
            dict.fromkeys(kept, store),
            tokens_per_batch=tokens or token_budget(model, len(layers), dtype, workers),
            workers=workers,
        )

        def run(sequences: Sequence[str]) -> Rows:
            torch.set_num_threads(threads if on_gpu else 1)
            rows: Rows = [{} for _ in sequences[:COMPARED]]
            for piece in embedder(sequences):
                if piece.protein < COMPARED:
                    rows[piece.protein] = piece.rows
            return rows

        return run

    def padded(forward: Callable[[Tensor], Sequence[Tensor]]) -> Method:
        """fair-esm's length-sorted padded batches through ``forward``: tokens to the layers."""

        def run(sequences: Sequence[str]) -> Rows:
            torch.set_num_threads(threads)
            data = esm.data.FastaBatchedDataset([str(i) for i in range(len(sequences))], sequences)
            converter = ALPHABET.get_batch_converter()
            rows: Rows = [{} for _ in sequences[:COMPARED]]
            with torch.inference_mode():
                for batch in data.get_batch_indices(args.peer_tokens, extra_toks_per_seq=2):
                    labels, strings, tokens = converter([data[i] for i in batch])
                    out = forward(tokens.to(model.embed_tokens.weight.device))
                    found = [x_BTD.to(store).cpu().numpy() for x_BTD in out]
                    for row, (label, string) in enumerate(zip(labels, strings, strict=True)):
                        if int(label) < COMPARED:
                            kept = slice(1, len(string) + 1)
                            pairs = zip(layers, found, strict=True)
                            rows[int(label)] = {layer: x[row, kept] for layer, x in pairs}
            return rows

        return run

    def fair_esm(tokens: Tensor) -> Sequence[Tensor]:
        found = model(tokens, layers)["representations"]
        return [found[layer] for layer in layers]

    def fair_esm_autocast(tokens: Tensor) -> Sequence[Tensor]:
        with torch.autocast("cuda", torch.bfloat16):
            return fair_esm(tokens)

    methods = {
        "protsae float32": protsae(torch.float32),
        "protsae bfloat16": protsae(torch.bfloat16),
        "fair-esm": padded(fair_esm),
    }
    if not on_gpu:
        methods["protsae int8"] = protsae(torch.int8)
    if on_gpu:
        methods["protsae float16"] = protsae(torch.float16)
        methods["protsae bfloat16, no layer kept"] = protsae(torch.bfloat16, kept=())
        methods["fair-esm autocast bfloat16"] = padded(fair_esm_autocast)
    for tokens in args.tokens:
        methods[f"protsae bfloat16, batches of {tokens:,}"] = protsae(torch.bfloat16, tokens)
    try:
        theirs = hugging_face_model(model)
    except ImportError:
        print("Hugging Face left out: pip install -e '.[peers]'", file=sys.stderr)
        return {name: run for name, run in methods.items() if name not in args.skip}

    def hugging_face(theirs: torch.nn.Module) -> Method:
        def forward(tokens: Tensor) -> Sequence[Tensor]:
            mask = tokens != ALPHABET.padding_idx
            found = theirs(tokens, attention_mask=mask, output_hidden_states=True).hidden_states
            return [found[layer] for layer in layers]

        return padded(forward)

    methods["Hugging Face"] = hugging_face(theirs)
    if on_gpu:
        methods["Hugging Face bfloat16"] = hugging_face(copy.deepcopy(theirs).bfloat16())
    return {name: run for name, run in methods.items() if name not in args.skip}


def hugging_face_model(model: ESM2) -> torch.nn.Module:
    """transformers' EsmModel with the weights of ``model``."""
    from transformers import EsmConfig, EsmModel

    config = EsmConfig(
        vocab_size=len(ALPHABET),
        hidden_size=model.embed_dim,
        num_hidden_layers=model.num_layers,
        num_attention_heads=model.attention_heads,
        intermediate_size=4 * model.embed_dim,
        position_embedding_type="rotary",
        token_dropout=True,
        emb_layer_norm_before=False,
        mask_token_id=ALPHABET.mask_idx,
        pad_token_id=ALPHABET.padding_idx,
        attn_implementation="sdpa",
    )
    with torch.device(model.embed_tokens.weight.device):
        theirs = EsmModel(config, add_pooling_layer=False).eval()
    renamed = {
        "embed_tokens": "embeddings.word_embeddings",
        "emb_layer_norm_after": "encoder.emb_layer_norm_after",
    }
    parts = {
        **{f"self_attn.{x[0]}_proj": f"attention.self.{x}" for x in ("query", "key", "value")},
        "self_attn.out_proj": "attention.output.dense",
        "self_attn_layer_norm": "attention.LayerNorm",
        "fc1": "intermediate.dense",
        "fc2": "output.dense",
        "final_layer_norm": "LayerNorm",
    }
    for layer in range(model.num_layers):
        renamed |= {
            f"layers.{layer}.{ours}": f"encoder.layer.{layer}.{name}"
            for ours, name in parts.items()
        }
    ours = model.state_dict()
    state = {
        f"{name}.{kind}": ours[f"{own}.{kind}"]
        for own, name in renamed.items()
        for kind in ("weight", "bias")
        if f"{own}.{kind}" in ours
    }
    missing, unexpected = theirs.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    assert all("inv_freq" in name or "contact_head" in name for name in missing), missing
    return theirs.to(model.embed_tokens.weight.device)


def measure(
    methods: dict[str, Method], sequences: Sequence[str], rounds: int, threads: int, device: str
) -> tuple[dict[str, list[float]], dict[str, float], dict[str, Rows]]:
    """Seconds of each method in each round; peak GB on a GPU, and rows of the first time."""
    clock = time.process_time if threads == 1 and device == "cpu" else time.perf_counter
    outputs, memory = {}, {}
    for name, run in methods.items():
        if device == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
        # Copies: what is given may lie in the memory of a whole batch.
        outputs[name] = [{i: x.copy() for i, x in rows.items()} for rows in run(sequences)]
        if device == "cuda":
            memory[name] = (torch.cuda.max_memory_allocated() - before) / 1e9
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    rng = np.random.default_rng(0)
    for _ in range(rounds):
        for name in rng.permutation(list(methods)):
            began = clock()
            methods[name](sequences)
            seconds[name].append(clock() - began)
    return seconds, memory, outputs


def compare(outputs: dict[str, Rows]) -> dict[str, tuple[float, float]]:
    """Largest absolute difference to fair-esm; |x - fair-esm| / |fair-esm| of the worst layer."""
    expected = [{i: x.astype(np.float32) for i, x in rows.items()} for rows in outputs["fair-esm"]]
    found = {}
    for name, rows in outputs.items():
        worst, relative = 0.0, 0.0
        for layer in rows[0]:
            lost = [mine[layer] - true[layer] for mine, true in zip(rows, expected, strict=True)]
            worst = max(worst, *(float(np.abs(x).max()) for x in lost))
            size = sum(float((true[layer] ** 2).sum()) for true in expected)
            relative = max(relative, (sum(float((x**2).sum()) for x in lost) / size) ** 0.5)
        found[name] = (worst, relative)
    return found


def gemm_seconds(
    model: ESM2, sequences: Sequence[str], threads: int, dtypes: Sequence[torch.dtype]
) -> dict[str, float]:
    """The time of the linear maps of all blocks alone, at the best batch shape: the floor."""
    n_tokens = sum(len(sequence) + 2 for sequence in sequences)
    device = model.embed_tokens.weight.device
    rows = 65536 if device.type == "cuda" else 2048
    width = model.embed_dim
    torch.set_num_threads(threads)
    found = {}
    for dtype in dtypes:
        maps = [
            (
                torch.randn(rows, i, dtype=dtype, device=device),
                torch.randn(o, i, dtype=dtype, device=device),
            )
            for i, o in ((width, 3 * width), (width, width), (width, 4 * width), (4 * width, width))
        ]
        times = []
        for _ in range(7):
            began = (
                time.perf_counter() if threads > 1 or device.type == "cuda" else time.process_time()
            )
            for x, weight in maps:
                F.linear(x, weight)
            if device.type == "cuda":
                torch.cuda.synchronize()
            ended = (
                time.perf_counter() if threads > 1 or device.type == "cuda" else time.process_time()
            )
            times.append(ended - began)
        name = f"matrix products {str(dtype).removeprefix('torch.')}"
        found[name] = float(np.median(times)) * model.num_layers * n_tokens / rows
    return found


def tabulate(
    seconds: dict[str, list[float]],
    memory: dict[str, float],
    differences: dict[str, tuple[float, float]],
    sequences: Sequence[str],
    floor: dict[str, float],
) -> pd.DataFrame:
    """One line per method: tokens/s, times fair-esm, peak GB on a GPU, differences to fair-esm."""
    n_tokens = sum(len(sequence) + 2 for sequence in sequences)
    theirs = np.median(seconds["fair-esm"])
    lines = [
        {
            "method": name,
            "tokens/s": f"{n_tokens / np.median(taken):,.0f}",
            "x fair-esm": f"{np.median(np.array(seconds['fair-esm']) / taken):.2f}",
            **({"peak GB": f"{memory[name]:.2f}"} if memory else {}),
            "max difference": f"{differences[name][0]:.1e}",
            "relative": f"{differences[name][1]:.1e}",
        }
        for name, taken in seconds.items()
    ]
    lines += [
        {
            "method": name,
            "tokens/s": f"{n_tokens / taken:,.0f}",
            "x fair-esm": f"{theirs / taken:.2f}",
            **({"peak GB": ""} if memory else {}),
            "max difference": "",
            "relative": "",
        }
        for name, taken in floor.items()
    ]
    return pd.DataFrame(lines)


if __name__ == "__main__":
    main()
