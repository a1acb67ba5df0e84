"""Measurements of the product as a viewer and an operator meet it; `python -m benchmarks`."""
