"""The guards in front of every operation, whichever way it came: over HTTP, in a batch, over WebSocket."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import strawberry
from graphql import GraphQLError, OperationDefinitionNode
from graphql.validation.rules.custom.no_schema_introspection import NoSchemaIntrospectionCustomRule
from strawberry.extensions import ParserCache, SchemaExtension
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from workbench.api.context import Context
from workbench.api.masking import told
from workbench.api.metrics import observe
from workbench.api.weighing import too_heavy, weigh

__all__ = ["guarded_schema"]

MOST_VALID = 200


class Guards(SchemaExtension):
    """Limits by the settings in the context; each operation gets an empty cache, a line in the log, and its
    errors masked where it streams."""

    def on_operation(self) -> Iterator[None]:
        execution, context = self.execution_context, self._context
        if context is None:
            yield
            return
        execution.context = context = replace(context, cache={})
        execution.parse_options["max_tokens"] = context.settings.limits.tokens
        if not context.settings.introspection:
            execution.validation_rules = (*execution.validation_rules, NoSchemaIntrospectionCustomRule)
        begun = time.perf_counter()
        try:
            yield
        finally:
            observe(context, self._told_of(), time.perf_counter() - begun)

    def on_validate(self) -> Iterator[None]:
        execution, context = self.execution_context, self._context
        if context is not None and execution.graphql_document is not None:
            unnamed = _unnamed(execution)
            if unnamed:
                execution.pre_execution_errors = [
                    GraphQLError(unnamed, extensions={"code": "BAD_USER_INPUT"})
                ]
                yield
                return
            weight = weigh(
                execution.schema._schema,
                execution.graphql_document,
                execution.operation_name,
                execution.variables,
            )
            refused = too_heavy(weight, context.settings.limits)
            if refused:
                execution.pre_execution_errors = [GraphQLError(refused, extensions={"code": "TOO_HEAVY"})]
        valid = execution.schema.valid if isinstance(execution.schema, _Schema) else OrderedDict()
        document = (execution.query, execution.validation_rules)
        if document in valid:
            execution.validation_rules = ()
        yield
        if not execution.pre_execution_errors:
            valid[document] = None
            valid.move_to_end(document)
            if len(valid) > MOST_VALID:
                valid.popitem(last=False)

    def on_execute(self) -> Iterator[None]:
        execution, context = self.execution_context, self._context
        if context is not None and execution.operation_type is OperationType.SUBSCRIPTION:
            execution.context = replace(context, workers=context.workers.for_streams)
        yield

    def on_stream_result(self, result: Any) -> Iterator[None]:
        context = self._context
        if context is not None and getattr(result, "errors", None):
            result.errors = [
                _Formatted(error)
                for error in told(
                    result.errors, request_id=context.request_id, introspection=context.settings.introspection
                )
            ]
        yield

    @property
    def _context(self) -> Context | None:
        found = self.execution_context.context
        return found if isinstance(found, Context) else None

    def _told_of(self) -> dict[str, Any]:
        """What the log may know of the operation: its kind, name and fingerprint, never what it was asked with."""
        execution = self.execution_context
        digest = hashlib.sha256((execution.query or "").encode(errors="replace")).hexdigest()[:16]
        try:
            kind = execution.operation_type.value
            name = execution.operation_name or ""
        except Exception:
            kind, name = "none", ""
        failed = bool(execution.pre_execution_errors)
        return {"kind": kind, "operation": name[:80], "query": digest, "failed": failed}


def _unnamed(execution: ExecutionContext) -> str | None:
    """What is wrong where nobody can tell which operation of a document is meant: the first would be as good a guess as
    any, and may be the one that changes something."""
    document = execution.graphql_document
    assert document is not None
    many = sum(isinstance(each, OperationDefinitionNode) for each in document.definitions)
    if many > 1 and execution._provided_operation_name is None:
        return f"the document has {many} operations: say by operationName which is meant"
    return None


class _Formatted(GraphQLError):
    """An error that was put into words already."""

    def __init__(self, form: Any) -> None:
        super().__init__(form["message"], path=form.get("path"), extensions=form.get("extensions"))
        self._form = form

    @property
    def formatted(self) -> Any:
        return self._form


class _Schema(strawberry.Schema):
    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.valid: OrderedDict[Any, None] = OrderedDict()
        """Documents that were found valid, with the rules: to find it out takes longer than most of them run."""

    def process_errors(self, errors: Any, execution_context: Any = None) -> None:
        """Strawberry's own log would have messages and tracebacks, and content with them: ours is kept in
        :mod:`workbench.api.masking`."""


def guarded_schema(query: type, **more: Any) -> strawberry.Schema:
    """A schema behind the guards; arguments as :class:`strawberry.Schema` takes them."""
    extensions = [Guards, ParserCache, *more.pop("extensions", ())]
    return _Schema(query, extensions=extensions, **more)
