"""Reports: self-contained HTML pages with pictures of what was measured."""

from edge_sdk.report.fusion import FusionStory, fusion_report
from edge_sdk.report.page import Section, page, write_page

__all__ = ["FusionStory", "Section", "fusion_report", "page", "write_page"]
