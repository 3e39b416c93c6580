"""Measure the matcher on files of a family: one JSON line for each file and seed.

    python -m benchmarks solomon R101.txt RC101.txt --time-limit 10 --seed 1 --seed 2

``benchmarks/README.md`` says which families there are and how to read the lines.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.contest import compete, engines, with_ratio
from benchmarks.peers import ENGINES
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
    parser.add_argument("--peers", action="store_true", help="ask the peers that are installed as well")
    parser.add_argument(
        "--peers-python", type=Path, default=Path(sys.executable), metavar="PYTHON", help="interpreter that has them"
    )
    parser.add_argument("--peer", action="append", choices=sorted(ENGINES), help="ask only these; implies --peers")
    parser.add_argument("--peers-kill", type=float, metavar="S", help="end a peer after S seconds (4 limits + 120)")
    options = parser.parse_args(arguments)
    rivals = _rivals(options.peers_python, options.peer) if options.peers or options.peer else []
    kill_after_s = options.peers_kill or 4.0 * options.time_limit + 120.0
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
            for engine in rivals:
                told = compete(run, engine, options.peers_python, kill_after_s)
                if "error" in told:
                    print(f"{engine} on {path.stem}: {told['error']}", file=sys.stderr, flush=True)
                else:
                    print(json.dumps(with_ratio(told, line)), flush=True)
    return int(failed)


def _rivals(python: Path, wanted: list[str] | None) -> list[str]:
    """Give the peers to ask; those that are not installed are named on stderr."""
    found = engines(python)
    for name in wanted or ENGINES:
        if name not in found:
            print(f"{name} is not installed for {python}, it is left out", file=sys.stderr, flush=True)
    return [name for name in wanted or ENGINES if name in found]


if __name__ == "__main__":
    sys.exit(main())
