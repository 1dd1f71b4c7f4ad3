"""Work without the server: profiles in a case file, and the two brought together.

:mod:`~workbench.store.syncing.sync` leads: it has :mod:`~workbench.store.syncing.pulling` merge what is new at the store, as
:mod:`~workbench.store.syncing.feed` tells it, and :mod:`~workbench.store.syncing.pushing` bring what was changed here; what neither
decides is left to the analyst, who settles it (:mod:`~workbench.store.syncing.settling`).
"""
