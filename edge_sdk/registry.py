"""Tables by name that stay open: to files of the SDK, to installed packages, to programs.

A module registers what it defines when it is imported, in one line::

    RUNTIMES.register("litert", Runtime(...))

Which modules those are is written down nowhere. Those of the SDK lie in one package and are found
by their files; an installed package names its own by entry points, ``NAME = package.module`` in the
group of the table; a program imports whatever else it wants to add. Nothing is imported before a
name is asked for.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Iterable
from importlib import import_module, metadata
from types import ModuleType
from typing import Any, Generic, TypeVar

from edge_sdk.errors import InputError, RegistrationError, first_line

T = TypeVar("T")


class Registry(Generic[T]):
    """Entries of one kind, by name.

    A module of ``package`` that bears the name of what it registers, ``-`` written ``_``, is
    imported alone when that name is asked for; for any other name all modules are.

    Args:
        kind: what an entry is, in messages.
        package: package of the SDK whose modules register entries, those of its subpackages too.
        group: group of entry points by which installed packages name theirs.
        made_by: the class or function that an entry stands for; messages name it.

    Example:
        >>> from edge_sdk.registry import Registry
        >>> names = Registry("color", "edge_sdk.models", "edge_sdk.colors", lambda entry: entry)
        >>> names.register("red", dict, synonyms=("crimson",))
        >>> names.find("crimson")
        <class 'dict'>
        >>> names.register("red", list)
        Traceback (most recent call last):
        edge_sdk.errors.RegistrationError: color 'red' is registered by both builtins.dict and ...
    """

    def __init__(self, kind: str, package: str, group: str, made_by: Callable[[T], object]) -> None:
        self._kind = kind
        self._package = package
        self._group = group
        self._made_by = made_by
        self._entries: dict[str, T] = {}
        self._names: dict[str, str] = {}
        self._all_built_in = False

    def register(self, name: str, entry: T, *, synonyms: Iterable[str] = ()) -> None:
        """Add an entry; the same class or function again, as of a module reloaded, replaces it.

        Args:
            name: what it is called from now on.
            entry: what is found by that name.
            synonyms: other names by which it is found and that no list shows.

        Raises:
            RegistrationError: if another entry has one of these names.
        """
        origin = _origin(self._made_by(entry))
        if not origin.startswith(f"{self._package}."):
            # What the SDK has must be known before it can be told that a name is taken.
            self._import_built_in()
        for key in (name, *synonyms):
            taken = self._entries.get(self._names.get(key, ""))
            if taken is not None and _origin(self._made_by(taken)) != origin:
                raise RegistrationError(
                    f"{self._kind} '{key}' is registered by both "
                    f"{_origin(self._made_by(taken))} and {origin}; rename one of them"
                )
        self._entries[name] = entry
        self._names |= dict.fromkeys((name, *synonyms), name)

    def find(self, name: str) -> T:
        """The entry of a name or synonym.

        Raises:
            InputError: if there is none; the message lists the known names.
            RegistrationError: if an installed package promises it and does not register it.
        """
        return self._entries[self.canonical(name)]

    def get(self, name: str) -> T | None:
        """The entry of a name or synonym, ``None`` if there is none.

        Raises:
            RegistrationError: if an installed package promises it and does not register it.
        """
        return self._entries[self._names[name]] if self._load(name) else None

    def canonical(self, name: str) -> str:
        """The name that an entry was registered by, of a name or synonym.

        Raises:
            InputError: if there is no such entry; the message lists the known names.
            RegistrationError: if an installed package promises it and does not register it.
        """
        if not self._load(name):
            known = ", ".join(self.names()) or "none"
            raise InputError(f"unknown {self._kind} '{name}'; choose one of: {known}")
        return self._names[name]

    def names(self) -> tuple[str, ...]:
        """All names, sorted, without synonyms; nothing of other packages is imported."""
        self._import_built_in()
        promised = {entry.name for entry in metadata.entry_points(group=self._group)}
        return tuple(sorted({*self._entries, *(promised - self._names.keys())}))

    def entries(self) -> dict[str, T]:
        """All entries by name, sorted, those of other packages imported.

        Raises:
            RegistrationError: if an installed package does not register what it promises.
        """
        self._import_built_in()
        for entry in metadata.entry_points(group=self._group):
            self._import_entry_point(entry)
        return dict(sorted(self._entries.items()))

    def _load(self, name: str) -> bool:
        """Import what may register a name, until it is known; whether it is."""
        if name not in self._names:
            self._import_namesake(name)
        if name not in self._names:
            self._import_built_in()
        if name not in self._names:
            self._import_promised(name)
        return name in self._names

    def _import_namesake(self, name: str) -> None:
        stem = name.replace("-", "_")
        if not stem.isidentifier():
            return
        package = import_module(self._package)
        if any(found.name == stem for found in pkgutil.iter_modules(package.__path__)):
            _import_all(import_module(f"{self._package}.{stem}"))

    def _import_built_in(self) -> None:
        if not self._all_built_in:
            # At once, since what is imported now may look for a name itself.
            self._all_built_in = True
            try:
                _import_all(import_module(self._package))
            except BaseException:
                self._all_built_in = False
                raise

    def _import_promised(self, name: str) -> None:
        for entry in metadata.entry_points(group=self._group, name=name):
            self._import_entry_point(entry)

    def _import_entry_point(self, entry: metadata.EntryPoint) -> None:
        try:
            import_module(entry.module)
        except RegistrationError:
            raise
        except Exception as error:
            raise self._broken(entry, f"which cannot be imported ({first_line(error)})") from error
        if self._names.get(entry.name) != entry.name:
            raise self._broken(entry, "which does not register it")

    def _broken(self, entry: metadata.EntryPoint, why: str) -> RegistrationError:
        return RegistrationError(
            f"{self._kind} '{entry.name}' comes from {entry.value}, {why}; remove or update the "
            "package that registers it"
        )


def _import_all(module: ModuleType) -> None:
    """Import the modules of a package and its subpackages; of a plain module there are none."""
    for found in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{module.__name__}."):
        _import_all(import_module(found.name))


def _origin(made_by: object) -> str:
    """Module and qualified name of a class or function."""
    named: Any = made_by if hasattr(made_by, "__qualname__") else type(made_by)
    return f"{named.__module__}.{named.__qualname__}"
