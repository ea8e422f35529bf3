"""The scripts that bring content into the pods, by what they are for."""

from __future__ import annotations

MERGE_PACKS = "merge-packs.sh"
COPY_CONFIGS = "copy-configs.sh"
TEST_PACKS_VOLUMES = "test-packs-volumes.sh"
