"""
Numbers that a sheet has written as amounts, `447911123456.0`, and that are surely one person's.

Such a cell may have lost a plus, a zero, or nothing but its form. Certain are here only those
that begin with their country's own code and are no number of it in any other way.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from batchdial.lists.automaton import A_DIGIT, after, either, parsed, then
from batchdial.lists.plans import (
    FEWEST,
    LONGEST,
    SOME,
    begun,
    graph_of,
    is_plain_at_zero,
    main_plan,
    plan_of,
)

if TYPE_CHECKING:
    from batchdial.lists.automaton import Graph

_WRITTEN = re.compile(rf"([1-9][0-9]{{{FEWEST - 1},{LONGEST - 1}}})\.00?")


def certain_number_cell(text: str, region: str | None) -> str | None:
    """
    The number in E.164 that a number cell held beyond doubt.

    Args:
        text: The cell as it was read.
        region: ISO code of its country, in capitals; None where none is known.

    Returns:
        What `phones.judged` would call PENDING and mended; None decides nothing.
    """
    written = _WRITTEN.fullmatch(text)
    plan = _plan(region) if written and region else None
    return "+" + written[1] if written and plan and plan.meaning(written[1]) else None


@cache
def _plan(region: str) -> Graph[bool] | None:
    """Matches digits that are certain in a number cell; None where that is not known."""
    home = plan_of(region)
    if home is None:
        return None
    code, trunk = parsed(str(home.country_code)), home.national_prefix_for_parsing or "(?!)"
    try:
        general = parsed(home.general_desc.national_number_pattern)
        goes_abroad = begun(home.international_prefix, SOME)
        main = main_plan(home.country_code).national_prefix_for_parsing
        prefixed = either((begun(home.national_prefix_for_parsing, SOME), begun(main, SOME)))
        behind_zero = begun(home.national_prefix_for_parsing, then(A_DIGIT, SOME))
        graph = graph_of(
            home.country_code,
            written=lambda node: then(code, node),
            must=then(code, general),
            never=either(
                (
                    general,
                    goes_abroad,
                    then(code, prefixed),
                    *(after(node, 0) for node in (goes_abroad, behind_zero)),
                )
            ),
            others=[lambda node: node, lambda node: after(node, 0)],
        )
    except ValueError:  # a newer release of the metadata says more than is known here
        return None
    return graph if is_plain_at_zero(trunk) else None
