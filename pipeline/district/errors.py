"""The base of the simulated district's errors."""

from pipeline.errors import PipelineError


class DistrictError(PipelineError):
    """The district cannot be built, drawn or scored; the message says what to do next."""
