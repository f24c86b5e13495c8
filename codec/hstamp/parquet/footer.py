"""A Parquet file's footer: its columns by top-level name, its row groups, its keys.

Field numbers are those of ``parquet.thrift`` (Apache Parquet Format 2.11).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from ..errors import FormatError
from .schema import CHILDREN, NAME, Column, children, pruned, subtree
from .thrift import BINARY, I32, I64, LIST, STRUCT, Field, List, Struct, dump, load

__all__ = ["MAGIC", "Footer", "chunk_span", "read_footer", "wrapped"]

MAGIC: Final = b"PAR1"
_ENCRYPTED: Final = b"PARE"
_TAIL: Final = 8

# FileMetaData
_SCHEMA, _ROWS, _GROUPS, _KEYS, _ORDERS, _ENCRYPTION = 2, 3, 4, 5, 7, 8
# RowGroup
_CHUNKS, _GROUP_BYTES, _GROUP_ROWS = 1, 2, 3
_GROUP_START, _GROUP_PACKED, _ORDINAL = 5, 6, 7
# ColumnChunk and ColumnMetaData
_FILE, _META = 1, 3
_CODEC, _UNPACKED, _PACKED, _DATA, _DICTIONARY = 4, 6, 7, 9, 11
_SIZES: Final = (_UNPACKED, _PACKED, _DATA)
_TYPE_ORDER: Final[Struct] = {1: Field(STRUCT, {})}


@dataclass(frozen=True)
class Footer:
    """A footer, parsed.

    Attributes
    ----------
    meta : Struct
        The whole ``FileMetaData``.
    root : Struct
        Root of the schema.
    columns : tuple of Column
    """

    meta: Struct
    root: Struct
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the top-level columns."""
        return tuple(column.name for column in self.columns)

    @property
    def rows(self) -> tuple[int, ...]:
        """Number of rows of each row group."""
        return tuple(group[_GROUP_ROWS].value for group in self.groups)

    @property
    def groups(self) -> list[Struct]:
        """The ``RowGroup`` structs."""
        groups: list[Struct] = self.meta[_GROUPS].value.values
        return groups

    @property
    def keys(self) -> dict[bytes, bytes | None]:
        """Key-value metadata."""
        pairs = self.meta[_KEYS].value.values if _KEYS in self.meta else ()
        return {p[1].value: p[2].value if 2 in p else None for p in pairs}

    def chunks(self, group: int, column: Column) -> list[Struct]:
        """``ColumnChunk`` structs of a column in a row group."""
        chunks: list[Struct] = self.groups[group][_CHUNKS].value.values
        return [chunks[leaf] for leaf in column.leaves]

    def only(self, paths: Iterable[str]) -> Footer:
        """Footer of a file that has no other columns than these, and no keys.

        Parameters
        ----------
        paths : iterable of str
            ``a.b`` is field ``b`` of the struct ``a``, or all of ``a`` where it is no struct.
        """
        wanted = [tuple(path.split(".")) for path in paths]
        columns: list[Column] = []
        leaves: list[int] = []
        for column in self.columns:
            inner = [path[1:] for path in wanted if path[0] == column.name]
            if inner:
                elements, kept = pruned(column, inner)
                if kept:
                    start = len(leaves)
                    leaves += kept
                    columns.append(Column(column.name, elements, range(start, len(leaves))))
        groups = []
        for group in self.groups:
            chunks = group[_CHUNKS].value.values
            part = {k: group[k] for k in (_GROUP_BYTES, _GROUP_ROWS) if k in group}
            part[_CHUNKS] = Field(LIST, List(STRUCT, [chunks[leaf] for leaf in leaves]))
            groups.append(part)
        meta = {k: v for k, v in self.meta.items() if k not in (_KEYS, _ORDERS)}
        return _assembled(meta, self.root, columns, groups)

    def replaced(self, others: Sequence[Column]) -> list[Column]:
        """Columns of this footer, with those of other footers in their place or at the end."""
        new = {column.name: column for column in others}
        old = [new.pop(column.name, column) for column in self.columns]
        return [*old, *new.values()]

    def written(
        self,
        columns: Sequence[Column],
        groups: Sequence[Struct],
        keys: dict[bytes, bytes | None],
    ) -> Footer:
        """Footer with these columns, row groups and keys, and all else as it was.

        Parameters
        ----------
        columns : sequence of Column
            Those of this footer (the very objects) and new ones.
        groups : sequence of Struct
            ``RowGroup`` structs with chunks in the order of `columns`.
        keys : dict
        """
        meta = dict(self.meta)
        if _ORDERS in meta:
            old = meta[_ORDERS].value.values
            mine = {id(column) for column in self.columns}
            orders = [
                old[leaf] if id(column) in mine and leaf < len(old) else _TYPE_ORDER
                for column in columns
                for leaf in column.leaves
            ]
            meta[_ORDERS] = Field(LIST, List(STRUCT, orders))
        meta.pop(_KEYS, None)
        if keys:
            pairs: list[Struct] = []
            for key, value in keys.items():
                pair: Struct = {1: Field(BINARY, key)}
                if value is not None:
                    pair[2] = Field(BINARY, value)
                pairs.append(pair)
            meta[_KEYS] = Field(LIST, List(STRUCT, pairs))
        meta[_ROWS] = Field(I64, sum(group[_GROUP_ROWS].value for group in groups))
        return _assembled(meta, self.root, columns, list(groups))

    def group_of(self, group: Struct, chunks: list[Struct], ordinal: int) -> Struct:
        """``RowGroup`` with other column chunks, in a file where it has this number."""
        metas = [chunk[_META].value for chunk in chunks]
        out = dict(group)
        out[_CHUNKS] = Field(LIST, List(STRUCT, chunks))
        out[_GROUP_BYTES] = Field(I64, sum(meta[_UNPACKED].value for meta in metas))
        if _GROUP_PACKED in out:
            out[_GROUP_PACKED] = Field(I64, sum(meta[_PACKED].value for meta in metas))
        if _GROUP_START in out and chunks:
            out[_GROUP_START] = Field(I64, chunk_span(chunks[0])[0])
        if _ORDINAL in out:
            out[_ORDINAL] = out[_ORDINAL]._replace(value=ordinal)
        return out


def _assembled(
    meta: Struct, root: Struct, columns: Sequence[Column], groups: list[Struct]
) -> Footer:
    top = {**root, CHILDREN: Field(I32, len(columns))}
    elements = [top, *(element for column in columns for element in column.elements)]
    meta = {
        **meta,
        _SCHEMA: Field(LIST, List(STRUCT, elements)),
        _GROUPS: Field(LIST, List(STRUCT, groups)),
    }
    return Footer(meta, top, tuple(columns))


def read_footer(stream: BinaryIO, size: int) -> Footer:
    """Read the footer of a Parquet file.

    Parameters
    ----------
    stream : binary file
        Seekable.
    size : int
        Bytes of the file.

    Raises
    ------
    FormatError
        E_AVRO if it is no Parquet or damaged, E_LIMIT if it claims what cannot be, E_CODEC if it
        is encrypted.
    """
    stream.seek(max(size - _TAIL, 0))
    tail = stream.read(_TAIL)
    if tail[4:] == _ENCRYPTED:
        raise FormatError("E_CODEC", "an encrypted Parquet file")
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or length > size - _TAIL - len(MAGIC):
        raise FormatError("E_AVRO", "not readable as Parquet: it has no whole footer")
    stream.seek(size - _TAIL - length)
    try:
        footer = _parsed(load(stream.read(length))[0], size)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as exc:
        if isinstance(exc, FormatError):
            raise
        raise FormatError("E_AVRO", f"not readable as Parquet: a footer without {exc}") from exc
    return footer


def _parsed(meta: Struct, size: int) -> Footer:
    if _ENCRYPTION in meta:
        raise FormatError("E_CODEC", "an encrypted Parquet file")
    elements = meta[_SCHEMA].value.values
    root = elements[0]
    for element in elements:
        if element[NAME].kind != BINARY:
            raise FormatError("E_AVRO", "not readable as Parquet: a column without a name")
    columns, at, leaf = [], 1, 0
    for _ in range(children(root)):
        end, last = subtree(elements, at, leaf, 0)
        name = elements[at][NAME].value.decode("utf-8", "replace")
        columns.append(Column(name, tuple(elements[at:end]), range(leaf, last)))
        at, leaf = end, last
    if at != len(elements):
        raise FormatError("E_AVRO", "not readable as Parquet: its schema is not one tree")
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise FormatError("E_SCHEMA", "two columns of the table have the same name")
    if _GROUPS not in meta:
        meta[_GROUPS] = Field(LIST, List(STRUCT, []))
    for group in meta[_GROUPS].value.values:
        _check_group(group, leaf, size)
    footer = Footer(meta, root, tuple(columns))
    if not all(isinstance(rows, int) and rows >= 0 for rows in footer.rows):
        raise FormatError("E_AVRO", "not readable as Parquet: a row group of negative length")
    return footer


def _check_group(group: Struct, leaves: int, size: int) -> None:
    chunks = group[_CHUNKS].value.values
    if len(chunks) != leaves:
        raise FormatError(
            "E_AVRO", f"not readable as Parquet: a row group of {len(chunks)} columns of {leaves}"
        )
    for chunk in chunks:
        if _FILE in chunk:
            raise FormatError("E_AVRO", "its columns lie in other files")
        if _META not in chunk:
            raise FormatError("E_CODEC", "an encrypted column in a Parquet file")
        if not all(chunk[_META].value[k].kind in (I32, I64) for k in (_CODEC, *_SIZES)):
            raise FormatError("E_AVRO", "not readable as Parquet: a column without its place")
        start, length = chunk_span(chunk)
        if start < 0 or not 0 <= length <= size - start:
            raise FormatError("E_AVRO", "not readable as Parquet: a column beyond the file's end")


def chunk_span(chunk: Struct) -> tuple[int, int]:
    """Where the pages of a column chunk begin, and how many bytes they are."""
    meta = chunk[_META].value
    start = meta[_DATA].value
    # Some writers state 0 for a dictionary that is not there.
    if _DICTIONARY in meta and 0 < meta[_DICTIONARY].value < start:
        start = meta[_DICTIONARY].value
    return start, meta[_PACKED].value


def wrapped(footer: Footer) -> bytes:
    """Bytes of a footer with its length and the closing mark."""
    data = dump(footer.meta)
    return data + len(data).to_bytes(4, "little") + MAGIC
