"""Reports: self-contained HTML pages with pictures of what was measured."""

from edge_sdk.html.page import Section, page, write_page
from edge_sdk.report.fusion.page import FusionSummary, fusion_report

__all__ = ["FusionSummary", "Section", "fusion_report", "page", "write_page"]
