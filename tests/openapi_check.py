"""Holds an answer of a gateway against what docs/openapi.json says of its address."""

import re
from typing import Any

import httpx
import msgspec
from jsonschema import Draft202012Validator

from realtime_switch.gateway.openapi import DOCUMENT

_PLACES = sorted(DOCUMENT["paths"], key=lambda path: (path.count("{"), path))  # the plain ones first


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    for template in _PLACES:
        pattern = re.sub(r"\{[a-z]+\}", ".+", template)
        if re.fullmatch(pattern, path) and method.lower() in DOCUMENT["paths"][template]:
            return DOCUMENT["paths"][template][method.lower()]
    return None


def check_answer(answer: httpx.Response) -> tuple[str, str]:
    """The operation and the status; fails where the document says otherwise."""
    method, path = answer.request.method, answer.request.url.path
    operation = operation_of(method, path)
    assert operation is not None, f"{method} {path} is not in the document"
    said = operation["responses"].get(str(answer.status_code))
    assert said is not None, f"{method} {path} does not answer {answer.status_code}: {answer.text}"
    kind = answer.headers["content-type"].partition(";")[0]
    assert kind in said["content"], f"{method} {path} does not answer in {kind}"
    schema = said["content"][kind]["schema"]
    for value in _values(kind, answer):
        complaints = [error.message for error in validator(schema).iter_errors(value)]
        assert complaints == [], f"{method} {path}, {answer.status_code}"
    return operation["operationId"], str(answer.status_code)


def validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def _values(kind: str, answer: httpx.Response) -> list[Any]:
    if kind == "application/jsonl":
        return [msgspec.json.decode(line) for line in answer.content.splitlines()]
    return [answer.json() if kind == "application/json" else answer.text]
