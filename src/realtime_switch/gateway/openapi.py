"""`GET /v1/openapi.json`: every HTTP address of a gateway, as OpenAPI 3.1 has it.

Written by hand, in a few words of its own (openapi_words.py), because the shape of an answer
(openapi_schemas.py) is a promise and should not change by itself. tests/gateway/test_openapi.py holds it
against the addresses there are and what they answer, and docs/openapi.json against it.
"""

from ..accounts.questions import PAGE_MAX, ROWS_MAX, SEARCH_CHARS_MAX
from .http_account import GROUPS, GROUPS_MAX
from .openapi_schemas import AUTH_TOKEN_ASKED, CLIENT_SECRET_ASKED, SCHEMAS
from .openapi_words import (
    AFTER,
    BODY_REFUSED,
    SECONDS,
    TEXT,
    Json,
    answers,
    body,
    in_path,
    limit,
    list_of,
    maybe,
    named,
    object_of,
    one_of,
    operation,
    page_of,
    query,
    ref,
    refused,
    said,
)

_ID = in_path("id", "The session's id; percent-encoded where it holds `%`, `?` or `#`, slashes are fine.")
_TIME = {"anyOf": [SECONDS, {"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
_FORMAT = query(
    "format", "Comes before the header Accept.", {**one_of("json", "jsonl", "text"), "default": "json"}
)
_PLAIN: Json = {"text/plain": {"schema": TEXT}}
_PAGE_FILE: Json = {
    kind: {"schema": TEXT} for kind in ("text/javascript", "text/css", "text/html", "image/svg+xml")
}
_TAKEN_AWAY: Json = {"application_jsonl": ref("SessionLine"), "text_plain": TEXT}
_NOBODY: Json = {"security": []}
_GOOGLES: Json = {"security": [{"goog_key": []}, {"bearer": []}]}


def _auth_tokens(version: str) -> Json:
    return {
        "post": operation(
            f"createAuthToken_{version}",
            "Make a short-lived key for a page with a Gemini client, in Google's shapes.",
            {
                "200": answers("The token.", ref("AuthToken")),
                **refused(*BODY_REFUSED, 403, 429, shape="GoogleError"),
            },
            requestBody=body(AUTH_TOKEN_ASKED),
            **_GOOGLES,
        )
    }


_PATHS: Json = {
    "/": {
        "get": operation(
            "page",
            "The page, for a browser; what this is, for everybody else.",
            {"200": {"description": "Text.", "content": {**_PLAIN, "text/html": {"schema": TEXT}}}},
            **_NOBODY,
        )
    },
    "/page/{name}": {
        "parameters": [in_path("name", "With a hash of its content.")],
        "get": operation(
            "pageFile",
            "A file of the page.",
            {
                "200": {"description": "It never changes.", "content": _PAGE_FILE},
                **refused(404),
            },
            **_NOBODY,
        ),
    },
    "/healthz": {
        "get": operation(
            "healthz",
            "Whether the process runs.",
            {"200": {"description": "It does.", "content": _PLAIN}},
            **_NOBODY,
        )
    },
    "/readyz": {
        "get": operation(
            "readyz",
            "Whether new calls can be taken.",
            {
                "200": {"description": "They can.", "content": _PLAIN},
                "503": {"description": "They cannot, and why.", "content": _PLAIN},
            },
            **_NOBODY,
        )
    },
    "/metrics": {
        "get": operation(
            "metrics",
            "Prometheus metrics of all processes of the machine.",
            {"200": {"description": "Prometheus' text format.", "content": _PLAIN}, **refused(401)},
            security=[{"metrics_token": []}],
        )
    },
    "/v1/openapi.json": {
        "get": operation(
            "openapi", "This document.", {"200": answers("OpenAPI 3.1.", {"type": "object"})}, **_NOBODY
        )
    },
    "/v1/account": {
        "get": operation(
            "account",
            "What is left, and what the key is.",
            {"200": answers("The account.", ref("Account")), **refused(400, 401, 403, 503)},
        )
    },
    "/v1/usage": {
        "get": operation(
            "usage",
            "What was used, in all and by groups.",
            {"200": answers("Sums.", ref("Usage")), **refused(400, 401, 403, 503)},
            parameters=[
                query("start_time", "From then. An ISO time without an offset is UTC.", _TIME),
                query("end_time", "Until before then.", _TIME),
                {
                    **query(
                        "group_by",
                        "A row for each; in this order. Days and hours are UTC.",
                        {**list_of(one_of(*GROUPS)), "maxItems": GROUPS_MAX, "uniqueItems": True},
                    ),
                    "style": "form",
                    "explode": False,
                },
                AFTER,
                limit(ROWS_MAX, ROWS_MAX),
            ],
        )
    },
    "/v1/sessions": {
        "get": operation(
            "sessions",
            "What is remembered; the session that began last comes first.",
            {
                "200": answers("A page, or all from here on.", page_of(ref("Session")), **_TAKEN_AWAY),
                **refused(400, 401, 403, 503),
            },
            parameters=[
                query("q", "Only where this was said.", {"type": "string", "maxLength": SEARCH_CHARS_MAX}),
                AFTER,
                limit(PAGE_MAX, 50),
                _FORMAT,
            ],
        )
    },
    "/v1/sessions/{id}": {
        "parameters": [_ID],
        "get": operation(
            "session",
            "One session, with a page of what was said in it, the oldest first.",
            {
                "200": answers("A page, or all from here on.", ref("SessionWhole"), **_TAKEN_AWAY),
                **refused(400, 401, 403, 404, 503),
            },
            parameters=[AFTER, limit(PAGE_MAX, PAGE_MAX), _FORMAT],
        ),
        "delete": operation(
            "deleteSession",
            "Forget all of it but its bills. Not while a call has it.",
            {
                "200": answers("It is gone.", ref("SessionDeleted")),
                **refused(400, 401, 403, 404, 409, 503),
            },
        ),
    },
    "/v1/calls": {
        "get": operation(
            "calls",
            "The account's calls in the gateways of the machine that answers, the oldest first.",
            {
                "200": answers("All of them.", object_of(object=named("list"), data=list_of(ref("Call")))),
                **refused(401, 403, 503),
            },
        )
    },
    "/v1/calls/{id}/switch": {
        "parameters": [_ID],
        "post": operation(
            "switchCall",
            "Take a live call to another target of its route, at the end of the turn.",
            {
                "202": answers("It is being done.", ref("CallSwitch")),
                **refused(*BODY_REFUSED, 403, 404, 409),
            },
            requestBody=body(
                object_of(
                    optional=("target",),
                    target=said("One of the call's `targets`; none: the next that works.", maybe(TEXT)),
                )
            ),
        ),
    },
    "/v1/models": {
        "get": operation(
            "models",
            "What a client may name as its model.",
            {
                "200": answers("All names.", object_of(object=named("list"), data=list_of(ref("Model")))),
                **refused(401, 403, 503),
            },
        )
    },
    "/v1/models/{model}": {
        "parameters": [in_path("model", "A name; what an alias matches is one too.")],
        "get": operation(
            "model",
            "Whether a client may name this as its model.",
            {"200": answers("It may.", ref("Model")), **refused(401, 403, 404, 503)},
        ),
    },
    "/v1/realtime/client_secrets": {
        "post": operation(
            "createClientSecret",
            "Make a short-lived key for a page. Takes an API key, or once the code of a link.",
            {
                "200": answers("The secret.", ref("ClientSecret")),
                **refused(*BODY_REFUSED, 403, 429),
            },
            parameters=[query("session_id", "Which session it opens; none: a new one.", TEXT)],
            requestBody=body(CLIENT_SECRET_ASKED),
        )
    },
    **{f"/{version}/auth_tokens": _auth_tokens(version) for version in ("v1", "v1alpha", "v1beta")},
}

DOCUMENT: Json = {
    "openapi": "3.1.0",
    "info": {
        "title": "Realtime Switch",
        "version": "1",
        "description": "The HTTP addresses of a gateway. Calls are WebSockets: docs/http-api.md.",
    },
    "servers": [{"url": "/"}],
    "security": [{"bearer": []}],
    "paths": _PATHS,
    "components": {
        "schemas": SCHEMAS,
        "securitySchemes": {
            "bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "An API key, or a client secret that was made with `opens: account`.",
            },
            "goog_key": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
            "metrics_token": {
                "type": "http",
                "scheme": "bearer",
                "description": "The token of the metrics, which is no API key.",
            },
        },
    },
}

if __name__ == "__main__":
    import sys

    import msgspec

    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(DOCUMENT), indent=2) + b"\n")
