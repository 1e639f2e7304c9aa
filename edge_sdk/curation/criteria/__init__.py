"""What pictures are judged by: one subject a file.

A criterion is a frozen dataclass of its limits (:class:`~edge_sdk.curation.Criterion`): it measures
each picture by itself, in whatever process that is opened, and then judges all measurements
together. A new one is one more file, and goes into the tuple of
:class:`~edge_sdk.curation.CurationConfig`.

Reading order: ``criterion``, ``size``, ``background``, ``near_duplicates``, ``quality``,
``unreadable``.
"""
