"""The alert on backups that have become too old."""

from __future__ import annotations

from constructs_st2.parts.alerts import HOUR, Alert
from constructs_st2.parts.queries import Facts


def _last_backup(f: Facts) -> str:
    """When the last good backup began; of one that has never succeeded, when its CronJob was made."""
    name = f"~{f.release.named('backup')}.*"
    last = f.kubernetes("kube_cronjob_status_last_successful_time", cronjob=name)
    made = f.kubernetes("kube_cronjob_created", cronjob=name)
    return f"max by (cronjob) ({last} or {made})"


ALERTS: tuple[Alert, ...] = (
    Alert(
        "StackStormBackupTooOld",
        "kubernetes",
        "warning",
        15,
        lambda f: f"time() - {_last_backup(f)} > {f.rules.backup_max_age_hours * HOUR}",
        "The last good backup is too old",
        "The last good backup by {{ $labels.cronjob }} began {{ $value | humanizeDuration }} ago.",
    ),
)
