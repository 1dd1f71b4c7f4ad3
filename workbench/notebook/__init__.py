"""What is seen in a notebook: cards, widgets, maps, the board, magics, and the backend of the JupyterLab extension.

What several of them share stands beside them: :mod:`~workbench.notebook.verdicts` and :mod:`~workbench.notebook.markings`,
how a verdict and a marking look, and :mod:`~workbench.notebook.places`, where a country is when no city is known.
"""
