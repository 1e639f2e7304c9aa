"""How near a converted file is to the model that it was made from.

Reading order: ``gates`` and ``task_gates`` (what must be reached), ``rows`` and ``chain`` (every
step against the float model), ``differences``, ``agreement`` (one file alone), ``graph_codes``,
``code_faults`` and ``code_rounding`` (int8 codes).
"""
