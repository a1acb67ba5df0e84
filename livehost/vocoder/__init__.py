"""Making a vocoder for a voice: texts, teacher pairs, training, measures, export.

Needs the `train` extra; nothing here is imported on air.
"""
