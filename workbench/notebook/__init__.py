"""What is seen in a notebook: cards, widgets, maps, the board, magics, and the backend of the JupyterLab extension.

What several of them share stands beside them: :mod:`~workbench.notebook.verdicts`, how a verdict looks, and
:mod:`~workbench.notebook.places`, where a country is when no city is known.
"""
