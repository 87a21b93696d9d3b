"""Code tables: from a sender's code to a FHIR code, and what happens to a code nobody listed.

A code that is not in its table never becomes a value that says more than is known: it is kept as text,
becomes `unknown`, or is left out, and a warning is raised in every case.
https://hl7.org/fhir/R4/terminologies.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
    model_validator,
)

from adapter.errors import ConfigurationError, Problem
from adapter.mapping.spec import key_path

if TYPE_CHECKING:
    from collections.abc import Mapping

Gives = Literal["code", "Coding", "CodeableConcept"]


class _Target(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    code: str = ""
    system: str = ""
    display: str = ""
    text: str = Field(default="", description="Words for a code that is known but has no code in the target system.")

    @model_validator(mode="after")
    def _one_target(self) -> _Target:
        if bool(self.code) == bool(self.text):
            raise ValueError("the code has no target; expected `code`, or `text` where no code fits")
        return self


def _tag(target: object) -> str | None:
    if isinstance(target, str):
        return "node:code"
    return "node:target" if isinstance(target, dict | _Target) else None


_AnyTarget = Annotated[Annotated[str, Tag("node:code")] | Annotated[_Target, Tag("node:target")], Discriminator(_tag)]


class TableFile(BaseModel):
    """A code table file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Literal[1] = Field(description="Version of the table format.")
    title: str
    authority: str = Field(description="Where the codes come from: a URL, or the name of the code set.")
    gives: Gives
    system: str = Field(default="", description="Code system of the targets that name none.")
    otherwise: Literal["unknown", "text", "nothing"] = Field(
        description="An unlisted code becomes `unknown`, is kept as text, or left out; always with a warning."
    )
    codes: dict[str, _AnyTarget]

    @field_validator("codes", mode="before")
    @classmethod
    def _text_keys(cls, codes: object) -> object:
        if not isinstance(codes, dict):
            return codes
        if any(isinstance(code, bool) for code in codes):
            raise ValueError("YAML reads an unquoted yes, no, on or off as a boolean; expected the code in quotes")
        return {str(code): target for code, target in codes.items()}

    @model_validator(mode="after")
    def _consistent(self) -> TableFile:
        if (self.otherwise == "unknown") != (self.gives == "code") and self.otherwise != "nothing":
            raise ValueError(
                f"`otherwise: {self.otherwise}` does not fit `gives: {self.gives}`; "
                "expected `unknown` for a code, `text` for a Coding or CodeableConcept, or `nothing`"
            )
        if self.otherwise == "text" and self.gives == "Coding":
            raise ValueError("a Coding has no place for text; expected `nothing`, and the text mapped beside it")
        return self


def table_schema() -> dict[str, Any]:
    """The JSON Schema of a code table file, for editors; kept in mappings/tables/schema.json."""
    schema = TableFile.model_json_schema()
    schema["title"] = "Sallyport code table"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTable:
    """A compiled code table; the target of a code is None where it is known but has no code."""

    name: str
    gives: Gives
    otherwise: str
    codes: Mapping[str, Any]

    def fallback(self, text: str) -> str | dict[str, str] | None:
        """What a code becomes that the table does not list."""
        if self.otherwise == "text":
            return {"text": text}
        return "unknown" if self.otherwise == "unknown" else None


def plain_code(text: str) -> str:
    """A code as tables list it: without spaces around it and in upper case (`" m "` is `M`)."""
    return " ".join(text.upper().split())


def _value(target: str | _Target, table: TableFile) -> Any:
    """What a code gives; the sender's own word joins a CodeableConcept as its text when it is used."""
    if isinstance(target, str):
        target = _Target(code=target)
    if table.gives == "code":
        return target.code or None
    coding = {"system": target.system or table.system, "code": target.code, "display": target.display}
    coding = {key: value for key, value in coding.items() if value}
    if table.gives == "Coding":
        return coding if target.code else None
    return {"coding": [coding]} if target.code else {}


def read_table(document: object, *, name: str, file: str) -> CodeTable:
    """The code table in ``document`` (parsed YAML), known as ``name``.

    Raises ConfigurationError with every problem: wrong shape, a code without a target, two spellings of one
    code.
    """
    try:
        table = TableFile.model_validate(document)
    except ValidationError as error:
        raise ConfigurationError([_problem(file, dict(detail)) for detail in error.errors()]) from error
    problems: list[Problem] = []
    codes: dict[str, Any] = {}
    for raw, target in table.codes.items():
        code = plain_code(raw)
        if code in codes:
            problems.append(
                Problem(
                    where=file,
                    path=f"codes.{raw}",
                    message=f"the code `{code}` is listed twice",
                    expected="one",
                )
            )
        if table.gives == "code" and isinstance(target, _Target) and not target.code:
            message = f"the code `{code}` has no target"
            problems.append(Problem(where=file, path=f"codes.{raw}", message=message, expected="a code"))
        codes[code] = _value(target, table)
    if problems:
        raise ConfigurationError(problems)
    return CodeTable(name=name, gives=table.gives, otherwise=table.otherwise, codes=codes)


def _problem(file: str, error: dict[str, Any]) -> Problem:
    location: tuple[str | int, ...] = error["loc"]
    message, expected = str(error["msg"]).removeprefix("Value error, "), ""
    if error["type"] == "extra_forbidden":
        names = _Target.model_fields if location[0] == "codes" else TableFile.model_fields
        message, expected = (
            f"unknown key `{location[-1]}`",
            "one of " + ", ".join(f"`{name}`" for name in names),
        )
    elif error["type"] == "missing":
        message, expected = f"key `{location[-1]}` is missing", "it to be present"
    elif error["type"] == "literal_error":
        message, expected = "not a valid value", str(error["ctx"]["expected"])
    elif error["type"] == "union_tag_not_found":
        message, expected = "the code has no target", "a code, or an object with `code` or `text`"
    elif "; expected " in message:
        message, _, expected = message.partition("; expected ")
    return Problem(where=file, path=key_path(location), message=message, expected=expected)
