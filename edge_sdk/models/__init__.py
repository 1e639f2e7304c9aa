"""Architectures, each with the spec that tilers, converters and runners rely on.

Reading order: ``spec`` (what a caller must know of a model), ``network`` and ``architecture`` (what
all architectures have in common, and their table), ``enhance_config`` and ``enhance_net`` (the
network of most tasks), ``burst_net`` (that of bursts), ``recognition_config`` and
``recognition_net`` (that of classes), ``checkpoint`` (their file), ``normalization`` (what pictures
are put through first), ``picture`` (a whole picture through one), ``exported_program``,
``burst_paper_net`` (a published network, to compare with).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
