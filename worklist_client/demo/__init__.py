"""A region in a box: synthetic patients and three fictitious hospitals, each one process over a folder of objects."""
