"""Pictures: files, color, resizing, quality, tiles and comparison sheets.

Reading order: ``rectangle`` and ``picture`` (what the others pass around), ``reading`` with
``picture_files``, ``decoding``, ``exif``, ``descriptions``, ``raw`` (with ``tiff_directories`` and
``raw_noise``) and ``heic`` behind it, ``writing`` with ``encoding``, ``previews`` (a quick look),
``color``, ``profiles`` with ``matrix_profiles``, ``resize``, ``filters``, ``margins``, ``metrics``,
``tiling`` (a picture window by window), ``comparison``.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
