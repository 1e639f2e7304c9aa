"""Bundles: all that an app needs to run a model, bound together and proved by golden vectors.

Reading order: ``manifest`` (what a bundle says of itself) with ``canonical`` and ``names``,
``container`` and ``zip_form`` (where its files lie), ``reading`` (what is checked, and when) with
``stage_record`` and ``signature``; ``generator``, ``stage_inputs`` and ``golden``, and of bursts
``burst_frames``, ``burst_vectors`` and ``burst_checks`` (how a device proves itself);
``targets``, ``driver_constants``, ``graph_files``, ``entries``, ``building`` and ``packing`` (how
one is made);
``verification``, ``zooming``, ``enhancing`` and ``device_limits`` (what is done with one).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
