"""What is seen in a notebook: board, cards, maps, magics, and the backend of the JupyterLab extension."""
