"""What commands share: options, the console, stopping.

Reading order: ``console``, ``model_argument`` and ``runtime_option``, ``renamed_options``,
``stopping``.
"""
