"""Why customers, lines and rows are left out of a training or of a night's scores, in words."""

from reports.words.texts import ENGLISH, Texts, to_translate

_EXCLUDED = {
    "iot": to_translate("lines of machines (IoT)"),
    "test": to_translate("test lines"),
    "employee": to_translate("employees' lines"),
    "iot_test_employee": to_translate("only lines of machines, tests or employees"),
    "suspended": to_translate("suspended"),
    "status_unknown": to_translate("with a status that is in no list"),
    "enterprise": to_translate("of enterprises, which have an account manager"),
    "new": to_translate("too new: not enough history"),
    "cancelling": to_translate("already cancelling"),
    "ended": to_translate("already ended"),
    "porting": to_translate("asked to port out"),
    "inactive": to_translate("prepaid and already inactive"),
    "silent": to_translate("prepaid and already inactive"),  # as versions made earlier call it
    "no_history": to_translate("without feature history"),
    "other_billing_type": to_translate("of another billing type"),
    "in_gap": to_translate("lost inside the gap"),
    "incomplete": to_translate("prepaid, and the data ended before inactivity could be decided"),
    "censored": to_translate("outcome not known"),
    "care": to_translate("touched by our own care"),
    "not_at_risk": to_translate("of nobody who can be surveyed"),
    "purged": to_translate("label would reach into the test period"),
    "use_unknown": to_translate("prepaid, and its use is not known"),
}


def excluded_words(reason: str, texts: Texts = ENGLISH) -> str:
    """Why some were left out; without underscores for a reason that is not known here."""
    return texts.gettext(_EXCLUDED[reason]) if reason in _EXCLUDED else reason.replace("_", " ")
