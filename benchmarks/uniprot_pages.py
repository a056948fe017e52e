"""Rate of a download from UniProt over thousands of pages, from a stand-in on loopback.

The rate must be the same at the end as at the beginning: nothing may be done again for each page.

example:
  python -m benchmarks.uniprot_pages --pages 10000
"""

import argparse
import tempfile
import time
from pathlib import Path

from benchmarks.processor import machine
from protsae.io.uniprot import uniprot_rest
from tests.helpers.uniprot_server import UniProtServer


def main() -> None:
    """Download pages of one entry each; print the time of the first tenth and the last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=10_000)
    parser.add_argument("--folder", help="for the pages, on the disk to measure")
    args = parser.parse_args()
    print(machine(), flush=True)
    uniprot_rest.PAGE_SIZE = 1
    times: list[tuple[float, float]] = []  # of the clock and of the CPU, the stand-in's included
    entries = [
        {"primaryAccession": f"P{n:07}", "sequence": {"value": "MKV"}} for n in range(args.pages)
    ]
    write_state = uniprot_rest.write_state

    def timed(folder: Path, state: uniprot_rest.Download) -> None:
        write_state(folder, state)
        times.append((time.perf_counter(), time.process_time()))

    uniprot_rest.write_state = timed
    with UniProtServer(entries) as server, tempfile.TemporaryDirectory(dir=args.folder) as folder:
        times.append((time.perf_counter(), time.process_time()))
        uniprot_rest.fetch_pages(server.url, "reviewed:true", folder)
        begin = time.perf_counter()
        uniprot_rest.fetch_pages(server.url, "reviewed:true", folder)
        resumed = time.perf_counter() - begin
    tenth = args.pages // 10
    for name, start, end in (("first", 0, tenth), ("last", -1 - tenth, -1)):
        wall, cpu = (1e3 * (b - a) / tenth for a, b in zip(times[start], times[end], strict=True))
        print(f"{name} {tenth:,} pages: {wall:.1f} ms each, {cpu:.1f} ms of CPU")
    print(f"going on after {args.pages:,} pages: {resumed:.1f} s")


if __name__ == "__main__":
    main()
