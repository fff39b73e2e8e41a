"""Where the site's parts lie, and what it can't know by itself: `site/site.toml`."""

import re
import tomllib
from dataclasses import dataclass

from utils.errors import CourseError
from utils.files import read_text
from utils.settings import PROJECT

SITE = PROJECT / "site"
BUILD = PROJECT / "build"
OUTPUT = BUILD / "site"
SOURCE = BUILD / "site-source"  # what Sphinx reads
DOCTREES = BUILD / "site-doctrees"
BUNDLE = SITE / "dist"  # what npm builds


@dataclass(frozen=True, kw_only=True)
class SiteConfig:
    """The site's settings."""

    repository: str
    branch: str
    pages_branch: str
    title: str

    def file_address(self, path: str) -> str:
        """Where a file of the repository can be read."""
        return f"{self.repository}/blob/{self.branch}/{path}"

    @property
    def pages_address(self) -> str:
        """Where GitHub publishes the newest version of the site."""
        owner, name = self.owner_and_name.split("/")
        return f"https://{owner}.github.io/{name}/latest"

    def local(self, text: str, up: str) -> str:
        """Markdown whose links to the published site lead to the copy they stand in; `up` is the
        way from the page to the site's first folder.
        """

        def link(match: re.Match[str]) -> str:
            path = re.sub(r"(^|/)$", r"\1index.html", match[2])
            return f'<a href="{up}{path}">{match[1]}</a>'

        return re.sub(rf"\[([^\]]+)\]\({re.escape(self.pages_address)}/([\w./-]*)\)", link, text)

    @property
    def owner_and_name(self) -> str:
        """As in "owner/name", for the services that open a notebook."""
        return "/".join(self.repository.rstrip("/").split("/")[-2:])


def site_config() -> SiteConfig:
    """Read the settings.

    Raises:
        CourseError: the file is missing, isn't TOML, or lacks a setting.
    """
    file = SITE / "site.toml"
    try:
        return SiteConfig(**tomllib.loads(read_text(file)))
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise CourseError(f"{file} can't be used ({error}): see its first lines.") from error
