"""Why does the database not do it? Told to operators, and by /readyz to anybody, so never in its own words."""

import re

from sqlalchemy.exc import OperationalError, SQLAlchemyError

# The driver gives no SQLSTATE for a connection that did not come about, only the server's text.
_NO_CONNECTION = {
    r"authentication failed|no password supplied|role .+ does not exist|not permitted to log in|no pg_hba.conf entry": (
        "the database does not let us in; correct the user or the password"
    ),
    r"database .+ does not exist": ("the server has no database of this name; make it, or correct the name"),
    r"FATAL: ": "the database takes no connection now; its log says why",
}

_SQLITE = {
    "SQLITE_CANTOPEN": "the file cannot be opened; its folder must exist, and be ours to write to",
    "SQLITE_NOTADB": "the file is no SQLite database",
    "SQLITE_READONLY": "the file may not be written by this user",
    "SQLITE_BUSY": "another process holds the file",
}


def why_not(error: SQLAlchemyError) -> str:
    return f"DATABASE_URL: {_cause(error)}"


def _cause(error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None)
    code = getattr(cause, "sqlstate", None) or getattr(cause, "sqlite_errorname", None)
    if code in _SQLITE:
        return _SQLITE[code]
    if code:
        return f"the database answers with {code}"
    for text, meaning in _NO_CONNECTION.items():
        if re.search(text, str(cause)):
            return meaning
    if isinstance(error, OperationalError):
        return "the database does not answer at this address"
    return f"the database cannot be asked ({type(error).__name__})"  # all connections are in use, say
