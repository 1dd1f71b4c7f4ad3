"""Fuzz one target, guided by coverage: ``python tests/fuzz/run.py TARGET [--seconds 60]``; ``all`` takes each in turn.

Needs ``pip install atheris`` (Python 3.11 to 3.13). What it finds goes into ``tests/fuzz/seeds/TARGET/`` with the fix.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

SEEDS = Path(__file__).parent / "seeds"


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("target")
    arguments.add_argument("--seconds", type=int, default=60)
    asked = arguments.parse_args()
    if asked.target == "all":
        from targets import TARGETS

        for name in TARGETS:
            print(f"== {name}", flush=True)
            subprocess.run([sys.executable, __file__, name, "--seconds", str(asked.seconds)], check=False)
        return
    import atheris

    with atheris.instrument_imports(include=["workbench"]):
        from targets import TARGETS

    # Found inputs go into the first folder; the seeds stay as they are.
    with tempfile.TemporaryDirectory() as found:
        folders = [found, *(str(folder) for folder in [SEEDS / asked.target] if folder.is_dir())]
        limits = [
            f"-max_total_time={asked.seconds}",
            "-timeout=20",
            "-rss_limit_mb=4096",
            "-print_final_stats=1",
        ]
        atheris.Setup([sys.argv[0], *limits, *folders], TARGETS[asked.target])
        atheris.Fuzz()


if __name__ == "__main__":
    main()
