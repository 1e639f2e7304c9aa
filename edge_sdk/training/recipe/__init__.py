"""Recipes: what a run is, read from YAML and checked before anything is read.

Reading order: ``section``, ``sections``, ``bursts``, ``samples`` and ``convergence`` (keys and
bounds), ``tasks`` (what a network can be trained for), ``config`` (a recipe as a whole), ``file``
(read from YAML), ``record`` (as a checkpoint keeps it).
"""
