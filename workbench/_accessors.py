"""Register the pandas accessors when pandas is there, without importing it for those who do not use it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType


def register_when_pandas_loads() -> None:
    """Now if pandas is loaded, else right after it will have been."""
    if "pandas" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _PandasFinder())


def _register() -> None:
    import workbench.frames.pandas  # noqa: F401  importing it registers


class _PandasFinder(MetaPathFinder):
    """Stands aside for every module but pandas, and for that one only once."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "pandas":
            return None
        sys.meta_path.remove(self)
        spec = find_spec("pandas")
        if spec is not None and spec.loader is not None:
            spec.loader = _RegisteringLoader(spec.loader)
        return spec


class _RegisteringLoader(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        _register()

    def __getattr__(self, name: str) -> object:
        return getattr(self._loader, name)
