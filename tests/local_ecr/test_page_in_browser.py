"""The page in a real browser: what it shows and does, by mouse and keyboard, and for whom it can be used."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from ecr_tasks.local_ecr.server import LocalEcr
from tests.local_ecr.browser import TIMEOUT, Scheme, chromium, overflow, page, violations
from tests.local_ecr.http_client import HttpClient, digest_of
from tests.local_ecr.sample import HOSTILE, fill

expect.set_options(timeout=TIMEOUT)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def address(ecr: LocalEcr, name: str = "team/app") -> str:
    return f"{ecr.endpoint}/#/{ecr.account}/{ecr.region}/{name}"


def row(window: Page, text: str) -> Any:
    return window.locator("tr.row", has=window.get_by_role("rowheader").filter(has_text=text)).first


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1600, "light")])
def test_every_view_breaks_no_rule_of_accessibility(
    ecr: LocalEcr, api: Any, browser: Browser, width: int, scheme: Scheme
) -> None:
    """In both colours, and as cards as well as tables."""
    fill(ecr, api)
    with page(browser, width, scheme) as window:
        window.goto(ecr.endpoint)
        expect(window.get_by_role("heading", level=1)).to_have_text("Repositories")
        row(window, "team/app").wait_for()
        assert violations(window) == []
        window.get_by_role("link", name="team/app", exact=True).click()
        window.get_by_role("button", name="Details of 1.1.0").click()
        expect(window.get_by_role("heading", name="Signatures, SBOMs and attestations")).to_be_visible()
        assert violations(window) == []
        window.locator("button.main").click()
        expect(window.get_by_role("dialog")).to_be_visible()
        assert violations(window) == []


def test_nothing_is_cut_off_at_any_width(ecr: LocalEcr, api: Any, browser: Browser) -> None:
    """From that at which WCAG 2.2 wants no scrolling to the side (1.4.10, Reflow) to a wide screen."""
    fill(ecr, api)
    with page(browser) as window:

        def check() -> None:
            cut_off = {}
            for width in (320, 360, 480, 700, 768, 950, 1024, 1100, 1280, 1440, 1559, 1560, 1920, 2560):
                window.set_viewport_size({"width": width, "height": 900})
                cut_off[width] = overflow(window)
            assert {width: pixels for width, pixels in cut_off.items() if pixels} == {}

        window.goto(ecr.endpoint)
        row(window, "team/app").wait_for()
        check()
        window.goto(address(ecr))
        window.get_by_role("button", name="Details of 1.1.0").click()
        check()
        window.locator("button.main").click()
        check()


def test_a_narrow_list_is_sorted_as_well_and_hides_nothing_that_takes_the_focus(
    ecr: LocalEcr, api: Any, browser: Browser
) -> None:
    fill(ecr, api)
    with page(browser, 360) as window:
        window.goto(ecr.endpoint)
        row(window, "team/app").wait_for()
        window.get_by_label("Sort by").select_option("images")
        expect(window.locator("tr.row").first).to_contain_text("team/app")
        assert window.locator("main thead button:visible").count() == 0
        window.set_viewport_size({"width": 1600, "height": 900})
        expect(window.get_by_role("columnheader", name="Images")).to_have_attribute("aria-sort", "descending")
        expect(window.get_by_label("Sort by")).to_be_hidden()


def test_the_focus_comes_back_although_all_has_been_drawn_anew(ecr: LocalEcr, api: Any, browser: Browser) -> None:
    """As after a push by the commands that are shown, and on the way back from a repository to the list."""
    fill(ecr, api)
    with page(browser, 1280) as window:
        window.goto(ecr.endpoint)
        window.get_by_role("button", name="View push commands for team/app").press("Enter")
        api.create_repository(repositoryName="another")
        expect(window.get_by_role("link", name="another", include_hidden=True)).to_be_attached()
        window.keyboard.press("Escape")
        expect(window.get_by_role("button", name="View push commands for team/app")).to_be_focused()
        window.get_by_role("link", name="team/empty").press("Enter")
        expect(window.get_by_role("heading", level=1, name="team/empty")).to_be_focused()
        window.go_back()
        expect(window.get_by_role("link", name="team/empty")).to_be_focused()
        window.get_by_role("button", name="Last requests").press("Enter")
        expect(window.get_by_role("region", name="Last requests")).to_be_focused()


def test_what_a_reader_has_marked_stays_so_while_others_push(ecr: LocalEcr, api: Any, browser: Browser) -> None:
    fill(ecr, api)
    with page(browser) as window:
        window.goto(address(ecr))
        row(window, "1.1.0").wait_for()
        window.evaluate("getSelection().selectAllChildren(document.querySelector('.uri code'))")
        http = HttpClient.logged_in(ecr)
        http.push_image("team/empty", "v1", b"layer")
        expect(window.locator("#requests tr").first).to_contain_text("PUT manifest")
        expect(window.locator("#requests tr").first).to_contain_text("team/empty")
        assert window.evaluate("getSelection().toString()") == f"{ecr.registry}/team/app"


def test_a_new_local_ecr_says_what_to_type_first(ecr: LocalEcr, browser: Browser) -> None:
    with page(browser) as window:
        window.goto(ecr.endpoint)
        expect(window.get_by_role("main")).to_contain_text("inv local build push")
        expect(window.get_by_role("main")).to_contain_text(f"--endpoint-url {ecr.endpoint}")
        assert violations(window) == []


def test_an_image_is_shown_with_everything_that_belongs_to_it(ecr: LocalEcr, api: Any, browser: Browser) -> None:
    index = fill(ecr, api)
    with page(browser) as window:
        window.goto(address(ecr))
        image = row(window, "1.1.0")
        for text in (
            digest_of(index)[7:19],
            "linux/amd64",
            "linux/arm64",
            "1 critical",
            "SBOM",
            "provenance",
            "never",
        ):
            expect(image).to_contain_text(text)
        expect(image).to_contain_text(re.compile("2 . signature"))
        expect(image).to_contain_text("1.1.0, locked")
        expect(image).to_contain_text("latest, moving")
        window.get_by_role("searchbox").fill("1.0.0")
        expect(window.locator("tr.row")).to_have_count(1)
        expect(row(window, "1.0.0")).not_to_contain_text("never")  # it was pulled


def test_texts_of_requests_are_shown_as_texts(ecr: LocalEcr, api: Any, browser: Browser) -> None:
    fill(ecr, api)
    with page(browser) as window:  # which fails the test for a dialog
        window.goto(address(ecr))
        window.get_by_role("button", name="Details of 1.1.0").click()
        expect(window.get_by_role("main")).to_contain_text(HOSTILE)
        expect(window.get_by_role("complementary")).to_contain_text(HOSTILE)
        assert window.locator("img").count() == 0


def test_pushes_and_requests_appear_by_themselves_and_the_pages_own_do_not(
    ecr: LocalEcr, api: Any, browser: Browser
) -> None:
    api.create_repository(repositoryName="team/app")
    http = HttpClient.logged_in(ecr)
    with page(browser) as window:
        window.goto(address(ecr))
        expect(window.get_by_role("heading", name="No images yet")).to_be_visible()
        requests = ecr.requests()
        http.push_image("team/app", "v1", b"layer")
        expect(row(window, "v1")).to_be_visible()
        expect(window.locator("#requests tr").first).to_contain_text("PUT manifest")
        expect(window.locator("#requests tr")).to_have_count(sum(ecr.requests().values()))
        expect(row(window, "v1")).to_contain_text("never")
        pushed = {"POST upload": 2, "PUT upload": 2, "PUT manifest": 1}
        assert ecr.requests() == {**requests, **pushed}
        window.get_by_role("button", name="Pause").click()
        http.send("GET", "/v2/team/app/manifests/v1")
        expect(row(window, "v1")).not_to_contain_text("never")
        expect(window.locator("#requests tr").first).to_contain_text("PUT manifest")


def test_the_page_says_when_the_local_ecr_is_away_and_goes_on(ecr: LocalEcr, api: Any, browser: Browser) -> None:
    fill(ecr, api)
    with page(browser) as window:
        window.goto(ecr.endpoint)
        row(window, "team/app").wait_for()
        window.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('gone')); }")
        expect(window.get_by_text("The local ECR does not answer.")).to_be_visible()
        expect(row(window, "team/app")).to_be_visible()
        assert violations(window) == []
        window.reload()
        expect(window.get_by_text("The local ECR does not answer.")).to_be_hidden()


def test_the_page_is_used_by_keyboard_alone(ecr: LocalEcr, api: Any, browser: Browser) -> None:
    fill(ecr, api)
    with page(browser) as window:
        window.goto(ecr.endpoint)
        row(window, "team/app").wait_for()
        window.keyboard.press("Tab")
        expect(window.get_by_role("link", name="Skip to the content")).to_be_focused()
        window.keyboard.press("Enter")
        window.keyboard.press("Tab")
        expect(window.get_by_role("searchbox")).to_be_focused()
        window.keyboard.type("team/a")
        expect(window.get_by_role("searchbox")).to_be_focused()  # although the list is drawn anew
        expect(window.locator("tr.row")).to_have_count(1)
        expect(window.get_by_role("status")).to_have_text("1 repository")
        button = window.get_by_role("button", name="View push commands for team/app")
        button.focus()
        window.keyboard.press("Enter")
        expect(window.get_by_role("dialog", name="Push commands for team/app")).to_be_visible()
        window.keyboard.press("Escape")
        expect(window.get_by_role("dialog")).to_be_hidden()
        expect(button).to_be_focused()
        window.get_by_role("link", name="team/app").press("Enter")
        expect(window.get_by_role("heading", level=1, name="team/app")).to_be_focused()
        assert window.title() == "team/app · Local ECR"


def test_the_colours_that_were_chosen_are_kept(ecr: LocalEcr, browser: Browser) -> None:
    with page(browser, scheme="light") as window:
        window.goto(ecr.endpoint)
        ground = "getComputedStyle(document.body).backgroundColor"
        light = window.evaluate(ground)
        toggle = window.get_by_role("button", name="Colours")
        toggle.click()
        toggle.click()
        expect(toggle).to_have_text("Colours: Dark", use_inner_text=False)
        assert window.evaluate(ground) != light
        window.reload()
        assert window.evaluate(ground) != light
        toggle.click()
        assert window.evaluate(ground) == light


def test_other_registries_have_their_own_commands(ecr: LocalEcr, api: Any, browser: Browser) -> None:
    fill(ecr, api)
    (other,) = [item["registry"] for item in ecr.registries() if item["account"] == "222233334444"]
    with page(browser) as window:
        window.goto(ecr.endpoint)
        window.get_by_label("Registry").select_option("222233334444/eu-west-1")
        window.get_by_role("button", name="View push commands for prod/app").click()
        dialog = window.get_by_role("dialog")
        expect(dialog).to_contain_text(f"docker push {other}/prod/app:latest")
        expect(dialog).to_contain_text("ECR_DESTINATIONS=222233334444/eu-west-1/prod/app")
        expect(dialog).to_contain_text("inv local promote TAG --to 222233334444/eu-west-1/prod/app")


def test_a_command_is_copied_as_it_is_shown(ecr: LocalEcr, api: Any, browser: Browser) -> None:
    fill(ecr, api)
    with page(browser) as window:
        window.context.grant_permissions(["clipboard-read", "clipboard-write"])
        window.goto(address(ecr))
        window.locator("button.main").click()
        window.get_by_role("button", name="Copy command 2").first.click()
        expect(window.get_by_role("status")).to_have_text("Copied")
        expect(window.locator("dialog button.done")).to_have_text("Copied command 2")
        assert window.evaluate("navigator.clipboard.readText()") == "inv local build push"


def test_a_page_that_is_left_open_leaves_room_for_everybody(
    api: Any, browser: Browser, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr("ecr_tasks.local_ecr.http.limits.MAX_CONNECTIONS", 4)
    with LocalEcr(tmp_path / "small") as small, page(browser) as window:
        window.goto(small.endpoint)
        expect(window.get_by_role("main")).to_contain_text("inv local build push")
        clients = [HttpClient(small.registry) for _ in range(8)]  # which stay connected while there is room
        assert [client.send("GET", "/v2/").status for client in clients] == [401] * 8
        HttpClient(small.registry).api("CreateRepository", {"repositoryName": "team/app"})
        row(window, "team/app").wait_for()
