"""Errors that a user can fix: one line each, naming what was wrong and what to do."""

from __future__ import annotations


class EdgeSdkError(Exception):
    """Base of every error this package raises on purpose.

    The message is one line that names the file or argument, what was wrong with it and what to do.
    The command line prints that line and exits with status 2.

    Example:
        >>> from edge_sdk import EdgeSdkError, read_picture
        >>> try:
        ...     picture = read_picture("missing.png")
        ... except EdgeSdkError as error:
        ...     print(error)
        missing.png: no such file; check the path
    """


class InputError(EdgeSdkError):
    """An argument or a combination of arguments that cannot be used."""


class PictureError(EdgeSdkError):
    """A picture that cannot be read, or whose size or kind does not fit."""


class OutputError(EdgeSdkError):
    """A result that cannot be written where it was requested."""


class SceneError(EdgeSdkError):
    """Far and near shots of a scene that make no training sample; the message is the reason."""


class ModelError(EdgeSdkError):
    """A model or checkpoint that is damaged, of another architecture, or unknown."""


class FusionError(EdgeSdkError):
    """A fused model that does not equal its original, or a merge that is not defined."""


class ConversionError(EdgeSdkError):
    """A model that a target cannot represent."""


class ArtifactError(EdgeSdkError):
    """A converted file that its runtime cannot load, or that is not what its suffix says."""


class UnknownOperationError(ArtifactError):
    """A converted file whose operations the interpreter here lacks; nothing is said of the file."""


class BundleError(EdgeSdkError):
    """A bundle that is damaged, incomplete, not what its manifest says, or not signed by a key.

    Args:
        message: one line, as of every error.
        kind: what was refused, one word for all languages: ``container`` (the form of the zip or
            folder), ``name``, ``manifest``, ``version``, ``signature``, ``listing`` (a file that is
            missing, extra or of another size), ``digest``, ``golden`` or ``graph``.
    """

    def __init__(self, message: str, kind: str = "graph") -> None:
        super().__init__(message)
        self.kind = kind


class RegistrationError(EdgeSdkError):
    """Two things that claim one name, or an installed package without what it promises."""


class MissingExtraError(EdgeSdkError):
    """An optional dependency that is not installed; the message holds the install command."""


def first_line(error: BaseException) -> str:
    """First line of a foreign error's message, or the error's type if it has none."""
    lines = str(error).strip().splitlines()
    return " ".join(lines[0].split()) if lines else type(error).__name__
