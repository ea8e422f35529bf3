"""The scripts of backups and restores, by what they are for."""

from __future__ import annotations

DUMP = "dump.sh"
VERIFY = "verify.sh"
KEEP = "keep.sh"
UPLOAD = "upload.sh"
FETCH = "fetch.sh"
RESTORE = "restore.sh"
RESTORE_DUMP = "restore-dump.sh"
