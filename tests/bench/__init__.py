"""Measures: `make bench`. Counts and ratios in one run: the product, the plain SDK flow, the budget, side by side."""
