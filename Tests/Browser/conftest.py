"""The real binary, and a headless Chromium that logs what goes wrong in a page."""
import os
import pathlib
import shutil
import subprocess

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def report():
    """Writes report.html in a folder, of checkpoints that lie there; returns its path."""
    tool = pathlib.Path(os.environ.get("SAVI_CKPT", ROOT / ".build/release/savi-ckpt"))
    assert os.access(tool, os.X_OK), f"{tool} is not built: run make build"

    def run(folder, *files):
        subprocess.run([tool.absolute(), "report", *files, "-o", "report.html", "-q"],
                       check=True, cwd=folder)
        return folder / "report.html"
    return run


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    """Where pictures go: SCREENSHOTS, or nowhere that lasts."""
    named = os.environ.get("SCREENSHOTS")
    return ROOT / named if named else tmp_path_factory.mktemp("screenshots")


@pytest.fixture(scope="session")
def chromium():
    programs = [shutil.which(name) for name in ["chromium", "chromedriver"]]
    if None in programs:
        pytest.fail("this needs chromium and chromedriver: apt-get install chromium chromium-driver")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    # Chromium's own sandbox needs rights that containers rarely give; the page is the project's.
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                     "--window-size=1200,900", "--force-device-scale-factor=1"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(programs[1]))
    # What a press opens is there a moment later.
    driver.implicitly_wait(2)
    yield driver
    driver.quit()


@pytest.fixture
def open_page(chromium):
    """Opens a page from its file, which must leave the console empty."""
    def run(path, scheme="light"):
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        chromium.get(path.as_uri())
        # The document that it carries is unpacked in the background.
        WebDriverWait(chromium, 30).until(lambda page: page.find_elements("id", "tree"))
        assert chromium.get_log("browser") == []
        return chromium
    yield run
    assert chromium.get_log("browser") == []
