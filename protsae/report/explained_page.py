"""The page of `protsae explain`: one self-contained HTML file, tracks along each protein.

Proteins are written as they come, so the page needs no more memory for many.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, TextIO

import pandas as pd

from protsae import __version__
from protsae.features.protein_segments import n_features, trust
from protsae.io.atomic import atomic_path
from protsae.report.protein_tracks import Track, tracks_of
from protsae.run.run_places import feature_name

PAGE = "explain.html"
MOST_PROTEINS = 50
"""Proteins on the page: tables have all."""
MOST_ROWS = 40
"""Rows of the table of a protein on the page."""
_HERE = Path(__file__).parent
_HEIGHT = 24
_PART = re.compile(r"<!-- (?:protein|foot) -->\n")


def _parts() -> tuple[str, str, str]:
    """Head, protein and foot of the page."""
    head, protein, foot = _PART.split((_HERE / "explained_page.html").read_text())
    return head, protein, foot


class PageWriter:
    """Takes one protein after another; made by `open_page`."""

    def __init__(self, file: TextIO, template: str) -> None:
        self._file, self._template = file, template
        self._n_given = 0

    def append(
        self,
        name: str,
        sequence: str,
        segments: pd.DataFrame,
        predictions: pd.DataFrame,
        residues: pd.DataFrame,
    ) -> None:
        """Write a protein, if it is one of the first ``MOST_PROTEINS``."""
        self._n_given += 1
        if self._n_given <= MOST_PROTEINS:
            tracks = tracks_of(segments, residues)
            above = n_features(segments[trust(segments) == 0])
            section = protein_section(self._template, name, sequence, tracks, predictions, above)
            self._file.write(section)

    @property
    def notes(self) -> list[str]:
        """What the page leaves out."""
        if self._n_given <= MOST_PROTEINS:
            return []
        return [f"{PAGE} shows the first {MOST_PROTEINS:,} of {self._n_given:,} proteins"]


@contextmanager
def open_page(path: Path, made_from: Mapping[str, Any]) -> Iterator[PageWriter]:
    """Write the page protein by protein; it appears when the block ends."""
    style = _light((_HERE / "style.css").read_text()) + (_HERE / "tracks.css").read_text()
    script = (_HERE / "tracks.js").read_text()
    head, protein, foot = _parts()
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8", newline="\n") as file,
    ):
        file.write(head.format(style=style, model=escape(str(made_from["model"]))))
        writer = PageWriter(file, protein)
        yield writer
        notes = "".join(f"<p>{escape(text)}.</p>" for text in writer.notes)
        file.write(foot.format(notes=notes, version=__version__, script=script))


def protein_section(
    template: str,
    name: str,
    sequence: str,
    tracks: list[Track],
    predictions: pd.DataFrame,
    n_above: int,
) -> str:
    """A protein: its tracks, what a reader without them gets, and the data for the script."""
    length = len(sequence)
    names = "".join(
        f'<div title="{escape(track.name)}: {escape(track.remark)}">{escape(track.name)}<small>'
        f"{escape(track.remark)}"
        "</small></div>"
        for track in tracks
    )
    rows = "".join(_row(track, length) for track in tracks)
    letters = "".join(f"<span>{letter}</span>" for letter in sequence) if length <= 2000 else ""
    data = {
        "sequence": sequence,
        "tracks": [
            {"name": track.name, "runs": [[run.start, run.end, run.said] for run in track.runs]}
            for track in tracks
        ],
    }
    stored = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return template.format(
        name=escape(name),
        length=f"{length:,} residue{'s' * (length != 1)}",
        above=_ABOVE if n_above else _NONE_ABOVE,
        names=names,
        ticks=_ticks(length),
        rows=rows,
        letters=letters,
        table=_table(predictions),
        data=stored,
    )


def _row(track: Track, length: int) -> str:
    """One track as SVG; it is stretched to the width of the page."""
    rects = []
    for run in track.runs:
        x = f'x="{run.start - 1}" width="{run.end - run.start + 1}"'
        if run.low is not None and run.high is not None:
            rects.append(_rect(x, "ci", run.low, run.high))
        rects.append(_rect(x, track.mark, 0.0, run.height))
    return (
        f'<div class="row {track.state}"><svg viewBox="0 0 {length} {_HEIGHT}" '
        f'preserveAspectRatio="none" aria-hidden="true">{"".join(rects)}</svg></div>'
    )


def _rect(x: str, mark: str, low: float, high: float) -> str:
    top, height = _HEIGHT * (1 - high), _HEIGHT * (high - low)
    return f'<rect class="{mark}" {x} y="{top:.1f}" height="{height:.1f}"/>'


def _ticks(length: int) -> str:
    """Positions above the tracks: the first, the last, and round numbers between."""
    step = next(
        s
        for power in range(7)
        for s in (10**power, 2 * 10**power, 5 * 10**power)
        if 8 * s >= length
    )
    inside = [at for at in range(step, length, step) if step / 2 < at < length - step / 2]
    marks = [(at, "tick") for at in inside]
    marks = [(1, "tick first"), *marks, *([(length, "tick last")] if length > 1 else [])]
    places = ((100 * _at(at, length), kind, at) for at, kind in marks)
    return "".join(
        f'<span class="{kind}" style="left:{left:.3f}%">{at:,}</span>' for left, kind, at in places
    )


def _at(position: int, length: int) -> float:
    """Where a tick stands, as a share of the width: ends at the edges, others at the middle."""
    return {1: 0.0, length: 1.0}.get(position, (position - 0.5) / length)


def _table(predictions: pd.DataFrame) -> str:
    """Segments for those who do not see tracks: calibrated ones first, then the most probable."""
    if not len(predictions):
        return "<p>No concept is predicted.</p>"
    ranked = predictions.assign(_is_sure=predictions["calibration"] == "calibrated")
    best = ranked.sort_values(["_is_sure", "probability"], ascending=False, kind="stable")
    rows = []
    for row in best.head(MOST_ROWS).to_dict("records"):
        place = f"{row['start']}" if row["start"] == row["end"] else f"{row['start']}–{row['end']}"  # noqa: RUF001
        probability, rate = _probability(row), row["assumed_base_rate"]
        at_rate = f"{rate:.2g} ({row['base_rate_from']})" if pd.notna(rate) else ""
        cells = (probability, row["calibration"] or "", at_rate, f"{row['f1']:.2f}")
        which = feature_name(row["layer"], row["variant"], row["feature"])
        rows.append(
            f'<tr><th scope="row" class="name">{escape(str(row["concept"]))}</th><td>{place}</td>'
            + "".join(f"<td>{escape(str(cell))}</td>" for cell in cells)
            + f'<td class="name">{escape(which)}</td></tr>'
        )
    more = len(best) - MOST_ROWS
    rest = f"<p>{more:,} more segments are in predictions.tsv.</p>" if more > 0 else ""
    return f"{_TABLE_HEAD}{''.join(rows)}</tbody></table></div>{rest}"


def _probability(row: Mapping[Any, Any]) -> str:
    if pd.isna(row["probability"]):
        return "none"
    low, high = row["probability_low"], row["probability_high"]
    return f"{row['probability']:.2f} [{low:.2f}, {high:.2f}]"


def _light(style: str) -> str:
    """The style of the report without its dark theme."""
    dark = r"@media \(prefers-color-scheme: dark\) \{\n.*?\n\}\n"
    light = re.sub(dark, "", style, flags=re.DOTALL)
    return light.replace("color-scheme: light dark", "color-scheme: light")


_NONE_ABOVE = "No feature above all baselines is on: take what follows as a hint."
_ABOVE = "Features above all baselines are on; the others are hints."
_TABLE_HEAD = (
    '<div class="scroll" tabindex="0" role="region" aria-label="Predicted segments"><table><thead>'
    '<tr><th class="name">concept</th><th>residues</th><th>probability</th><th>calibration</th>'
    '<th>at base rate</th><th>F1 on test</th><th class="name">feature</th></tr></thead><tbody>'
)
