"""How near a converted file is to the model that it was made from.

Reading order: ``gates`` (what must be reached), ``chain`` (every step against the float model),
``differences``, ``agreement`` (one file alone), ``graph_codes`` and ``code_faults`` (int8 codes).
"""
