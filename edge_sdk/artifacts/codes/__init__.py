"""Int8 codes as a converted file stores them.

Reading order: ``layers`` (a layer in codes, whatever the format), ``reading`` (which reader a file
needs), then one of ``tflite``, ``coreml``, ``xnnpack``, ``coreai``.
"""
