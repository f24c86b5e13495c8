"""The viewer's page, and the server that shows it with files of this computer."""

from .page import page_path
from .server import ViewerServer

__all__ = ["ViewerServer", "page_path"]
