"""Retention: pictures past the time that the site keeps them are erased, and the cases' histories say so.

First it is decided and written in the casebook, then the file goes, then its path: a kill in between leaves a decision
that the next round carries out. The chain holds only digests, so it verifies as before. What no row names (a kill
between picture and row, an original sealed twice) is swept when its day is past keeping.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from pipeline.casebook import Casebook, Evidence, Transaction
from pipeline.cases import ENDED
from pipeline.clocks import Clock
from pipeline.evidence import EvidenceStore
from pipeline.offers import Entered, enter
from pipeline.principal import Principal, Role
from pipeline.site import Site
from pipeline.trust_book import Trial

log = logging.getLogger(__name__)
ERASE: Final = "erase"
_BATCH: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What a round erased, in files.

    Attributes:
        pictures, originals: of cases.
        trials: pictures of trials.
        unnamed: files that no row named.
    """

    pictures: int = 0
    originals: int = 0
    trials: int = 0
    unnamed: int = 0

    @property
    def all(self) -> int:
        """Return how many files went."""
        return self.pictures + self.originals + self.trials + self.unnamed


class Retention:
    """Erases what is past keeping; any number of processes may."""

    def __init__(self, *, site: Site, casebook: Casebook, clock: Clock, evidence: EvidenceStore) -> None:
        self._site, self._casebook, self._clock, self._evidence = site, casebook, clock, evidence

    def erase(self, *, principal: Principal) -> Erased:
        """Erase what is past keeping and return how much that was.

        Pictures of a case that has not ended stay, however old; sealed originals do not.

        Raises:
            RefusedError: the principal may not.
            EvidenceError: a file cannot be erased; what was decided stays so, and the next round tries again.
        """
        principal.require("erase pictures", Role.ADMIN)
        policy, now = self._site.settings.evidence, self._clock.now()
        entered = Entered(by=principal, now=now)
        pictures_before = now - timedelta(days=policy.keep_days)
        self._decide(pictures_before, originals=False, entered=entered)
        self._decide(now - timedelta(days=policy.keep_originals_days), originals=True, entered=entered)
        pictures, originals = self._carry_out()
        trials = self._erase_trials(pictures_before)
        unnamed = self._sweep(pictures_before)
        return Erased(pictures=pictures, originals=originals, trials=trials, unnamed=unnamed)

    def _decide(self, before: datetime, *, originals: bool, entered: Entered) -> None:
        """Write down what goes, a case at a time, until nothing more is past keeping that may go."""
        kept: set[str] = set()
        while True:
            found = self._casebook.read(
                lambda asked: [
                    each
                    for each in asked.past_keeping(before, originals=originals, limit=_BATCH + len(kept))
                    if each.id not in kept
                ]
            )
            if not found:
                return
            found.sort(key=lambda each: each.case)
            for number, own in groupby(found, key=lambda each: each.case):
                chosen = list(own)
                work = _deciding(number, chosen, before=before, originals=originals, entered=entered)
                if not self._casebook.write(work):
                    kept.update(each.id for each in chosen)

    def _carry_out(self) -> tuple[int, int]:
        pictures = originals = 0
        while found := self._casebook.read(lambda asked: asked.to_unlink(limit=_BATCH)):
            for each in found:
                whole = each.erased_at is not None and each.path != ""
                sealed = each.original_erased_at is not None and each.original_path != ""
                paths = [each.path] * whole + [each.original_path] * sealed
                self._unlink(paths)
                done = replace(
                    each, path="" if whole else each.path, original_path="" if sealed else each.original_path
                )
                self._casebook.write(_saving(done))
                pictures, originals = pictures + whole, originals + sealed
        return pictures, originals

    def _erase_trials(self, before: datetime) -> int:
        """Erase the pictures of old trials, judged or not; what was said of them stays."""
        count = 0
        while old := self._casebook.read(lambda asked: asked.old_trials(before, limit=_BATCH)):
            for trial in old:
                bare = replace(trial, pictures=tuple(replace(each, path="") for each in trial.pictures))
                # The row first: what it named is swept by its day if the process ends here.
                self._casebook.write(_saving_trial(bare))
                count += self._unlink([each.path for each in trial.pictures if each.path])
        return count

    def _sweep(self, before: datetime) -> int:
        """Erase the files of days past keeping that no row names."""
        count = 0
        for paths in self._evidence.days_before(before.strftime("%Y%m%d")):
            for start in range(0, len(paths), _BATCH):
                part = paths[start : start + _BATCH]
                count += self._unlink(part)
        return count

    def _unlink(self, paths: Sequence[str]) -> int:
        """Delete the files that no row names that is kept; two rows may name one file."""
        if not paths:
            return 0
        named = self._casebook.read(lambda asked: asked.named(paths))
        gone = [path for path in paths if path not in named]
        for path in gone:
            self._evidence.erase(path)
        return len(gone)


def _deciding(
    number: str, chosen: Sequence[Evidence], *, before: datetime, originals: bool, entered: Entered
) -> Callable[[Transaction], bool]:
    """Return what writes down that pictures go; it tells whether they may."""

    def work(tx: Transaction) -> bool:
        case = tx.case(number)
        if not originals and not _ended(tx, number):
            return False
        field = "original_erased_at" if originals else "erased_at"
        going = [now for each in chosen if getattr(now := tx.picture(each.id), field) is None]
        if not going:
            return True
        for each in going:
            marked = replace(each, original_erased_at=entered.now) if each.original_path else each
            tx.save_erasing(marked if originals else replace(marked, erased_at=entered.now))
        details = {
            "erased": [each.id for each in going],
            "what": "originals" if originals else "pictures",
            "before": before.isoformat(),
        }
        enter(tx, replace(case, version=case.version + 1), ERASE, entered=entered, details=details)
        return True

    return work


def _ended(tx: Transaction, number: str) -> bool:
    """Tell whether a case has ended, and the one it was merged into too."""
    case = tx.case(number)
    return _ended(tx, case.merged_into) if case.merged_into else case.status in ENDED


def _saving(evidence: Evidence) -> Callable[[Transaction], None]:
    return lambda tx: tx.save_erasing(evidence)


def _saving_trial(trial: Trial) -> Callable[[Transaction], None]:
    return lambda tx: tx.save_trial(trial)
