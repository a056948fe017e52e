"""Let an LLM describe features of a finished run, and score its rules like protsae's own.

Any endpoint that speaks OpenAI's chat completions will do, also one on this machine. Its key, if it
needs one, is read from the environment variable PROTSAE_LLM_KEY and stored nowhere. What leaves the
machine are windows of proteins of the training set, with activations and annotations. Requests,
tokens (estimated) and cost are stated first; --dry-run ends there. Answers are kept in
llm_prompts.jsonl: what has been answered is not asked again. Writes llm_descriptions.parquet.

examples:
  protsae describe --layer 6 --variant topk --endpoint http://localhost:8000/v1 --llm NAME --dry-run
  protsae describe --layer 6 --variant topk --endpoint https://HOST/v1 --llm NAME \\
    --max-features 50 --price-input 2.5 --price-output 10
"""

import argparse
from contextlib import closing

from protsae.io.llm.answer_log import answer_log, read_answers
from protsae.io.llm.chat_client import ChatClient, key_of_environment
from protsae.stages.describing.described_layer import chosen_features, open_described
from protsae.stages.describing.llm_descriptions import ask_llm, llm_rows, unanswered, write_llm_rows
from protsae.stages.describing.llm_lines import Prices, lines_after, lines_before, prompt_lines
from protsae.stages.describing.prompt_evidence import feature_prompts


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument(
        *("--run", "--results"),
        dest="results",
        default="results",
        metavar="RESULTS",
        help="folder of the run (%(default)s)",
    )
    parser.add_argument("--model", help="model of the features (default: the run's)")
    parser.add_argument("--layer", type=int, required=True)
    parser.add_argument("--variant", required=True, metavar="SAE", help="name of the SAE")
    parser.add_argument(
        "--endpoint", required=True, metavar="URL", help="address without /chat/completions"
    )
    parser.add_argument("--llm", required=True, metavar="NAME", help="its name at the endpoint")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--features", type=int, nargs="+", help="numbers (default: all)")
    which.add_argument("--max-features", type=int, metavar="N", help="draw N at random")
    parser.add_argument("--price-input", type=float, metavar="P", help="per million tokens")
    parser.add_argument("--price-output", type=float, metavar="P", help="per million tokens")
    parser.add_argument("--dry-run", action="store_true", help="show one prompt, send nothing")


def run(args: argparse.Namespace) -> None:
    """Say what it costs, ask, score, write."""
    prices = Prices(args.price_input, args.price_output)
    with closing(ChatClient(args.endpoint, args.llm, key_of_environment(), print)) as client:
        described = open_described(args.results, args.layer, args.variant, args.model)
        n_features, seed = described.codes.n_features, described.layer.settings.seed
        features = chosen_features(n_features, args.features, args.max_features, seed)
        prompts = feature_prompts(described, features)
        n_without = len(features) - len(prompts)
        log = read_answers(described.prompts_path)
        todo = unanswered(prompts, args.llm, log)
        n_asked = len(prompts) - len(todo)
        said = lines_before(todo, n_asked, n_without, args.endpoint, args.llm, prices)
        print("\n".join([*said, *(prompt_lines(todo) if args.dry_run else [])]), flush=True)
        if args.dry_run or not prompts:
            return
        with answer_log(described.prompts_path) as log:
            answers = ask_llm(prompts, client, log, args.variant)
    rows = llm_rows(described, args.llm, answers)
    path = write_llm_rows(described, rows)
    print("\n".join(lines_after([*answers.values()], rows, prices, path)))
