"""Samples that networks train on.

Reading order: ``patches`` (random cuts of pictures), what is done to their inputs
(``gaussian_noise``, ``degraded_patches``, ``camera_patches``), ``model_inputs`` (whole pictures as
a model takes them).
"""
