"""LeNet against other classifiers, on the same images, timed on the same machine.

- `data`: the data sets, each divided once and for all into training and test images
- `models`: the table of classifiers
- `protocol`: what is measured of one classifier on one data set
- `runner`: measurements in processes of their own
- `report`: the rows as a file and as a table
"""
