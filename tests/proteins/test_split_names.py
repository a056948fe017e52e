"""The rule of the splits, and that the names of splits need no scipy."""

import subprocess
import sys

import pandas as pd

from protsae.proteins.split_names import check_splits


def test_problems_are_named() -> None:
    proteins = pd.DataFrame(
        {
            "cluster": ["B", "A", "C", "A", "C", "C", "B"],
            "split": ["test", "valid", "train", "train", "test", "valid", "test"],
        }
    )
    assert check_splits(proteins) == [
        "cluster A is in train and valid",
        "cluster C is in train and valid and test",
    ]
    assert check_splits(proteins[proteins["cluster"] == "B"]) == []


def test_no_scipy_for_the_names() -> None:
    """Which takes 0.1 CPU-s of each job that reads proteins and needs nothing else of it."""
    code = "import sys; import protsae.proteins.split_names; assert 'scipy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
