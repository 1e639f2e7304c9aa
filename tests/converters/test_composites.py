"""The list of torch's composite operators: the same by one walk as by fifty."""

from __future__ import annotations

from torch._export import utils
from torch.export import decomp_utils, exported_program

from edge_sdk_converters.executorch.composites import composites_looked_up_once
from tests.needs import needs


@needs("executorch")
def test_one_walk_finds_what_many_do_and_nothing_stays_changed() -> None:
    collect, look_up = utils._collect_all_valid_cia_ops, utils._materialize_cpp_cia_ops
    walks = []

    def counted() -> None:
        walks.append(1)
        look_up()

    utils._materialize_cpp_cia_ops = counted
    try:
        many = collect()
        before = len(walks)
        with composites_looked_up_once():
            found = [
                module._collect_all_valid_cia_ops() for module in (decomp_utils, exported_program)
            ]
        assert utils._materialize_cpp_cia_ops is counted
    finally:
        utils._materialize_cpp_cia_ops = look_up
    assert found == [many, many]
    assert before > 10
    assert len(walks) == before + 2
    assert decomp_utils._collect_all_valid_cia_ops is collect
    assert exported_program._collect_all_valid_cia_ops is collect
