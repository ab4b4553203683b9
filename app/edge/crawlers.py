"""Which browsers say that they are robots, by their User-Agent.

Only what names itself a robot counts. Programs that shops and testers use (HTTP libraries, browsers without a
screen) do not: they are shoppers' servers as often as not, and a shop's server says `"bot": true` itself.
"""

import re
from functools import lru_cache

from app.access.service import Principal
from app.edge.http import Scope, header

_ROBOT = re.compile(
    rb"(?<!cu)bots?\b|crawler|spider|slurp|facebookexternalhit|mediapartners|embedly|archiver|feedfetcher",
    re.IGNORECASE,
)
_LONGEST = 500


def is_crawler(principal: Principal, scope: Scope) -> bool:
    """Whether a visitor's own browser asks and says that it is a robot; a server asks for others."""
    return principal.kind == "pub" and _is_robot((header(scope, b"user-agent") or b"")[:_LONGEST])


@lru_cache(maxsize=4096)
def _is_robot(user_agent: bytes) -> bool:
    return _ROBOT.search(user_agent) is not None
