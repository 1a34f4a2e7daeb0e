"""How a tool comes in through PostgreSQL's ODBC driver; `excel.md` gives the same settings."""

from urllib.parse import unquote, urlsplit

# Without them: truth as text, texts as memos, and fractions announced with six decimals.
OPTIONS = {"BoolsAsChar": "0", "TextAsLongVarchar": "0", "MaxVarcharSize": "1024", "NumericAs": "8"}


def connection_string(warehouse: str, login: str, password: str, driver: str = "PostgreSQL Unicode") -> str:
    """What an ODBC tool is given. warehouse: a libpq URL, of which the login and the password are left out. driver: its
    name in `odbcinst.ini` (Debian's package `odbc-postgresql`)."""
    place = urlsplit(warehouse)
    parts = {
        "Driver": f"{{{driver}}}",
        "Server": place.hostname or "localhost",
        "Port": str(place.port or 5432),
        "Database": unquote(place.path.lstrip("/")),
        "Uid": login,
        # Braces let it hold whatever it holds.
        "Pwd": "{" + password.replace("}", "}}") + "}",
    }
    return ";".join(f"{name}={value}" for name, value in (parts | OPTIONS).items())
