"""Reports that are made again and again: set (:mod:`~workbench.reports.scheduling.setting`), planned, kept with the record
of every run in a ledger of this machine or of the store, made when they are due (``ticking``, woken by what ``timers``
sets up) and delivered.
"""
