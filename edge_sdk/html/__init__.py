"""What every report is made of: page, markup, style, charts and pictures."""
