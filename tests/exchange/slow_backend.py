"""A backend for medallion that takes its time in one collection, and fails every fifth object once."""

from __future__ import annotations

from typing import Any

from medallion.backends.memory_backend import MemoryBackend
from medallion.exceptions import ProcessingError

SLOW = "33333333-3333-4333-8333-333333333333"
MOST = 20


class SlowBackend(MemoryBackend):
    """Statuses of the slow collection are pending until they were asked for twice."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.asked: dict[str, int] = {}
        self.final: dict[str, dict[str, Any]] = {}
        self.failed: set[str] = set()

    def add_objects(self, api_root: str, collection_id: str, objs: dict[str, Any], request_time: Any) -> Any:
        if collection_id != SLOW:
            return super().add_objects(api_root, collection_id, objs, request_time)
        objects = objs["objects"]
        if len(objects) > MOST:
            raise ProcessingError("too many objects in one request", 413)
        fresh = {o["id"] for o in objects[::5]} - self.failed
        never = {o["id"] for o in objects if o.get("name") == "never"}
        self.failed |= fresh
        status = super().add_objects(
            api_root,
            collection_id,
            {"objects": [o for o in objects if o["id"] not in fresh | never]},
            request_time,
        )
        details = [
            {"id": o["id"], "version": o["modified"], "message": "try later"}
            for o in objects
            if o["id"] in fresh | never
        ]
        whole = {
            **status, "failures": [*status.get("failures", []), *details], "failure_count": status["failure_count"] + len(details),
            "total_count": len(objects),
        }  # fmt: skip
        self.final[status["id"]] = whole
        return {
            "id": status["id"], "status": "pending", "request_timestamp": status["request_timestamp"], "total_count": len(objects),
            "success_count": 0, "failure_count": 0, "pending_count": len(objects),
        }  # fmt: skip

    def get_status(self, api_root: str, status_id: str) -> Any:
        if status_id not in self.final:
            return super().get_status(api_root, status_id)
        self.asked[status_id] = self.asked.get(status_id, 0) + 1
        whole = self.final[status_id]
        if self.asked[status_id] < 2:
            return {
                **whole, "status": "pending", "successes": [], "failures": [], "success_count": 0, "failure_count": 0,
                "pending_count": whole["total_count"],
            }  # fmt: skip
        return whole
