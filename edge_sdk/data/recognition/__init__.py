"""Samples for recognition: pictures with the names of their classes, cut, resized and perturbed.

Reading order: ``pictures`` (a folder of classes or a table, read), ``regions`` (what is cut),
``turning`` and ``attributes`` (how it is perturbed), ``samples`` (the data set), ``shapes`` (a
drawn set to try it on).
"""
