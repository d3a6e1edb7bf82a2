"""What axe-core finds on a page, by the rules of WCAG 2.2 AA and its own of good practice."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_AXE = Axe()


async def violations(page: Page) -> list[str]:
    """One line for each: the rule, and the elements that break it.

    axe is handed over by the browser's own interface, which no content security policy stops.
    """
    options = {"runOnly": {"type": "tag", "values": TAGS}, "resultTypes": ["violations"]}
    found = (await _AXE.run(page, options=options)).response["violations"]
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found]
