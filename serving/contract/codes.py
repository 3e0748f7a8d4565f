"""Codes of everything that can go wrong, with what they mean. The docs' page is made from them."""

from collections.abc import Mapping
from dataclasses import dataclass

PAGE = "/docs/reference/errors.md"
"""Path of the page that lists all codes; the server answers it, too."""


@dataclass(frozen=True)
class Code:
    """One thing that can go wrong.

    Parameters
    ----------
    status : int or None
        HTTP status; None for a prediction that is withheld in an answer.
    means : str
        What is wrong.
    remedy : str
        What to do about it.
    """

    status: int | None
    means: str
    remedy: str


HELD_CODES = ("unknown_subscription", "unknown_customer", "unknown_account")
"""Of events that wait for their id."""

CODES: Mapping[str, Code] = {
    "invalid_json": Code(
        400,
        "The body is not JSON in UTF-8. NaN and Infinity are not JSON.",
        "Correct the client.",
    ),
    "repeated_key": Code(
        400,
        "An object in the body has the same key twice, and one value would be lost.",
        "Correct the client.",
    ),
    "invalid_http": Code(
        400,
        "What was sent cannot be read as a request of HTTP/1.1.",
        "Correct the client; it may speak TLS or HTTP/2, which the service does not.",
    ),
    "invalid_idempotency_key": Code(
        400,
        "`Idempotency-Key` is not one value of 1 to 255 printable ASCII characters without spaces.",
        "Correct the client.",
    ),
    "unauthorized": Code(
        401,
        "The service has API keys, and the request brings none that is valid.",
        "Send `Authorization: Bearer KEY`.",
    ),
    "forbidden": Code(
        403,
        "The key lacks a scope, which `detail` names; or there is no key, and the request comes from"
        " another machine, through a proxy or from another web page.",
        "Ask for a key with the scope.",
    ),
    "not_found": Code(404, "There is nothing at this path.", "Correct the path."),
    "method_not_allowed": Code(
        405, "The path does not take this method.", "Use a method of the header `Allow`."
    ),
    "late": Code(
        408,
        "The head or the body of the request did not arrive in time.",
        "Send the request again, its parts without a pause.",
    ),
    "no_events": Code(
        409,
        "The home takes no events: it has no operator's features in the packed online store, or may"
        " not be written.",
        "Ask the operator of the service to build and materialize features.",
    ),
    "in_progress": Code(
        409,
        "A request with the same `Idempotency-Key` is being worked on.",
        "Send the request again after the seconds in `Retry-After`.",
    ),
    "read_only": Code(
        409,
        "The home cannot be written where it is served, so nothing is changed.",
        "Ask the operator of the service.",
    ),
    "no_ledger": Code(
        409,
        "The ledger of care cannot be opened where the home is served, or not be written.",
        "Ask the operator of the service; its log says what is wrong.",
    ),
    "no_scores": Code(
        409,
        "No night has reported the scores of an operator's customers in this home yet.",
        "Ask again after the next night. Scores of a team's own table are asked for by id.",
    ),
    "cursor_expired": Code(
        410,
        "`since` is older than 30 days, or what it was reading is not there any more.",
        "Begin a full export with `GET /v1/scores` without `since`, and replace all scores kept"
        " before.",
    ),
    "too_large": Code(413, "The body is larger than allowed.", "Send fewer items at once."),
    "unsupported_media_type": Code(
        415,
        "The header `Content-Type` is not `application/json`, or the body is compressed.",
        "Send `Content-Type: application/json`, and no `Content-Encoding`.",
    ),
    "misdirected": Code(
        421,
        "There is no API key, and the request names another host than this machine.",
        "Make a key, or use a loopback name.",
    ),
    "invalid_request": Code(
        422, "A field breaks a rule; `errors` names field and rule.", "Correct the request."
    ),
    "idempotency_key_reused": Code(
        422,
        "The `Idempotency-Key` was sent with another request within 24 hours.",
        "Choose a new one for each request.",
    ),
    "too_many_requests": Code(
        429,
        "The key has sent more requests in a minute than it may.",
        "Send the request again after the seconds in `Retry-After`.",
    ),
    "headers_too_large": Code(
        431,
        "The request line and headers are larger than allowed.",
        "Send fewer or shorter headers.",
    ),
    "internal": Code(500, "An error in the server; its log shows where.", "Report it."),
    "unavailable": Code(
        503,
        "Models or features are being replaced, or the server is about to stop.",
        "Send the request again after the seconds in `Retry-After`.",
    ),
    "too_many_connections": Code(
        503,
        "The server has as many open connections as it may have, and all are being answered.",
        "Send the request again after the seconds in `Retry-After`, over fewer connections.",
    ),
    "model_unavailable": Code(
        503,
        "No version of a model that the request names can be loaded.",
        "Ask other models; the operator of the service finds the reason in its log.",
    ),
    "timeout": Code(
        504,
        "The answer was not ready in time.",
        "Send fewer items, or ask for fewer reasons.",
    ),
    "error": Code(None, "Another error; its HTTP status says which.", "Read `detail`."),
    "unknown_customer": Code(
        None,
        "None of the models asked has features of this customer; or an event names one that no build"
        " of features knows, and is held.",
        "Check the id. A new customer is known after the next night; then events that are held count.",
    ),
    "unknown_account": Code(
        None,
        "An event names an account that no build of features knows, and is held.",
        "Check the id. A new account is known after the next night; then events that are held count.",
    ),
    "unknown_subscription": Code(
        None,
        "None of the models asked has features of this subscription; or an event names one that no"
        " build of features knows, and is held.",
        "Check the id. A new subscription is known after the next night; then events that are held"
        " count.",
    ),
    "subscriptions_unknown": Code(
        None,
        "The online store does not say which subscriptions a customer has.",
        "Ask with `subscription_ids`. The operator of the service can materialize features again, into"
        " packed records.",
    ),
    "profiling_objection": Code(
        None,
        "The key is for marketing, and the customer objects to profiling.",
        "Do not use the customer's data for marketing.",
    ),
    "no_basis": Code(
        None,
        "The key is for marketing, and the score uses traffic or location data without the customer's"
        " consent.",
        "Do not use the customer's data for marketing.",
    ),
    "not_predicted": Code(
        None,
        "The last night found that the model may not speak of it, such as of a subscription that"
        " has ended or is leaving already.",
        "Do not use an earlier score.",
    ),
    "features_too_old": Code(
        None,
        "The features are older than `limits.withheld_after_days`.",
        "Ask the operator of the service to build features.",
    ),
}
"""By code. Those without a status are the `error` of a single prediction."""

_OF_STATUS = {code.status: name for name, code in reversed(list(CODES.items()))}


def code_of_status(status: int) -> str:
    """The code of an error that names none, by its HTTP status."""
    return _OF_STATUS.get(status, "error")


def codes_page() -> str:
    """The page of the docs, as Markdown."""
    lines = [
        "# Errors of the service",
        "",
        "Made from `serving/contract/codes.py`; `make docs` writes it again.",
        "",
        "An error has the content type `application/problem+json` (RFC 9457). Its `type` is the path",
        "of this page with the code as fragment, and `code` is the code alone.",
        "",
    ]
    lines += ["| code | status | meaning | what to do |", "| --- | --- | --- | --- |"]
    lines += [
        f'| <a id="{name}"></a>`{name}` | {code.status or "any"} | {code.means} | {code.remedy} |'
        for name, code in CODES.items()
        if code.status is not None or name == "error"
    ]
    lines += [
        "",
        "A prediction in an answer may be withheld. Its `error` then has one of these codes:",
        "",
    ]
    lines += ["| code | meaning | what to do |", "| --- | --- | --- |"]
    lines += [
        f'| <a id="{name}"></a>`{name}` | {code.means} | {code.remedy} |'
        for name, code in CODES.items()
        if code.status is None and name != "error"
    ]
    return "\n".join(lines) + "\n"
