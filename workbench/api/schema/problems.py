"""What a mutation answers when it does not do what it was asked: a type for each way to go on from there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import strawberry

from workbench.api.schema.asking import Info, described
from workbench.store import Conflict as ConflictError
from workbench.store import NotFound as NotFoundError
from workbench.store import Store, StoreError

__all__ = ["Conflict", "Forbidden", "InvalidInput", "NotFound", "Problem", "attempt"]

T = TypeVar("T")
R = TypeVar("R")


@strawberry.interface(description="Why a mutation was not done. Nothing was changed.")
class Problem:
    message: str = described("What is wrong, for a human being.")
    path: list[str] = described("The argument that is at fault, from the outermost name inwards; empty where it is none alone.")  # fmt: skip


@strawberry.type(description="Somebody changed the thing meanwhile: get it again, then repeat the change.")
class Conflict(Problem):
    current_version: int | None = described("The version that the thing is at now, as far as you may see it.")


@strawberry.type(description="There is no such thing, or it is not for you: the two are not told apart.")
class NotFound(Problem):
    pass


@strawberry.type(
    description="You may not do this: the thing is another organisation's, or above your clearance."
)
class Forbidden(Problem):
    pass


@strawberry.type(description="An argument breaks a rule that its type alone cannot say.")
class InvalidInput(Problem):
    pass


_FIELDS = {
    "profile_address_unique": "address",
    "threat_level_range": "threatLevel",
    "notes_length": "notes",
    "tags_count": "tags",
    "investigation_name_unique": "name",
    "investigation_name_length": "name",
    "entity_name_length": "name",
    "watchlist_name_length": "name",
    "description_length": "description",
    "note_length": "note",
    "source_length": "source",
    "footprint_value_length": "value",
    "footprint_unique": "value",
    "evidence_confidence_range": "confidence",
    "sighting_count": "count",
    "sighting_order": "firstSeen",
}
_SIGNS = {
    "reason": "reason",
    "a tag has": "tags",
    "may receive TLP:RED": "recipients",
}


async def attempt(
    info: Info,
    work: Callable[[Store], T],
    made: Callable[[T], R],
    *,
    key: str = "id",
    version_of: Callable[[Store], int] | None = None,
    fields: Mapping[str, str] = {},
) -> R | Conflict | NotFound | Forbidden | InvalidInput:
    """Do ``work`` and give what ``made`` makes of its outcome, or the problem there was.

    ``key`` is the field of the input that names the thing, ``version_of`` finds out the version it is at;
    ``fields`` tells for a sign in a message, or a constraint, which field is at fault.
    """
    try:
        return made(await info.context.run(work))
    except NotFoundError as error:
        at = next((name for sign, name in fields.items() if sign in str(error)), key)
        return NotFound(message=str(error), path=["input", at])
    except ConflictError as error:
        return Conflict(
            message=str(error),
            path=["input", "expectedVersion"] if version_of else ["input"],
            current_version=await _current(info, version_of),
        )
    except ValueError as error:
        return InvalidInput(message=str(error), path=_path(error, fields))
    except PermissionError as error:
        if error.errno is not None or type(error) is not PermissionError:
            raise  # of a file of the server's, or of a kind that the caller has a word for
        return Forbidden(message=str(error), path=["input"])


def _path(error: ValueError, fields: Mapping[str, str]) -> list[str]:
    constraint = error.constraint if isinstance(error, StoreError) else None
    known = {**_FIELDS, **fields}
    if constraint and constraint in known:
        return ["input", known[constraint]]
    for sign, name in {**_SIGNS, **fields}.items():
        if sign in str(error):
            return ["input", name]
    return ["input"]


async def _current(info: Info, version_of: Callable[[Store], int] | None) -> int | None:
    if version_of is None:
        return None
    try:
        found: int = await info.context.run(version_of)
    except NotFoundError:
        return None
    return found
