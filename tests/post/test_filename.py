"""Names of files: harmless wherever they go, readable, and taken at the ending that they really have."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.post import filename
from bridge.post.attachment import Rules, chosen, label, linked, listed

RULES = Rules(True, frozenset({"image/*", "text/plain", "application/pdf"}), 10**9)
FINE = {"id": "F1", "url_private": "https://files.slack.com/x", "mimetype": "application/pdf", "size": 5}


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("plan.pdf", "plan.pdf"),
        ("Grüße aus Köln (2).pdf", "Grüße aus Köln (2).pdf"),
        ("計画 書.pdf", "計画 書.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("a\u2066b\u2069\u200e\u200f\u061c.pdf", "ab.pdf"),
        ("zero\u200bwidth\ufeff.pdf", "zerowidth.pdf"),
        ("hidden\u3164\u2800\u115f.pdf", "hidden.pdf"),
        ("soft\u00adhyphen\U000e0041.pdf", "softhyphen.pdf"),
        ("nul\x00bell\x07.pdf", "nulbell.pdf"),
        ("half\ud800.pdf", "half.pdf"),
        ("line\nbreak\u2028 \ttab.pdf", "line break tab.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\boot\\x.pdf", "C__boot_x.pdf"),
        ("a\u2215b\uff0fc\u2044d.pdf", "a_b_c_d.pdf"),
        ("10:30 <what?>|*.pdf", "10_30 _what____.pdf"),
        (".htaccess", "htaccess"),
        (". . .pdf", "pdf"),
        ("trailing.pdf. . ", "trailing.pdf"),
        ("CON", "_CON"),
        ("nul.pdf", "_nul.pdf"),
        ("Com1 .txt", "_Com1 .txt"),
        ("console.pdf", "console.pdf"),
        ("cafe\u0301.pdf", "café.pdf"),
        ("\u202e\u200b", "file"),
        ("...", "file"),
        (None, "file"),
        (7, "7"),
    ],
)
def test_a_name_becomes_harmless(given_name: object, name: str) -> None:
    """Nothing unseen, nothing that turns letters round, no folders, no devices; what people wrote stays."""
    assert filename.cleaned(given_name) == name


@pytest.mark.parametrize(
    "name",
    [
        "invoice\u202efdp.exe", "photo.png\u200b.exe", "x.pdf.exe", "x.exe.", "x.exe . .", "x.\uff45\uff58\uff45",
        "x.bat", "x.cmd", "x.scr", "x.lnk", "x.ps1", "x.hta", "x.vbs", "x.jar", "x.sh", "x.JS", "x.html", "x.xhtml",
        "x.shtml", "x.mht", "x.svg", "x.svgz", "x.html.gz", "x.pdf.gz", "x.php", "x.docx", "x\u202e.fdp.html",
        "a" * 400 + ".html", "ж" * 400 + ".exe", "data:application/pdf,x.html", "x.html\x00", "x.ht\u00adml",
        "x.txt.{3050f4d8-98B5-11CF-BB82-00AA00BDCE0B}", "x.386", "x.php.1", "x.hta ~", "x.pyw;", "x.library-ms",
    ],
)  # fmt: skip
def test_the_guard_goes_by_the_real_ending(name: str) -> None:
    """Listed as a PDF, or as plain text: what its name really ends in is what it would be taken for."""
    for kind in ("application/pdf", "text/plain"):
        (found,) = listed([FINE | {"name": name, "mimetype": kind}], RULES)
        assert found.get("reason") == "type", found["name"]


@pytest.mark.parametrize(
    "name", ["plan.pdf", "a.b.pdf", "no ending", "v1.2 final.pdf", "notes.txt", "x.png", "Report 1.5", "Dr. Who"]
)
def test_ordinary_names_pass(name: str) -> None:
    """The guard is in nobody's way who means no harm."""
    (found,) = listed([FINE | {"name": name}], RULES)
    assert "reason" not in found


@pytest.mark.parametrize("letter", ["a", "ж", "計", "😀"])
def test_a_long_name_keeps_its_ending(letter: str) -> None:
    """Counted in bytes of UTF-8, as file systems do; cut before the ending, never through a letter."""
    name = filename.cleaned(letter * 300 + ".pdf")
    assert len(name.encode()) <= filename.MOST_BYTES
    assert name.endswith(f"{letter}….pdf")
    (found,) = listed([FINE | {"name": letter * 300 + ".pdf"}], RULES)
    assert ".pdf" in label(found)
    assert len(label(found)) <= 75


def test_names_stay_apart_after_cleaning() -> None:
    """Two names that differ in what nobody sees are one name, so the second gets a number."""
    files = [
        FINE | {"id": f"F{n}", "name": name} for n, name in enumerate(["a.pdf", "a\u200b.pdf", "A.pdf", "a (2).pdf"])
    ]
    names = [each["name"] for each in chosen(listed(files, RULES), [f"F{n}" for n in range(4)])]
    assert names == ["a.pdf", "a (2).pdf", "A (3).pdf", "a (2) (2).pdf"]


@given(st.text(st.characters(), max_size=400) | st.text("./\\ \u202e\u200bCON:|<>a", max_size=30))
def test_no_name_is_too_odd(given_name: str) -> None:
    """Whatever somebody calls a file: short, of one line, without folders, and the same when cleaned again."""
    name = filename.cleaned(given_name)
    assert 0 < len(name.encode()) <= filename.MOST_BYTES + 1
    assert not [each for each in name if unicodedata.category(each)[0] == "C" or each in '/\\:*?"<>|']
    assert name == name.strip(". ")
    assert filename.cleaned(name) == name
    assert len(label({"name": name, "size": 5})) <= 75
    assert linked({"name": name, "link": "https://harbour.slack.com/files/x"}).count("|") == 1
