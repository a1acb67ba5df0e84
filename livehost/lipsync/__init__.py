"""Making the mouth that follows sound: speech, labels, training, measures, export.

Training needs torch and onnx; nothing here is imported on air.
"""
