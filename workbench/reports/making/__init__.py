"""From a template and its parameters to files, in this order: :mod:`~workbench.reports.making.running` leads,
:mod:`~workbench.reports.making.executing` runs the notebook, :mod:`~workbench.reports.making.facts` gathers what it says
of itself, :mod:`~workbench.reports.making.rendering` makes the page and :mod:`~workbench.reports.making.printing` the PDF.
"""
