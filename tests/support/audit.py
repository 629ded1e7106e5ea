"""`make audit`: whether a locked version is known to be vulnerable. Exit 1 when one is."""

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

_LOCKS = ("requirements.txt", "requirements-dev.txt")
_ASKED = ("--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off")


def found(lock: str) -> list[dict[str, Any]]:
    """What pip-audit answers for each package. It exits 1 where one is vulnerable, with the same answer."""
    command = [sys.executable, "-m", "pip_audit", "-r", lock, *_ASKED]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return list(json.loads(answer.stdout)["dependencies"]) if answer.stdout else []


def vulnerable(packages: list[dict[str, Any]]) -> Iterator[str]:
    for each in packages:
        for flaw in each.get("vulns", ()):
            fixed = ", ".join(flaw["fix_versions"]) or "no fixed version yet"
            yield f"{each['name']} {each['version']}: {flaw['id']} (fixed: {fixed})"


def main() -> int:
    packages = {each["name"]: each for lock in _LOCKS for each in found(lock)}
    audited = [each for each in packages.values() if "vulns" in each]
    if not packages or len(audited) < len(packages):
        say = f"NOT AUDITED: no advisories can be read from here for {len(packages) - len(audited)} packages"
        print(say, file=sys.stderr)  # noqa: T201
    flaws = list(vulnerable(audited))
    print("\n".join([*flaws, f"{len(audited)} of {len(packages)} packages audited, {len(flaws)} flaws"]))  # noqa: T201
    return 1 if flaws else 0


sys.exit(main())
