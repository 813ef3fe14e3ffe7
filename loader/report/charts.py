"""The page's charts, drawn as SVG when the page is written; their colours are the page's variables."""

import re
from collections.abc import Sequence
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
    """Bars by day, stacked by series in the order of their first appearance."""
    import altair as alt

    names = list(dict.fromkeys(row[series] for row in rows))
    tipped = [{**row, "tip": f"{row['report_date']} {row[series]}: {row[value]:,.2f}"} for row in rows]
    chart = (
        alt.Chart(_data(tipped))
        .mark_bar()
        .encode(
            x=_days(rows),
            y=alt.Y(f"{value}:Q", title=title, axis=_axis()),
            color=_colour(series, names),
            order=alt.Order("place:Q"),
            description="tip:N",
        )
    )
    return _drawn(chart, 220)


def lines(rows: Rows, series: Sequence[tuple[str, str]], title: str, percent: bool = True) -> dict[str, str]:
    """For each (column, name) a line of means over seven days, above faint points of the days."""
    import altair as alt

    def shown(number: float) -> str:
        return f"{100 * number:.1f} %" if percent else f"{number:,.0f}"

    names = [name for _, name in series]
    long = [
        {
            "report_date": row["report_date"],
            "series": name,
            "value": row[column],
            "mean": row[f"{column}_mean"],
            "tip": f"{row['report_date']} {name}: {shown(row[column])}",
        }
        for row in rows
        for column, name in series
        if row[column] is not None
    ]
    axis = _axis(format="%") if percent else _axis()
    base = alt.Chart(_data(long)).encode(x=_days(rows), color=_colour("series", names))
    y = alt.Y("value:Q", title=title, axis=axis, scale=alt.Scale(zero=False))
    points = base.mark_circle(opacity=0.35, size=18).encode(y=y, description="tip:N")
    mean = base.mark_line(strokeWidth=2, aria=False).encode(y=alt.Y("mean:Q", title=title, axis=axis))
    return _drawn(points + mean, 200)


def ranked(rows: Rows, label: str, value: str, series: str, title: str) -> dict[str, str]:
    """Horizontal bars, longest first."""
    import altair as alt

    names = list(dict.fromkeys(row[series] for row in rows))
    order = [row[label] for row in rows]
    tipped = [{**row, "tip": f"{row[label]} ({row[series]}): {row[value]:,.0f}"} for row in rows]
    chart = (
        alt.Chart(_data(tipped))
        .mark_bar()
        .encode(
            x=alt.X(f"{value}:Q", title=title, axis=_axis()),
            y=alt.Y(f"{label}:N", sort=order, title=None, axis=_axis(labelLimit=150, grid=False)),
            color=_colour(series, names),
            description="tip:N",
        )
    )
    return _drawn(chart, 22 * len({row[label] for row in rows}) + 20)


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
            color=alt.Color(f"{value}:Q", scale=alt.Scale(type="quantize", range=_HEAT), legend=None),
            description="tip:N",
        )
    )
    return _drawn(chart, 170)


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


def _days(rows: Rows) -> Any:
    import altair as alt

    days = sorted({str(row["report_date"]) for row in rows})
    step = max(1, len(days) // 8)
    shown = days[::step]
    return alt.X(
        "report_date:O",
        title=None,
        scale=alt.Scale(domain=days),
        axis=_axis(
            values=shown, labelAngle=0, grid=False, labelExpr="slice(datum.label, 5)", labelOverlap=True
        ),
    )


def _axis(**options: Any) -> Any:
    import altair as alt

    common = {"grid": True, "domain": False, "ticks": False, "labelPadding": 6, "titleFontWeight": "normal"}
    return alt.Axis(**{**common, **options})


def _colour(field: str, names: Sequence[str]) -> Any:
    import altair as alt

    colours = [SERIES[at % len(SERIES)] for at in range(len(names))]
    # The page has a legend in HTML.
    return alt.Color(f"{field}:N", scale=alt.Scale(domain=list(names), range=colours), legend=None)


def _drawn(chart: Any, height: int) -> dict[str, str]:
    import vl_convert

    svgs = {}
    for name, width in WIDTHS.items():
        # Several columns of days on a phone: fewer labels.
        spec = chart.properties(width=width - 90, height=height).configure(
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
        svgs[name] = _themed(vl_convert.vegalite_to_svg(spec.to_dict()))
    return svgs


def _themed(svg: str) -> str:
    svg = re.sub(r"#[0-9a-f]{6}", lambda match: _COLOURS.get(match.group(), match.group()), svg)
    svg = re.sub(r"rgb\((\d+), ?(\d+), ?(\d+)\)", lambda match: _of_rgb(*match.groups()), svg)
    # The text of a mark, which the page's script shows.
    svg = re.sub(r'(<path )aria-label="([^"]*)" role="graphics-symbol"', r'\1data-tip="\2"', svg)
    # The figure around it has a label; Vega's roles lack names.
    svg = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", svg).replace("<svg ", '<svg aria-hidden="true" ', 1)
    # Two decimals are finer than any screen; the file stays small.
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", svg)


def _of_rgb(red: str, green: str, blue: str) -> str:
    colour = f"#{int(red):02x}{int(green):02x}{int(blue):02x}"
    return _COLOURS.get(colour, colour)
