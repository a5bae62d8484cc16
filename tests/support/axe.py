"""axe-core on a page: what it finds, and where, in words that do not change from one build to the next."""

from __future__ import annotations

from typing import Any, NamedTuple

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# A place is the names that Streamlit gives its parts, from the outside in, and the element itself. Class
# names that are made by a machine, the texts and the numbers of elements are left out. What is large enough
# to be touched is a rule that axe only follows when it is told to.
_RUN = """
async () => {
  const parts = (element) => {
    const found = [];
    for (let one = element; one; one = one.parentElement ?? one.getRootNode().host)
      if (one.dataset?.testid) found.unshift(one.dataset.testid);
    return found.slice(-2);
  };
  const own = (element) => [...element.classList].filter((name) => !/^(st-|e[0-9a-z]{6,}$|css-)/.test(name));
  const place = (element) => {
    const role = element.getAttribute("role");
    const id = /^st[A-Z]/.test(element.id) ? `#${element.id}` : "";
    const self = [element.localName, ...own(element).slice(0, 1)].join(".") + id + (role ? `[${role}]` : "");
    return [...parts(element), self].join(" ");
  };
  const rules = { "target-size": { enabled: true } };
  const { violations } = await axe.run(document, { elementRef: true, resultTypes: ["violations"], rules });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ element, html, failureSummary }) =>
    ({ rule: id, place: element ? place(element) : "?", html, why: failureSummary })));
}
"""


class Finding(NamedTuple):
    """Something that axe-core objects to.

    Attributes:
        rule: axe's name of the rule.
        place: where it is, see `_RUN`.
        html: the element as it is written.
        why: in axe's words.
    """

    rule: str
    place: str
    html: str
    why: str

    @property
    def what(self) -> str:
        return f"{self.rule}: {self.place}"


def findings(page: Page) -> list[Finding]:
    """What axe-core finds on the page as it stands."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    violations: list[dict[str, Any]] = page.evaluate(_RUN)
    return [Finding(**violation) for violation in violations]
