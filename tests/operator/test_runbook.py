"""The runbook is read at 3 a.m. with nothing beside it: what it names is there, under that name."""

import re
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.metrics import MetricWrapperBase
from typer.testing import CliRunner

from bridge import metrics
from bridge.__main__ import cli
from bridge.operator import commands, reasons
from bridge.settings.environment import Settings
from bridge.store import valkey

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
SOURCE = "\n".join(each.read_text() for each in sorted((ROOT / "bridge").rglob("*.py")))
# What it quotes of the log; settings stand in capitals there, and metrics begin with our name.
EVENTS = set(re.findall(r"`((?!bridge_)[a-z]+_[a-z_]+)`", RUNBOOK)) - {
    # Slack's own words, and the board's.
    *("dispatch_failed", "operation_timeout", "http_client_error", "invalid_auth", "token_revoked"),
    "missing_scope",
    *("invalid_grant", "two_factor_auth_check", "must_reset_password"),
    # A reason, as `outbox show --json` has it.
    "worker_died",
}


def families() -> list[Metric]:
    ours = [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]
    return [family for each in ours for family in each.collect()]


def test_every_metric_in_the_runbook_exists() -> None:
    """An alert on a metric that nobody writes never rings: each name is one of ours, with the suffix that it has."""
    suffixes = {"counter": ("_total",), "histogram": ("", "_bucket", "_count", "_sum"), "gauge": ("",)}
    kept = {family.name + suffix for family in families() for suffix in suffixes[family.type]}
    named = set(re.findall(r"\bbridge_[a-z_]+", RUNBOOK))

    assert len(named) > 7
    assert named - kept == set()


def test_the_alerts_look_for_endings_that_there_are() -> None:
    """What is given up, surely or in doubt, and what nobody could be told of."""
    (endings,) = set(re.findall(r'ending=~"([^"]+)"', RUNBOOK))

    assert endings.split("|") == ["unposted", "unsure"]
    assert all(f'"{each}"' in SOURCE for each in [*endings.split("|"), *re.findall(r'way="([^"]+)"', RUNBOOK)])


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_every_line_of_the_log_in_the_runbook_is_written(event: str) -> None:
    """Who searches the log for it finds it."""
    assert re.search(rf'(log(\.\w+)?|at_most_once_a_minute)\(\s*"{event}"', SOURCE)


def test_the_log_is_quoted_at_all() -> None:
    """The events that tell one trouble from another."""
    assert {"store_away", "board_rejects_login", "app_removed", "signature_refused"} <= EVENTS


def test_the_settings_and_figures_are_the_programs() -> None:
    """Every name in capitals is a setting; defaults that it quotes are the defaults."""
    named = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])[=`]", RUNBOOK)) - {"FLUSHALL", "REFERENCE"}
    assert {each.lower() for each in named} <= set(Settings.model_fields)
    paces = (("nexudus_writes_per_minute", "(60)"), ("nexudus_writes_per_endpoint", "(25)"))
    for name, shown in (("patience", "86400"), *paces, ("lease", "(30 s)")):
        assert shown in RUNBOOK
        assert f"{Settings.model_fields[name].default:g}" == re.sub(r"\D", "", shown)


@pytest.mark.parametrize("words", sorted(set(re.findall(r"`bridge ((?:outbox )?[a-z]+)[^`]*`", RUNBOOK))))
def test_every_command_in_the_runbook_is_understood(words: str) -> None:
    """It is typed in a hurry."""
    assert CliRunner().invoke(cli, [*words.split(), "--help"]).exit_code == 0


def test_the_reasons_in_the_runbook_are_those_of_the_list() -> None:
    """What it says that `bridge outbox list` says."""
    for name in ("unavailable", "turn"):
        assert f"*{vars(reasons)['_WAITING'][name]}*" in RUNBOOK


def test_the_runbook_lists_the_stores_as_the_program_says() -> None:
    """The line that finds a store left behind, and what the list says of one that hangs."""
    assert f"   {valkey.LISTED_BY}\n" in RUNBOOK
    assert commands.SILENT.partition(";")[0] in " ".join(RUNBOOK.split())
    assert "is still there and does not answer" in " ".join(RUNBOOK.split())
    assert "is still there and does not answer" in SOURCE


def test_every_link_in_the_runbook_leads_somewhere() -> None:
    """Also those of the alerts, which are followed from a telephone."""
    titles = re.findall(r"^#+ (.+)$", RUNBOOK, re.M)
    anchors = {re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in titles}

    assert set(re.findall(r"(?:\(|runbook\.md)#([a-z-]+)", RUNBOOK)) <= anchors
