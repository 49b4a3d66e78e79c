"""The alerts' threads."""

import threading

from alerts.service import Alerts
from tests.support.alerts_world import AlertsWorld

MOST_S = 60.0


def test_records_that_come_close_together_do_not_set_the_timers_off_each_time(
    village: AlertsWorld,
) -> None:
    looked = threading.Semaphore(0)
    alerts = Alerts(village.world.context, {}, village.alerts.settings, [looked.release])
    alerts.start()
    try:
        assert looked.acquire(timeout=MOST_S)
        for _ in range(50):
            alerts.wake()
            settled(alerts)
        assert not looked.acquire(blocking=False)
        village.world.clock.advance(village.alerts.settings.timer_grain_ms)
        alerts.wake()
        assert looked.acquire(timeout=MOST_S)
    finally:
        alerts.stop()


def settled(alerts: Alerts) -> None:
    """Wait until each thread has looked."""
    waits = threading.Event()
    for _ in range(4000):
        if alerts.idle:
            return
        waits.wait(0.005)
    raise AssertionError("never idle")
