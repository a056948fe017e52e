"""Trace which features of successive layers make a prediction, as the smallest graph that keeps it.

The output is log p of the true residue, masked, or with --to its log-odds; with --concept it is the
mean over residues of a concept, one per test homology cluster; the graph is found at half of them
and judged at the others. Nodes are features and errors of the SAEs, ranked by integrated gradients.
Edges say how much of a node's effect comes from each node of the layer before. The graph has the
fewest that keep --share of what all features do; random graphs of equal size are run for
comparison. Writes circuit.json (networkx node-link), circuit.graphml and circuit.svg.

examples:
  protsae circuit --protein O60260 --residue 238 --sae topk --layers 2 4 6
  protsae circuit --sequence MKTAYIAKQRQISFVKSHF --residue 5 --to W --sae relu
  protsae circuit --concept DISULFID --sae topk --layers 2 4 6 --sites 16
"""

import argparse
from pathlib import Path

from protsae.config.flags import add_threads_flag
from protsae.interventions.circuits.find_circuit import Search
from protsae.io.atomic import validate_output_folder
from protsae.screen.interventions.circuit_lines import circuit_lines, warnings_of, wrote_line
from protsae.stages.run_object.open_run import read_run
from protsae.stages.tracing.circuit_files import write_circuit
from protsae.stages.tracing.trace_circuit import given_circuit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--protein", metavar="ACCESSION", help="a protein of the run")
    given.add_argument("--sequence", metavar="LETTERS", help="any protein")
    given.add_argument("--concept", help="trace residues of a concept in test proteins")
    add, default = parser.add_argument, Search()
    add("--residue", type=int, metavar="N", help="residue of --protein or --sequence, from 1")
    add("--to", metavar="LETTER", help="trace log-odds of this residue against the true one")
    add("--sites", type=int, default=20, help="residues for --concept (%(default)s)")
    add("--sae", required=True, metavar="NAME", help="name of the SAEs, such as topk")
    add("--layers", type=int, nargs="+", metavar="N", help="layers (default: all)")
    add("--share", type=float, default=default.share, help="effect to keep (%(default)s)")
    add("--most-nodes", type=int, default=default.most_nodes, help="limit (%(default)s)")
    add("--steps", type=int, default=default.steps, help="points of the path (%(default)s)")
    add("--draws", type=int, default=default.draws, help="random graphs to compare (%(default)s)")
    add("--seed", type=int, default=default.seed, help="random seed (%(default)s)")
    add("--unmasked", action="store_true", help="do not mask the residue")
    add("--run", default="results", metavar="RESULTS", help="folder of the run (%(default)s)")
    add("--model", help="path or name of the ESM-2 (default: that of the run)")
    add("--output", default="circuit", metavar="DIR", help="folder to write (%(default)s)")
    add_threads_flag(parser)


def run(args: argparse.Namespace) -> None:
    """Trace, write, say how good it is."""
    validate_output_folder(args.output)
    search = Search(args.share, args.steps, args.most_nodes, args.draws, args.seed)
    tracing = read_run(args.run).tracing(args.sae, args.layers, args.model, args.threads)
    given = (args.protein, args.sequence, args.concept, args.residue, args.to, args.sites)
    graph = given_circuit(tracing, *given, search, not args.unmasked)
    write_circuit(Path(args.output), graph)
    print("\n".join([*circuit_lines(graph), *warnings_of(graph), wrote_line(args.output)]))
