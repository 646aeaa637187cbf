"""The command line's commands, a room a subject; `api.cli` gathers them."""
