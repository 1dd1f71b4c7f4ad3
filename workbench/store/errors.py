"""What the database says, in the user's words."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

__all__ = ["Broken", "Conflict", "NotFound", "Overtime", "StoreError", "Unreachable", "plain"]


class StoreError(ValueError):
    """The store refuses something; the message says what, and how to mend it. ``constraint`` is the rule of the
    database that it breaks, where it is one."""

    constraint: str | None = None


class NotFound(LookupError):
    """There is no such thing, or it is not to be seen: the two are not told apart."""


class Conflict(StoreError):
    """Somebody changed the thing meanwhile: get it again, then repeat the change."""


class Overtime(StoreError):
    """A statement took longer than the server allows, and was ended."""


class Broken(OSError):
    """The server is there and cannot do its work, as with a full disk, a damaged table or a file that it may not open:
    repeating helps nobody. What it says names its files: it is for whoever runs the server, and not told to clients
    of the API."""


class Unreachable(OSError):
    """The server cannot be reached, or went away. ``maybe_done`` where a commit may have gone through."""

    maybe_done: bool = False


_CONSTRAINTS = {
    "profile_address_unique": "your organisation has a profile of this address at this level already: get it and change it",
    "profile_token_unique": "this profile was created already",
    "organisation_name_unique": "there is an organisation of this name",
    "organisation_name_length": "the name of an organisation has 1 to 200 characters",
    "client_of_itself": "an organisation is not its own client",
    "investigation_name_unique": "your organisation has an investigation of this name at this level already",
    "investigation_name_length": "the name of an investigation has 1 to 200 characters",
    "investigation_state": "the state of an investigation is open or closed",
    "entity_kind": "an entity is a person, organisation, threat-actor, malware, device or account",
    "entity_name_length": "the name of an entity has 1 to 500 characters",
    "relation_type": "a relation is uses, owns, controls, communicates-with, targets, hosts, attributed-to or related-to",
    "watchlist_name_length": "the name of a watchlist has 1 to 200 characters",
    "watches_one_thing": "a watchlist watches one thing: a network, an AS number, a country, a threat level or scheduled reports",
    "threat_level_range": "the threat level is none, low, medium, high or critical",
    "reputation_range": "reputation is 0 to 100",
    "confidence_range": "confidence is 0 to 1",
    "evidence_confidence_range": "confidence is 0 to 1",
    "asn_range": "an AS number is 0 to 4294967295",
    "country_code_check": "a country is an ISO 3166-1 alpha-2 code in capitals, such as DE",
    "notes_length": "notes have up to 100,000 characters",
    "note_length": "a note has up to 10,000 characters",
    "tags_count": "a profile has up to 100 tags",
    "description_length": "a description has up to 100,000 characters",
    "source_length": "the source of evidence has 1 to 500 characters",
    "sighting_count": "a sighting counts one or more",
    "sighting_order": "first_seen is after last_seen",
    "footprint_kind": "a footprint is a hostname, domain, url, account, device or certificate",
    "footprint_value_length": "a footprint has 1 to 2,048 characters",
    "footprint_unique": "this source has told this of the profile already",
    "schedule_name_unique": "you have a schedule of this name already",
    "schedule_name_length": "the name of a schedule has 1 to 200 characters",
    "report_template_length": "the name of a report has 1 to 500 characters",
    "report_plan_size": "the parameters and targets of a schedule have up to 100,000 characters",
    "report_told_size": "the record of a run has up to 200,000 characters",
    "watches_reports": "a watchlist watches scheduled reports, or does not say so",
    "report_attempt": "the attempts at a report are counted from one",
    "report_missed": "a report missed none or more",
    "report_status": "a report is running, done or failed",
    "report_due": "a run of a schedule says when it was due",
    "report_run_once": "this attempt at the report is made already",
    "tlp_check": "a level is 0 (TLP:CLEAR) to 4 (TLP:RED)",
    "alert_state": "an alert is raised, acknowledged or closed",
}


@contextmanager
def plain(what: str) -> Iterator[None]:
    """Turn the driver's errors into those above; ``what`` names the thing being handled."""
    import psycopg
    from psycopg import errors

    try:
        yield
    except errors.NoDataFound:
        raise NotFound(f"{what}: not found, or not for you") from None
    except errors.UndefinedObject as error:
        if 'role "workbench_' not in _first(error):
            raise
        raise StoreError(f"{what}: the server has no store: make one with: workbench store init") from None
    except errors.SerializationFailure as error:
        raise Conflict(f"{what}: {_first(error)}: get it again, then repeat the change") from None
    except errors.DeadlockDetected:
        raise Conflict(f"{what}: two changes waited for one another: repeat yours") from None
    except errors.NotNullViolation as error:
        raise StoreError(f"{what}: {error.diag.column_name} is missing") from None
    except errors.IntegrityError as error:
        name = error.diag.constraint_name or ""
        refused = StoreError(f"{what}: {_CONSTRAINTS.get(name) or _first(error)}")
        refused.constraint = name or None
        raise refused from None
    except errors.InsufficientPrivilege as error:
        if _of_a_file(_first(error)):
            raise Broken(f"{what}: the server cannot do it: {_first(error)}") from error
        raise PermissionError(f"{what}: {_denied(error)}") from None
    except (errors.RaiseException, errors.DataError) as error:
        raise StoreError(f"{what}: {_first(error)}") from None
    except errors.QueryCanceled as error:
        raise Overtime(f"{what}: it took longer than the server allows: {_first(error)}") from None
    except errors.LockNotAvailable:
        raise StoreError(f"{what}: somebody else is changing it: try again in a moment") from None
    except errors.ReadOnlySqlTransaction:
        raise StoreError(
            f"{what}: this server takes no changes, it is a copy or was set to read only"
        ) from None
    except psycopg.ProgrammingError as error:
        if error.sqlstate is None:  # the driver's own: a URL that is none, most likely
            raise StoreError(f"{what}: no URL of a PostgreSQL database: {_first(error)}") from None
        raise
    except (errors.InternalError_, errors.DataCorrupted, errors.IndexCorrupted) as error:
        raise Broken(f"{what}: the server cannot do it: {_first(error)}") from error
    except psycopg.OperationalError as error:
        if _lost(error):
            raise Unreachable(f"{what}: the server cannot be reached: {_first(error)}") from error
        raise Broken(f"{what}: the server cannot do it: {_first(error)}") from error


def _lost(error: psycopg.OperationalError) -> bool:
    """Whether it is the connection that failed: without a code of the server, or with one of its going away. Others, as of
    a full disk, come from a server that is there."""
    code = error.sqlstate or ""
    return not code or code.startswith(("08", "57P", "28")) or code == "53300"


def _first(error: Any) -> str:
    return str(error.diag.message_primary or str(error).strip().partition("\n")[0])


# What the system says when the server may not open a file, which then has the SQLSTATE of a lack of rights (42501).
_NO_FILE = tuple(os.strerror(code) for code in (errno.EACCES, errno.EPERM, errno.EROFS))


def _of_a_file(says: str) -> bool:
    """Whether it is the server that may not, and not the member: it names a path, in whatever language, or ends as the
    system does. A role whose own name has a slash is taken for one too: better that than a path told."""
    return "/" in says or says.endswith(_NO_FILE)


def _denied(error: Any) -> str:
    if "row-level security" in _first(error):
        return "you may not write this: it is not of your organisation, or above your clearance"
    return _first(error)
