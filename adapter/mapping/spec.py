"""The shape of a mapping file: five kinds of node, and structure around them.

A node is a column name, or an object with one of the words `literal`, `call`, `map`, `when`. Every other
object or array is structure and is filled node by node. A sixth kind of node needs a design note: what the
five cannot say is said by a named function. Described for analysts in docs/reference/mapping-language.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    RootModel,
    Tag,
    ValidationError,
    model_validator,
)

from adapter.errors import ConfigurationError, Problem

ColumnType = Literal[
    "string", "code", "date", "datetime", "time", "integer", "decimal", "boolean", "element", "field", "segment"
]
"""What a column holds. ``element`` is a JSON subtree, ``field`` an HL7 v2 field with its repetitions; ``segment`` names
every field of an HL7 v2 segment that is not declared by itself, in each of its occurrences."""

NODE_WORDS = ("literal", "call", "map", "when")


class _Strict(BaseModel):
    """No key is ever passed over in silence."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(_Strict):
    """A test of one column: exactly one of `equals`, `in`, `present`."""

    column: str = Field(description="The column tested, or the leaf of a structured one: `MSH-9.2`.")
    equals: str | None = Field(default=None, description="Holds when the column has exactly this text.")
    among: list[str] | None = Field(default=None, alias="in", description="Holds when it has one of these texts.")
    present: bool | None = Field(default=None, description="Holds when it has (true) or lacks (false) a usable value.")

    @model_validator(mode="after")
    def _one_test(self) -> Condition:
        if sum(test is not None for test in (self.equals, self.among, self.present)) != 1:
            raise ValueError("a condition tests one thing; expected exactly one of `equals`, `in`, `present`")
        return self


class LiteralNode(_Strict):
    """The same value for every record."""

    literal: Any = Field(description="Text, number, boolean, object or array; never null.")

    @model_validator(mode="after")
    def _not_null(self) -> LiteralNode:
        if self.literal is None:
            raise ValueError("a literal is a value, not null; expected a value, or no element at all")
        return self


class CallNode(_Strict):
    """The result of a named function."""

    call: str = Field(description="Name of the function; docs/reference/mapping-language.md lists them.")
    args: list[Node] = Field(default=[], description="Its arguments, each a node.")


class MapNode(_Strict):
    """A code converted by a code table."""

    map: str = Field(description="Id of the code table in mappings/tables/.")
    of: Node = Field(description="The node that gives the code.")


class WhenNode(_Strict):
    """One of two nodes, by a test of a column."""

    when: Condition
    then: Node
    otherwise: Node | None = Field(default=None, alias="else", description="Without it: nothing.")


class ObjectNode(RootModel[dict[str, "Node"]]):
    """An object of the resource; its keys are FHIR element names."""

    model_config = ConfigDict(frozen=True, json_schema_extra={"propertyNames": {"not": {"enum": list(NODE_WORDS)}}})


class ArrayNode(RootModel[list["Node"]]):
    """An array of the resource; a node that gives a list is joined into it."""

    model_config = ConfigDict(frozen=True)


def _tag(node: Any) -> str | None:
    if isinstance(node, str):
        return "node:column"
    if isinstance(node, list | ArrayNode):
        return "node:array"
    if isinstance(node, Mapping):
        return next((f"node:{word}" for word in NODE_WORDS if word in node), "node:object")
    return None


Node = Annotated[
    Annotated[str, Tag("node:column")]
    | Annotated[LiteralNode, Tag("node:literal")]
    | Annotated[CallNode, Tag("node:call")]
    | Annotated[MapNode, Tag("node:map")]
    | Annotated[WhenNode, Tag("node:when")]
    | Annotated[ArrayNode, Tag("node:array")]
    | Annotated[ObjectNode, Tag("node:object")],
    Discriminator(_tag),
]


class Clearing(_Strict):
    """Elements that an event takes back."""

    when: Condition
    elements: list[str] = Field(
        min_length=1,
        description="Paths of one or two names: `hospitalization`, `period.end`; `location[-1]`, the last.",
    )


class ResourceSpec(_Strict):
    """One resource made from a record."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$", description="Name of the draft within the kind.")
    type: str = Field(description="R4 resource type.")
    key: list[Node] = Field(min_length=1, description="What identifies the resource within its feed and type.")
    when: Condition | None = Field(default=None, description="The resource is made only where this holds.")
    profile: str = Field(default="", description="Canonical URL of the profile it is meant to conform to.")
    same_as: str = Field(
        default="", description="The resource of this kind that this is one of: equal keys are the same resource."
    )
    fields: dict[str, Node] = Field(description="Its elements; `id`, `meta` and `subject` are added at ingest.")
    person: list[Node] = Field(default=[], description="Whose it is, where that is another person than the record's.")
    labels: Node | None = Field(default=None, description="Security labels of this resource alone, as Codings.")
    replaces: str = Field(default="", description="The Patient of this record whose place this one takes: a merge.")
    clears: list[Clearing] = Field(default=[], description="What events take back, in kinds with an `event`.")


class Tracing(_Strict):
    """A Provenance of the event behind a record."""

    when: Condition
    activity: Node = Field(description="What happened, as CodeableConcept.")
    source: Node | None = Field(default=None, description="The sender's own number of the record.")


class KindSpec(_Strict):
    """How one kind of record is read."""

    columns: dict[str, ColumnType] = Field(description="Every column the sender writes, with its type.")
    unused: dict[str, str] = Field(
        default={},
        description="Columns, or leaves of structured ones, that are not mapped, each with the reason.",
    )
    unit: Node | None = Field(default=None, description="The programme within the sender that wrote the record.")
    labels: Node | None = Field(default=None, description="Security labels the record came with, as Codings.")
    test: Condition | None = Field(default=None, description="Where this holds the record is a test record.")
    person: list[Node] = Field(min_length=1, description="What identifies the person within the feed.")
    same_person: Node | None = Field(
        default=None,
        description="What identifies, as `person` does with one part, others of whom the source says that they are "
        "this person: a merge. What either forbids is forbidden for both; nothing opens until somebody confirms it.",
    )
    event: Node | None = Field(
        default=None,
        description="When what the record tells happened. Such records amend: what they leave unsaid stays as it was, "
        "and an older one takes nothing back.",
    )
    provenance: Tracing | None = Field(
        default=None, description="Which events leave a Provenance of what they changed."
    )
    resources: list[ResourceSpec] = Field(
        description="None: the leaves are accounted for, and nothing is made of them."
    )


class MappingFile(_Strict):
    """A mapping file."""

    mapping: Literal[1] = Field(description="Version of the mapping language.")
    source: str = Field(description="Name of the connector whose records are mapped.")
    sender: dict[str, str] = Field(
        default={}, description="Columns and what they must say; a record of another sender goes to quarantine."
    )
    constants: dict[str, Any] = Field(
        default={}, description="Values that stand where a node is `{constant: NAME}`; who extends the file sets them."
    )
    kinds: dict[str, KindSpec] = Field(min_length=1)


Document = TypeVar("Document", bound=BaseModel)

_MODELS: dict[str, type[BaseModel]] = {
    "node:literal": LiteralNode,
    "node:call": CallNode,
    "node:map": MapNode,
    "node:when": WhenNode,
    "when": Condition,
    "test": Condition,
}
_KIND_DEPTH = 3


def _keys_at(location: tuple[str | int, ...]) -> str:
    """The keys that are valid where ``location`` has one that is not."""
    parent = location[-2] if len(location) > 1 else ""
    model = _MODELS.get(str(parent))
    if model is None and len(location) == 1:
        model = MappingFile
    if model is None:
        model = KindSpec if len(location) == _KIND_DEPTH else ResourceSpec
    names = (field.alias or name for name, field in model.model_fields.items())
    return "one of " + ", ".join(f"`{name}`" for name in names)


def _problem(file: str, error: Mapping[str, Any]) -> Problem:
    location: tuple[str | int, ...] = error["loc"]
    message, expected = str(error["msg"]).lower().removeprefix("value error, "), ""
    if error["type"] == "extra_forbidden":
        message, expected = f"unknown key `{location[-1]}`", _keys_at(location)
    elif error["type"] == "missing":
        message, expected = f"key `{location[-1]}` is missing", "it to be present"
    elif error["type"] == "union_tag_not_found":
        message, expected = "not a node", "a column name, or a constant as `{literal: ...}`"
    elif error["type"] == "literal_error":
        message, expected = "not a valid value", str(error["ctx"]["expected"])
    elif "; expected " in message:
        message, _, expected = message.partition("; expected ")
    return Problem(where=file, path=key_path(location), message=message, expected=expected)


def key_path(location: tuple[str | int, ...]) -> str:
    """``("resources", 0, "fields")`` as ``resources[0].fields``."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif not part.startswith("node:"):
            path += f".{part}" if path else part
    return path


def read_mapping(document: object, *, file: str) -> MappingFile:
    """The mapping file in ``document``. Raises ConfigurationError with every problem of its shape."""
    return read_as(MappingFile, document, file=file)


def read_as(model: type[Document], document: object, *, file: str) -> Document:
    """``document`` as a ``model``. Raises ConfigurationError with every problem of its shape."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise ConfigurationError([_problem(file, detail) for detail in found]) from error
