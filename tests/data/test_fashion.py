"""Fashion-MNIST's test images: fetched, verified, and shown to a reader of digits."""

from __future__ import annotations

import gzip
import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from core.data import fashion
from core.data.datasets import BadDataFile, DatasetDamaged, DatasetMissing
from core.data.download import FetchFailed
from core.evaluation import results
from core.network import predict
from core.runs import run_folder
from tests.conftest import shared
from tests.support.browser import SilentHandler
from tests.support.pages import again, metrics, open_page, said, texts


@pytest.fixture(scope="session")
def source() -> Path:
    """The folder of the published files."""
    return shared("keras/datasets/fashion-mnist")


@pytest.fixture
def address(source: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SilentHandler, directory=source)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_it_is_fetched_and_is_what_was_published(no_mnist: Path, address: str, source: Path) -> None:
    with pytest.raises(DatasetMissing, match="not on this machine"):
        fashion.load()
    told: list[tuple[int, int]] = []
    fashion.fetch(address, lambda done, total: told.append((done, total)))
    images, labels = fashion.load()
    assert images.shape == (fashion.IMAGES, 28, 28)
    assert np.bincount(labels).tolist() == [1000] * 10
    # Read once more, in another way.
    with gzip.open(source / "t10k-images-idx3-ubyte.gz") as packed:
        np.testing.assert_array_equal(images[-1].ravel(), np.frombuffer(packed.read()[-784:], np.uint8))
    sizes = [(source / f"t10k-{kind}-ubyte.gz").stat().st_size for kind in ("images-idx3", "labels-idx1")]
    assert {total for _done, total in told} == set(sizes)
    assert sum(sizes) / 1e6 == pytest.approx(fashion.MEGABYTES, abs=0.05)
    before = sorted(told)
    fashion.fetch(
        "http://127.0.0.1:9/", lambda done, total: told.append((done, total))
    )  # nothing is to be done
    assert sorted(told) == before


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"no gzip", id="no-gzip"),
        pytest.param(gzip.compress(b"too short"), id="short"),
        pytest.param(gzip.compress(bytes(7_840_016)), id="black"),
    ],
)
def test_what_is_damaged_is_said_and_fetched_anew(no_mnist: Path, address: str, damage: bytes) -> None:
    fashion.fetch(address)
    file = fashion.folder() / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(damage)
    with pytest.raises(
        DatasetDamaged, match=rf"t10k-images.* The file is in {fashion.folder()}\. Download it again\.$"
    ):
        fashion.load()
    fashion.fetch(address)
    assert len(fashion.load()[0]) == fashion.IMAGES


def test_what_cannot_be_fetched_is_said_and_nothing_is_kept(no_mnist: Path, tmp_path: Path) -> None:
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(b"something else"))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SilentHandler, directory=tmp_path)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(BadDataFile, match="is not Fashion-MNIST"):
            fashion.fetch(f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
    with pytest.raises(FetchFailed):
        fashion.fetch("http://127.0.0.1:9/")
    assert [file.name for file in fashion.folder().iterdir() if file.suffix != ".lock"] == []


def test_a_reader_of_digits_is_shown_clothes(
    no_mnist: Path, runs_folder: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = open_page("evaluate", on="fashion_mnist")
    assert "not on this machine" in said(app.error[0])
    monkeypatch.setenv("MNIST_LAB_FASHION_URL", "http://127.0.0.1:9/")
    app.button(key="evaluate.fetch_fashion").click()
    again(app)
    assert "cannot be reached" in said(app.error[1])
    monkeypatch.setenv("MNIST_LAB_FASHION_URL", address)
    app.button(key="evaluate.fetch_fashion").click()
    again(app)
    app = open_page("evaluate", on="fashion_mnist")
    assert not app.error
    images, labels = fashion.load()
    right = results.Evaluation(predict.load(run_folder.STARTER).logits(images), labels).accuracy
    assert metrics(app)["Accuracy"] == f"{right:.2%}"
    assert "9 ankle boot" in texts(app)
    shutil.rmtree(no_mnist)
