"""Measures: `make bench`. Counts and ratios in one run, the product beside the plain SDK flow, each beside its budget."""
