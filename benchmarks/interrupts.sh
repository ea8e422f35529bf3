#!/bin/sh
# Interrupts a synth 200 times at random moments, which takes some minutes. usage: interrupts.sh [COUNT]
set -eu
cd "$(dirname "$0")/.."
ST2_TEST_INTERRUPTS="${1:-200}" exec .venv/bin/python -m pytest tests/test_interrupts.py
