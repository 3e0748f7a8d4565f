"""Raw tables of how customers feel: survey invitations and answers."""

from features.contracts.schema import (
    Table,
    choice,
    customer,
    flag,
    identifier,
    number,
    subscription,
    table,
)
from features.contracts.vocabulary import (
    CONTACT_CHANNELS,
    DIMENSIONS,
    INSTRUMENTS,
    SURVEY_KINDS,
    TOUCHPOINTS,
)

FEEL: tuple[Table, ...] = (
    table(
        "survey_invitations",
        "how they feel",
        "An invitation to a survey, answered or not",
        "event",
        ("invitation_id",),
        {
            "invitation_id": identifier("The invitation"),
            "customer_id": customer(),
            "subscription_id": subscription(null=True),
            "interaction_id": identifier("The contact it follows", null=True),
            "survey": choice("About the relationship or about one contact", SURVEY_KINDS),
            "channel": choice("Sent through", CONTACT_CHANNELS),
            "touchpoint": choice(
                "Where the contact was; `none` for a relationship survey", TOUCHPOINTS
            ),
            "sampling_probability": number(
                "Probability with which this customer was to be invited",
                "probability",
                0,
                1,
                null=False,
            ),
            "delivered": flag("Reached the customer"),
            "reminder_drawn": flag(
                "Whether a draw at random says that the customer is reminded if no answer comes;"
                " null where reminders are not drawn"
            ),
        },
    ),
    table(
        "survey_answers",
        "how they feel",
        "One question answered",
        "event",
        ("invitation_id", "instrument", "dimension"),
        {
            "invitation_id": identifier("The invitation", "survey_invitations"),
            "customer_id": customer(),
            "survey": choice("About the relationship or about one contact", SURVEY_KINDS),
            "instrument": choice("CSAT, NPS or CES", INSTRUMENTS),
            "dimension": choice("What was asked about", DIMENSIONS),
            "score": number("The answer on its scale", "points", None, null=False),
            "scale_low": number("Worst answer possible", "points", None, null=False),
            "scale_high": number("Best answer possible", "points", None, null=False),
        },
    ),
)
