"""Every page for those who do not see it, or have no mouse, or a screen as narrow as a phone's.

axe-core goes over every page, light and dark, wide and narrow, and finds nothing that is ours. What it finds
on an empty page of Streamlit's in the same theme is Streamlit's. What it finds in an element of Streamlit's
that is used as it comes is listed in `STREAMLITS`, and has to be found in that element alone, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from operator import methodcaller
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from core.drawing import strokes
from core.runs import records, run_folder
from core.sweeps import sweeps
from tests.conftest import wait_until
from tests.support.axe import Finding, findings
from tests.support.browser import MILLISECONDS, draw, free_port, rest, serving, serving_script
from tests.support.inhabited import inhabited

pytestmark = pytest.mark.browser

PAGES = ("start", "data", "train", "sweeps", "runs", "evaluate", "draw", "drawings")
WIDE, NARROW = (1280, 1000), (390, 844)
Screen = tuple[tuple[int, int], Literal["light", "dark"]]
SCREENS: list[Screen] = [(WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark")]
# Of a page's other views: what their parts share has been seen in the first one.
FEWER: list[Screen] = [(WIDE, "light"), (NARROW, "dark")]

# What axe finds, and in what of Streamlit's.
STREAMLITS = {
    "presentation-role-conflict: stFileUploader stFileUploaderDropzone section[presentation]":
        "st.file_uploader: the field to drop a file on has a name and no role; the button in it has both",
    "region: div#stFloatingOverlayPortal":
        "help=: a hint is put at the end of the page while it is shown, outside of the landmarks",
}  # fmt: skip

SEVEN = strokes.to_text([[(80, 80), (180, 80), (110, 220)]], 280)
FOUR_AND_ONE = strokes.to_text(
    [[(40, 40), (30, 110), (90, 110)], [(80, 30), (80, 180)], [(250, 30), (250, 180)]], 380
)
SCRIBBLE = strokes.to_text([[(20 + 37 * (n % 7), 20 + 61 * (n * 5 % 4)) for n in range(40)]], 280)


class View(NamedTuple):
    """Something to look at.

    Attributes:
        name: for the message.
        address: the page and its parameters.
        then: what to do there before looking.
        goes_on: whether it never comes to rest, because it looks at something again and again.
    """

    name: str
    address: str
    then: tuple[Callable[[Page], None], ...] = ()
    goes_on: bool = False


def unfold(page: Page) -> None:
    """Open every drawer, also those that come while others are opened."""
    shut = page.locator("details:not([open]) > summary")

    def all_are_open() -> bool:
        shut.evaluate_all("all => all.forEach((one) => one.click())")
        return not shut.count()

    wait_until(all_are_open, "every drawer was open", every=0.2)


def press(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name).first.click()


def press_tile(gallery: str) -> Callable[[Page], None]:
    return lambda page: page.locator(f".st-key-{gallery} button").first.click()


def draw_seven(page: Page) -> None:
    draw(page, page.get_by_role("img", name="A canvas to draw on"), (70, 60), (200, 60), (120, 240))
    expect(page.get_by_role("heading", name="I read: 7")).to_be_visible()


def type_into(label: str, words: str) -> Callable[[Page], None]:
    def do(page: Page) -> None:
        field = page.get_by_role("spinbutton", name=label)
        field.fill(words)
        field.press("Tab")

    return do


def views(root: Path) -> dict[str, list[View]]:
    """What there is to see, page by page."""
    by_state = {run_folder.status(run).state: run.name for run in reversed(run_folder.every(root))}
    cnn, mlp = [run.name for run in run_folder.every(root) if len(records.metrics(run)) > 1][-2:]
    (sweep,) = [folder.name for folder in sweeps.every(root)]
    knobs = "set=optimizer=sgd&set=momentum=0.9&set=learning_rate_schedule=plateau&set=rotation=9"
    train, compared = f"train?run={mlp}", f"runs?runs={mlp},{cnn}"
    evaluate, draw = f"evaluate?run={mlp}", f"draw?drawing={SEVEN}"
    return {
        "start": [View("start", ""), View("a drawing", "", (draw_seven,))],
        "data": [
            View("digits", "data"),
            View("a digit", "data", (press_tile("data-digit_tiles"),)),
            View("data that is not there", "data?dataset_shown=mnist"),
            View("a page that is none", "data", (type_into("Page", "99999"),)),
        ],
        "train": [
            View("an MLP", "train", (unfold,)),
            View("a CNN", f"train?set=architecture=cnn&{knobs}", (unfold,)),
            View("99999 epochs", "train", (type_into("Epochs", "99999"),)),
            *(
                View(state, f"train?run={name}", (unfold,), goes_on=state not in run_folder.RESTING)
                for state, name in by_state.items()
            ),
            *(View(view, f"{train}&view={view}") for view in ("curves", "pace", "digits", "layers")),
        ],
        "sweeps": [
            View("the form", "sweeps?sweep=new"),
            View("a grid", "sweeps?sweep=new&method=grid&knobs=learning_rate,optimizer"),
            View("a sweep", f"sweeps?sweep={sweep}", (unfold,)),
            View("more runs", f"sweeps?sweep={sweep}", (press("More runs"),)),
        ],
        "runs": [
            View("all", "runs"),
            View("one", f"runs?runs={mlp}", (unfold,)),
            View("what is written on it", f"runs?runs={mlp}", (press("Name, tags, note"),)),
            View("its seeds", f"runs?runs={mlp}", (press("More seeds"),)),
            View("two", compared),
            View("a digit that two read", f"{compared}&digit=3"),
            View("to take a chart", "runs", (press("Download a chart"),)),
            View("to bring a run", "runs", (press("Import a run"),)),
        ],
        "evaluate": [
            View("mistakes", evaluate),
            *(View(part, f"{evaluate}&digit=3&explained={part}") for part in ("why", "alike", "course")),
            *(View(part, f"{evaluate}&look={part}") for part in ("digits", "honesty")),
            View("robustness", f"{evaluate}&look=robustness", (unfold,)),
            View("clothes that are not there", f"{evaluate}&on=fashion_mnist"),
        ],
        "draw": [
            View("nothing", "draw"),
            *(
                View(insight, f"{draw}&insight={insight}")
                for insight in ("steps", "network", "why", "alike", "compare")
            ),
            View("the network of an MLP", f"{draw}&insight=network&run={mlp}"),
            View("no digit", f"draw?drawing={SCRIBBLE}"),
            View("a number", f"draw?source=number&drawing={FOUR_AND_ONE}"),
            View("the keyboard", "draw?source=grid"),
            View("a photo", "draw?source=photo"),
            View("a name", draw, (press("Your name"),)),
        ],
        "drawings": [
            View("all", "drawings", (unfold,)),
            View("one", "drawings", (press_tile("drawings-drawing_tiles"),)),
        ],
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, mlp_run: Path, cnn_run: Path) -> Iterator[Path]:
    with inhabited(tmp_path_factory.mktemp("access"), [mlp_run, cnn_run]) as folder:
        yield folder


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with serving(root, free_port()) as url:
        yield url


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """One page for all: to open another one takes longer than to look."""
    page = browser.new_page()
    page.set_default_timeout(MILLISECONDS)
    yield page
    page.close()


def come_to_rest(page: Page, view: View) -> None:
    """Wait until everything has been drawn, and has its colour."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    if not view.goes_on:
        rest(page)
    page.wait_for_timeout(300)
    page.evaluate("Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))")


def go(page: Page, url: str, view: View) -> None:
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    page.goto(f"{url}/{view.address}")
    come_to_rest(page, view)
    for do in view.then:
        do(page)
        come_to_rest(page, view)


# ------------------------------------------------------------------------------------------ axe


def look(
    page: Page, url: str, view: View, screens: Sequence[Screen] = SCREENS
) -> Iterator[tuple[str, Finding]]:
    """What axe finds there on each of the screens, with where that was."""
    go(page, url, view)
    for (width, height), scheme in screens:
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(color_scheme=scheme)
        come_to_rest(page, view)
        yield from ((f"{view.name}, {scheme}, {width} px", finding) for finding in findings(page))


@pytest.fixture(scope="module")
def streamlits(page: Page, tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str]]:
    """What axe finds on an empty page of Streamlit's, and in its elements."""
    hint = type_into("A number", "1")  # and on to the hint of what comes next
    with serving_script("tests/support/plain_app.py", tmp_path_factory.mktemp("plain"), free_port()) as url:
        empty, elements = [
            {finding.what for _where, finding in look(page, url, view)}
            for view in (View("empty", ""), View("elements", "elements", (hint,)))
        ]
    return empty, elements


def test_what_is_excused_is_found_in_streamlits_own_elements(streamlits: tuple[set[str], set[str]]) -> None:
    _empty, elements = streamlits
    assert set(STREAMLITS) <= elements


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_that_is_ours(
    name: str, page: Page, address: str, root: Path, streamlits: tuple[set[str], set[str]]
) -> None:
    empty, _elements = streamlits
    allowed = empty | set(STREAMLITS)
    ours: dict[str, tuple[str, Finding]] = {}
    for place, view in enumerate(views(root)[name]):
        for where, finding in look(page, address, view, FEWER if place else SCREENS):
            if finding.what not in allowed:
                ours.setdefault(finding.what, (where, finding))
    assert not ours, "\n\n".join(
        f"{objection}\n{where}\n{finding.html[:300]}\n{finding.why}"
        for objection, (where, finding) in ours.items()
    )


def test_axe_would_find_it(page: Page, address: str) -> None:
    """What was wrong once, put back into the page."""
    go(page, address, View("start", ""))
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    page.evaluate(
        """() => document.querySelector("h1").insertAdjacentHTML("afterend",
            "<h3>Three</h3><img src='data:,'><p style='opacity: 0.6'>Faint</p><button></button>")"""
    )
    assert {"heading-order", "image-alt", "color-contrast", "button-name"} <= {
        finding.rule for finding in findings(page)
    }


# ----------------------------------------------------------------------------------------- keys


# Where the focus goes, through shadows too. Whether a person sees it there is told from what the element and
# those around it look like with the focus and, once it has gone on, without.
WALK = """
() => {
  const up = (one) => one.parentElement ?? one.getRootNode().host;
  const every = (root = document) => [...root.querySelectorAll("*")].flatMap(
    (one) => (one.shadowRoot ? [one, ...every(one.shadowRoot)] : [one]));
  const focused = () => {
    let one = document.activeElement;
    while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
    return one === document.body ? null : one;
  };
  const isSeen = (one) =>
    one.checkVisibility({ visibilityProperty: true }) && one.getBoundingClientRect().width > 1;
  const look = (one) => {
    const around = [...one.querySelectorAll("*")];
    for (let of = one, n = 0; of && n < 8; of = up(of), n++) around.push(of);
    return around.map((of) => {
      const { outline, boxShadow, borderColor, backgroundColor, color, opacity } = getComputedStyle(of);
      return [outline, boxShadow, borderColor, backgroundColor, color, opacity].join();
    }).join("|");
  };
  const name = (one) => `${one.localName} ${one.getAttribute("aria-label") ?? one.textContent.slice(0, 60)}`;
  const drawnElsewhere = "canvas *, canvas, .stMultiSelect input";
  const atFirst = new Map(every().filter((one) => one.tabIndex >= 0).map((one) => [one, look(one)]));
  const reached = new Set();
  let last = null;
  return {
    // A table draws the focus of its cells on its canvas, and a field for several choices has a caret alone.
    // Whether the focus has come to what it was on before, or out of the page; and what was wrong here.
    step: async () => {
      const one = focused();
      const wrong = [];
      const gone = last && last.one !== one && last.one.isConnected && !last.one.matches(drawnElsewhere);
      const isDrawnAsBefore = () => gone && look(last.one) === last.look;
      const isDrawnWithout = () => one && !one.matches(drawnElsewhere) && look(one) === atFirst.get(one);
      // A slow browser draws the focus some pictures later.
      for (let n = 0; n < 100 && (isDrawnAsBefore() || isDrawnWithout()); n++)
        await new Promise(requestAnimationFrame);
      if (isDrawnAsBefore()) wrong.push(`nobody sees the focus on ${name(last.one)}`);
      // Within its canvas, a table holds its cells once more, for those who listen.
      if (one && !isSeen(one) && !one.closest("canvas")) wrong.push(`nobody sees ${name(one)}`);
      const ends = !one || (reached.has(one) && last?.one !== one);
      if (one) reached.add(one);
      last = one && { one, look: look(one) };
      return { ends, left: !one || one === [...reached][0], wrong };
    },
    // Of a group whose members are reached with the arrow keys, Tab reaches one.
    missed: () => every()
      .filter((one) => one.tabIndex >= 0 && !one.disabled && isSeen(one) && !reached.has(one)
        && !one.closest("[inert], [role=radiogroup], [role=toolbar], [role=grid]"))
      .map(name),
    // What can be clicked, and neither is nor holds what has the focus then. What the buttons of a number or
    // of a choice do, the arrow keys do in its field.
    mouseOnly: () => every()
      .filter((one) => isSeen(one) && getComputedStyle(one).cursor === "pointer"
        && getComputedStyle(up(one)).cursor !== "pointer" && one.tabIndex < 0
        && !one.closest("label, .js-plotly-plot, .stNumberInput, .stSelectbox, .stMultiSelect")
        && ![...one.querySelectorAll("*")].some((of) => of.tabIndex >= 0))
      .map(name),
  };
}
"""
MOST_STOPS = 500
WALKED = {"draw": 1}  # which view of a page; the first one of the others


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_walked_through_with_the_tab_key(name: str, page: Page, address: str, root: Path) -> None:
    page.emulate_media(color_scheme="light")
    go(page, address, views(root)[name][WALKED.get(name, 0)])
    page.evaluate(
        "document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex')"
    )
    walk = page.evaluate_handle(WALK)
    wrong: list[str] = []
    for _stop in range(MOST_STOPS):
        page.keyboard.press("Tab")
        step = walk.evaluate("walk => walk.step()")
        wrong += step["wrong"]
        if step["ends"]:
            break
    assert step["left"], "the focus goes round in a part of the page"
    assert not wrong
    assert not walk.evaluate("walk => walk.missed()")
    assert not walk.evaluate("walk => walk.mouseOnly()")
    assert_plain_names(page)


def assert_plain_names(page: Page) -> None:
    """No name holds what only Markdown means: the label of a widget is its name as it is written."""
    names = page.locator("[aria-label]").evaluate_all("all => all.map((one) => one.ariaLabel)")
    assert names
    assert not [label for label in names if re.search(r"\*\*|`|\\|:\w+\[|:material", label)]


# ---------------------------------------------------------------------------------- tiles, numbers


def test_no_number_has_a_label_that_is_cut_off(page: Page, address: str, root: Path) -> None:
    go(page, address, views(root)["evaluate"][0])
    labels = page.get_by_test_id("stMetricLabel")
    expect(labels).to_have_count(5)
    cut = """all => all.flatMap((one) => [one, ...one.querySelectorAll("*")])
        .filter((one) => one.clientWidth && one.scrollWidth > one.clientWidth + 1).length"""
    for width in (390, 768, 1280, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(300)
        assert labels.evaluate_all(cut) == 0, width


def opens(page: Page, how: Callable[[Locator], None], number: int = 7) -> Locator:
    """A tile that is pressed in this way opens its digit. Returns it when that is closed."""
    tile = page.locator(".st-key-data-digit_tiles button").nth(number)
    name = tile.get_by_role("img").get_attribute("alt")
    assert name
    label, index = re.findall(r"\d+", name)
    how(tile)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(f"Digit {label}, number {int(index):,} of the training images")).to_be_visible()
    dialog.press("Escape")
    expect(dialog).to_have_count(0)
    return tile


def test_a_digit_opens_wherever_it_is_pressed(page: Page, address: str, browser: Browser) -> None:
    go(page, address, View("digits", "data"))
    opens(page, lambda tile: tile.get_by_role("img").click(position={"x": 3, "y": 3}))
    opens(page, lambda tile: tile.locator("span").click())
    for key in ("Enter", "Space"):
        tile = opens(page, methodcaller("press", key))
        expect(tile).to_be_focused()
    phone = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    phone.set_default_timeout(MILLISECONDS)
    phone.goto(f"{address}/data")
    opens(phone, lambda tile: tile.get_by_role("img").tap(position={"x": 3, "y": 3}))
    phone.close()


def test_who_comes_back_from_a_digit_is_where_it_was(page: Page, address: str, root: Path) -> None:
    go(page, address, views(root)["evaluate"][0])
    tile = page.locator(".st-key-evaluate-mistake_tiles button").nth(3)
    value = tile.get_attribute("value")
    tile.press("Enter")
    back = page.get_by_role("button", name="Go back to the digits")
    back.press("Enter")
    expect(page.locator(f".st-key-evaluate-mistake_tiles button[value={value}]")).to_be_focused()


@pytest.mark.parametrize(
    ("typed", "seen", "said"),
    [
        ("99999", "99999", "99,999 is not allowed. Enter a whole number from 1 to 100"),
        ("-3", "-3", "-3 is not allowed"),
        ("2.5", "2.5", "2.5 is not allowed"),
        ("3e5", "3e5", "300,000 is not allowed"),
        ("12345678901234567890", "12345678901234567890", "1.23456789012346e+19 is not allowed"),
        ("", "", "the field has no number"),
        ("seven", "", "the field has no number"),  # of it, a browser takes the e
    ],
)
def test_who_types_what_cannot_be_and_presses_train_at_once_trains_nothing(
    typed: str, seen: str, said: str, page: Page, address: str, root: Path
) -> None:
    before = run_folder.every(root)
    go(page, address, View("knobs", "train"))
    box = page.get_by_role("button", name="Train", exact=True).bounding_box()
    assert box
    field = page.get_by_role("spinbutton", name="Epochs")
    field.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.type(typed)
    expect(field).to_have_value(seen)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_role("alert").filter(has_text="Epochs: ").filter(has_text=said)).to_be_visible()
    expect(page.get_by_role("alert").filter(has_text="Correct Epochs first")).to_be_visible()
    expect(page.get_by_role("button", name="Train", exact=True)).to_be_disabled()
    assert run_folder.every(root) == before
