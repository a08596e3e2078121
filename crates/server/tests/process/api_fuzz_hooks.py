"""What schemathesis calls while it asks the API for `api_fuzz.rs`."""

import itertools
import json

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation import GenerationMode

KEY = "Idempotency-Key"
numbers = itertools.count()
answered = {}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives every request a key of its own, where a good one is meant: generated ones repeat, and a key that was
    used for another request is refused before anything else of the request is looked at."""
    headers = case.meta and case.meta.components.get(ParameterLocation.HEADER)
    if headers and headers.mode == GenerationMode.POSITIVE and KEY in (case.headers or {}):
        case.headers[KEY] = f"fuzz-{next(numbers)}"


@schemathesis.hook
def after_call(context, case, response):
    """Counts the answers of each operation by status, so that the test can tell whether it got past the door."""
    name = case.operation.definition.raw.get("operationId", case.operation.label)
    statuses = answered.setdefault(name, {})
    statuses[str(response.status_code)] = statuses.get(str(response.status_code), 0) + 1
    with open("answered.json", "w", encoding="utf-8") as file:
        json.dump(answered, file)
