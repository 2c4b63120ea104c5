"""The admin API: what tests set and look at. Documented in the package's docstring.

Alone responsible for its paths and JSON shapes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from .faults import Faults
from .generate import Recipe
from .signature import Known
from .world import Bucket, World

_RECIPE_FIELDS = {"jobs": "count", "seed": "seed", "spread": "spread", "newest": "newest", "shape": "shape",
                  "arrivals": "arrivals", "moving": "moving"}  # fmt: skip
_BUCKET_FIELDS = {"region", "given", "faults", "latency", "bound", "anchor"}


class Admin:
    """Answers admin requests about a world. A ValueError or KeyError inside becomes 400 or 404 with its text."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """`target` is the path below /_emulator/ with its query. Returns status and JSON."""
        path, _, query = target.partition("?")
        parts = [unquote(part) for part in path.split("/") if part]
        try:
            data = json.loads(body) if body else {}
            status, result = 200, self._route(method, parts, dict(parse_qsl(query)), data)
        except KeyError as missing:
            status, result = 404, {"error": f"no {missing.args[0]}"}
        except (ValueError, TypeError, AttributeError) as wrong:
            status, result = 400, {"error": str(wrong)}
        return status, json.dumps(result, ensure_ascii=False).encode()

    def _route(self, method: str, parts: list[str], query: dict[str, str], data: Any) -> Any:
        world = self._world
        match method, parts:
            case "GET", []:
                return {"now": world.clock.now(), "buckets": sorted(world.buckets), "latency": world.latency}
            case "POST", ["reset"]:
                world.reset()
            case "GET", ["switches"]:
                return world.switches.as_dict()
            case "PATCH", ["switches"]:
                world.switches = world.switches.changed(data)
                return world.switches.as_dict()
            case "GET", ["clock"]:
                return world.clock.as_dict()
            case "PUT", ["clock"]:
                world.clock.set(**data)
                return world.clock.as_dict()
            case "PUT", ["latency"]:
                world.latency = float(data["seconds"])
            case "GET", ["journal"]:
                return world.journal.calls(int(query.get("since", "0")), query.get("bucket", ""))
            case "DELETE", ["journal"]:
                world.journal.clear()
            case "GET", ["calls"]:
                return world.journal.counts()
            case "PUT", ["credentials"]:
                known = [Known(**one) for one in data]
                world.credentials = {one.secret_id: one for one in known}
            case "POST", ["credentials"]:
                world.credentials = world.credentials | {data["secret_id"]: Known(**data)}
            case "DELETE", ["credentials", secret_id]:
                world.credentials = {name: one for name, one in world.credentials.items() if name != secret_id}
            case _, ["buckets", name, *rest]:
                return self._bucket(method, name, rest, data)
            case _:
                raise KeyError(f"{method} /_emulator/{'/'.join(parts)}")
        return {}

    def _bucket(self, method: str, name: str, rest: list[str], data: Any) -> Any:
        world, now = self._world, self._world.clock.now()
        if (method, rest) == ("PUT", []):
            return _shown(create(world, name, data))
        bucket = world.buckets[name]
        match method, rest:
            case "GET", []:
                return _shown(bucket)
            case "PATCH", []:
                bucket.latency = data.get("latency", bucket.latency)
                bucket.bound = data.get("bound", bucket.bound)
                return _shown(bucket)
            case "DELETE", []:
                del world.buckets[name]
            case "GET", ["jobs"]:
                return [bucket.jobs.summary(row, now) for row in bucket.jobs.all_rows(now)]
            case "POST", ["jobs"]:
                return {"JobId": bucket.jobs.add(data, now)}
            case "PATCH", ["jobs", job_id]:
                bucket.jobs.change(job_id, data, now)
            case "DELETE", ["jobs", job_id]:
                bucket.jobs.remove(job_id, now)
            case "PUT", ["faults"]:
                bucket.faults = Faults(data)
            case "POST", ["faults"]:
                bucket.faults.add(data)
            case "DELETE", ["faults"]:
                bucket.faults = Faults()
            case _:
                raise KeyError(f"{method} {'/'.join(rest)} of a bucket")
        return {}


def create(world: World, name: str, spec: Mapping[str, Any]) -> Bucket:
    """Create or replace a bucket from the JSON of `PUT /_emulator/buckets/<name>`. Raises ValueError, KeyError."""
    unknown = set(spec) - set(_RECIPE_FIELDS) - _BUCKET_FIELDS
    if unknown:
        raise ValueError(f"a bucket has no {', '.join(sorted(unknown))}")
    recipe = {"seed": world.seed} | {_RECIPE_FIELDS[key]: value for key, value in spec.items() if key in _RECIPE_FIELDS}
    if recipe.get("arrivals"):
        recipe["arrivals"] = tuple(recipe["arrivals"])
    return world.create(
        name,
        spec["region"],
        recipe=Recipe(**recipe),
        given=spec.get("given", ()),
        faults=spec.get("faults", ()),
        latency=spec.get("latency"),
        bound=spec.get("bound", True),
        anchor=spec.get("anchor"),
    )


def _shown(bucket: Bucket) -> dict[str, Any]:
    return {
        "name": bucket.name,
        "region": bucket.region,
        "latency": bucket.latency,
        "bound": bucket.bound,
        "anchor": bucket.anchor,
    }
