"""How things get to the browser: files of ``assets/`` (:mod:`~workbench.notebook.browser.shipped`), joined into one text
(:mod:`~workbench.notebook.browser.modules`), and what every widget is made of (:mod:`~workbench.notebook.browser.widget`;
:mod:`~workbench.notebook.browser.talking`, where it asks Python to act).
"""
