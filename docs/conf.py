"""Sphinx configuration: `sphinx-build -W docs docs/_build`."""

from sklenet import __version__

project = "sklenet"
author = "The sklenet developers"
release = __version__
extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
numpydoc_show_class_members = False
html_theme = "furo"
exclude_patterns = ["_build"]
myst_heading_anchors = 3
# The README links to files of the repository that are no pages; what is inherited refers to scikit-learn's glossary.
suppress_warnings = ["myst.xref_missing", "ref.term"]
autodoc_typehints = "none"
