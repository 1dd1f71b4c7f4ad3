"""One rule, at every door, for what is a country."""

from __future__ import annotations

import pytest

from workbench.enrichment.countries import country_code


@pytest.mark.parametrize(
    ("text", "code"), [("NL", "NL"), (" nl ", "NL"), ("xk", "XK"), ("EU", "EU"), ("AP", "AP")]
)
def test_a_code_is_taken_in_any_case(text: str, code: str) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("XX", "'XX' is no country code: ISO 3166-1 alpha-2 is wanted, such as NL"),
        ("germany", "'germany' is no country code: that of Germany is DE"),
        ("DEU", "'DEU' is no country code"),
        ("", "'' is no country code"),
        ("N" * 1000, f"'{'N' * 60}' is no country code"),
    ],
)
def test_what_is_none_is_refused_with_the_code_that_may_be_meant(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        country_code(text)
