"""The corpus that all readers share: each case is taken, or refused for its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_sdk.bundle import open_bundle
from edge_sdk.errors import BundleError
from tests.builders.bundle_corpus import FOLDER, Case, cases, write_corpus
from tests.builders.bundles import KINDS

CASES = list(cases())


def test_the_corpus_is_the_one_that_is_drawn(tmp_path: Path) -> None:
    write_corpus(tmp_path)
    names = sorted(path.name for path in FOLDER.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    for name in names:
        assert (FOLDER / name).read_bytes() == (tmp_path / name).read_bytes(), name
    total = sum(path.stat().st_size for path in FOLDER.iterdir())
    assert total < 500_000


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_is_taken_or_refused_for_its_reason(case: Case) -> None:
    path = FOLDER / f"{case.name}.zip"
    key = FOLDER / "key.public.pem" if case.keyed else None
    if not case.kind:
        assert open_bundle(path, key).manifest.format == "edge-sdk bundle"
        return
    with pytest.raises(BundleError) as refused:
        open_bundle(path, key)
    assert refused.value.kind == case.kind, refused.value
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    assert message.isprintable()


def test_every_kind_of_refusal_is_among_them() -> None:
    kinds = {case.kind for case in CASES}
    assert kinds == {"", *KINDS}
    told = json.loads((FOLDER / "corpus.json").read_text())
    assert [(each["name"], each["kind"]) for each in told] == [(c.name, c.kind) for c in CASES]
