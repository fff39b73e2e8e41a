"""Where the site's parts lie, and what it can't know by itself: `site/site.toml`."""

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
