"""Parts of two_commits.py, which compares two installed versions of edge-sdk."""
