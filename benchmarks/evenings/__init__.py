"""Evenings of chat to be replayed, made by `make` from lines written by hand."""
