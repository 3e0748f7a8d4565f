"""The report of a quickstart that found nothing: that the table does not predict who leaves, or that
there is not enough data yet to tell, and what to try.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as installed_version

from features.tables.column_reading import ColumnReading
from reports.kit import swarm
from reports.kit.flags import flag_words
from reports.kit.page import environment, inline_svg
from reports.quickstart.content import Source, how_evaluated
from reports.quickstart.plots import lift_figure, roc_figure
from reports.quickstart.report import KINDS
from reports.words.texts import ENGLISH, Texts
from training.evaluation.leaks import Flag
from training.evaluation.signal import USEFUL_AUC
from training.flat.evaluation import Evaluation
from training.flat.model import FlatModel


@dataclass(frozen=True, kw_only=True)
class NothingContent:
    """What the report shows.

    Parameters
    ----------
    table : str
        The table's name, without its directory.
    target : str
        Column with the outcome.
    positive : tuple of str
        The target's values of customers who left.
    created : datetime
        When the table was evaluated, with a time zone.
    rows, labelled_rows, features : int
        Rows of the table, those whose outcome is known, and features.
    left : int
        Evaluated rows of customers who left.
    evaluated : str
        How the model was evaluated.
    evaluation : Evaluation
        What was seen.
    flags : tuple of Flag
        What the leak watch found.
    left_out : tuple of str
        Columns that are no features.
    readings : tuple of ColumnReading
        How each column was read.
    notes : tuple of str
        What was decided about the file and the target.
    champion : str or None
        Number of the version from an earlier run that stays champion.
    versions : mapping of str to str
        What the evaluation depends on, by name.
    """

    table: str
    target: str
    positive: tuple[str, ...]
    created: datetime
    rows: int
    labelled_rows: int
    features: int
    left: int
    evaluated: str
    evaluation: Evaluation
    flags: tuple[Flag, ...]
    left_out: tuple[str, ...]
    readings: tuple[ColumnReading, ...]
    notes: tuple[str, ...]
    champion: str | None
    versions: Mapping[str, str]


def nothing_content(
    source: Source,
    training: FlatModel,
    champion: str | None,
    created: datetime,
    texts: Texts = ENGLISH,
) -> NothingContent:
    """Gather what the report shows.

    Parameters
    ----------
    source : Source
        What was evaluated.
    training : FlatModel
        Its figures.
    champion : str or None
        Number of the version from an earlier run that stays champion.
    created : datetime
        The time now, with a time zone.
    texts : Texts
        In which language it is.
    """
    customers, evaluation = source.customers, training.evaluation
    return NothingContent(
        table=customers.name,
        target=customers.roles.target,
        positive=customers.roles.positive,
        created=created,
        rows=len(customers.ids),
        labelled_rows=int(customers.known.sum()),
        features=len(source.encoding.columns),
        left=round(evaluation.positive_rate * evaluation.rows),
        evaluated=how_evaluated(source, training, texts),
        evaluation=evaluation,
        flags=training.flags,
        left_out=customers.left_out,
        readings=customers.plan.columns,
        notes=customers.notes,
        champion=champion,
        versions={
            texts.gettext("table (SHA-256)"): customers.sha256,
            "holdfast": installed_version("holdfast"),
        },
    )


def render_nothing(content: NothingContent, texts: Texts = ENGLISH) -> str:
    """Write the report: an HTML document, the same bytes for the same content and language."""
    plots = {"lift": lift_figure, "roc": roc_figure}
    return (
        environment(texts)
        .get_template("quickstart/nothing.html.j2")
        .render(
            content=content,
            evaluation=content.evaluation,
            useful=USEFUL_AUC,
            swarm=swarm,
            flags=[
                flag_words(flag, texts.gettext("which customers left"), texts)
                for flag in content.flags
            ],
            figures={
                name: inline_svg(plot(content.evaluation, texts), name)
                for name, plot in plots.items()
            },
            kinds={kind: texts.gettext(text) for kind, text in KINDS.items()},
        )
    )
