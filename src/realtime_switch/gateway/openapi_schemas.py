"""What the HTTP addresses of a gateway answer and are asked, as schemas of its OpenAPI document."""

from typing import get_args

from ..accounts.questions import UsageTotals
from ..accounts.records import SwitchCause
from ..providers.endpoint import DialectName
from ..session.phase import Phase
from .client_secrets import SECONDS_DEFAULT, SECONDS_MAX, SECONDS_MIN
from .http_account import GROUPS
from .openapi_words import (
    COUNT,
    CURSOR,
    FLAG,
    SECONDS,
    TEXT,
    WHOLE,
    Json,
    list_of,
    maybe,
    named,
    object_of,
    one_of,
    page_of,
    ref,
    said,
)

_TOTALS: Json = {name: COUNT for name in UsageTotals.__struct_fields__ if name != "groups"}

_GROUPS: Json = {group.value: TEXT for group in GROUPS}
_FROM: Json = {"from": TEXT}
_MAYBE_FROM: Json = {"from": maybe(TEXT)}

_SESSION: Json = {
    "object": named("session"),
    "id": TEXT,
    "created_at": SECONDS,
    "updated_at": SECONDS,
    "characters": COUNT,
    "credits": COUNT,
    "has_settings": FLAG,
    "preview": TEXT,
}
_LIVE = said("A call has it now, in the gateway process that answers.", FLAG)
_DETAILS: Json = {
    "settings": said("What the client configured, in its dialect, without what is secret in it.", {}),
    "usage": ref("Totals"),
    "usage_by_provider": list_of(object_of(provider=TEXT, **_TOTALS)),
    "switches": list_of(ref("SessionSwitch")),
}
_PASSAGE: Json = {
    "object": named("session.passage"),
    "id": TEXT,
    "created_at": SECONDS,
    "text": TEXT,
}

SCHEMAS: Json = {
    "Error": object_of(error=object_of(message=TEXT, type=TEXT, param=maybe(TEXT), code=maybe(TEXT))),
    "GoogleError": object_of(error=object_of(code=WHOLE, message=TEXT, status=TEXT)),
    "Totals": object_of(**_TOTALS),
    "Account": object_of(
        object=named("account"),
        id=TEXT,
        email=TEXT,
        plan=TEXT,
        status=one_of("active", "closed"),
        credits=said("The sum of both purses; may lie below zero.", WHOLE),
        plan_credits=WHOLE,
        topup_credits=COUNT,
        overdraft=said("By how much credits lie below zero.", COUNT),
        created_at=SECONDS,
        key=said(
            "The key that asked, or that the secret was made with.",
            object_of(
                indicator=TEXT,
                label=TEXT,
                created_at=SECONDS,
                expires_at=maybe(SECONDS),
                last_used_at=maybe(SECONDS),
            ),
        ),
    ),
    "Usage": object_of(
        object=named("usage"),
        start_time=maybe(SECONDS),
        end_time=maybe(SECONDS),
        group_by=list_of(one_of(*GROUPS)),
        total=ref("Totals"),
        data=list_of(
            object_of(optional=GROUPS, **_GROUPS, **_TOTALS),
        ),
        has_more=FLAG,
        next=CURSOR,
    ),
    "Session": object_of(**_SESSION, live=_LIVE),
    "SessionWhole": object_of(**_SESSION, live=_LIVE, **_DETAILS, passages=page_of(ref("SessionPassage"))),
    "SessionPassage": object_of(**_PASSAGE),
    "SessionLine": {
        "description": "A line of an export: a session, then each of its passages.",
        "oneOf": [object_of(**_SESSION, **_DETAILS), object_of(**_PASSAGE, session_id=TEXT)],
    },
    "SessionSwitch": object_of(
        object=named("session.switch"),
        created_at=SECONDS,
        **_FROM,
        to=said("null: nobody was found.", maybe(TEXT)),
        cause=one_of(*SwitchCause),
        silent_ms=COUNT,
        attempts=COUNT,
    ),
    "SessionDeleted": object_of(object=named("session.deleted"), id=TEXT, deleted=named(True)),
    "Call": object_of(
        object=named("call"),
        id=said("The session's.", TEXT),
        state=one_of(*(phase.value for phase in Phase)),
        dialect=one_of(*get_args(DialectName)),
        provider=maybe(TEXT),
        model=maybe(TEXT),
        targets=list_of(TEXT),
        since=SECONDS,
    ),
    "CallSwitch": object_of(
        object=named("call.switch"),
        id=TEXT,
        **_MAYBE_FROM,
        to=maybe(TEXT),
        when=named("at the end of the turn"),
    ),
    "Model": object_of(id=TEXT, object=named("model"), created=WHOLE, owned_by=named("realtime-switch")),
    "ClientSecret": object_of(
        value=said("`ek_…`", TEXT),
        expires_at=SECONDS,
        session=object_of(
            closed=False,
            optional=("model",),
            type=one_of("realtime", "live"),
            object=one_of("realtime.session", "live.session"),
            id=TEXT,
            model=TEXT,
        ),
    ),
    "AuthToken": object_of(name=said("`auth_tokens/ek_…`", TEXT)),
}

CLIENT_SECRET_ASKED = object_of(
    closed=False,
    optional=("expires_after", "session", "opens"),
    expires_after=maybe(
        object_of(
            closed=False,
            optional=("anchor", "seconds"),
            anchor=named("created_at"),
            seconds={
                "type": "integer",
                "minimum": SECONDS_MIN,
                "maximum": SECONDS_MAX,
                "default": SECONDS_DEFAULT,
            },
        )
    ),
    session=maybe({"type": "object"}),
    opens=said(
        "`account`: it stands for the key, for a page in the hands of the account's owner.",
        {**one_of("call", "account"), "default": "call"},
    ),
)
AUTH_TOKEN_ASKED: Json = object_of(
    closed=False,
    optional=("name", "uses", "expireTime", "newSessionExpireTime", "bidiGenerateContentSetup", "fieldMask"),
    name=maybe(TEXT),
    uses=maybe(COUNT),
    expireTime=maybe({"type": "string", "format": "date-time"}),
    newSessionExpireTime=maybe({"type": "string", "format": "date-time"}),
    bidiGenerateContentSetup=maybe({"type": "object"}),
    fieldMask=maybe(TEXT),
)
