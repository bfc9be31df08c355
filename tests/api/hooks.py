"""What the requests of tests/tests/api_document.rs need beside the document: a session with a grant, and numbers as JSON writers write them."""

import os
import re

import schemathesis

# Each with what is put into its place.
VALID = {
    "site": (lambda value: isinstance(value, str) and re.fullmatch("[a-z0-9][a-z0-9_-]{0,31}", value), "demo"),
    "session": (
        lambda value: isinstance(value, str) and re.fullmatch("[0-9a-f]{32}", value),
        os.environ["WAVER_TEST_SESSION"],
    ),
    "consent_epoch": (
        lambda value: type(value) is int and 0 <= value < 2**32,
        int(os.environ["WAVER_TEST_EPOCH"]),
    ),
}


@schemathesis.hook
def map_body(context, body):
    body = with_plain_integers(body)
    is_flag = context.operation.path.startswith("/ofrep/")
    if is_flag or context.operation.path in ("/v1/consents", "/v1/decisions", "/v1/events"):
        body = without_strange_names(body, spared=("targetingKey",))
    if context.operation.path in ("/v1/events", "/v1/decisions"):
        put_grant(body, "session")
    if is_flag and isinstance(body, dict):
        put_grant(body.get("context"), "targetingKey")
    # The session with the grant is needed until the end: others are erased.
    if context.operation.path in ("/v1/erase", "/v1/me") and isinstance(body, dict):
        is_valid, granted = VALID["site"]
        if is_valid(body.get("site")):
            body["site"] = granted
    return body


def put_grant(body, session):
    """The session with a grant in the place of others; `session` is what it is called here. What was made wrong on purpose stays wrong."""
    if not isinstance(body, dict):
        return
    for name, (is_valid, granted) in VALID.items():
        name = session if name == "session" else name
        if is_valid(body.get(name)):
            body[name] = granted


def without_strange_names(value, spared=()):
    """Fields that nobody knows may be there, but not with what looks like a person's, which made-up ones do now and then."""
    if isinstance(value, dict):
        is_plain = lambda name: name in spared or re.fullmatch("[a-z][a-z0-9_]*", name)
        return {name: without_strange_names(inner, spared) for name, inner in value.items() if is_plain(name)}
    if isinstance(value, list):
        return [without_strange_names(inner, spared) for inner in value]
    return value


def with_plain_integers(value):
    """To JSON Schema 1.0 is an integer. Nobody writes one like that, and the collector does not read it as one."""
    if isinstance(value, dict):
        return {name: with_plain_integers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [with_plain_integers(inner) for inner in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
