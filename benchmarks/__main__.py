"""Measure the matcher on files of a family: one JSON line for each file and seed.

    python -m benchmarks solomon R101.txt RC101.txt --time-limit 10 --seed 1 --seed 2

``benchmarks/README.md`` says which families there are and how to read the lines.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.readers import FAMILIES
from benchmarks.runs import Run, isolated


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; 1 if a run failed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("family", choices=sorted(FAMILIES))
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--time-limit", type=float, default=10.0, metavar="S", help="seconds for each run")
    parser.add_argument("--seed", type=int, action="append", metavar="N", help="may be given several times")
    parser.add_argument("--threads", type=int, default=1, metavar="K")
    parser.add_argument("--trace", action="store_true", help="add [[seconds, cost], ...] to the lines, for the plots")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="write the plans there")
    options = parser.parse_args(arguments)
    failed = False
    for path in options.files:
        for seed in options.seed or [1]:
            run = Run(
                family=options.family,
                path=path,
                time_limit_s=options.time_limit,
                seed=seed,
                threads=options.threads,
                trace=options.trace,
                keep=options.keep,
            )
            line = isolated(run)
            print(json.dumps(line), flush=True)
            failed = failed or "error" in line
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
