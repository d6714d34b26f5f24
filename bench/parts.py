"""What benchmarks share: percentiles, and their parts by name."""

import os
import pathlib
import signal
import sys
import tempfile
import time


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(p / 100 * len(values)))]


def run_parts(parts, table, prefix):
    """Runs the parts that the command line names, or all, each in a folder of its own. `parts`: functions of (table, folder) by name. `table`
    prints its head when it is made, so it is a function here."""
    wanted = sys.argv[1:] or list(parts)
    if unknown := [name for name in wanted if name not in parts]:
        sys.exit(f"no such part: {', '.join(unknown)}; there are {', '.join(parts)}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended
    print(f"{os.cpu_count()} processors, load average {os.getloadavg()[0]:.1f} at the start")
    rows = table()
    with tempfile.TemporaryDirectory(prefix=f"infbench-{prefix}-") as name:
        for part in wanted:
            begun = time.monotonic()
            folder = pathlib.Path(name) / part
            folder.mkdir()
            parts[part](rows, folder)
            print(f"{part}: {time.monotonic() - begun:.0f} s", file=sys.stderr)
