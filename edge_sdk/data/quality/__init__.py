"""Quality of pictures: what a score is, and what a classifier is shown and taught.

Reading order: ``full_reference`` (the score of a degraded copy), ``grades`` (classes, and the
levels of the score that a network tells apart), ``cuts`` (what it sees of a picture), ``severity``
and ``making`` (sheets with known scores), ``labels`` (those of people instead), ``samples`` (to
train on).
"""
