"""Space: datums, metres, boundaries, cameras' views, maps. No network, no storage."""
