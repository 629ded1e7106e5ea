"""Whether a port that does not understand us speaks the other of the two: TLS, or plain Redis.

Neither says so by itself: a plain port waits for the end of a line that TLS never sends, and a TLS port hangs up.
"""

import asyncio
import contextlib
import ssl

# Seconds; somebody may wait for their acknowledgement.
_PATIENCE = 0.3
_BEGINNINGS = (b"+", b"-", b"$", b"*", b"%")


async def speaks_plain(host: str, port: int) -> bool:
    """Whether it answers a plain PING, be it with an error."""
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"PING\r\n")
                return (await reader.read(1)) in _BEGINNINGS
            finally:
                writer.close()
    return False


async def speaks_tls(host: str, port: int) -> bool:
    """Whether it answers in TLS, whatever its certificate is worth, and whatever it thinks of ours."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(_PATIENCE):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
            writer.transport.abort()
            return True
    except ssl.SSLError as error:
        return "ALERT" in str(error.reason)
    except (OSError, TimeoutError):
        return False
