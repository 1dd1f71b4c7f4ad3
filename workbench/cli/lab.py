"""``workbench lab``: JupyterLab with the panel, the widgets and the guided notebooks, without a network."""

from __future__ import annotations

from pathlib import Path

import click

from workbench.cli.errors import plain_errors

__all__ = ["lab"]


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on; the next free one if it is taken."
)
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening a browser.")
@plain_errors
def lab(folder: Path | None, options: tuple[str, ...], port: int | None, no_browser: bool) -> None:
    """Open JupyterLab, on the guided notebooks or on FOLDER.

    The guided notebooks are copied into your workbench directory, so that you can change them. Nothing is asked of
    the network: news, update checks and the extension catalogue of JupyterLab are off. Further OPTIONS go to JupyterLab.

    \b
      workbench lab
      workbench lab cases/2026-11 --no-browser
      workbench lab . -- --ServerApp.ip=0.0.0.0
    """
    from workbench.notebook.lab import guided_notebooks, lab_arguments, prepare_desk, start

    if folder is not None and str(folder).startswith("-"):
        folder, options = None, (str(folder), *options)
    if folder is not None and not folder.is_dir():
        raise NotADirectoryError(f"{folder} is no folder: name the folder to open, or none for the notebooks")
    first = min((path.name for path in guided_notebooks().glob("*.ipynb")), default=None)
    opened = f"notebooks/{first}" if folder is None and first else None
    arguments = lab_arguments((folder or prepare_desk()).resolve(), opened)
    if port is not None:
        arguments.append(f"--ServerApp.port={port}")
    if no_browser:
        arguments.append("--no-browser")
    start([*arguments, *options])
