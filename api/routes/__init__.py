"""Routers, one for each kind of thing."""
