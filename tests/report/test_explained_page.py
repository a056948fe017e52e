import json
import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from protsae.report.explained_page import MOST_PROTEINS, PAGE, open_page
from protsae.report.protein_tracks import MOST_OF_CONCEPT, tracks_of
from protsae.schema.explained.prediction_tables import PREDICTIONS, RESIDUES
from protsae.schema.explained.segment_table import SEGMENTS

HOSTILE = "<script>alert('x')</script> & \"co\""
CHROMIUM = shutil.which("chromium")


def residues(*rows: tuple[object, ...], **constant: object) -> pd.DataFrame:
    """Position, concept, probability and its bounds."""
    names = ["position", "concept", "probability", "probability_low", "probability_high"]
    table = pd.DataFrame(rows, columns=names)
    said = {"calibration": "calibrated", "assumed_base_rate": 0.01, "base_rate_from": "reference"}
    return table.assign(label=table["concept"], **{**said, **constant}).reindex(
        columns=RESIDUES.names
    )


def segments(*rows: tuple[object, ...]) -> pd.DataFrame:
    """Start, end, feature, concept and share of the largest activation."""
    names = ["start", "end", "feature", "concept", "relative_activation"]
    table = pd.DataFrame(rows, columns=names).assign(layer=6, variant="topk", activation=2.0)
    return table.assign(label=table["concept"], f1=0.5).reindex(columns=SEGMENTS.names)


SIGNAL = [(i, "SIGNAL", 0.75, 0.5, 0.9) for i in (2, 3)] + [(4, "SIGNAL", 0.25, 0.1, 0.4)]


def test_neighbours_of_equal_probability_are_one_run() -> None:
    [track] = tracks_of(segments(), residues(*SIGNAL, (9, "SIGNAL", 0.25, 0.1, 0.4)))
    found = [(run.start, run.end, run.height, run.low, run.high, run.said) for run in track.runs]
    assert found == [
        (2, 3, 0.75, 0.5, 0.9, "0.75 [0.50, 0.90]"),
        (4, 4, 0.25, 0.1, 0.4, "0.25 [0.10, 0.40]"),
        (9, 9, 0.25, 0.1, 0.4, "0.25 [0.10, 0.40]"),
    ]
    assert (track.name, track.remark) == ("Signal peptide", "base rate 0.01 (reference)")


def test_uncalibrated_concepts_say_so_and_come_last() -> None:
    rows = pd.concat(
        [residues((1, "A", 0.9, 0.8, 1.0), calibration="uncalibrated"), residues(*SIGNAL)]
    )
    assert [(track.name, track.state) for track in tracks_of(segments(), rows)] == [
        ("Signal peptide", "calibrated"),
        ("A", "uncalibrated"),
    ]
    assert tracks_of(segments(), rows)[1].remark.startswith("uncalibrated, base rate")


def test_some_features_of_each_concept_have_a_track() -> None:
    rows = [(1, 2, i, "A", 0.5) for i in range(9)] + [(3, 3, 9, "B", None), (5, 7, 10, None, 1.5)]
    tracks = tracks_of(segments(*rows), residues())
    assert [track.name for track in tracks] == ["A"] * MOST_OF_CONCEPT + ["B", "No concept"]
    assert tracks[-1].runs[0].height == 1


def write(folder: Path, proteins: dict[str, str]) -> Path:
    path = folder / PAGE
    predictions = pd.DataFrame(columns=PREDICTIONS.names)
    with open_page(path, {"model": HOSTILE}) as page:
        for name, sequence in proteins.items():
            own = segments((1, 1, 3, HOSTILE, 0.5))
            page.append(name, sequence, own, predictions, residues(*SIGNAL))
    return path


def test_the_page_needs_nothing_from_elsewhere_and_runs_no_text(tmp_path: Path) -> None:
    text = write(tmp_path, {HOSTILE: "MKVLAGGHH"}).read_text()
    assert not re.search(r"(?:src|href)=|url\(|@import|https?://", text)
    assert "<script>alert" not in text
    assert "prefers-color-scheme: dark" not in text
    assert text.count("<script") == text.count("</script>") == 2
    [data] = re.findall(r'<script type="application/json" class="data">(.*?)</script>', text)
    stored = json.loads(data)
    assert stored["sequence"] == "MKVLAGGHH"
    assert [track["name"] for track in stored["tracks"]] == ["Signal peptide", HOSTILE]


def test_the_table_has_calibrated_segments_first(tmp_path: Path) -> None:
    rows = [(1, "A", "uncalibrated", 0.9), (2, "B", "calibrated", 0.2), (3, "C", "calibrated", 0.5)]
    table = pd.DataFrame(rows, columns=["start", "concept", "calibration", "probability"])
    table = table.assign(end=table["start"], layer=6, variant="topk", feature=1, f1=0.5)
    table = table.assign(probability_low=0.1, probability_high=0.95)
    with open_page(tmp_path / PAGE, {"model": "esm"}) as page:
        predictions = table.reindex(columns=PREDICTIONS.names)
        page.append("P1", "MKV", segments(), predictions, residues())
    text = (tmp_path / PAGE).read_text()
    assert re.findall(r'<th scope="row" class="name">(\w)</th>', text) == ["C", "B", "A"]


def test_the_first_proteins_are_on_the_page_and_the_others_counted(tmp_path: Path) -> None:
    names = [f"P{i}" for i in range(MOST_PROTEINS + 2)]
    text = write(tmp_path, dict.fromkeys(names, "MKVLAGGHH")).read_text()
    assert text.count('<section class="protein"') == MOST_PROTEINS
    assert f"shows the first {MOST_PROTEINS} of {MOST_PROTEINS + 2} proteins" in text


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt-get install chromium)")
@pytest.mark.parametrize("length", [1, 35, 30_000])
def test_a_browser_shows_residue_and_value(tmp_path: Path, length: int) -> None:
    """Its keyboard, pressed by a script that the test adds to the page."""
    assert CHROMIUM
    path = write(tmp_path, {"P1": ("MKVLA" * length)[:length]})
    press = """<script>
    const view = document.querySelector(".view");
    view.focus();
    for (const key of ["Home", "ArrowRight"])
      view.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    </script></body>"""
    path.write_text(path.read_text().replace("</body>", press))
    words = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    words += [f"--user-data-dir={tmp_path / 'profile'}", path.as_uri()]
    shown = subprocess.run(words, capture_output=True, text=True, timeout=120, check=True).stdout
    assert 'data-ready="yes"' in shown
    [said] = re.findall(r'<p class="readout"[^>]*>(.*?)</p>', shown)
    expected = "K2: Signal peptide 0.75 [0.50, 0.90]" if length > 1 else "M1: "
    assert said.startswith(expected)
