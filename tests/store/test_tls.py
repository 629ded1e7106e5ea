"""REDIS_CERTIFICATE, and addresses that take TLS for plain or the other way round."""

import contextlib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis.exceptions import RedisError

from bridge.store import trouble
from bridge.store.client import connect
from tests.support.redises import Server, address, redis_server, self_signed
from tests.support.space import settings_for

Signed = tuple[ssl.SSLContext, Path]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with redis_server(tmp_path_factory.mktemp("plain")) as running:
        yield running


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Signed:
    return self_signed(tmp_path_factory.mktemp("signed"))


async def kind_at(url: str, certificate: str | None = None) -> str:
    """What is the matter there; "" for nothing."""
    async with contextlib.aclosing(connect(url, certificate=certificate, timeout=1.5)) as redis:
        try:
            await redis.set("k", 1)
        except RedisError as error:
            assert not trouble.may_have_run(error)
            return trouble.of(error).kind
    return ""


async def test_how_a_certificate_is_checked(server: Server, signed: Signed, tmp_path: Path) -> None:
    """Unset it is verified; none takes any; the file that it was signed with proves it, and no other file does."""
    context, file = signed
    _, other = self_signed(tmp_path)
    async with address(server.port, context) as shown:
        url = f"rediss://127.0.0.1:{shown.at}/0"
        found = [await kind_at(url, each) for each in (None, "none", str(file), str(other))]
        elsewhere = await kind_at(f"rediss://localhost:{shown.at}/0", str(file))

    assert found == ["certificate", "", "", "certificate"]
    assert elsewhere == "certificate"


async def test_the_setting_is_stronger_than_the_address(server: Server, signed: Signed) -> None:
    """Whoever sets a file has it checked, whatever follows the ? in REDIS_URL."""
    context, file = signed
    async with address(server.port, context) as shown:
        url = f"rediss://127.0.0.1:{shown.at}/0?ssl_cert_reqs=none"
        assert [await kind_at(url), await kind_at(url.replace("127.0.0.1", "localhost"), str(file))] == [
            "",
            "certificate",
        ]


async def test_tls_and_plain_are_not_taken_for_each_other(server: Server, signed: Signed) -> None:
    """redis:// at a TLS port and rediss:// at a plain one are told as that, not as a connection that broke off."""
    async with address(server.port, signed[0]) as shown:
        assert await kind_at(f"redis://127.0.0.1:{shown.at}/0") == "TLS port"
    assert await kind_at(f"rediss://127.0.0.1:{server.port}/0", "none") == "plain port"


def test_on_heroku_none_is_implied() -> None:
    """With DYNO set and nothing else its own certificate is taken; what is set is what counts."""
    implied = {"DYNO": settings_for("http://localhost", "http://localhost", dyno="web.1").certificate}
    assert implied == {"DYNO": "none"}
    assert settings_for("http://localhost", "http://localhost").certificate is None
    assert settings_for("http://localhost", "http://localhost", redis_certificate="None").certificate == "none"


@pytest.mark.parametrize("wrong", ["/nowhere/ca.pem", __file__, "yes"])
def test_a_file_that_proves_nothing_is_refused(wrong: str) -> None:
    """Before anything runs, by the setting's name."""
    with pytest.raises(ValueError, match="must be none, or the path of a file"):
        settings_for("http://localhost", "http://localhost", redis_certificate=wrong)
