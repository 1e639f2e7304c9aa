"""Pictures made worse: blur, fewer pixels, noise and JPEG, drawn for every picture and recorded.

Reading order: ``step`` (what a step is, and the table of them), one of ``steps``, such as
``steps/gaussian_blur``, ``recipe`` (which steps, how often, in which order), ``presets``, ``file``
(a recipe read from YAML or JSON), ``record`` (what was drawn), ``degrading`` (one picture),
``folder`` (many, as pairs of files).
"""
