"""A file's name made harmless and readable, and what it says the file is. Pure.

Names come from whoever uploaded the file: they may turn their own ending around, climb folders, or name a device.
"""

import mimetypes
import re
import unicodedata

# Bytes in UTF-8; file systems take 255, and a " (2)" may be added.
MOST_BYTES = 180

# What takes no room or shows as a blank although Unicode calls it a letter, a mark or a symbol.
_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0]")
# What separates folders, looks as if it did, or is no part of a name on some system.
_PARTING = re.compile('[/\\\\:*?"<>|\u2044\u2215\u29f5\u29f8\u29f9\ufe68\uff0f\uff1a\uff3c]')
# Names of devices, whatever their ending. https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_DEVICE = re.compile(r"(?i)(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|$)")
# What an ending stands for that nobody knows: some system may run it.
UNKNOWN = "unknown"
_LETTERS = re.compile(r"\.(?!\d+$)[^\s.]+$")
_ENDING = re.compile(r"\.[^.\s]{1,16}$")
# What a double click, or a browser, would run.
_RUNS = re.compile(
    r"(?i)\.(?:exe|com|bat|cmd|scr|pif|cpl|dll|sys|msi|msp|lnk|url|reg|hta|jse?|mjs|vb[es]?|ws[cfh]?|ps[cm]?1|psd1|jar"
    r"|386|sh|bash|command|app|dmg|pkg|apk|desktop|php\d?|phtml|aspx?|jspx?|[sx]?html?|xht|mht(?:ml)?|svgz?|xml|xslt?|swf)$"
)


def cleaned(given: object) -> str:
    """The name as it is shown and sent; "file" where nothing of it is left."""
    name = unicodedata.normalize("NFC", " ".join(str(given or "").split()))
    seen = "".join(each for each in _UNSEEN.sub("", name) if unicodedata.category(each)[0] != "C")
    name = _PARTING.sub("_", " ".join(seen.split()))
    # Windows drops dots and spaces at the end; a dot in front hides a file elsewhere.
    name = fitted(name.lstrip(". "), MOST_BYTES).rstrip(". ")
    return (f"_{name}" if _DEVICE.match(name) else name) or "file"


def fitted(name: str, most: int) -> str:
    """At most `most` bytes of UTF-8, cut before the ending, so that it still says what the file is."""
    if len(name.encode(errors="replace")) <= most:
        return name
    stem, ending = parted(name)
    return stem.encode(errors="replace")[: most - len(f"…{ending}".encode())].decode(errors="ignore") + f"…{ending}"


def parted(name: str) -> tuple[str, str]:
    """The stem and the ending with its dot."""
    found = _ENDING.search(name)
    return (name[: found.start()], found[0]) if found else (name, "")


def kinds(name: str) -> list[str]:
    """The MIME types that the ending stands for: none without one, and none that any rule allows for an unknown one."""
    folded = _folded(name)
    kind, packed = mimetypes.guess_type(folded.replace(":", "_"))  # it would take what precedes a colon for a scheme
    unknown = [UNKNOWN] if kind is None and _LETTERS.search(folded) else []
    return ([kind] if kind else unknown) + ([f"application/{packed}"] if packed else [])


def runs(name: str) -> bool:
    """Whether a double click on it, or a browser, would run something."""
    folded = _folded(name)
    # A number behind it is a copy's, or a version's.
    return bool(_RUNS.search(folded) or _RUNS.search(re.sub(r"\.\d+$", "", folded)))


def _folded(name: str) -> str:
    """As a system may have it that takes wide letters for plain ones."""
    return unicodedata.normalize("NFKC", name).rstrip(". ~;")
