"""What an operation asks for, found out before it is validated and run: depth, aliases, and objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_composite_type,
    is_list_type,
)

from workbench.api.settings import Limits

__all__ = ["Weight", "too_heavy", "weigh"]

SIZES = ("first", "last", "limit")
MOST = 1 << 40
IN_A_CONNECTION = ("edges", "nodes", "items")
UNSIZED = 5
"""Members of a list that is given no size: most have few, and those of many take ``first``."""


@dataclass(frozen=True, slots=True)
class Weight:
    """``cost`` is the number of objects that may come back."""

    depth: int = 0
    aliases: int = 0
    cost: int = 0

    def beside(self, other: Weight) -> Weight:
        """Both, in one selection."""
        return Weight(max(self.depth, other.depth), self.aliases + other.aliases, self.cost + other.cost)


def weigh(schema: GraphQLSchema, document: DocumentNode, name: str | None, variables: Mapping[str, Any] | None) -> Weight:  # fmt: skip
    """The weight of the operation ``name`` (None: the only one). Names that are not in the schema weigh nothing
    but depth: validation refuses them. Introspection is bounded by a rule of graphql-core."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    chosen = [each for each in operations if name is None or (each.name and each.name.value == name)]
    heaviest = Weight()
    for operation in chosen[:2]:
        given = {
            each.variable.name.value: _constant(each.default_value)
            for each in operation.variable_definitions or ()
        }
        scale = _Scale(schema, document, {**given, **(variables or {})})
        root = schema.get_root_type(operation.operation)
        heaviest = heaviest.beside(scale.of(operation.selection_set, root, sized=False))
    return heaviest


def too_heavy(weight: Weight, limits: Limits) -> str | None:
    """Why an operation is refused, or None."""
    if weight.depth > limits.depth:
        return f"the query is {weight.depth} levels deep, up to {limits.depth} are answered"
    if weight.aliases > limits.aliases:
        return f"the query has {weight.aliases} aliases, up to {limits.aliases} are answered"
    if weight.cost > limits.cost:
        return f"the query may bring back {weight.cost:,} objects, up to {limits.cost:,} are answered: ask for less at a time"
    return None


class _Scale:
    """Weighs selections of one operation. A fragment is weighed once, however often it is spread."""

    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self._schema = schema
        self._variables = variables
        self._fragments = {
            each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
        }
        self._weighed: dict[tuple[str, bool], Weight] = {}

    def of(self, selections: SelectionSetNode, parent: GraphQLNamedType | None, *, sized: bool) -> Weight:
        total = Weight()
        for node in selections.selections:
            if isinstance(node, FieldNode):
                total = total.beside(self._field(node, parent, sized))
            elif isinstance(node, InlineFragmentNode):
                on = self._type(node.type_condition.name.value) if node.type_condition else parent
                total = total.beside(self.of(node.selection_set, on, sized=sized))
            elif isinstance(node, FragmentSpreadNode):
                total = total.beside(self._fragment(node.name.value, sized))
        return total

    def _fragment(self, name: str, sized: bool) -> Weight:
        key = (name, sized)
        if key not in self._weighed:
            self._weighed[key] = Weight()  # one that spreads itself is refused by validation
            found = self._fragments.get(name)
            if found is not None:
                on = self._type(found.type_condition.name.value)
                self._weighed[key] = self.of(found.selection_set, on, sized=sized)
        return self._weighed[key]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, sized: bool) -> Weight:
        name = node.name.value
        aliases = 1 if node.alias else 0
        if node.selection_set is None:
            return Weight(1, aliases, 0)
        if name in ("__schema", "__type"):
            return Weight(0, aliases + self.of(node.selection_set, None, sized=False).aliases, 1)
        field = self._definition(parent, name)
        size = self._size(node, field)
        within = self.of(
            node.selection_set, get_named_type(field.type) if field else None, sized=size is not None
        )
        if size is None:
            of_many = field is not None and _is_list(field) and not (sized and name in IN_A_CONNECTION)
            size = UNSIZED if of_many else 1
        counts = field is not None and is_composite_type(get_named_type(field.type))
        return Weight(within.depth + 1, aliases + within.aliases, size * (int(counts) + within.cost))

    def _definition(self, parent: GraphQLNamedType | None, name: str) -> GraphQLField | None:
        if isinstance(parent, (GraphQLObjectType, GraphQLInterfaceType)):
            found: GraphQLField | None = parent.fields.get(name)
            return found
        return None

    def _size(self, node: FieldNode, field: GraphQLField | None) -> int | None:
        """How many the arguments ask for, where they say: a page, or one for each of a list."""
        given = {each.name.value: each.value for each in node.arguments or ()}
        pages = [self._value(given[name]) for name in SIZES if name in given]
        numbers = [_number(value) for value in pages if isinstance(value, int | float)]
        if numbers:
            return max(0, *numbers)
        if field is None:
            return None
        defaults = [field.args[name].default_value for name in SIZES if name in field.args]
        if defaults:
            return max([value for value in defaults if isinstance(value, int)], default=100)
        lists = [len(value) for each in given.values() if isinstance(value := self._value(each), list)]
        return max(lists) if lists and _is_list(field) else None

    def _value(self, node: ValueNode) -> Any:
        if isinstance(node, VariableNode):
            return self._variables.get(node.name.value)
        return _constant(node)

    def _type(self, name: str) -> GraphQLNamedType | None:
        return self._schema.get_type(name)


def _number(value: float) -> int:
    """GraphQL takes 1000.0 of JSON for the Int 1000; what it takes for none is heavy enough to be refused."""
    return int(value) if abs(value) < MOST else MOST


def _constant(node: ValueNode | None) -> Any:
    if isinstance(node, IntValueNode):
        return int(node.value) if len(node.value) < 12 else MOST
    return list(node.values) if isinstance(node, ListValueNode) else None


def _is_list(field: GraphQLField) -> bool:
    kind = field.type
    return is_list_type(kind.of_type if isinstance(kind, GraphQLNonNull) else kind)
