"""A photo of a number in a browser: uploaded, read with a box around each digit, and corrected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import free_port, rest, serving
from tests.support.photos import drawn, encoded, on_paper

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("photo") / "runs", free_port()) as url:
        yield f"{url}/draw?source=photo"


def test_a_photo_of_a_number_is_read_boxed_and_corrected(page: Page, address: str, tmp_path: Path) -> None:
    share = np.concatenate([drawn(digit, side=0.5) for digit in (3, 0, 7)], axis=1)
    file = tmp_path / "number.jpg"
    file.write_bytes(encoded(np.ascontiguousarray(np.rot90(on_paper(share, noise=2))), "JPEG"))
    page.goto(address)
    page.locator("input[type=file]").set_input_files(file)
    # A drawer that is opened while the page runs may be shut again.
    expect(page.get_by_text("Taken for a")).to_be_visible()
    rest(page)
    page.get_by_text("Correct what was seen").click()
    page.get_by_role("radio", name="90°").click()
    expect(page.get_by_role("heading", name="I read: 307")).to_be_visible()
    expect(page.get_by_role("img", name="The photo, read as 307")).to_be_visible()
    page.get_by_role("radio", name="One digit").click()
    expect(page.get_by_role("heading", name="I read: 307")).to_have_count(0)
