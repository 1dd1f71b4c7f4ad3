"""What a call to providers gives: the answers in order, as text, HTML and a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, overload

from workbench.intel.providers.provider import Answer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Answers"]


class Answers(Sequence[Answer]):
    """Answers in the order of addresses, then providers; those with ``error`` stand among them."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = tuple(answers)

    @overload
    def __getitem__(self, at: int) -> Answer: ...
    @overload
    def __getitem__(self, at: slice) -> Answers: ...
    def __getitem__(self, at: int | slice) -> Answer | Answers:
        return Answers(self._answers[at]) if isinstance(at, slice) else self._answers[at]

    def __len__(self) -> int:
        return len(self._answers)

    def __iter__(self) -> Iterator[Answer]:
        return iter(self._answers)

    @property
    def errors(self) -> tuple[Answer, ...]:
        """Those that could not be asked, or not anew."""
        return tuple(answer for answer in self if answer.error)

    def table(self) -> pa.Table:
        """A row a finding: address, provider, category, label, confidence, first_seen, last_seen, note,
        reliability, terms, retrieved, cached; a row without category for an answer without findings."""
        import pyarrow as pa

        when = pa.timestamp("s", tz="UTC")
        schema = pa.schema(
            {
                "address": pa.string(), "provider": pa.string(), "category": pa.string(), "label": pa.string(),
                "confidence": pa.uint8(), "first_seen": when, "last_seen": when, "note": pa.string(),
                "facts": pa.string(), "reliability": pa.string(), "terms": pa.string(), "retrieved": when,
                "cached": pa.bool_(), "expired": pa.bool_(), "error": pa.string(),
            }
        )  # fmt: skip
        rows: list[dict[str, Any]] = []
        for answer in self:
            common = {
                "address": answer.address, "provider": answer.provider, "facts": _facts(answer),
                "reliability": str(answer.reliability), "terms": answer.terms, "retrieved": answer.retrieved,
                "cached": answer.cached, "expired": answer.expired, "error": answer.error,
            }  # fmt: skip
            for finding in answer.findings or (None,):
                found = {}
                if finding is not None:
                    found = {
                        "category": str(finding.category), "label": finding.label, "confidence": finding.confidence,
                        "first_seen": finding.first_seen, "last_seen": finding.last_seen, "note": finding.note,
                    }  # fmt: skip
                rows.append(common | found)
        return pa.Table.from_pylist(rows, schema=schema)

    def __str__(self) -> str:
        lines = []
        for answer in self:
            lines.append(f"{answer.address}  {answer.title} ({answer.reliability}), {_when(answer)}")
            lines += [f"  {line}" for line in _lines(answer)]
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td style='text-align:left;vertical-align:top'>{cell}</td>"
                for cell in (
                    escape(answer.address),
                    escape(f"{answer.title} ({answer.reliability})"),
                    "<br>".join(escape(line) for line in _lines(answer)),
                    escape(_when(answer)),
                )
            )
            + "</tr>"
            for answer in self
        )
        heads = "".join(
            f"<th style='text-align:left'>{name}</th>" for name in ("address", "provider", "answer", "when")
        )
        return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def _lines(answer: Answer) -> list[str]:
    lines = []
    for finding in answer.findings:
        stated = f", confidence {finding.confidence}" if finding.confidence is not None else ""
        seen = f", last seen {finding.last_seen:%Y-%m-%d}" if finding.last_seen else ""
        note = f" ({finding.note})" if finding.note else ""
        lines.append(f"{f'{finding.category} {finding.label}'.strip()}{stated}{seen}{note}")
    lines += [f"{name}: {fact}" for name, fact in answer.facts.items()]
    if answer.error:
        lines.append(
            f"not asked: {answer.error}" if not answer.retrieved else f"not asked anew: {answer.error}"
        )
    return lines or ["nothing known"]


def _facts(answer: Answer) -> str:
    return "; ".join(f"{name}: {fact}" for name, fact in answer.facts.items())


def _when(answer: Answer) -> str:
    if answer.retrieved is None:
        return "no answer"
    kept = ", from the cache, expired" if answer.expired else ", from the cache" if answer.cached else ""
    return f"{answer.retrieved:%Y-%m-%d %H:%M} UTC{kept}"
