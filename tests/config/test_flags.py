import argparse

import pytest

from protsae.config.flags import add_threads_flag, seed_number


@pytest.mark.parametrize("text", ["0", "-1", "1025", "1000000", "nan", ""])
def test_threads_that_no_machine_has(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """OpenMP crashes, without a word, of a million."""
    parser = argparse.ArgumentParser()
    add_threads_flag(parser)
    with pytest.raises(SystemExit):
        parser.parse_args(["--threads", text])
    assert f"{text!r}; expected CPU threads, 1 to 1024" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["-1", "4294967296", "1e3", ""])
def test_what_is_no_seed(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number, 0 to 42949"):
        seed_number(text)


@pytest.mark.parametrize("seed", [0, 4294967295])
def test_seeds(seed: int) -> None:
    assert seed_number(str(seed)) == seed
