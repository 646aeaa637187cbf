"""The catalogue of the newest applied site. A process works by an older one until it takes the newest over."""

from pipeline.casebook import Reading
from pipeline.catalogue import Catalogue
from pipeline.catalogue_changes import stored_catalogue


class AppliedCatalogue:
    """Remembers the newest catalogue and reads it again when a newer site was applied; for any number of threads."""

    def __init__(self) -> None:
        self._read: tuple[int, Catalogue] = (0, Catalogue({}))

    def newest(self, book: Reading, *, otherwise: Catalogue) -> Catalogue:
        """Return the catalogue in force; inside a write transaction nobody can change it before the commit.

        Args:
            book: to ask.
            otherwise: what holds where no site was applied.
        """
        version, catalogue = self._read
        newest = book.site_version()
        if newest == 0:
            return otherwise
        if newest != version:
            catalogue = stored_catalogue(book.site_documents())
            self._read = newest, catalogue
        return catalogue
