"""The kept connections of a driver, and which errors mean that a request never left."""

import httpx

# Longer than the pauses inside a burst, much shorter than the time after which a server or a
# balancer closes an idle connection: a request never meets one that is just being closed.
_KEEPALIVE_S = 5.0
CONNECTIONS = 50

# Raised before the first byte of a request leaves.
BEFORE_SENDING = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def open_pool(
    *,
    connect_timeout_s: float,
    read_timeout_s: float,
    is_loopback: bool,
    connections: int = CONNECTIONS,
) -> httpx.Client:
    """Return one pool of connections for all threads of a process; it never sends twice."""
    return httpx.Client(
        timeout=httpx.Timeout(read_timeout_s, connect=connect_timeout_s, pool=connect_timeout_s),
        limits=httpx.Limits(
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=_KEEPALIVE_S,
        ),
        # A proxy from the environment has no way to this machine's own ports.
        trust_env=not is_loopback,
        follow_redirects=False,
    )
