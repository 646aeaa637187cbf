"""What can be wrong with a source of frames; owns the sentences, reads nothing."""

from pathlib import Path

from pipeline.errors import PipelineError


class SourceError(PipelineError):
    """Frames of a camera cannot be had, or not all of them."""


class SourceMissingError(SourceError):
    """The file or folder is not there."""

    def __init__(self, camera: str, uri: str) -> None:
        super().__init__(
            f"source {uri!r} of camera {camera} does not exist; expected a video file, a folder of images,"
            " or an rtsp:// or http:// address; check the path"
        )


class SchemeError(SourceError):
    """The address has a scheme that is not read."""

    def __init__(self, camera: str, uri: str, scheme: str) -> None:
        super().__init__(
            f"source {shown_address(uri)!r} of camera {camera} has the scheme {scheme!r}; expected a path, file, rtsp,"
            " rtsps, http or https"
        )


class SourceSettingError(SourceError):
    """A setting in the address, such as ?fps=7, cannot be used."""

    def __init__(self, camera: str, name: str, value: object, *, expected: str) -> None:
        super().__init__(f"{name} of camera {camera}'s source is {value!r}; expected {expected}")


class NotVideoError(SourceError):
    """The file opens as no video."""

    def __init__(self, camera: str, uri: str) -> None:
        super().__init__(
            f"source {uri!r} of camera {camera} is no video that FFmpeg reads; expected for example AVI, MP4"
            " or MKV; play it with another program, or copy it again if its end is missing"
        )


class EmptyFolderError(SourceError):
    """The folder holds no image."""

    def __init__(self, camera: str, folder: Path) -> None:
        super().__init__(
            f"folder {folder} of camera {camera} holds no .jpg, .jpeg or .png; put frames there, named so"
            " that they sort by time"
        )


class FrameTimeError(SourceError):
    """An image's name does not say when it was taken, though it should."""

    def __init__(self, camera: str, name: str, *, reason: str) -> None:
        super().__init__(
            f"image {name!r} of camera {camera}: {reason}; name all frames by time with an offset, such as"
            " 2026-01-31T08-00-00.250Z.jpg, or none and give the rate with ?fps="
        )


class EndedEarlyError(SourceError):
    """A video ends before the number of frames that its header announces."""

    def __init__(self, camera: str, uri: str, *, read: int, announced: int) -> None:
        super().__init__(
            f"source {uri!r} of camera {camera} ended after {read} of {announced} frames; what was found in"
            " them is kept; copy the file again to have the rest"
        )
        self.read = read
        self.announced = announced


class FrameTooLargeError(SourceError):
    """A frame has more pixels than are taken."""

    def __init__(self, camera: str, *, width_px: int, height_px: int, what: str = "a frame") -> None:
        super().__init__(
            f"{what} of camera {camera} has {width_px} x {height_px} px; expected at most {MOST_SIDE_PX} px"
            f" a side and {MOST_PIXELS / 1e6:.0f} million in all; send a smaller stream"
        )


class FrameUnreadableError(SourceError):
    """Bytes that should be a JPEG or PNG picture are not."""

    def __init__(self, camera: str, what: str, *, reason: str) -> None:
        super().__init__(f"{what} of camera {camera} is not an image: {reason}; expected a whole JPEG or PNG")


class StreamFaultError(SourceError):
    """A live stream cannot be opened, or broke off; it is tried again."""

    def __init__(self, camera: str, uri: str, *, reason: str) -> None:
        super().__init__(
            f"stream {shown_address(uri)!r} of camera {camera}: {reason}; expected RTSP or HTTP video;"
            " it is tried again"
        )
        self.reason = reason


class StreamLostError(SourceError):
    """A live stream did not come back."""

    def __init__(self, camera: str, uri: str, *, tries: int, reason: str = "") -> None:
        last = f" (the last: {reason})" if reason else ""
        super().__init__(
            f"stream {shown_address(uri)!r} of camera {camera} gave no frame in {tries} tries{last}; check that the"
            " camera is on and reachable from here, and its name and password"
        )


def shown_address(uri: str) -> str:
    """Return an address that can be shown and logged: without its password."""
    scheme, found, rest = uri.partition("://")
    host, slash, path = rest.partition("/")
    user, at, place = host.rpartition("@")
    return (
        f"{scheme}{found}{user.partition(':')[0]}{':***' if ':' in user else ''}{at}{place}{slash}{path}" if at else uri
    )


MOST_SIDE_PX = 8192
MOST_PIXELS = 40_000_000


def require_size(camera: str, width_px: int, height_px: int, *, what: str = "a frame") -> None:
    """Refuse pictures that are larger than anything a camera sends; `what` names the picture in the error.

    Raises:
        FrameTooLargeError: a side is over 8192 px or there are over 40 million pixels.
    """
    if max(width_px, height_px) > MOST_SIDE_PX or width_px * height_px > MOST_PIXELS:
        raise FrameTooLargeError(camera, width_px=width_px, height_px=height_px, what=what)
