"""`GET /v1/openapi.json`: every HTTP address of a gateway, as OpenAPI 3.1 has it.

Written by hand, with a few words of its own, because an answer's shape is a promise and should not change by
itself. tests/gateway/test_openapi.py holds it against the addresses there are and what they answer, and
docs/openapi.json against it.
"""

from typing import Any

from ..accounts.questions import PAGE_MAX, ROWS_MAX, SEARCH_CHARS_MAX, UsageTotals
from ..accounts.records import SwitchCause
from ..session.phase import Phase
from .client_secrets import SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN
from .http_account import GROUPS, GROUPS_MAX

Json = dict[str, Any]

# -- Words ------------------------------------------------------------------------------------------------


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(*, closed: bool = True, optional: tuple[str, ...] = (), **members: Json) -> Json:
    """All members are there but the optional ones; `closed`: and no others."""
    required = [name for name in members if name not in optional]
    more = {} if not closed else {"additionalProperties": False}
    return {"type": "object", "properties": members, **({"required": required} if required else {}), **more}


def _said(text: str, schema: Json) -> Json:
    return {**schema, "description": text}


def _named(name: str | bool) -> Json:
    return {"const": name}


def _one_of(*names: str) -> Json:
    return {"type": "string", "enum": [*names]}


def _maybe(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _list(of: Json) -> Json:
    return {"type": "array", "items": of}


def _page(of: Json) -> Json:
    return _object(object=_named("list"), data=_list(of), has_more=_FLAG, next=_CURSOR)


def _query(name: str, text: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": text, "required": False, "schema": schema}


def _in_path(name: str, text: str) -> Json:
    return {"name": name, "in": "path", "description": text, "required": True, "schema": _TEXT}


def _answers(text: str, schema: Json, **other: Json) -> Json:
    content = {"application/json": {"schema": schema}}
    content |= {kind.replace("_", "/"): {"schema": one} for kind, one in other.items()}
    return {"description": text, "content": content}


def _refused(*statuses: int, shape: str = "Error") -> Json:
    return {str(status): _answers(_REFUSED[status], _ref(shape)) for status in statuses}


def _body(schema: Json) -> Json:
    return {"required": False, "content": {"application/json": {"schema": schema}}}


_TEXT: Json = {"type": "string"}
_FLAG: Json = {"type": "boolean"}
_WHOLE: Json = {"type": "integer"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_SECONDS: Json = {"type": "integer", "minimum": 0, "description": "Seconds since 1970."}
_CURSOR = _said("Hand it back as `after`; null at the end.", _maybe(_TEXT))
_AFTER = _query("after", "The `next` of the last page.", _TEXT)
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
_BODY_REFUSED = (400, 401, 408, 413, 503)


def _limit(most: int, usual: int) -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": usual}
    return _query("limit", "How many at most.", schema)


def _operation(name: str, summary: str, answers: Json, **more: Any) -> Json:
    return {"operationId": name, "summary": summary, **more, "responses": answers}


# -- Shapes -----------------------------------------------------------------------------------------------

_TOTALS: Json = {name: _COUNT for name in UsageTotals.__struct_fields__ if name != "groups"}

_GROUPS: Json = {group.value: _TEXT for group in GROUPS}
_FROM: Json = {"from": _TEXT}
_MAYBE_FROM: Json = {"from": _maybe(_TEXT)}

_SESSION: Json = {
    "object": _named("session"),
    "id": _TEXT,
    "created_at": _SECONDS,
    "updated_at": _SECONDS,
    "characters": _COUNT,
    "credits": _COUNT,
    "has_settings": _FLAG,
    "preview": _TEXT,
}
_LIVE = _said("A call has it now, in the gateway process that answers.", _FLAG)
_DETAILS: Json = {
    "settings": _said("What the client configured, in its dialect, without what is secret in it.", {}),
    "usage": _ref("Totals"),
    "usage_by_provider": _list(_object(provider=_TEXT, **_TOTALS)),
    "switches": _list(_ref("SessionSwitch")),
}
_PASSAGE: Json = {
    "object": _named("session.passage"),
    "id": _TEXT,
    "created_at": _SECONDS,
    "text": _TEXT,
}

_SCHEMAS: Json = {
    "Error": _object(error=_object(message=_TEXT, type=_TEXT, param=_maybe(_TEXT), code=_maybe(_TEXT))),
    "GoogleError": _object(error=_object(code=_WHOLE, message=_TEXT, status=_TEXT)),
    "Totals": _object(**_TOTALS),
    "Account": _object(
        object=_named("account"),
        id=_TEXT,
        email=_TEXT,
        plan=_TEXT,
        status=_one_of("active", "closed"),
        credits=_said("The sum of both purses; may lie below zero.", _WHOLE),
        plan_credits=_WHOLE,
        topup_credits=_COUNT,
        overdraft=_said("By how much credits lie below zero.", _COUNT),
        created_at=_SECONDS,
        key=_said(
            "The key that asked, or that the secret was made with.",
            _object(
                indicator=_TEXT,
                label=_TEXT,
                created_at=_SECONDS,
                expires_at=_maybe(_SECONDS),
                last_used_at=_maybe(_SECONDS),
            ),
        ),
    ),
    "Usage": _object(
        object=_named("usage"),
        start_time=_maybe(_SECONDS),
        end_time=_maybe(_SECONDS),
        group_by=_list(_one_of(*GROUPS)),
        total=_ref("Totals"),
        data=_list(
            _object(optional=GROUPS, **_GROUPS, **_TOTALS),
        ),
        has_more=_FLAG,
        next=_CURSOR,
    ),
    "Session": _object(**_SESSION, live=_LIVE),
    "SessionWhole": _object(**_SESSION, live=_LIVE, **_DETAILS, passages=_page(_ref("SessionPassage"))),
    "SessionPassage": _object(**_PASSAGE),
    "SessionLine": {
        "description": "A line of an export: a session, then each of its passages.",
        "oneOf": [_object(**_SESSION, **_DETAILS), _object(**_PASSAGE, session_id=_TEXT)],
    },
    "SessionSwitch": _object(
        object=_named("session.switch"),
        created_at=_SECONDS,
        **_FROM,
        to=_said("null: nobody was found.", _maybe(_TEXT)),
        cause=_one_of(*SwitchCause),
        silent_ms=_COUNT,
        attempts=_COUNT,
    ),
    "SessionDeleted": _object(object=_named("session.deleted"), id=_TEXT, deleted=_named(True)),
    "Call": _object(
        object=_named("call"),
        id=_said("The session's.", _TEXT),
        state=_one_of(*(phase.value for phase in Phase)),
        dialect=_one_of("openai", "gemini"),
        provider=_maybe(_TEXT),
        model=_maybe(_TEXT),
        targets=_list(_TEXT),
        since=_SECONDS,
    ),
    "CallSwitch": _object(
        object=_named("call.switch"),
        id=_TEXT,
        **_MAYBE_FROM,
        to=_maybe(_TEXT),
        when=_named("at the end of the turn"),
    ),
    "Model": _object(id=_TEXT, object=_named("model"), created=_WHOLE, owned_by=_named("realtime-switch")),
    "ClientSecret": _object(
        value=_said("`ek_…`", _TEXT),
        expires_at=_SECONDS,
        session=_object(
            closed=False,
            optional=("model",),
            type=_one_of("realtime", "live"),
            object=_one_of("realtime.session", "live.session"),
            id=_TEXT,
            model=_TEXT,
        ),
    ),
    "AuthToken": _object(name=_said("`auth_tokens/ek_…`", _TEXT)),
}

_CLIENT_SECRET_ASKED = _object(
    closed=False,
    optional=("expires_after", "session", "opens"),
    expires_after=_maybe(
        _object(
            closed=False,
            optional=("anchor", "seconds"),
            anchor=_named("created_at"),
            seconds={
                "type": "integer",
                "minimum": SECONDS_MIN,
                "maximum": SECONDS_MAX,
                "default": SECONDS_DEFAULT,
            },
        )
    ),
    session=_maybe({"type": "object"}),
    opens=_said(
        "`account`: it stands for the key, for a page in the hands of the account's owner.",
        {**_one_of("call", "account"), "default": "call"},
    ),
)
_AUTH_TOKEN_ASKED: Json = _object(
    closed=False,
    optional=("name", "uses", "expireTime", "newSessionExpireTime", "bidiGenerateContentSetup", "fieldMask"),
    name=_maybe(_TEXT),
    uses=_maybe(_COUNT),
    expireTime=_maybe({"type": "string", "format": "date-time"}),
    newSessionExpireTime=_maybe({"type": "string", "format": "date-time"}),
    bidiGenerateContentSetup=_maybe({"type": "object"}),
    fieldMask=_maybe(_TEXT),
)

# -- Addresses --------------------------------------------------------------------------------------------

_ID = _in_path("id", "The session's id; percent-encoded where it holds `%`, `?` or `#`, slashes are fine.")
_TIME = {"anyOf": [_SECONDS, {"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
_FORMAT = _query(
    "format", "Comes before the header Accept.", {**_one_of("json", "jsonl", "text"), "default": "json"}
)
_PLAIN: Json = {"text/plain": {"schema": _TEXT}}
_PAGE_FILE: Json = {
    kind: {"schema": _TEXT} for kind in ("text/javascript", "text/css", "text/html", "image/svg+xml")
}
_TAKEN_AWAY: Json = {"application_jsonl": _ref("SessionLine"), "text_plain": _TEXT}
_NOBODY: Json = {"security": []}
_GOOGLES: Json = {"security": [{"goog_key": []}, {"bearer": []}]}


def _auth_tokens(version: str) -> Json:
    return {
        "post": _operation(
            f"createAuthToken_{version}",
            "Make a short-lived key for a page with a Gemini client, in Google's shapes.",
            {
                "200": _answers("The token.", _ref("AuthToken")),
                **_refused(*_BODY_REFUSED, 403, 429, shape="GoogleError"),
            },
            requestBody=_body(_AUTH_TOKEN_ASKED),
            **_GOOGLES,
        )
    }


_PATHS: Json = {
    "/": {
        "get": _operation(
            "page",
            "The page, for a browser; what this is, for everybody else.",
            {"200": {"description": "Text.", "content": {**_PLAIN, "text/html": {"schema": _TEXT}}}},
            **_NOBODY,
        )
    },
    "/page/{name}": {
        "parameters": [_in_path("name", "With a hash of its content.")],
        "get": _operation(
            "pageFile",
            "A file of the page.",
            {
                "200": {"description": "It never changes.", "content": _PAGE_FILE},
                **_refused(404),
            },
            **_NOBODY,
        ),
    },
    "/healthz": {
        "get": _operation(
            "healthz",
            "Whether the process runs.",
            {"200": {"description": "It does.", "content": _PLAIN}},
            **_NOBODY,
        )
    },
    "/readyz": {
        "get": _operation(
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
        "get": _operation(
            "metrics",
            "Prometheus metrics of all processes of the machine.",
            {"200": {"description": "Prometheus' text format.", "content": _PLAIN}, **_refused(401)},
            security=[{"metrics_token": []}],
        )
    },
    "/v1/openapi.json": {
        "get": _operation(
            "openapi", "This document.", {"200": _answers("OpenAPI 3.1.", {"type": "object"})}, **_NOBODY
        )
    },
    "/v1/account": {
        "get": _operation(
            "account",
            "What is left, and what the key is.",
            {"200": _answers("The account.", _ref("Account")), **_refused(400, 401, 403, 503)},
        )
    },
    "/v1/usage": {
        "get": _operation(
            "usage",
            "What was used, in all and by groups.",
            {"200": _answers("Sums.", _ref("Usage")), **_refused(400, 401, 403, 503)},
            parameters=[
                _query("start_time", "From then. An ISO time without an offset is UTC.", _TIME),
                _query("end_time", "Until before then.", _TIME),
                {
                    **_query(
                        "group_by",
                        "A row for each; in this order. Days and hours are UTC.",
                        {**_list(_one_of(*GROUPS)), "maxItems": GROUPS_MAX, "uniqueItems": True},
                    ),
                    "style": "form",
                    "explode": False,
                },
                _AFTER,
                _limit(ROWS_MAX, ROWS_MAX),
            ],
        )
    },
    "/v1/sessions": {
        "get": _operation(
            "sessions",
            "What is remembered; the session that began last comes first.",
            {
                "200": _answers("A page, or all from here on.", _page(_ref("Session")), **_TAKEN_AWAY),
                **_refused(400, 401, 403, 503),
            },
            parameters=[
                _query("q", "Only where this was said.", {"type": "string", "maxLength": SEARCH_CHARS_MAX}),
                _AFTER,
                _limit(PAGE_MAX, 50),
                _FORMAT,
            ],
        )
    },
    "/v1/sessions/{id}": {
        "parameters": [_ID],
        "get": _operation(
            "session",
            "One session, with a page of what was said in it, the oldest first.",
            {
                "200": _answers("A page, or all from here on.", _ref("SessionWhole"), **_TAKEN_AWAY),
                **_refused(400, 401, 403, 404, 503),
            },
            parameters=[_AFTER, _limit(PAGE_MAX, PAGE_MAX), _FORMAT],
        ),
        "delete": _operation(
            "deleteSession",
            "Forget all of it but its bills. Not while a call has it.",
            {
                "200": _answers("It is gone.", _ref("SessionDeleted")),
                **_refused(400, 401, 403, 404, 409, 503),
            },
        ),
    },
    "/v1/calls": {
        "get": _operation(
            "calls",
            "The account's calls in the gateways of the machine that answers, the oldest first.",
            {
                "200": _answers("All of them.", _object(object=_named("list"), data=_list(_ref("Call")))),
                **_refused(401, 403, 503),
            },
        )
    },
    "/v1/calls/{id}/switch": {
        "parameters": [_ID],
        "post": _operation(
            "switchCall",
            "Take a live call to another target of its route, at the end of the turn.",
            {
                "202": _answers("It is being done.", _ref("CallSwitch")),
                **_refused(*_BODY_REFUSED, 403, 404, 409),
            },
            requestBody=_body(
                _object(
                    optional=("target",),
                    target=_said("One of the call's `targets`; none: the next that works.", _maybe(_TEXT)),
                )
            ),
        ),
    },
    "/v1/models": {
        "get": _operation(
            "models",
            "What a client may name as its model.",
            {
                "200": _answers("All names.", _object(object=_named("list"), data=_list(_ref("Model")))),
                **_refused(401, 403, 503),
            },
        )
    },
    "/v1/models/{model}": {
        "parameters": [_in_path("model", "A name; what an alias matches is one too.")],
        "get": _operation(
            "model",
            "Whether a client may name this as its model.",
            {"200": _answers("It may.", _ref("Model")), **_refused(401, 403, 404, 503)},
        ),
    },
    "/v1/realtime/client_secrets": {
        "post": _operation(
            "createClientSecret",
            "Make a short-lived key for a page. Takes an API key, or once the code of a link.",
            {
                "200": _answers("The secret.", _ref("ClientSecret")),
                **_refused(*_BODY_REFUSED, 403, 429),
            },
            parameters=[_query("session_id", "Which session it opens; none: a new one.", _TEXT)],
            requestBody=_body(_CLIENT_SECRET_ASKED),
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
        "schemas": _SCHEMAS,
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
