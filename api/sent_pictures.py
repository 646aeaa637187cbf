"""Pictures that come by a form: cleaned where this server can, refused where it cannot."""

from fastapi import UploadFile

from api.errors import PicturesOffError
from api.services import Services
from pipeline.sightings import View


def cleaned(services: Services, picture: UploadFile | None) -> View | None:
    """Return a sent picture, fit to store; None where none was sent.

    Raises:
        PicturesOffError: this server cannot make people unreadable.
        FrameUnreadableError, FrameTooLargeError: it is no picture, damaged, or too large.
    """
    if picture is None or not picture.filename:
        return None
    return cleaned_bytes(services, picture.file.read())


def cleaned_bytes(services: Services, data: bytes) -> View:
    """Return a picture, sent as it is, fit to store.

    Raises:
        PicturesOffError: this server cannot make people unreadable.
        FrameUnreadableError, FrameTooLargeError: it is no picture, damaged, or too large.
    """
    if services.pictures is None:
        raise PicturesOffError
    return services.pictures.clean(data, at=services.clock.now())
