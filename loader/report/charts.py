"""The page's charts, drawn as SVG when the page is written; their colours are the page's variables."""

import re
import textwrap
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from loader.errors import CdrError

# Drawn with these colours, which the page's variables then replace: it has a light, a dark and a print form.
_COLOURS = {f"#0101{at:02x}": f"var(--series-{at})" for at in range(1, 7)} | {
    "#020201": "var(--ink)",
    "#020202": "var(--grid)",
    "#020203": "var(--muted)",
}
SERIES = [colour for colour, name in _COLOURS.items() if "series" in name]
# Wide screens and paper, then phones.
WIDTHS = {"wide": 720, "narrow": 320}
# Characters of a line of a label, and lines: 80 characters hold any name but a mistaken one.
_LABELS = {"wide": 42, "narrow": 20}
_LINES = 4
# A sparkline's width and height.
_SPARK = 150, 36
_HEAT = ["#030301", "#030302", "#030303", "#030304", "#030305", "#030306"]
_COLOURS |= {colour: f"var(--heat-{at})" for at, colour in enumerate(_HEAT, start=1)}

Rows = Sequence[dict[str, Any]]


def require_altair() -> None:
    """Check that the group `report` is installed.

    Raises CdrError where it is not.
    """
    try:
        import altair  # noqa: F401
        import vl_convert  # noqa: F401
    except ImportError as error:
        raise CdrError(
            "the report needs the group `report`; install it with: pip install 'cdr-tables[report]'"
        ) from error


def stacked_days(rows: Rows, value: str, series: str, title: str) -> dict[str, str]:
    """Bars by day, stacked by series in the order of their first appearance; hollow without `has_file`."""
    import altair as alt

    names = list(dict.fromkeys(row[series] for row in rows))
    drawn = [{**row, "tip": f"{row['report_date']} {row[series]}: {row[value]:,.2f}"} for row in rows]
    return _drawn(
        lambda width: (
            alt.Chart(_data(drawn))
            .mark_bar(strokeWidth=1)
            .encode(
                x=_days(rows, width),
                y=alt.Y(f"{value}:Q", title=title, axis=_axis()),
                fill=_colour(series, names, "Fill"),
                stroke=_colour(series, names, "Stroke"),
                fillOpacity=_solid(1),
                order=alt.Order("place:Q"),
                description="tip:N",
            )
        ),
        220,
    )


def lines(rows: Rows, value: str, series: str, title: str, percent: bool = True) -> dict[str, str]:
    """A line of seven days together for each series, over faint points of the days themselves; points are
    hollow, and no part of a line, without `has_file`.
    """
    import altair as alt

    def shown(number: float) -> str:
        return f"{100 * number:.1f} %" if percent else f"{number:,.0f}"

    names = list(dict.fromkeys(row[series] for row in rows))
    points = [
        {
            "report_date": row["report_date"],
            "series": row[series],
            "value": row[value],
            "has_file": row["has_file"],
            "tip": f"{row['report_date']} {row[series]}: {shown(row[value])}",
        }
        for row in rows
        if row[value] is not None
    ]
    means = [
        {"report_date": row["report_date"], "series": row[series], "mean": row[f"{value}_mean"]}
        for row in rows
        if row.get(f"{value}_mean") is not None
    ]
    axis = _axis(format="%") if percent else _axis()
    y = alt.Y("value:Q", title=title, axis=axis, scale=alt.Scale(zero=False))

    def chart(width: int) -> Any:
        x = _days(rows, width)
        days = (
            alt.Chart(_data(points))
            .mark_point(size=18, opacity=0.5, strokeWidth=1)
            .encode(
                x=x,
                y=y,
                fill=_colour("series", names, "Fill"),
                stroke=_colour("series", names, "Stroke"),
                fillOpacity=_solid(0.5),
                description="tip:N",
            )
        )
        mean = (
            alt.Chart(_data(means))
            .mark_line(strokeWidth=2, aria=False)
            .encode(x=x, y=alt.Y("mean:Q", title=title, axis=axis), color=_colour("series", names))
        )
        return days + mean if means else days

    return _drawn(chart, 200)


def ranked(rows: Rows, label: str, value: str, series: str, title: str, digits: int = 0) -> dict[str, str]:
    """Bars to the right, in the order given; long labels have several lines."""
    return {
        name: _ranked(rows, label, value, series, title, digits, full, _LABELS[name])
        for name, full in WIDTHS.items()
    }


def _ranked(
    rows: Rows, label: str, value: str, series: str, title: str, digits: int, full: int, characters: int
) -> str:
    import altair as alt

    names = list(dict.fromkeys(row[series] for row in rows))
    drawn = [
        {**row, label: _wrapped(row[label], characters), "tip": f"{row[label]}: {row[value]:,.{digits}f}"}
        for row in rows
    ]
    order = list(dict.fromkeys(row[label] for row in drawn))
    split = r"split(datum.label, '\n')"
    # Vega centres the first line of a label; the others follow below.
    offsets = [{"test": f"length({split}) == {at}", "value": -6 * (at - 1)} for at in range(2, _LINES + 1)]
    y = alt.Y(
        f"{label}:N",
        sort=order,
        title=None,
        axis=_axis(labelLimit=0, labelExpr=split, labelOffset={"condition": offsets, "value": 0}, grid=False),
    )
    lines = [line for row in drawn for line in row[label].split("\n")]
    width = full - 7 * min(characters, max(map(len, lines))) - 30
    chart = (
        alt.Chart(_data(drawn))
        .mark_bar()
        .encode(
            x=alt.X(f"{value}:Q", title=title, axis=_axis(tickCount=width // 60)),
            y=y,
            color=_colour(series, names),
            description="tip:N",
        )
    )
    band = 10 + 12 * max(1 + row[label].count("\n") for row in drawn)
    return _svg(chart.properties(width=width, height=band * len(order) + 20))


def _wrapped(text: str, characters: int) -> str:
    """A label in lines, cut where it is longer than any name."""
    return "\n".join(textwrap.wrap(text, characters, max_lines=_LINES, placeholder="…")) or text


def sparkline(values: Sequence[Any]) -> str:
    """A line over the days, without axes, with a point at the last one that is known; None is a gap."""
    import altair as alt

    known = [{"at": at, "value": value} for at, value in enumerate(values) if value is not None]
    if len(known) < 2:
        return ""
    x = alt.X("at:Q", axis=None, scale=alt.Scale(domain=[0, len(values) - 1], nice=False))
    y = alt.Y("value:Q", axis=None, scale=alt.Scale(zero=False))
    line = alt.Chart(_data(known)).mark_line(strokeWidth=1.5, color=SERIES[0]).encode(x=x, y=y)
    last = alt.Chart(_data(known[-1:])).mark_point(size=24, filled=True, opacity=1, color=SERIES[0])
    width, height = _SPARK
    return _svg((line + last.encode(x=x, y=y)).properties(width=width, height=height), tips=False)


def heat_map(rows: Rows, x: str, y: str, value: str, y_names: Sequence[str]) -> dict[str, str]:
    """Hours by weekdays; darker is more."""
    import altair as alt

    named = [
        {
            **row,
            "weekday_name": y_names[int(row[y]) - 1],
            "tip": f"{y_names[int(row[y]) - 1]} {row[x]:02}:00 UTC: {row[value]:,.1f} {value}",
        }
        for row in rows
    ]
    chart = (
        alt.Chart(_data(named))
        .mark_rect()
        .encode(
            x=alt.X(f"{x}:O", title="hour (UTC)", axis=_axis(labelAngle=0, grid=False, labelOverlap=True)),
            y=alt.Y("weekday_name:N", sort=list(y_names), title=None, axis=_axis(grid=False)),
            color=alt.Color(
                f"{value}:Q",
                scale=alt.Scale(type="quantize", domain=[0, _greatest(rows, value)], range=_HEAT),
                legend=None,
            ),
            description="tip:N",
        )
    )
    return _drawn(lambda _width: chart, 170)


def heat_legend(rows: Rows, value: str, unit: str) -> dict[str, str]:
    """The heat map's scale: from where to where each of its colours is, by the names that the page has."""
    step = _greatest(rows, value) / len(_HEAT)
    digits = 1 if step >= 1 else 2
    return {
        f"{step * at:,.{digits}f} to {step * (at + 1):,.{digits}f} {unit}": f"--heat-{at + 1}"
        for at in range(len(_HEAT))
    }


def legend(names: Sequence[str]) -> dict[str, str]:
    """The colours of series, in the order of their first appearance."""
    return {name: f"--series-{at % len(SERIES) + 1}" for at, name in enumerate(dict.fromkeys(names))}


def _greatest(rows: Rows, value: str) -> float:
    return max((float(row[value]) for row in rows), default=0) or 1.0


def _data(rows: Rows) -> Any:
    import altair as alt

    return alt.Data(values=_plain(rows))  # type: ignore[no-untyped-call]


def _plain(rows: Rows) -> list[dict[str, Any]]:
    places: dict[Any, int] = {}
    for row in rows:
        places.setdefault(row.get("call_type"), len(places))
    return [
        {
            name: value if isinstance(value, (int, float, str)) or value is None else _number_or_text(value)
            for name, value in row.items()
        }
        | {"place": places[row.get("call_type")]}
        for row in rows
    ]


def _number_or_text(value: Any) -> float | str:
    try:
        return float(value)
    except (TypeError, ValueError):
        return str(value)


def _days(rows: Rows, width: int) -> Any:
    import altair as alt

    first, last = (day(row["report_date"] for row in rows) for day in (min, max))
    days = [str(first + timedelta(days=day)) for day in range((last - first).days + 1)]
    # A label needs as much as three digits more than it has.
    step = -(-len(days) // max(1, width // 48))
    return alt.X(
        "report_date:O",
        title=None,
        scale=alt.Scale(domain=days),
        axis=_axis(
            values=days[::step],
            labelAngle=0,
            grid=False,
            labelExpr="slice(datum.label, 5)",
            labelOverlap=True,
        ),
    )


def _solid(opacity: float) -> Any:
    """How full marks are: of days without a file there is an outline alone."""
    import altair as alt

    return alt.condition("datum.has_file", alt.value(opacity), alt.value(0))


def _axis(**options: Any) -> Any:
    import altair as alt

    common = {"grid": True, "domain": False, "ticks": False, "labelPadding": 6, "titleFontWeight": "normal"}
    return alt.Axis(**{**common, **options})


def _colour(field: str, names: Sequence[str], channel: str = "Color") -> Any:
    import altair as alt

    colours = [SERIES[at % len(SERIES)] for at in range(len(names))]
    # The page has a legend in HTML.
    return getattr(alt, channel)(
        f"{field}:N", scale=alt.Scale(domain=list(names), range=colours), legend=None
    )


def _drawn(chart: Callable[[int], Any], height: int) -> dict[str, str]:
    """The chart, made for its width, on screens and phones."""
    svgs = {}
    for name, full in WIDTHS.items():
        width = full - 90
        svgs[name] = _svg(chart(width).properties(width=width, height=height))
    return svgs


def _svg(chart: Any, tips: bool = True) -> str:
    import vl_convert

    spec = chart.configure(
        background="transparent",
        font="sans-serif",
        view={"stroke": None},
        axis={
            "labelColor": "#020203",
            "titleColor": "#020203",
            "gridColor": "#020202",
            "labelFontSize": 11,
            "titleFontSize": 11,
        },
    )
    return _themed(vl_convert.vegalite_to_svg(spec.to_dict()), tips)


def _themed(svg: str, tips: bool) -> str:
    svg = re.sub(r"#[0-9a-f]{6}", lambda match: _COLOURS.get(match.group(), match.group()), svg)
    svg = re.sub(r"rgb\((\d+), ?(\d+), ?(\d+)\)", lambda match: _of_rgb(*match.groups()), svg)
    if tips:
        # The text of a mark, which browsers show beside the pointer.
        mark = r'<path aria-label="([^"]*)" role="graphics-symbol"([^>]*?)/>'
        svg = re.sub(mark, r"<path\2><title>\1</title></path>", svg)
    # The figure around it has a label; Vega's roles lack names.
    svg = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", svg).replace("<svg ", '<svg aria-hidden="true" ', 1)
    # Two decimals are finer than any screen; the file stays small.
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", svg)


def _of_rgb(red: str, green: str, blue: str) -> str:
    colour = f"#{int(red):02x}{int(green):02x}{int(blue):02x}"
    return _COLOURS.get(colour, colour)
