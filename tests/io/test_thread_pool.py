"""Threads are refused where there is no memory for them."""

import subprocess
import sys

LITTLE = """
import resource
from pathlib import Path
from protsae.io.thread_pool import THREAD_ROOM, thread_pool

pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 3 * THREAD_ROOM // 2
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for n_threads in (1, 2):
    try:
        thread_pool(n_threads)
    except OSError:
        print(n_threads, "refused")
    else:
        print(n_threads, "made")
"""


def test_threads_without_memory_are_refused() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LITTLE], capture_output=True, text=True, check=True
    )
    assert found.stdout == "1 made\n2 refused\n"
