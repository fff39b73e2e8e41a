"""nbgrader's tables in a new gradebook, without the program that nbgrader starts for them."""

from alembic.script import ScriptDirectory
from nbgrader.api import Base
from nbgrader.dbutil import ALEMBIC_DIR
from sqlalchemy import Column, MetaData, String, Table, create_engine, insert, inspect

# Where Alembic notes how far the tables have come.
VERSION = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))


def create_tables(url: str) -> None:
    """Make the tables of a gradebook that has none, as nbgrader's own `Gradebook` would.

    It asks Alembic's command for the newest version, which takes seconds.

    Raises:
        SQLAlchemyError: the database can't be reached or written.
    """
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            if not inspect(connection).get_table_names():
                Base.metadata.create_all(connection)
                VERSION.create(connection)
                newest = ScriptDirectory(ALEMBIC_DIR).get_current_head()
                connection.execute(insert(VERSION).values(version_num=newest))
    finally:
        engine.dispose()
