"""Phone marks: a keyed digest by which the same phone number leads to the same account of points, and to nobody else.

A phone number has so few digits that a plain digest is undone by trying all of them; without the key, which lies
beside the database and not in it, a mark tells nothing.
"""

import hashlib
import hmac
import re
from pathlib import Path
from typing import Final

from pipeline.safe import KeyFile

_ABROAD: Final = "86"
_MOBILE: Final = 11


class PhoneMarks:
    """Marks phone numbers with a key of its own file, which is made when it is first needed.

    Args:
        path: of the file; several processes, and machines by a copy of it, may share it.
    """

    def __init__(self, path: Path) -> None:
        self._keys = KeyFile(path)

    def mark(self, phone: str) -> str:
        """Return the mark of a phone number, 64 hexadecimal digits; how the number is spaced makes no difference.

        Raises:
            KeyFileError: the key cannot be read or made.
        """
        # The first key stays in use: another would lead the same people to other accounts.
        key = self._keys.keys(make=True)[0]
        return hmac.new(key, b"beatgrid phone " + plain_number(phone).encode(), hashlib.sha256).hexdigest()


def plain_number(phone: str) -> str:
    """Return a phone number's digits, without China's own country code."""
    digits = re.sub(r"\D", "", phone).removeprefix("00")
    return digits.removeprefix(_ABROAD) if len(digits) == _MOBILE + len(_ABROAD) else digits
