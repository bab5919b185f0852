from __future__ import annotations

from pathlib import Path

import pytest

from catalog.errors import BadInput
from cloud.tokens import Tokens, read_tokens

PORCH, HALL = "a-token-of-the-porch", "a-token-of-the-hall"
TOKENS = Tokens({PORCH: "porch", HALL: "hall"})


def test_a_token_tells_whose_it_is() -> None:
    assert [TOKENS.name_of(t) for t in (PORCH, HALL, "", "a-token-of-nobody")] == [
        "porch",
        "hall",
        None,
        None,
    ]


def test_a_seal_tells_who_made_it_of_this_text_alone() -> None:
    seal = TOKENS.seal(HALL, "until 7")
    assert TOKENS.sealed_by("until 7", seal) == "hall"
    assert TOKENS.sealed_by("until 8", seal) is None
    assert TOKENS.sealed_by("until 7", "é") is None
    assert Tokens({PORCH: "porch"}).sealed_by("until 7", seal) is None


def test_errors_name_the_flag_that_gave_the_file(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"--web-token-file .*none: No such file"):
        read_tokens(tmp_path / "none", "--web-token-file")
