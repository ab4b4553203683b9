"""Ingest over HTTP and at the writer: group commit against a commit per request."""
