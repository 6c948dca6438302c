"""Comparison of LeNet with other classifiers. The modules are listed in docs/design.md."""
