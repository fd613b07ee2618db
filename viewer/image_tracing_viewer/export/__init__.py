"""The whole filtered range as a file: JSON Lines, a JSON array, CSV that no spreadsheet runs, or Parquet."""

from image_tracing_postgres.streams import SUBJECTS
from image_tracing_viewer.export.file import FORMATS, MEDIA_TYPES, ExportQuery, Format, names_here, pieces
from image_tracing_viewer.export.piece import Piece
from image_tracing_viewer.export.route import export, export_query_from

__all__ = [
    "FORMATS",
    "MEDIA_TYPES",
    "SUBJECTS",
    "ExportQuery",
    "Format",
    "Piece",
    "export",
    "export_query_from",
    "names_here",
    "pieces",
]
