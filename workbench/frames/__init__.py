"""Frames: intel where the analyst's tables are: pandas accessors, DuckDB functions, Dask."""
