"""Reasons of refusal: each has Chinese words, and an error says code and detail."""

import pytest

from gateway.protocol.errors import ProtocolError, Reason


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_chinese_words(reason: Reason) -> None:
    zh = ProtocolError(reason).zh
    assert zh
    assert any("\u4e00" <= character <= "\u9fff" for character in zh)


def test_an_error_says_its_code_and_what_was_found() -> None:
    error = ProtocolError(Reason.BAD_FIELD, "at `$.use`")
    assert str(error) == "bad_field: at `$.use`"
    assert str(ProtocolError(Reason.FORK)) == "fork"
    assert isinstance(error, ValueError)
