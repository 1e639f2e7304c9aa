"""Pictures: files, color, resizing, quality, tiles and comparison sheets."""

from edge_sdk.imaging.color import linear_to_srgb, rgb_to_ycbcr, srgb_to_linear, ycbcr_to_rgb
from edge_sdk.imaging.comparison import Panel, comparison_sheet, pick_detail_box
from edge_sdk.imaging.files import (
    Written,
    check_output_path,
    read_frames,
    read_picture,
    write_picture,
)
from edge_sdk.imaging.metrics import psnr, psnr_y, ssim
from edge_sdk.imaging.picture import BitDepth, Metadata, Picture, quantize, to_levels
from edge_sdk.imaging.rectangle import Rectangle
from edge_sdk.imaging.resize import resize_bicubic
from edge_sdk.imaging.tiling import Span, apply_tiled, window_spans

__all__ = [
    "BitDepth",
    "Metadata",
    "Panel",
    "Picture",
    "Rectangle",
    "Span",
    "Written",
    "apply_tiled",
    "check_output_path",
    "comparison_sheet",
    "linear_to_srgb",
    "pick_detail_box",
    "psnr",
    "psnr_y",
    "quantize",
    "read_frames",
    "read_picture",
    "resize_bicubic",
    "rgb_to_ycbcr",
    "srgb_to_linear",
    "ssim",
    "to_levels",
    "window_spans",
    "write_picture",
    "ycbcr_to_rgb",
]
