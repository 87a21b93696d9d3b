r"""The criteria of a search: how the value of each kind of parameter is read.

Commas separate alternatives, any of which will do; ``\,`` ``\|`` ``\$`` and ``\\`` stand for the
characters themselves. Values that cannot be read are refused, and no message repeats one.

https://hl7.org/fhir/R4/search.html#ptypes; escaping: https://hl7.org/fhir/R4/search.html#escaping
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from adapter.errors import NotSupported, RequestError
from adapter.fhir.dates import PREFIXES, search_interval
from adapter.fhir.parameters import ALWAYS, IDENTIFIER, OF_TYPE, normalised
from adapter.fhir.primitives import CHECKS
from adapter.fhir.quantities import asked
from adapter.fhir.reference import parse_reference

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from adapter.fhir.parameters import SearchParameter

MAX_ALTERNATIVES: Final = 100
"""Values one parameter may list; a longer list is several requests."""

NOT: Final = "not"
MISSING: Final = "missing"

_ESCAPED: Final = frozenset("\\,|$")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One of the values a filter accepts.

    Tokens, references and ids: ``value`` is the key of the index row. Strings: ``value`` is normalised
    and matches at the start, unless ``prefix`` is ``contains``, which finds it anywhere, or ``exact``, which
    compares it with the string as stored. Dates: ``prefix`` is the comparison (``eq`` if none was given) with the
    interval from ``low`` to ``high``. Quantities: the same with ``bounds`` of `adapter.fhir.quantities`; ``value`` is
    `system|code` for a coded unit, `|unit` for a code or unit of any system, or empty for any.
    """

    prefix: str = ""
    value: str
    low: int | None = None
    high: int | None = None
    bounds: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One use of a parameter: satisfied by any of its alternatives.

    ``modifier`` is empty, ``not`` (no value of the resource is one of the alternatives) or ``missing`` (whether the
    resource has no value that could be found; the alternative says ``true`` or ``false``). Every other modifier shows
    in the alternatives, or in ``param`` where its values are indexed apart (``identifier:of-type``).
    """

    param: str
    kind: str
    alternatives: tuple[Alternative, ...]
    modifier: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What values are read against: our own address with a final slash, and the county's time zone."""

    base_url: str
    zone: tzinfo


Reader = Callable[[list[str], "SearchParameter", Context], Iterator[Alternative]]
"""Reads one value, split at its bars. Raises ValueError with what was expected."""


def named(key: str) -> str:
    """A parameter name as an error may repeat it; text that is no such name gives nothing."""
    return key if _NAME.fullmatch(key) else ""


def read_filter(parameter: SearchParameter, modifier: str, value: str, context: Context) -> Filter:
    """The filter that one use of ``parameter`` asks for.

    Raises NotSupported for a modifier that is not offered and RequestError for a value that cannot be read.
    """
    key = named(f"{parameter.name}:{modifier}" if modifier else parameter.name) or parameter.name
    if modifier == MISSING and parameter.kind not in ALWAYS:
        if value not in {"true", "false"}:
            raise RequestError(f"`{key}`: expected true or false", expression=key)
        return Filter(
            param=parameter.name, kind=parameter.kind, alternatives=(Alternative(value=value),), modifier=MISSING
        )
    read = _reader(parameter, modifier, key)
    parsed = _alternatives(value, key)
    if len(parsed) > MAX_ALTERNATIVES:
        raise RequestError(f"`{key}` lists too many values; expected at most {MAX_ALTERNATIVES}", expression=key)
    found: dict[Alternative, None] = {}
    for parts in parsed:
        try:
            found.update(dict.fromkeys(read(parts, parameter, context)))
        except ValueError as error:
            raise RequestError(f"`{key}`: {error}", expression=key) from None
    apart = modifier in {OF_TYPE, IDENTIFIER}
    return Filter(
        param=f"{parameter.name}:{modifier}" if apart else parameter.name,
        kind="token" if apart else parameter.kind,
        alternatives=tuple(found),
        modifier=modifier if modifier == NOT else "",
    )


def _reader(parameter: SearchParameter, modifier: str, key: str) -> Reader:
    """How the values of a parameter under a modifier are read."""
    if not modifier:
        return _canonicals if parameter.canonical else _READERS[parameter.kind]
    if parameter.typed and modifier == OF_TYPE:
        return _typed_identifiers
    if parameter.kind == "reference" and not parameter.canonical:
        if modifier == IDENTIFIER:
            return _tokens
        if modifier in parameter.targets:
            typed = replace(parameter, targets=(modifier,))
            return lambda parts, _parameter, context: _references(parts, typed, context)
    read = _MODIFIED.get((parameter.kind, modifier))
    if read is None:
        raise NotSupported(
            f"modifier of `{key}` is not offered; expected {', '.join(modifiers(parameter)) or 'none'}", expression=key
        )
    return read


def modifiers(parameter: SearchParameter) -> list[str]:
    """The modifiers that a parameter takes."""
    found = [modifier for kind, modifier in _MODIFIED if kind == parameter.kind]
    if parameter.typed:
        found.append(OF_TYPE)
    if parameter.kind == "reference" and not parameter.canonical:
        found += [IDENTIFIER, *parameter.targets]
    return found if parameter.kind in ALWAYS else [MISSING, *found]


def _alternatives(value: str, key: str) -> list[list[str]]:
    """The values separated by commas, each split at its bars, escapes resolved."""
    plain = "\\" not in value
    parsed = [one.split("|") for one in value.split(",")] if plain else _unescaped(value, key)
    if any(not any(parts) for parts in parsed):
        raise RequestError(f"`{key}` has an empty value; expected a value, or no parameter", expression=key)
    return parsed


def _unescaped(value: str, key: str) -> list[list[str]]:
    parsed: list[list[str]] = [[""]]
    characters = iter(value)
    for character in characters:
        if character == ",":
            parsed.append([""])
        elif character == "|":
            parsed[-1].append("")
        elif character == "\\":
            escaped = next(characters, "")
            if escaped not in _ESCAPED:
                message = "expected a backslash only before a comma, bar, dollar sign or backslash"
                raise RequestError(f"`{key}`: {message}", expression=key)
            parsed[-1][-1] += escaped
        else:
            parsed[-1][-1] += character
    return parsed


def _tokens(parts: list[str], _parameter: SearchParameter, _context: Context) -> Iterator[Alternative]:
    if len(parts) == 1:
        yield Alternative(value=f"*|{parts[0]}")
        return
    system, code = parts[0], "|".join(parts[1:])
    if system == "*":
        raise ValueError("expected a code, system|code, |code or system|")
    yield Alternative(value=f"{system}|{code}")


def _typed_identifiers(parts: list[str], _parameter: SearchParameter, _context: Context) -> Iterator[Alternative]:
    if len(parts) < 3 or not all(parts[:2]) or not any(parts[2:]):  # noqa: PLR2004 - system, code and value
        raise ValueError("expected the type's system, its code and the identifier: system|code|value")
    yield Alternative(value=f"{parts[0]}|{parts[1]}|{'|'.join(parts[2:])}")


def _strings(parts: list[str], _parameter: SearchParameter, _context: Context) -> Iterator[Alternative]:
    value = normalised("|".join(parts))
    if not value:
        raise ValueError("expected letters or digits to start with")
    yield Alternative(value=value)


def _exact_strings(parts: list[str], _parameter: SearchParameter, _context: Context) -> Iterator[Alternative]:
    yield Alternative(prefix="exact", value="|".join(parts))


def _contained_strings(parts: list[str], _parameter: SearchParameter, _context: Context) -> Iterator[Alternative]:
    value = normalised("|".join(parts))
    if not value:
        raise ValueError("expected letters or digits to look for")
    yield Alternative(prefix="contains", value=value)


def _quantities(parts: list[str], _parameter: SearchParameter, _context: Context) -> Iterator[Alternative]:
    if len(parts) not in {1, 3} or (len(parts) == 3 and not parts[2]):  # noqa: PLR2004 - number, system and unit
        raise ValueError("expected a number, number|system|code or number||unit")
    prefix = parts[0][:2] if parts[0][:2] in PREFIXES else ""
    bounds = asked(parts[0].removeprefix(prefix), prefix or "eq")
    yield Alternative(prefix=prefix or "eq", value="|".join(parts[1:]), bounds=bounds)


def _dates(parts: list[str], _parameter: SearchParameter, context: Context) -> Iterator[Alternative]:
    text = "|".join(parts)
    prefix = text[:2] if text[:2] in PREFIXES else ""
    date = text.removeprefix(prefix)
    if " " in date:
        raise ValueError("holds a space; expected a plus sign to be sent as %2B")
    low, high = search_interval(date, context.zone)
    yield Alternative(prefix=prefix or "eq", value=date, low=low, high=high)


def _references(parts: list[str], parameter: SearchParameter, context: Context) -> Iterator[Alternative]:
    text = "|".join(parts)
    if CHECKS["id"](text):
        if not parameter.targets:
            raise ValueError("an id alone does not say of what type; expected Type/id")
        for target in parameter.targets:
            yield Alternative(value=f"{target}/{text}")
        return
    reference = parse_reference(text.removeprefix(context.base_url))
    if reference is None or reference.base:
        raise ValueError("expected an id, Type/id or an address on this server")
    if parameter.targets and reference.type not in parameter.targets:
        raise ValueError(f"expected a reference to {' or '.join(parameter.targets)}")
    yield Alternative(value=str(reference))


def _canonicals(parts: list[str], _parameter: SearchParameter, _context: Context) -> Iterator[Alternative]:
    text = "|".join(parts)
    if not CHECKS["canonical"](text):
        raise ValueError("expected the address of a definition, with |version at most")
    yield Alternative(value=text)


def _ids(parts: list[str], _parameter: SearchParameter, _context: Context) -> Iterator[Alternative]:
    text = "|".join(parts)
    if not CHECKS["id"](text):
        raise ValueError("expected 1 to 64 letters, digits, dots and hyphens")
    yield Alternative(value=text)


_READERS: Final[Mapping[str, Reader]] = {
    "token": _tokens,
    "string": _strings,
    "date": _dates,
    "instant": _dates,
    "quantity": _quantities,
    "reference": _references,
    "id": _ids,
}
_MODIFIED: Final[Mapping[tuple[str, str], Reader]] = {
    ("string", "exact"): _exact_strings,
    ("string", "contains"): _contained_strings,
    ("token", NOT): _tokens,
}
"""Readers of the modifiers that every parameter of a kind takes."""
