"""What a form remembers travels to Slack and back under a seal: nobody can name another place's words in it. Pure."""

import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass

_MARK = "bridge1:"


@dataclass(frozen=True)
class Seal:
    """Made of the bot token: every process of ours has it, and nobody who fills in a form."""

    key: bytes

    @classmethod
    def of(cls, token: str) -> "Seal":
        return cls(hmac.digest(token.encode(), b"bridge form memory", "sha256"))

    def close(self, text: str) -> str:
        """The text with its mark and MAC before it: 40 characters more."""
        return f"{_MARK}{self._mac(text)}{text}"

    def open(self, sealed: str) -> str | None:
        """The text, or None where the seal is missing or broken."""
        mac, text = sealed[len(_MARK) : len(_MARK) + 32], sealed[len(_MARK) + 32 :]
        whole = sealed.startswith(_MARK) and hmac.compare_digest(
            mac.encode(errors="surrogatepass"), self._mac(text).encode()
        )
        return text if whole else None

    def is_broken(self, sealed: str) -> bool:
        """Whether this was sealed by a bridge, but not with this key, or changed since."""
        return sealed.startswith(_MARK) and self.open(sealed) is None

    def _mac(self, text: str) -> str:
        # 24 bytes are far more than anybody guesses, and private_metadata is short.
        return urlsafe_b64encode(hmac.digest(self.key, text.encode(errors="surrogatepass"), "sha256")[:24]).decode()
