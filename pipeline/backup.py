"""Backup and restore: a whole site in one file, taken while it runs, of either database, restored into either.

The file is a ZIP: `manifest.json`, each table as JSON lines in `tables/`, each picture in `evidence/`. All rows come
from one read-only transaction, so they are of one moment whatever is written meanwhile. Pictures are copied after it:
a picture's file is there before its row is, so none is missing unless it was erased meanwhile, which the manifest says.

A backup is restored into an empty database: its tables are brought to the backup's revision, filled, and then brought
to the newest one, all in one transaction.
"""

import hashlib
import json
import lzma
import os
import secrets
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from pipeline.casebook import StorageError
from pipeline.errors import PipelineError
from pipeline.evidence import EvidenceStore
from pipeline.sql_engine import migrate_within, migrating, open_engine, reading
from pipeline.sql_tables import metadata

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
MOST_MANIFEST: Final = 10_000_000
MOST_LINE: Final = 64_000_000
_BATCH: Final = 500
_EVIDENCE: Final = "evidence/"
_PARTS: Final[Mapping[str, type]] = {
    "at": str,
    "revision": str,
    "newest": int,
    "tables": dict,
    "pictures": dict,
    "missing": list,
}
_UNREADABLE: Final = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError)
"""What `zipfile` raises at bytes that are no ZIP's: RuntimeError at methods it lacks, ValueError at names."""


class BackupError(PipelineError):
    """A backup cannot be written, or cannot be used."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"backup {path} {what}")


class NotEmptyError(PipelineError):
    """A backup is restored only into an empty database."""

    def __init__(self, where: str, table: str) -> None:
        super().__init__(
            f"the database at {where} is not empty ({table} has rows); nothing was restored, name a new database"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What a backup holds.

    Attributes:
        revision: of the tables.
        rows: by table.
        newest: place of the newest event.
        pictures: how many files; `missing` those that rows name and that were not there.
    """

    path: str
    at: datetime
    revision: str
    rows: Mapping[str, int]
    newest: int
    pictures: int
    missing: tuple[str, ...]


def back_up(url: str, target: Path, *, evidence: EvidenceStore | None, now: datetime) -> Saved:
    """Write a backup; the file appears whole or not at all.

    Args:
        url: of the database, which may be in use.
        target: a file that is not there yet.
        evidence: whose pictures go along; None leaves them out.
        now: for the manifest.

    Raises:
        BackupError: the file is there already or cannot be written.
        StorageError: the database cannot be read.
    """
    if target.exists():
        raise BackupError(target, "is there already; name a new file")
    beside = target.with_name(f".{target.name}.{secrets.token_hex(8)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("xb") as file:
            saved = _written(url, file, target, evidence, now)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(target)
        _sync(target.parent)
    except OSError as error:
        raise BackupError(target, f"cannot be written: {error.strerror or error}; check its disk") from error
    finally:
        beside.unlink(missing_ok=True)
    return saved


def restore(path: Path, url: str, *, evidence: Path) -> Saved:
    """Fill an empty database and its evidence folder from a backup.

    Raises:
        BackupError: the file is no backup, is damaged, or of a newer release, or another picture stands where one of
            its belongs; nothing was stored.
        NotEmptyError: the database has rows.
        StorageError: the database cannot be written; nothing was stored.
    """
    engine = open_engine(url)
    where = engine.url.render_as_string(hide_password=True)
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(path, archive)
            with migrating(engine) as connection:
                _require_empty(connection, where)
                _fill(path, archive, manifest, connection)
                # Pictures are there before their rows can be seen, and not at all where rows are refused.
                pictures = _unpack(path, archive, manifest, evidence)
    except _UNREADABLE as error:
        raise BackupError(path, f"cannot be read: {str(error) or repr(error)}; take another backup") from error
    except SQLAlchemyError as error:
        raise StorageError(where, str(error).splitlines()[0]) from error
    finally:
        engine.dispose()
    return Saved(
        path=str(path),
        at=datetime.fromisoformat(manifest["at"]),
        revision=manifest["revision"],
        rows={name: table["rows"] for name, table in manifest["tables"].items()},
        newest=manifest["newest"],
        pictures=pictures,
        missing=tuple(manifest["missing"]),
    )


def _written(url: str, file: IO[bytes], target: Path, evidence: EvidenceStore | None, now: datetime) -> Saved:
    engine = open_engine(url)
    try:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=5) as archive:
            with reading(engine) as connection:
                revision = str(MigrationContext.configure(connection).get_current_revision())
                tables = {table.name: _dump(connection, table, archive) for table in metadata.sorted_tables}
                events = metadata.tables["events"]
                newest = int(connection.execute(select(func.max(events.c.sequence))).scalar_one() or 0)
                paths = _named(connection)
            kept, missing = _copy(paths, evidence, archive)
            manifest = {
                "format": FORMAT,
                "at": now.isoformat(),
                "revision": revision,
                "newest": newest,
                "tables": tables,
                "pictures": kept,
                "missing": missing,
            }
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1))
    except SQLAlchemyError as error:
        raise StorageError(engine.url.render_as_string(hide_password=True), str(error).splitlines()[0]) from error
    finally:
        engine.dispose()
    return Saved(
        path=str(target),
        at=now,
        revision=revision,
        rows={name: int(str(table["rows"])) for name, table in tables.items()},
        newest=newest,
        pictures=len(kept),
        missing=tuple(missing),
    )


def _named(connection: Connection) -> list[str]:
    """Return the files that rows name: pictures, sealed originals, trials' pictures, pictures of cameras' faults."""
    tables = metadata.tables
    evidence, health, trials = tables["evidence"].c, tables["camera_health"].c, tables["trials"].c
    found: set[str | None] = set()
    for column in (evidence.path, evidence.original_path, health.picture):
        found.update(connection.execute(select(column).distinct()).scalars())
    for told in connection.execute(select(trials.pictures)).scalars():
        found.update(each["path"] for each in json.loads(told))
    return sorted(path for path in found if path)


def _dump(connection: Connection, table: Table, archive: zipfile.ZipFile) -> dict[str, object]:
    digest, rows = hashlib.sha256(), 0
    query = select(table).order_by(*table.primary_key)
    found = connection.execute(query, execution_options={"yield_per": _BATCH})
    with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as file:
        for row in found.mappings():
            line = json.dumps(dict(row), ensure_ascii=False, allow_nan=False).encode() + b"\n"
            digest.update(line)
            file.write(line)
            rows += 1
    return {"rows": rows, "sha256": digest.hexdigest()}


def _copy(
    paths: list[str], evidence: EvidenceStore | None, archive: zipfile.ZipFile
) -> tuple[dict[str, str], list[str]]:
    kept: dict[str, str] = {}
    missing: list[str] = []
    if evidence is None:
        return kept, missing
    for path in paths:
        try:
            content = evidence.open(path)
        except PipelineError:
            missing.append(path)
            continue
        kept[path] = hashlib.sha256(content).hexdigest()
        # JPEGs do not get smaller.
        archive.writestr(zipfile.ZipInfo(_EVIDENCE + path), content)
    return kept, missing


def _manifest(path: Path, archive: zipfile.ZipFile) -> dict[str, Any]:
    try:
        info = archive.getinfo(MANIFEST)
        if info.file_size > MOST_MANIFEST:
            raise BackupError(path, f"has a manifest of {info.file_size} bytes, expected {MOST_MANIFEST} at most")
        manifest = json.loads(archive.read(info))
        if manifest["format"] != FORMAT:
            raise BackupError(path, f"is of format {manifest['format']}, expected {FORMAT}; use the release it is of")
        lacking = [name for name, kind in _PARTS.items() if not isinstance(manifest.get(name), kind)]
        if lacking:
            raise BackupError(path, f"has a manifest without {', '.join(lacking)} as this release writes them")
        datetime.fromisoformat(manifest["at"])
        for name, table in manifest["tables"].items():
            if not isinstance(table, dict) or not {"rows", "sha256"} <= table.keys():
                raise BackupError(path, f"has a manifest that says {table!r} of table {name}, expected rows and sha256")
    except (KeyError, TypeError, ValueError) as error:
        raise BackupError(path, f"has no manifest that can be read: {error}") from error
    return dict(manifest)


def _unpack(path: Path, archive: zipfile.ZipFile, manifest: dict[str, Any], evidence: Path) -> int:
    """Put pictures in their places, all of them or, with any fault, none; one that is there already is left.

    They are written aside and moved once every one of them is checked and on the disk.
    """
    evidence.mkdir(parents=True, exist_ok=True)
    root = evidence.resolve()
    with TemporaryDirectory(prefix=".restore-", dir=root) as aside:
        waiting: list[tuple[Path, Path]] = []
        for name, digest in manifest["pictures"].items():
            target = (root / name).resolve()
            if not target.is_relative_to(root) or target == root:
                raise BackupError(path, f"names a picture outside the evidence folder: {name!r}")
            content = _picture(path, archive, name, digest)
            if not target.exists():
                waiting.append((_put_aside(Path(aside) / str(len(waiting)), content), target))
            elif target.read_bytes() != content:
                raise BackupError(path, f"has picture {name}, and {target} is another; name a new evidence folder")
        for folder in {target.parent for _, target in waiting}:
            folder.mkdir(parents=True, exist_ok=True)
        for beside, target in waiting:
            beside.replace(target)
        for folder in {target.parent for _, target in waiting}:
            _sync(folder)
    return len(manifest["pictures"])


def _picture(path: Path, archive: zipfile.ZipFile, name: str, digest: str) -> bytes:
    try:
        content = archive.read(_EVIDENCE + name)
    except KeyError as error:
        raise BackupError(path, f"lacks picture {name}") from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise BackupError(path, f"is damaged: picture {name} is not what was saved")
    return content


def _put_aside(file: Path, content: bytes) -> Path:
    with file.open("xb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    return file


def _require_empty(connection: Connection, where: str) -> None:
    there = MetaData()
    there.reflect(connection)
    for name, table in there.tables.items():
        if name != "alembic_version" and connection.execute(select(table).limit(1)).first() is not None:
            raise NotEmptyError(where, name)


def _fill(path: Path, archive: zipfile.ZipFile, manifest: dict[str, Any], connection: Connection) -> None:
    now_at = MigrationContext.configure(connection).get_current_revision()
    if now_at is not None and now_at != manifest["revision"]:
        migrate_within(connection, "base")
    try:
        migrate_within(connection, manifest["revision"])
    except LookupError as error:
        raise BackupError(path, f"is of revision {manifest['revision']}, which this release lacks; update") from error
    there = MetaData()
    there.reflect(connection)
    for table in there.sorted_tables:
        told = manifest["tables"].get(table.name)
        if told is not None:
            _load(path, archive, table, told, connection)
    if connection.dialect.name == "postgresql":
        _set_counters(connection, there)
    migrate_within(connection, "head")


def _load(path: Path, archive: zipfile.ZipFile, table: Table, told: Mapping[str, Any], connection: Connection) -> None:
    """Fill a table; its rows are compared with what was saved before any of them is looked into."""
    digest, rows = hashlib.sha256(), 0
    for batch in _batches(path, archive, table.name):
        digest.update(b"".join(batch))
        rows += len(batch)
    if rows != told["rows"] or digest.hexdigest() != told["sha256"]:
        raise BackupError(path, f"is damaged: table {table.name} has {rows} rows that are not what was saved")
    for batch in _batches(path, archive, table.name):
        connection.execute(insert(table), [json.loads(line) for line in batch])


def _batches(path: Path, archive: zipfile.ZipFile, name: str) -> Iterator[list[bytes]]:
    try:
        opened = archive.open(f"tables/{name}.jsonl")
    except KeyError as error:
        raise BackupError(path, f"lacks table {name}") from error
    batch: list[bytes] = []
    with opened as file:
        while line := file.readline(MOST_LINE):
            if not line.endswith(b"\n"):
                raise BackupError(path, f"is damaged: table {name} ends in the middle of a row")
            batch.append(line)
            if len(batch) == _BATCH:
                yield batch
                batch = []
    if batch:
        yield batch


def _set_counters(connection: Connection, there: MetaData) -> None:
    """Let PostgreSQL's own counter of the outbox go on after the newest message."""
    outbox = there.tables["outbox"]
    newest = connection.execute(select(func.max(outbox.c.id))).scalar_one()
    if newest is not None:
        connection.execute(select(func.setval(func.pg_get_serial_sequence("outbox", "id"), newest)))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
