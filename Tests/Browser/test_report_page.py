"""The page that `report` writes, in a real browser: opened from its file, without a network."""
import json
import re
import time

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import checkpoint


@pytest.fixture(scope="module")
def page(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    before = checkpoint.decoder()
    checkpoint.save(folder / "before.safetensors", before)
    checkpoint.save(folder / "after.safetensors", checkpoint.trained_on(before))
    return report(folder, "before.safetensors", "after.safetensors")


def one(driver, selector):
    return driver.find_element(By.CSS_SELECTOR, selector)


def all_of(driver, selector):
    return driver.find_elements(By.CSS_SELECTOR, selector)


def test_the_tree_opens_by_mouse_and_by_keyboard(open_page, page):
    driver = open_page(page)
    group = one(driver, "#tree > details[data-path='model']")
    one(group, "summary").click()
    layers = one(group, "details[data-path='model.layers'] > summary")
    layers.send_keys(Keys.ENTER)
    assert len(all_of(driver, "details[data-path^='model.layers.']")) == 12
    assert driver.switch_to.active_element == layers


def test_search_filters(open_page, page):
    driver = open_page(page)
    box = one(driver, "#search")
    box.send_keys("q_proj layers.1")
    assert one(driver, "#found").text == "3 found"
    assert [row.get_attribute("data-name") for row in all_of(driver, "#results > details")] == [
        f"model.layers.{layer}.self_attn.q_proj.weight" for layer in [1, 10, 11]]
    assert not one(driver, "#tree").is_displayed()
    box.clear()
    box.send_keys(" ")
    assert one(driver, "#tree").is_displayed()


def test_a_histogram_has_the_bars_that_the_data_says(open_page, page):
    driver = open_page(page)
    one(driver, "#search").send_keys("known")
    one(driver, "#results summary").click()
    bars = {}
    for bar in all_of(driver, "#results .histogram .bar"):
        key = bar.get_attribute("data-special") or float(bar.get_attribute("data-from"))
        bars[key] = int(bar.get_attribute("data-count"))
    assert {key: count for key, count in bars.items() if count} == {
        "0": 3, 1.0: 2, 2.0: 1, 4.0: 3, -2.0: 1, -0.5: 2}
    heights = {bar.get_attribute("data-from"): float(bar.get_attribute("height"))
               for bar in all_of(driver, "#results .histogram .bar")}
    assert heights["4"] > heights["1"] > heights["2"] > heights["0.5"] == 0


def test_flags_lead_to_their_tensors(open_page, page):
    driver = open_page(page)
    titles = [item.text for item in all_of(driver, "#flags summary")]
    assert [title.split(":")[0] for title in titles] == [
        "NaN", "constant", "dead channels", "duplicated", "outlier", "beyond float16"]
    all_of(driver, "#flags summary")[0].click()
    one(driver, "#flags button.link").click()
    focused = driver.switch_to.active_element
    assert "q_proj.weight" in focused.text
    assert one(driver, "[data-name='model.layers.5.self_attn.q_proj.weight']").get_attribute("open")


def test_the_treemap_leads_into_groups(open_page, page):
    driver = open_page(page)
    cells = all_of(driver, "#treemap .cell")
    assert cells[0].get_attribute("aria-label").startswith("model: ")
    cells[0].send_keys(Keys.ENTER)
    names = [cell.get_attribute("aria-label") for cell in all_of(driver, "#treemap .cell")]
    assert names[0].startswith("layers: ") and len(names) == 2


def test_the_comparison_is_sorted_and_said(open_page, page):
    driver = open_page(page)
    # A model of 7 billion parameters has some 300 tensors, of which 98 are here.
    assert page.stat().st_size < 5_000_000 * 98 / 300
    assert one(driver, "#comparison .verdict").text == "same architecture, 44 of 98 tensors changed"
    first = one(driver, "#comparison tbody tr")
    # NaN has no distance, and comes before all that have one.
    assert "layers.5" in first.text
    curves = [item.get_attribute("aria-label") for item in all_of(driver, "#depth svg")]
    assert any(label.startswith("Relative change from 0 to 11: 0: 0, ") for label in curves)


def test_findings_and_verification_are_shown_where_given(report, open_page, tmp_path):
    checkpoint.save(tmp_path / "x.safetensors", {"a.w": ([2], [1.0, 2.0])})
    finding = {"id": "W001", "name": "missing-tensor", "severity": "error", "tensor": "a.w",
               "expected": "this tensor", "found": None, "hint": None, "message": "it is missing"}
    (tmp_path / "findings.json").write_text(json.dumps({
        "schema_version": 1, "schema": "mine", "passed": False, "errors": 1, "warnings": 0,
        "notes": 0, "files": [{"file": "x", "checked_tensors": 1, "findings": [finding]}]}))
    (tmp_path / "verification.json").write_text(json.dumps({
        "schema_version": 1, "agrees": False,
        "faults": [{"kind": "layer", "source": "enc/conv", "converted": "enc.conv", "max": 0.4,
                    "relative": 0.02, "causes": [{"id": "transposed", "explains": 0.99}]}]}))
    driver = open_page(report(tmp_path, "x.safetensors", "--findings", "findings.json",
                              "--verification", "verification.json"))
    assert one(driver, "#findings .verdict").text.startswith("failed: 1 errors")
    assert "error W001 missing-tensor" in one(driver, "#findings tbody").text
    assert one(driver, "#verification .verdict").text == "The two models do not agree."
    assert "enc.conv" in one(driver, "#verification tbody").text


def test_everything_has_a_name_for_a_screen_reader(open_page, page):
    driver = open_page(page)
    unnamed = driver.execute_script("""
      return [...document.querySelectorAll("svg, button, input, section")].filter((node) =>
        !node.ariaLabel && !node.textContent.trim() && !node.labels?.length
        && node.getAttribute("aria-hidden") !== "true"
        && !node.getAttribute("aria-labelledby")).map((node) => node.outerHTML);""")
    assert unnamed == []
    assert driver.execute_script("return document.documentElement.lang") == "en"


def test_names_are_never_markup(report, open_page, tmp_path):
    names = ["<img src=x onerror=alert(1)>", "<script>alert(2)</script>", "a&amp;b\"'"]
    checkpoint.save(tmp_path / "x.safetensors", {name: ([1], [1.0]) for name in names})
    driver = open_page(report(tmp_path, "x.safetensors"))
    one(driver, "#search").send_keys("a")
    shown = [item.get_attribute("data-name") for item in all_of(driver, "#results > details")]
    assert shown == names
    assert driver.execute_script("return document.images.length + document.scripts.length") == 2


def test_twenty_thousand_tensors_stay_usable(report, open_page, tmp_path):
    names = [f"layers.{layer}.experts.{expert}.{part}.weight"
             for layer in range(50) for expert in range(100) for part in "abcd"]
    checkpoint.save(tmp_path / "many.safetensors", {name: ([2], [1.0, -2.0]) for name in names})
    page = report(tmp_path, "many.safetensors")
    assert page.stat().st_size < 5_000_000
    start = time.monotonic()
    driver = open_page(page)
    one(driver, "#search").send_keys("experts.99.d")
    assert one(driver, "#found").text == "50 found"
    # Far more than it takes, far less than a person would wait for.
    assert time.monotonic() - start < 20
    assert driver.execute_script("return document.getElementsByTagName('*').length") < 20_000


@pytest.mark.parametrize("scheme, section", [
    ("light", "comparison"), ("light", "bytes"), ("light", "depth"), ("dark", "tensors")])
def test_light_and_dark_with_pictures(open_page, page, screenshots, scheme, section):
    driver = open_page(page, scheme)
    colour = driver.execute_script("return getComputedStyle(document.body).backgroundColor")
    lightness = int(re.search(r"\d+", colour)[0])
    assert lightness > 200 if scheme == "light" else lightness < 60
    one(driver, "#search").send_keys("layers.5.self_attn.q_proj")
    one(driver, "#results summary").click()
    assert one(driver, "#results .histogram").is_displayed()
    driver.execute_script("arguments[0].scrollIntoView()", one(driver, f"#{section}"))
    picture = screenshots / f"report-{section}.png"
    assert one(driver, f"#{section}").screenshot(str(picture)) and picture.stat().st_size > 5000
