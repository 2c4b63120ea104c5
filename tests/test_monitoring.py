"""The dashboard and the alerts name nothing that isn't there. Whether the alerts come is promtool's to say (`./dev check`)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import pytest
from ruamel.yaml import YAML

from dashboard import health
from jobs import claims, metrics, problems, queues
from jobs.insight import COUNTED
from tests.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.test import Client
    from pytest_django import Settings

FOLDER = ROOT / "docs" / "monitoring"
DASHBOARD = json.loads((FOLDER / "grafana.json").read_text(encoding="utf-8"))
RULES = YAML(typ="safe", pure=True).load(FOLDER / "alerts.yml")

METRIC = re.compile(r"\b((?:batchlens_\w+)|up)\b(?!\s*\()(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"')
BY = re.compile(r"\b(?:by|ignoring|on)\s*\(([^)]*)\)")


def words(function: Any, argument: str) -> set[str]:
    """Return the words that a function of jobs.metrics takes."""
    return set(get_args(get_type_hints(function)[argument]))


WORDS: dict[str, set[str]] = {
    "outcome": words(metrics.throttled, "outcome") | words(metrics.lookup, "outcome") | words(metrics.claim, "outcome") | words(metrics.wait, "outcome"),
    "what": words(metrics.lookup, "what"),
    "class": {"ok", "error", *problems.RULES},
    "lane": set(claims.LANES),
    "queue": set(queues.QUEUES.values()),
    "reason": {"none", *get_args(claims.Reason)},
    "part": set(health.PROBES),
    "state": set(COUNTED),
}  # fmt: skip


def panels() -> Iterator[dict[str, Any]]:
    """Yield every panel that shows something."""
    yield from (panel for panel in DASHBOARD["panels"] if panel["type"] != "row")


def expressions() -> dict[str, str]:
    """Return every expression by where it stands."""
    found = {
        f"panel {panel['title']} {target['refId']}": target["expr"] for panel in panels() for target in panel["targets"]
    }
    found |= {
        f"variable {variable['name']}": variable["query"]["query"]
        for variable in DASHBOARD["templating"]["list"]
        if variable["type"] == "query"
    }
    return found | {f"alert {rule['alert']}": rule["expr"] for group in RULES["groups"] for rule in group["rules"]}


EXPRESSIONS = expressions()


@pytest.fixture
def told(client: Client, db: None, empty_redis: None, patient_probes: None, settings: Settings) -> dict[str, set[str]]:
    """Return the series that /metrics has, each with its labels."""
    settings.OVERVIEW_REFRESH = 60
    # As after any request: alone, a process tells more of a number that was counted than of one that wasn't.
    metrics.lookup("page", "miss")
    series: dict[str, set[str]] = {"up": {"job", "instance"}}
    for family in vars(metrics).values():
        if hasattr(family, "_labelnames"):
            endings = ["_bucket", "_count", "_sum"] if type(family).__name__ == "Histogram" else ["_total"]
            series |= {f"{family._name}{ending}": {*family._labelnames} for ending in endings}
            assert family._labelnames, f"{family._name} has no label: its file would be opened at import"
    for line in client.get("/metrics").content.decode().splitlines():
        if found := re.match(r"# TYPE (batchlens_\w+) gauge", line):
            series[found[1]] = {"part", "queue", "lane", "bucket", "state", "class"}
    for name in list(series):
        if name.endswith("_bucket"):
            series[name].add("le")
    return series


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_expression_names_what_there_is(where: str, told: dict[str, set[str]]) -> None:
    expression = EXPRESSIONS[where]
    found = METRIC.findall(expression)

    assert found
    for name, matchers in found:
        assert name in told, f"{where} names {name}"
        for label, value in MATCHER.findall(matchers):
            assert label in told[name], f"{where}: {name} has no label {label}"
            if label in WORDS and not value.startswith("$"):
                assert set(value.split("|")) <= WORDS[label], f"{where}: {label} is never {value}"
    labels = {label.strip() for group in BY.findall(expression) for label in group.split(",")}
    assert labels <= {label for name, _ in found for label in told[name]}, where


@pytest.mark.parametrize("document", ["CHANGELOG.md", "docs/running-on-many-machines.md"])
def test_documents_name_numbers_that_there_are(document: str, told: dict[str, set[str]]) -> None:
    named = set(re.findall(r"\bbatchlens_\w+", (ROOT / document).read_text(encoding="utf-8")))

    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in told}
    assert named
    assert named <= families, named - families


def test_every_number_is_on_the_dashboard(told: dict[str, set[str]]) -> None:
    shown = " ".join(EXPRESSIONS.values())
    families = {re.sub(r"_(bucket|count|sum|total)$", "", name) for name in told} - {"up"}

    assert {name for name in families if name not in shown} == set()


def test_dashboard_can_be_laid_out() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, panel["title"]
        taken |= cells
    identities = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(identities) == len(set(identities))
    for panel in panels():
        assert panel["description"]
        assert panel["datasource"]["uid"] == "${datasource}"


def test_every_alert_says_what_to_do_and_is_tested() -> None:
    played = (FOLDER / "alerts_test.yml").read_text(encoding="utf-8")
    for rule in (rule for group in RULES["groups"] for rule in group["rules"]):
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "description"}
        assert len(re.findall(rf"alertname: {rule['alert']}\n\s+exp_alerts", played)) == 1, rule["alert"]
