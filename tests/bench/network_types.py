"""Network types from AS names against a labelled sample: who is taken for whom.

    python tests/bench/network_types.py --packages FOLDER    keep what is fetched (18 MB) in FOLDER

**The sample** is the category of announced ASes in the plevin database of 2026-10-04 (PyPI, fetched when run, not
passed on): the type the operator gave itself in PeeringDB, else a tag of bgp.tools. Only PeeringDB is taken for
``isp``, for bgp.tools calls nearly every edge network an eyeball. The names judged are those of the shipped pack.

**What to make of it.** PeeringDB has no type for hosters, so many call themselves NSP or Cable/DSL, and its
Educational/Research holds hundreds of hobbyists; universities that run a campus network say ISP. So part of what
counts as wrong here is right, and the other way round. The words were chosen while looking at the IPv4 names;
ASes with IPv6 alone were not looked at, but they are few and mostly hobbyists. ASes without a label, half of
all, are more often businesses than these.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from measures import confusion, precision_recall
from numpy.typing import NDArray
from packages import database, reader

HERE = Path(__file__).parent
VERSION = "2026.10.4.2"
KINDS = {
    "residential": "isp", "transit": "isp", "cellular": "mobile", "education": "education", "government": "government",
    "military": "government", "business": "business", "hosting": "hosting", "cdn": "cdn",
}  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--packages", type=Path, help="folder where fetched packages are kept")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        labels = labelled(options.packages or Path(scratch), Path(scratch))
    names, sizes = announced()
    four = [asn for asn in labels if sizes[asn]]
    six = [asn for asn in labels if asn in names and not sizes[asn]]
    show("ASes with IPv4", four, labels, names, np.array([sizes[asn] for asn in four]))
    show("ASes with IPv6 alone", six, labels, names, None)


def labelled(folder: Path, scratch: Path) -> dict[int, str]:
    """The type of each labelled AS."""
    out = scratch / "systems.tsv"
    environment = {**os.environ, "PYTHONPATH": str(reader(folder, VERSION))}
    command = [sys.executable, str(HERE / "reported.py"), str(database(folder, VERSION)), "systems", str(out)]
    subprocess.run(command, check=True, env=environment)
    found = {}
    for line in out.read_text(encoding="utf-8").splitlines():
        asn, _, _, category, website = line.split("\t")
        if category in KINDS and (website or KINDS[category] != "isp"):
            found[int(asn)] = KINDS[category]
    return found


def announced() -> tuple[dict[int, str], Counter[int]]:
    """The pack's name of each AS and how many IPv4 addresses it announces."""
    from workbench.intel.home import data_path

    columns = ["version", "span_low", "asn", "as_org"]
    table = pq.read_table(data_path() / "pack" / "asn.parquet", columns=columns)
    names: dict[int, str] = {}
    sizes: Counter[int] = Counter()
    for row in zip(*(table.column(name).to_pylist() for name in columns), strict=True):
        version, span, asn, name = row
        names.setdefault(asn, name)
        if version == 4:
            sizes[asn] += span + 1
    return names, sizes


def show(
    title: str,
    systems: list[int],
    labels: dict[int, str],
    names: dict[int, str],
    sizes: NDArray[np.int64] | None,
) -> None:
    from workbench.intel.network_type import NETWORK_TYPES, network_type_of_names

    said = [NETWORK_TYPES[code] for code in network_type_of_names(pa.array([names[asn] for asn in systems]))]
    truth = [labels[asn] for asn in systems]
    table = confusion(truth, said, NETWORK_TYPES)
    right = np.array(said) == np.array(truth)
    known = np.array(said) != "unknown"
    print(
        f"{title}: {len(systems):,} labelled; a type for {known.mean():.1%}, right {right[known].mean():.1%} of them"
    )
    if sizes is not None:
        heavy = sizes / sizes.sum()
        print(f"by addresses: a type for {heavy[known].sum():.1%}, right {heavy[known & right].sum() / heavy[known].sum():.1%} of them")  # fmt: skip
    print("".join(kind.rjust(12) for kind in ("labelled", *NETWORK_TYPES, "precision", "recall")))
    for kind, row, (precision, recall) in zip(NETWORK_TYPES, table, precision_recall(table), strict=True):
        if row.sum():
            cells = [kind, *(f"{count:,}" for count in row), f"{precision:.3f}", f"{recall:.3f}"]
            print("".join(cell.rjust(12) for cell in cells))
    print()


if __name__ == "__main__":
    main()
