"""Inputs of one parser that atheris chooses by what they reach in protsae.

atheris (3.0 and newer; libFuzzer's loop for Python) is no dependency of protsae: install it into an
environment of your own. An input that breaks something is kept in ``corpus``, as by the tests.

example:
  python -m tests.fuzz.atheris_driver fasta -runs=10000
"""

import sys

from tests.fuzz.mutations import Files


def main(arguments: list[str]) -> None:
    """Run libFuzzer on the parser named first, with its own flags after that."""
    import atheris

    with atheris.instrument_imports(include=["protsae"]):
        from tests.fuzz.parsers import PARSERS
        from tests.fuzz.test_any_input import keep, outcome, searched

    name = arguments[1]

    def judge(files: Files) -> None:
        try:
            outcome(PARSERS[name], files)
        except Exception:
            print(f"kept in {keep(name, files)}", file=sys.stderr)  # noqa: T201
            raise

    search = searched(PARSERS[name], judge)
    # Long inputs from the start: the first bytes of one only choose among grammars.
    flags = ["-len_control=0", "-max_len=4000", *arguments[2:]]
    atheris.Setup([arguments[0], *flags], search.hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
