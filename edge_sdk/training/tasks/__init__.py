"""What a network is trained for, one task a file.

Reading order: ``pictures`` (what the tasks for pictures share), ``super_resolution``,
``denoising``, ``burst_zoom``, ``recognition``.
"""
