"""Seeing: detectors, trackers and what they need. Knows pixels, not places."""
