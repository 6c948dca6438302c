"""LeNet against other classifiers, on the same images, timed on the same machine; docs/design.md has the layout."""
