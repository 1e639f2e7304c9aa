"""What commands share: options, the console, stopping.

Reading order: ``console``, ``model_argument``, ``runtime_option`` and ``bundle_option``,
``renamed_options``, ``stopping`` and ``interruptions``.
"""
