"""The release forms of a site: one file for each form and version, because the signed version governs."""

from __future__ import annotations

from typing import Any

from adapter.consent.release_form import Form
from adapter.errors import ConfigurationError
from adapter.settings import check


def read_form(document: Any, where: str) -> Form:
    """One file of `forms/`; ``ConfigurationError`` lists all that is wrong with it."""
    problems = check(Form, document, where)
    if problems:
        raise ConfigurationError(problems)
    return Form.model_validate(document)
