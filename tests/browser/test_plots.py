"""Plots in a real browser, under the policy of every page: drawn when they come into view, and taken away as files."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.template import Context, Template
from django.urls import reverse
from PIL import Image
from playwright.sync_api import Locator, Page, Route, expect

from accounts.models import Role
from annotation.shared.plots import Mark, Plot, Row, Scale, Side, make_levels_side
from config.middleware import POLICY
from qsave.axes import AXES
from qsave.csv_rows import write_csv
from tests.browser.looks import WIDE, sign_in, too_wide, violations
from tests.browser.site_world import build_world
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

PAGE = Template(
    """{% extends "base.html" %}
{% block head %}{% include "_components/plot_head.html" %}{% endblock %}
{% block main %}<h1>Plots</h1><p style="height: 150vh">Far above</p>
<div class="plots">{% for plot in plots %}{% include "_components/plot.html" %}{% endfor %}</div>{% endblock %}"""
)
HOSTILE = ("=1+1", "+1", "-1", "@sum", "\t=1", "  =1", "＝1", 'a "quoted", name', "two\nlines", "اسم", "plain", "'=1")
"""Names that a spreadsheet could run, and names that need quotes."""
ESTIMATES: tuple[Row, ...] = tuple(
    (axis.value, f"gen-{number}", 2.0 + number, 1.5 + number, 2.75 + number) for axis in AXES for number in range(3)
)


def make_plot(mark: Mark, columns: dict[str, str], rows: tuple[Row, ...], x: Side, y: Side, **more: Any) -> Plot:
    number = len(rows)
    values: dict[str, Any] = {"id": f"plot-{mark}-{number}", "title": "A plot", "summary": "A plot of figures."}
    return Plot(mark=mark, columns=columns, rows=rows, x=x, y=y, **(values | more))


def plot_names(rows: tuple[Row, ...] = ESTIMATES) -> Plot:
    columns = {"series": "Axis", "label": "Generator", "x": "MOS", "low": "Low", "high": "High"}
    return make_plot(Mark.POINT, columns, rows, make_levels_side("MOS"), Side("", Scale.NAMES), is_simulated=True)


def plot_ranks(count: int) -> Plot:
    rows: tuple[Row, ...] = tuple(
        (f"clip-{rank}", 1 + 4 * rank / count, 1.0, 5.0 if rank % 2 else None) for rank in range(count)
    )
    columns = {"label": "Clip", "y": "MOS", "low": "Low", "high": "High"}
    return make_plot(Mark.POINT, columns, rows, Side("Clips", Scale.RANKS), make_levels_side("MOS"))


def plot_bars() -> Plot:
    rows: tuple[Row, ...] = (("1", 0), ("2", 7), ("3", 12))
    return make_plot(Mark.BAR, {"label": "Level", "y": "Scores"}, rows, Side("", Scale.NAMES), Side("Scores", low=0))


def plot_curve() -> Plot:
    rows: tuple[Row, ...] = tuple((step, 2 / step) for step in range(1, 60))
    return make_plot(Mark.LINE, {"x": "Step", "y": "Loss"}, rows, Side("Step"), Side("Loss"))


def plot_cloud() -> Plot:
    columns = {"series": "Axis", "x": "Given", "y": "Share", "low": "Low", "high": "High", "count": "Clips"}
    rows: tuple[Row, ...] = tuple(("visual", tenth / 10, 0.5, 0.25, 0.75, 3) for tenth in range(10))
    return make_plot(
        Mark.POINT, columns, rows, Side("Given", low=0, high=1), Side("Share", low=0, high=1), diagonal=True
    )


EACH = (plot_names, plot_bars, plot_curve, plot_cloud, lambda: plot_ranks(200))


def show(page: Page, *plots: Plot) -> None:
    """Open a page of plots, below the first screen, as the site would send it."""
    body = PAGE.render(Context({"plots": plots}))
    headers = {"Content-Security-Policy": POLICY, "Content-Type": "text/html; charset=utf-8"}
    page.route("**/plots", lambda route: answer(route, body, headers))
    page.goto("/plots")


def answer(route: Route, body: str, headers: dict[str, str]) -> None:
    route.fulfill(body=body, headers=headers)


def bring_into_view(figure: Locator) -> Locator:
    figure.scroll_into_view_if_needed()
    canvas = figure.locator("canvas")
    expect(canvas).to_be_visible()
    expect(figure.get_by_role("button", name="Save as PNG")).to_be_enabled()
    return canvas


def count_colours(canvas: Locator) -> int:
    """Return the number of colours of which there are at least 20 pixels."""
    count: int = canvas.evaluate(
        """(canvas) => {
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          const counts = new Map();
          for (const pixel of new Uint32Array(data.buffer)) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
          return [...counts.values()].filter((count) => count >= 20).length;
        }"""
    )
    return count


def read_ground(canvas: Locator) -> list[int]:
    colour: list[int] = canvas.evaluate("canvas => [...canvas.getContext('2d').getImageData(1, 1, 1, 1).data]")
    return colour


def download(page: Page, figure: Locator, button: str) -> tuple[str, bytes]:
    with page.expect_download() as waiting:
        figure.get_by_role("button", name=button).click()
    return waiting.value.suggested_filename, waiting.value.path().read_bytes()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_kind_is_drawn_and_axe_finds_nothing(open_page: Callable[..., Page], scheme: str) -> None:
    page = open_page(**WIDE, color_scheme=scheme)
    complaints: list[str] = []
    page.on(
        "console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None
    )
    show(page, *(make() for make in EACH))
    for figure in page.locator("figure.plot").all():
        assert count_colours(bring_into_view(figure)) >= 3  # ground, lines, marks
    assert page.locator("figure.plot canvas").count() == len(EACH)
    assert violations(page) == []
    assert complaints == []


def test_nothing_that_draws_is_fetched_before_a_plot_comes_into_view(page: Page) -> None:
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url.rsplit("/", 1)[-1]))
    show(page, plot_names(), plot_bars())
    page.wait_for_load_state("networkidle")
    assert "plots.js" in fetched
    assert not [name for name in fetched if name.startswith(("plot-", "chart-"))]
    bring_into_view(page.locator("figure.plot").first)
    assert sorted(name for name in fetched if name.startswith("plot-")) == ["plot-data.js", "plot-draw.js"]
    assert len([name for name in fetched if name.startswith("chart-")]) == 1


def test_what_is_fetched_for_plots_is_at_most_100_kB() -> None:
    static = Path(settings.BASE_DIR, "static")
    files = [*static.glob("js/plot*.js"), *static.glob("vendor/chart-*.js"), static / "css" / "plots.css"]
    assert len(files) == 5
    assert sum(len(gzip.compress(file.read_bytes())) for file in files) <= 100_000


def test_without_scripts_the_tables_have_the_figures_and_nothing_is_offered_that_does_not_work(
    open_page: Callable[..., Page],
) -> None:
    page = open_page(java_script_enabled=False)
    show(page, plot_names(), plot_bars())
    expect(page.locator(".plot-area").first).to_be_hidden()
    expect(page.get_by_role("button", name="Save as CSV").first).to_be_hidden()
    page.get_by_text("Figures as a table").first.click()
    lines = page.locator("#plot-point-9-table tbody tr").all()
    assert [line.locator("td").all_inner_texts() for line in lines] == plot_names().table_rows


def test_a_plot_says_what_it_shows_and_where_its_table_is(page: Page) -> None:
    show(page, plot_bars())
    image = page.get_by_role("img", name="A plot of figures.")
    expect(image).to_have_count(1)
    table = image.get_attribute("aria-details")
    assert page.locator(f"table#{table}").count() == 1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (plot_names, "visual, gen-0: MOS 2 [1.5, 2.75]"),
        (plot_bars, "2: Scores 7"),
        (plot_curve, "Step 2, Loss 1"),
        (plot_cloud, "visual: Given 0.1, Share 0.5 [0.25, 0.75]"),
        (lambda: plot_ranks(4), "clip-1: MOS 2 [1, 5]"),
    ],
)
def test_a_pointer_on_a_mark_reads_its_figures(page: Page, make: Callable[[], Plot], words: str) -> None:
    show(page, make())
    canvas = bring_into_view(page.locator("figure.plot"))
    number = 0 if make is plot_names else 1
    mark = "(canvas, number) => Chart.getChart(canvas).getDatasetMeta(0).data[number]"
    where = canvas.evaluate(
        f"(canvas, number) => {{ const {{ x, y }} = ({mark})(canvas, number); return {{ x, y }}; }}", number
    )
    canvas.hover(position=where)
    read = "canvas => Chart.getChart(canvas).tooltip.body?.[0]?.lines[0]"
    wait_until(lambda: bool(canvas.evaluate(read) == words), what=words)


@pytest.mark.parametrize("make", EACH)
def test_the_csv_file_has_all_figures(page: Page, make: Callable[[], Plot]) -> None:
    plot = make()
    show(page, plot)
    figure = page.locator("figure.plot")
    bring_into_view(figure)
    name, content = download(page, figure, "Save as CSV")
    assert name == f"{plot.id.removeprefix('plot-')}.csv"
    header, *lines = read_csv(content.decode())
    assert header == list(plot.columns.values())
    assert lines == [
        ["" if cell is None else read_cell(str(cell)) for cell in row] for row in json.loads(plot.as_json)["rows"]
    ]


def read_csv(text: str) -> list[list[str | float]]:
    assert text.startswith("\ufeff")
    return [[read_cell(cell) for cell in line] for line in csv.reader(io.StringIO(text[1:], newline=""))]


def read_cell(cell: str) -> str | float:
    try:
        return float(cell)
    except ValueError:
        return cell


def test_the_csv_file_is_as_safe_to_open_as_those_of_the_site(page: Page) -> None:
    """The rule of qsave.spreadsheets, once more in JavaScript."""
    rows: tuple[Row, ...] = tuple((name, -1.5) for name in HOSTILE)
    plot = make_plot(Mark.BAR, {"label": "=Name", "y": "Scores"}, rows, Side("", Scale.NAMES), Side("Scores"))
    show(page, plot)
    figure = page.locator("figure.plot")
    bring_into_view(figure)
    _name, content = download(page, figure, "Save as CSV")
    ours = "".join(write_csv(list(plot.columns.values()), [(str(name), -1.5) for name, _count in rows]))
    assert content.decode() == ours


def test_the_picture_has_its_title_and_the_size_of_a_slide(page: Page) -> None:
    show(page, plot_names())
    figure = page.locator("figure.plot")
    bring_into_view(figure)
    name, content = download(page, figure, "Save as PNG")
    assert name == "point-9.png"
    picture = Image.open(io.BytesIO(content))
    assert picture.size == (1920, 1080)
    top = picture.convert("RGB").crop((0, 0, 1920, 90)).getcolors(1_000_000)
    assert top is not None
    assert len(top) > 2  # letters


def test_a_change_of_scheme_draws_again_in_its_colours(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    show(page, plot_names())
    figure = page.locator("figure.plot")
    light = read_ground(bring_into_view(figure))
    page.emulate_media(color_scheme="dark")
    wait_until(lambda: read_ground(figure.locator("canvas")) != light, what="another ground")
    dark = read_ground(figure.locator("canvas"))
    assert sum(dark[:3]) < sum(light[:3])


def test_a_plot_keeps_to_its_window(page: Page) -> None:
    show(page, *(make() for make in EACH))
    for figure in page.locator("figure.plot").all():
        bring_into_view(figure)
    page.set_viewport_size({"width": 320, "height": 640})
    wait_until(lambda: not list(too_wide(page, "the page")), what="plots as narrow as the window")


def test_fifty_thousand_clips_are_drawn(page: Page) -> None:
    show(page, plot_ranks(50_000))
    assert count_colours(bring_into_view(page.locator("figure.plot"))) >= 3


def test_a_plot_that_htmx_brings_is_drawn(page: Page) -> None:
    show(page, plot_bars())
    part = Template('{% include "_components/plot.html" %}').render(Context({"plot": plot_names()}))
    page.route("**/part", lambda route: answer(route, part, {"Content-Type": "text/html; charset=utf-8"}))
    page.evaluate("() => htmx.ajax('GET', '/part', 'h1')")
    assert count_colours(bring_into_view(page.locator("h1 figure.plot"))) >= 3


def test_a_plot_shows_that_it_is_coming_until_it_is_drawn(open_page: Callable[..., Page]) -> None:
    page, held = open_page(), list[Route]()
    page.route("**/vendor/chart-*", lambda route: held.append(route))
    show(page, plot_bars())
    area = page.locator("figure.plot .plot-area")
    with page.expect_request("**/vendor/chart-*"):
        area.scroll_into_view_if_needed()
    expect(area).to_have_class("plot-area skeleton")
    held[0].fallback()
    expect(area.locator("canvas")).to_be_visible()
    expect(area).to_have_class("plot-area")


def test_a_library_that_does_not_arrive_leaves_a_sentence(open_page: Callable[..., Page]) -> None:
    page = open_page()
    page.route("**/vendor/chart-*", lambda route: route.abort())
    show(page, plot_bars())
    page.locator("figure.plot").scroll_into_view_if_needed()
    expect(page.get_by_text("The plot could not be loaded. Its table has the figures.")).to_be_visible()


def test_the_pages_of_the_site_draw_their_plots(
    open_page: Callable[..., Page], live_server: "LiveServer", transactional_db: None
) -> None:
    world = build_world()
    paths = {
        Role.LEAD: [reverse("agreement", args=["spring"]), reverse("timesheet", args=["spring"])],
        Role.ENGINEER: [path for route in ("run", "critic") for _who, path in world.pages.by_route[route]],
    }
    for role, pages in paths.items():
        page = open_page(**WIDE)
        sign_in(page.context, world.people[role], live_server.url)
        for path in pages:
            page.goto(path)
            expect(page.locator(".agreement-wait")).to_have_count(0)  # its sections load by themselves
            figures = page.locator("figure.plot").all()
            assert figures, path
            for figure in figures:
                assert count_colours(bring_into_view(figure)) >= 3
                table = figure.locator(".plot-area").get_attribute("aria-details")
                assert page.locator(f"table#{table}").count() == 1, (path, table)


def test_on_paper_a_plot_that_was_never_in_view_is_its_table(open_page: Callable[..., Page]) -> None:
    page = open_page(width=390, height=400)
    show(page, plot_bars(), plot_names(), plot_cloud(), plot_curve())
    drawn, *_between, unseen = page.locator("figure.plot").all()
    bring_into_view(drawn)
    expect(unseen.locator("canvas")).to_have_count(0)
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(unseen.get_by_role("row").last).to_be_visible()
    expect(unseen.locator(".plot-area")).to_be_hidden()
    expect(drawn.locator("canvas")).to_be_visible()
    expect(drawn.get_by_role("row").last).to_be_hidden()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    expect(unseen.get_by_role("row").last).to_be_hidden()
