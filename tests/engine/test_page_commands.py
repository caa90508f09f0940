"""The page's "View push commands", read in a browser and run in a shell as a person would who pastes them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from playwright.sync_api import expect

from ecr_tasks.local_ecr.server import LocalEcr
from tests.engine.project import project
from tests.local_ecr.browser import chromium, page


def test_the_commands_of_the_page_push_an_image(
    tmp_path: Path, engine: dict[str, str], local_ecr: LocalEcr, tiny_base: str, aws_path: str
) -> None:
    """From a new local ECR on: a repository is created, and the four commands push to it."""
    app = project(tmp_path / "app", engine, f"FROM {tiny_base}\nCOPY hello.txt /\n")
    config = tmp_path / "docker"  # a person's own, which docker login writes to
    config.mkdir()
    (config / "cli-plugins").symlink_to(Path(engine["DOCKER_CONFIG"]) / "cli-plugins")
    environ = {**engine, "PATH": f"{aws_path}:{engine['PATH']}", "DOCKER_CONFIG": str(config)}

    def paste(command: str) -> None:
        done = subprocess.run(
            ["sh", "-c", command], cwd=app.folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stderr}"

    with chromium() as browser, page(browser) as window:
        window.goto(local_ecr.endpoint)
        commands = window.locator("main pre")
        expect(commands).to_have_count(2)
        paste(commands.last.inner_text())
        window.get_by_role("button", name="View push commands for my-app").click()
        by_hand = window.locator("dialog section", has_text="AWS CLI").locator("pre")
        expect(by_hand).to_have_count(4)
        for command in by_hand.all_inner_texts():
            paste(command)
        window.get_by_role("button", name="Close").click()
        window.get_by_role("link", name="my-app").click()
        expect(window.get_by_role("rowheader").filter(has_text="latest")).to_be_visible()
        expect(window.locator("tr.row").first).to_contain_text("linux/")
    subprocess.run(["docker", "image", "rm", "my-app:latest"], env=environ, capture_output=True, check=False)
