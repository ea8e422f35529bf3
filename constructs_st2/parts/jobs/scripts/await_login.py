"""Waits until StackStorm lets its administrator in, so that Jobs which load content can start.

usage: python -m constructs_st2.parts.jobs.scripts.await_login SECONDS [--action=REF ...] [ROLE ...]

Ready means: st2auth issues a token for the credentials (or there is an API key), st2api accepts it, the user has all
ROLEs, and all actions REF are registered. Other Jobs may have yet to do the last two. No answer ends the wait early,
not even a wrong password: the Secret may be on its way to st2auth, which reads its file of users anew at each login.
Exits 1 after SECONDS. See st2_api.py for the environment.
"""

from __future__ import annotations

import os
import sys
import time

from constructs_st2.parts.jobs.scripts.st2_api import (
    Failure,
    LoginRefused,
    Session,
    describe,
    require_roles,
    timeout_until,
)

ACTION = "--action="
PAUSE = 0.5
"""Seconds between two attempts."""
SAY_EVERY = 15.0
"""Seconds between two lines that say what is waited for."""


def main(arguments: list[str]) -> int:
    """Wait as long as told. Returns the exit status."""
    if not arguments or not arguments[0].isdigit():
        print(f"usage: await_login SECONDS [{ACTION}REF ...] [ROLE ...]", file=sys.stderr)
        return 2
    seconds = int(arguments[0])
    actions = [argument[len(ACTION) :] for argument in arguments[1:] if argument.startswith(ACTION)]
    roles = [argument for argument in arguments[1:] if not argument.startswith(ACTION)]
    try:
        session = Session(os.environ)
    except Failure as error:
        print(error, file=sys.stderr)
        return 2
    begin = time.monotonic()
    end = begin + seconds
    said = begin - SAY_EVERY
    while True:
        try:
            print(f"user {attempt(session, roles, actions, end)} is logged in")
            return 0
        except (Failure, LookupError, TypeError) as error:
            last = session.hide(describe(error))
        now = time.monotonic()
        if now >= end:
            print(f"gave up on a login after {now - begin:.0f} s: {last}", file=sys.stderr)
            return 1
        if now - said >= SAY_EVERY:
            said = now
            print(f"waiting for a login ({now - begin:.0f} s of {seconds}): {last}", flush=True)
        time.sleep(min(PAUSE, end - now))


def attempt(session: Session, roles: list[str], actions: list[str], end: float) -> str:
    """Log in unless that is done, and look at roles and actions, until a moment. Returns the user's name.

    Raises:
        Failure: not yet.
    """
    # One token serves all attempts: each one that is issued stays in the database, for a day by default.
    if not session.headers:
        session.log_in(timeout_until(end))
    try:
        user = session.who_am_i(timeout_until(end))
    except LoginRefused:
        session.headers = {}
        raise
    if roles:
        require_roles(user, roles)
    for action in actions:
        answer = session.api.ask("GET", f"v1/actions/{action}", None, session.headers, timeout_until(end))
        if answer.status == 404:
            raise Failure(f"action {action} is not registered: content has not been loaded")
        answer.json()
    return str(user["username"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
