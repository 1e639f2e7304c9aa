"""Quality of pictures: what a score is, and what a classifier is shown and taught.

Reading order: ``full_reference`` (the score of a degraded copy), ``grades`` (classes, and the
tenths of the score that a network tells apart), ``cuts`` (what it sees of a picture), ``making``
(sheets with known scores), ``labels`` (those of people instead), ``samples`` (to train on).
"""
