"""The words in which a gateway's OpenAPI document is written: what JSON may be, and what an address is."""

from typing import Any

Json = dict[str, Any]

# -- What JSON may be -------------------------------------------------------------------------------------

TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
WHOLE: Json = {"type": "integer"}
COUNT: Json = {"type": "integer", "minimum": 0}
SECONDS: Json = {"type": "integer", "minimum": 0, "description": "Seconds since 1970."}


def ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def object_of(*, closed: bool = True, optional: tuple[str, ...] = (), **members: Json) -> Json:
    """All members are there but the optional ones; `closed`: and no others."""
    required = [name for name in members if name not in optional]
    more = {} if not closed else {"additionalProperties": False}
    return {"type": "object", "properties": members, **({"required": required} if required else {}), **more}


def said(text: str, schema: Json) -> Json:
    return {**schema, "description": text}


def named(name: str | bool) -> Json:
    return {"const": name}


def one_of(*names: str) -> Json:
    return {"type": "string", "enum": [*names]}


def maybe(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def list_of(of: Json) -> Json:
    return {"type": "array", "items": of}


CURSOR = said("Hand it back as `after`; null at the end.", maybe(TEXT))


def page_of(of: Json) -> Json:
    return object_of(object=named("list"), data=list_of(of), has_more=FLAG, next=CURSOR)


# -- What an address is -----------------------------------------------------------------------------------

_REFUSED = {
    400: "Something is wrong with the question; `param` says what.",
    401: "No key, or one that is wrong, expired or revoked.",
    403: "A client secret that does not open this, or a closed account.",
    404: "It is not there.",
    408: "The body did not arrive in time.",
    409: "It cannot be now; the message says why.",
    413: "The body is too large.",
    429: "No credits are left.",
    503: "The business process is away, or did not answer in time. Try again shortly.",
}
BODY_REFUSED = (400, 401, 408, 413, 503)


def query(name: str, text: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": text, "required": False, "schema": schema}


def in_path(name: str, text: str) -> Json:
    return {"name": name, "in": "path", "description": text, "required": True, "schema": TEXT}


def answers(text: str, schema: Json, **other: Json) -> Json:
    content = {"application/json": {"schema": schema}}
    content |= {kind.replace("_", "/"): {"schema": one} for kind, one in other.items()}
    return {"description": text, "content": content}


def refused(*statuses: int, shape: str = "Error") -> Json:
    return {str(status): answers(_REFUSED[status], ref(shape)) for status in statuses}


def body(schema: Json) -> Json:
    return {"required": False, "content": {"application/json": {"schema": schema}}}


AFTER = query("after", "The `next` of the last page.", TEXT)


def limit(most: int, usual: int) -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return query("limit", "How many at most.", schema)


def operation(name: str, summary: str, responses: Json, **more: Any) -> Json:
    return {"operationId": name, "summary": summary, **more, "responses": responses}
