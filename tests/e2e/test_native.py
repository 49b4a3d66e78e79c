"""The district's topology as real processes: PostgreSQL, Mosquitto, two gateways, web, alerts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.needs_mosquitto, pytest.mark.needs_postgres, pytest.mark.slow]


@pytest.mark.timeout(600)
def test_two_gateways_on_a_shared_subscription_keep_every_event_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "zhiyin", "up", "--native", "--check", "--json"],
        cwd=_ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("ZHIYIN_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["problems"] == []
    assert result["uses"] == 30
    assert result["events"] == 210
    assert result["missing_receipts"] == 0
    assert result["log_verified"]
    assert result["export_verified"]
    shares = result["gateways"]
    assert sum(shares.values()) == result["events"]
    assert len(shares) == 2
    assert min(shares.values()) > 0, "both gateways get a share of the subscription"
