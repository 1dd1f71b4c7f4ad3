"""An analyst at work in a process of her own, that may be killed: edits a case and syncs it as told on standard input.

What she is about to do is told before it is done, and that it was done after it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import sys
from functools import wraps
from typing import Any

from workbench.case import Case
from workbench.store import NotFound, Store, StoreError
from workbench.store.syncing.casefile import CaseFile

LEFT = [-1]


def tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)


def fatal(call: Any) -> Any:
    """The process is killed before or after the call, if its time has come."""

    def step() -> None:
        if LEFT[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        LEFT[0] -= 1

    @wraps(call)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        step()
        answer = call(*arguments, **options)
        step()
        return answer

    return wrapped


for name in ("take", "settle", "remember", "change", "note", "drop_conflicts", "purge", "insert"):
    setattr(CaseFile, name, fatal(getattr(CaseFile, name)))
Store.run = fatal(Store.run)  # type: ignore[method-assign]


def edit(case: Case, chance: random.Random, addresses: list[str], who: str, number: int) -> None:
    address = chance.choice(addresses)
    rows = [each for each in case.profiles.list(deleted=True) if each.address == address]
    word = f"{who}{number}"
    if not rows:
        tell(about=[["tag", address, word], ["word", address, word]])
        case.profiles.create(address, tags=[word], notes=word, threat_level=chance.randrange(5))
    else:
        row = rows[-1]
        act = chance.choice(["tag", "tag", "untag", "word", "word", "level", "delete", "restore"])
        if act == "tag":
            tell(about=[["tag", address, word]])
            case.profiles.update(row, tags=[*row.tags, word])
        elif act == "untag" and row.tags:
            gone = chance.choice(row.tags)
            tell(about=[["untag", address, gone]])
            case.profiles.update(row, tags=[tag for tag in row.tags if tag != gone])
        elif act == "word":
            tell(about=[["word", address, word]])
            case.profiles.update(row, notes=f"{row.notes} {word}")
        elif act == "level":
            case.profiles.update(row, threat_level=chance.randrange(5))
        elif act == "delete" and row.version > 0 and chance.random() < 0.4:
            case.profiles.delete(row)
        elif act == "restore" and row.deleted_at is not None:
            with contextlib.suppress(StoreError):  # there is another of the address meanwhile
                case.profiles.restore(row)
    tell(done=True)


def settle_all(case: Case, chance: random.Random) -> None:
    for one in case.conflicts():
        try:
            if one.field == "notes":
                words = one.mine.split() + [
                    word for word in one.theirs.split() if word not in one.mine.split()
                ]
                case.settle(one, value=" ".join(words))
            elif one.field == "threat_level":
                case.settle(one, value=max(one.mine, one.theirs))
            elif one.kind == "field":
                case.settle(one, chance.choice(["mine", "theirs"]))
            else:
                tell(refused=str(one))
        except NotFound:
            pass


def main() -> None:
    path, url, who, seed = sys.argv[1:]
    chance = random.Random(seed)
    addresses = [f"198.51.100.{n}" for n in range(12)]
    case, store = Case(path), None
    tell(ready=True)
    for line in sys.stdin:
        order = json.loads(line)
        LEFT[0] = order.get("kill", -1)
        for number in range(order.get("edits", 0)):
            edit(case, chance, addresses, who, order["number"] * 100 + number)
        if order.get("settle"):
            settle_all(case, chance)
        failed = None
        try:
            store = store or Store(url)
            outcome = case.sync(store)
        except OSError as error:
            outcome, failed = None, str(error)
        LEFT[0] = -1
        tell(synced=str(outcome), failed=failed, unsettled=len(case.conflicts()))
    case.close()


main()
