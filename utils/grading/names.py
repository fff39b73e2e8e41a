"""Students' names: one spelling for each, and folders that every file system and tool takes."""

import hashlib
import re
import unicodedata
from functools import lru_cache

# What shells, globs, URLs, Windows or nbgrader's patterns read as something else, and `~` itself.
UNSAFE = re.compile(r"[\x00-\x1f\x7f/\\:\"<>|*?\[\]{}#%~^`$;]|^[.\-]|[. ]$")
# Windows opens a device by these names.
DEVICES = re.compile(r"(?=(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))", re.IGNORECASE)
WRITTEN = re.compile(r"(?:~[0-9A-F]{2})+")
JOINERS = "\u200c\u200d"  # they are a part of words in Persian and Hindi
LONGEST = 120  # bytes of a folder's name; some encrypted disks take 143


def clean_name(text: str) -> str:
    """The name without surplus blanks and characters that nobody sees, in composed letters."""
    seen = "".join(c for c in text if c in JOINERS or unicodedata.category(c) not in ("Cf", "Cs"))
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in seen)
    return unicodedata.normalize("NFC", " ".join(spaced.split()))


@lru_cache(maxsize=10_000)  # asked again and again for the same few names
def name_key(name: str) -> str:
    """The same text for all spellings of a name: case, blanks, underscores, wide letters."""
    plain = unicodedata.normalize("NFKC", clean_name(name)).replace("_", " ").casefold()
    return unicodedata.normalize("NFC", " ".join(plain.split()))


def folder_id(name: str) -> str:
    """The student's id for nbgrader, which is the name of their folders.

    Most names are their own id; `Ada [2]` becomes `Ada ~5B2~5D`, which `shown_name` reads back.
    """
    written = UNSAFE.sub(lambda found: _written(found.group()), clean_name(name))
    if DEVICES.match(written):
        written = _written(written[0]) + written[1:]
    if len(written.encode()) <= LONGEST:
        return written or _written("?")
    # Cut, with a part that stays different where the beginning is the same.
    mark = "…" + hashlib.sha256(written.encode()).hexdigest()[:8]
    kept = written.encode()[: LONGEST - len(mark.encode())].decode(errors="ignore")
    return re.sub(r"(?:~[0-9A-F]?|[. ])$", "", kept) + mark


def shown_name(student: str) -> str:
    """The name as people read it, of an id or of a folder that somebody made by hand."""
    return clean_name(WRITTEN.sub(lambda found: _read(found.group()), student))


def _written(characters: str) -> str:
    return "".join(f"~{byte:02X}" for byte in characters.encode())


def _read(written: str) -> str:
    try:
        return bytes.fromhex(written.replace("~", "")).decode()
    except UnicodeDecodeError:  # a folder made by hand that happens to look like an id
        return written
