"""Pages of the site that are made from other files: a hook of MkDocs, see mkdocs.yml.

The first page is the README; CONTRIBUTING, SECURITY, the changelog and the license come from the
root too, and the examples are one page. The command line's page is written by Typer from the
commands themselves, and every package that lists public names gets a page of them.
"""

from __future__ import annotations

import pkgutil
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import edge_sdk

ROOT = Path(__file__).parent.parent
FROM_ROOT = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.md",
    "NOTICE": "notice.md",
}
EXAMPLES = "guide/examples.md"
COMMANDS = "reference/command-line.md"
PYTHON = "reference/python"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill the place of the packages in the navigation."""
    reference = next(entry["Reference"] for entry in config.nav or [] if "Reference" in entry)
    python = next(entry for entry in reference if "Python" in entry)
    python["Python"] = [{name: f"{PYTHON}/{name}.md"} for name in public_names()]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made."""
    pages = {target: from_root(source) for source, target in FROM_ROOT.items()}
    pages[EXAMPLES] = examples()
    pages[COMMANDS] = command_line()
    for package, names in public_names().items():
        pages[f"{PYTHON}/{package}.md"] = package_page(package, names)
    for target, text in pages.items():
        files.append(File.generated(config, target, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """A page without sections needs no table of contents beside it: its tables get the room."""
    if "\n## " not in markdown and not page.url.startswith(PYTHON):
        page.meta["hide"] = ["toc"]
    return markdown


def from_root(source: str) -> str:
    """A file of the root as a page, its links as seen from docs/."""
    text = (ROOT / source).read_text(encoding="utf-8")
    if not source.endswith(".md"):
        return f"# {source.capitalize()}\n\n```text\n{text}```\n"
    text = text.replace("](docs/", "](")
    for name, target in FROM_ROOT.items():
        text = text.replace(f"]({name})", f"]({target})")
    return re.sub(r"\]\(examples(?:/(\w+)\.py)?\)", linked_example, text)


def linked_example(link: re.Match[str]) -> str:
    """A link to a program of the folder, or to the folder, as one to its place in the site."""
    name = link.group(1)
    return f"]({EXAMPLES}#{name})" if name else f"]({EXAMPLES})"


def examples() -> str:
    """The programs of ``examples/``, each under the first line of its docstring."""
    sections = ["# Examples", "Programs of `examples/`, whole; the tests run each of them."]
    for path in sorted((ROOT / "examples").glob("*.py")):
        program = path.read_text(encoding="utf-8")
        title = program.splitlines()[0].strip('".')
        sections.append(f"## {title} {{ #{path.stem} }}\n\n```python\n{program}```")
    return "\n\n".join(sections) + "\n"


def command_line() -> str:
    """All commands with their options, with an index that says more than its first words."""
    typer = ["-m", "typer", "edge_sdk.cli.app", "utils", "docs", "--name", "edge-sdk"]
    made = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, *typer, "--title", "Command line"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    head, *commands = re.split(r"^## `edge-sdk ", made.stdout, flags=re.MULTILINE)
    index, sections = [], []
    for text in commands:
        name, _, body = text.partition("`\n\n")
        index.append(f"* [`{name}`](#{name}): {body.partition(chr(10) * 2)[0]}")
        sections.append(f"## `edge-sdk {name}` {{ #{name} }}\n\n{body}")
    head = head.split("**Commands**")[0]
    return "\n".join((head + "**Commands**:\n", *index, "", *sections))


def public_names() -> dict[str, list[str]]:
    """The packages that list names in ``__all__``, each with these."""
    parts = sorted(part.name for part in pkgutil.iter_modules(edge_sdk.__path__) if part.ispkg)
    packages = [edge_sdk, *(import_module(f"edge_sdk.{part}") for part in parts)]
    return {
        package.__name__: sorted(package.__all__)
        for package in packages
        if getattr(package, "__all__", None)
    }


def package_page(package: str, names: list[str]) -> str:
    """Every public name of a package, by mkdocstrings."""
    members = "\n".join(f"        - {name}" for name in names)
    return f"# `{package}`\n\n::: {package}\n    options:\n      members:\n{members}\n"
