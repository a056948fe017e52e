"""Edited tokens a second, beside the plain forward pass from the same layer on.

Both run the blocks above a layer over copies of one masked protein and predict its masked residues:
plain, and with one site changed in each copy. Alternating, medians.

    python -m benchmarks.interventions data/model/esm2_t6_protsae.pt --layer 3 --check
"""

import argparse
import statistics
import time

import numpy as np
import torch

from benchmarks.processor import machine
from protsae.interventions.edited_predictions import passes
from protsae.interventions.effects.site_edits import edited_logp
from protsae.interventions.model_pass import esm_pass
from protsae.plm.esm2.batch import Packed
from protsae.plm.esm2.forward import FusedEsm2
from protsae.plm.esm2.load import load_esm

LEAST = 0.8
"""Edited tokens a second, as a share of plain ones."""


def main() -> None:
    """Time both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="an ESM-2, by its file or name")
    parser.add_argument("--layer", type=int, default=3)
    parser.add_argument("--length", type=int, default=307, help="residues of the protein")
    parser.add_argument("--copies", type=int, default=6, help="copies that run together")
    parser.add_argument("--rounds", type=int, default=31)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--check", action="store_true", help="fail below the least ratio")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(machine())
    esm2 = FusedEsm2(load_esm(args.model, args.device).model.requires_grad_(False))
    rng = np.random.default_rng(0)
    sequence = "".join(rng.choice(list("ACDEFGHIKLMNPQRSTVWY"), args.length))
    one = passes([sequence], 1022, 256, True, 0)[0]
    opened = esm_pass(esm2, args.layer, one)
    n_tokens = len(opened.x_ND)
    index = rng.integers(0, len(opened.rows), args.copies).tolist()
    delta = rng.normal(size=(args.copies, esm2.d_model)).astype(np.float32)
    tokens = torch.from_numpy(np.concatenate([[0], one.tokens, [2]])).to(esm2.device)
    batch = Packed(tokens.repeat(args.copies), (n_tokens,) * args.copies)
    start = (args.layer, opened.x_ND.repeat(args.copies, 1))
    rows = torch.cat([n * n_tokens + opened.rows for n in range(args.copies)])

    @torch.no_grad()
    def plain() -> None:
        final_ND = esm2(batch, start=start, rows=rows).final_ND
        esm2.logits(final_ND).log_softmax(-1).cpu()

    def edited() -> None:
        edited_logp(opened, index, delta, args.copies * n_tokens)

    seconds: dict[str, list[float]] = {"plain": [], "edited": []}
    for round_number in range(args.rounds + 3):
        for name, run in (("plain", plain), ("edited", edited)):
            began = time.perf_counter()
            run()
            if round_number >= 3:
                seconds[name].append(time.perf_counter() - began)
    speed = {k: args.copies * n_tokens / statistics.median(v) for k, v in seconds.items()}
    ratio = speed["edited"] / speed["plain"]
    print(f"layer {args.layer}, {args.copies} copies of {n_tokens} tokens, {args.device}, "
          f"{args.threads} threads: plain {speed['plain']:,.0f}, edited {speed['edited']:,.0f} "
          f"tokens a second; ratio {ratio:.2f}")  # fmt: skip
    if args.check and ratio < LEAST:
        raise SystemExit(f"ratio {ratio:.2f}; expected at least {LEAST}")


if __name__ == "__main__":
    main()
