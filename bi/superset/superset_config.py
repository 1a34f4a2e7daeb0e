"""Superset's settings. They come from the environment; a variable NAME_FILE names the file that holds NAME.

TUKIVERKKO_SUPERSET_SECRET_KEY: signs sessions and encrypts the connections' passwords.
TUKIVERKKO_SUPERSET_DATABASE_URL: the PostgreSQL database in which Superset keeps what it knows.
"""

import os
from pathlib import Path


def _setting(name: str) -> str:
    file = os.environ.get(f"{name}_FILE")
    return Path(file).read_text(encoding="utf-8").strip() if file else os.environ[name]


SECRET_KEY = _setting("TUKIVERKKO_SUPERSET_SECRET_KEY")
SQLALCHEMY_DATABASE_URI = _setting("TUKIVERKKO_SUPERSET_DATABASE_URL").replace(
    "postgresql://", "postgresql+psycopg2://", 1
)

# Nobody sees anything without signing in.
PUBLIC_ROLE_LIKE = None
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = os.environ.get("TUKIVERKKO_SUPERSET_HTTPS") == "true"
# Behind a reverse proxy, which alone reaches it.
ENABLE_PROXY_FIX = True

# Each answer is asked of the warehouse anew: a release, a rollback and a right that was taken away hold at once, and
# nobody is shown what was computed for somebody else.
CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}

# A page asks this server alone: no counting pixel, no maps, no fonts from elsewhere.
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": SESSION_COOKIE_SECURE,
}

# As numbers are written in Finland.
D3_FORMAT = {"decimal": ",", "thousands": "\u00a0", "grouping": [3], "currency": ["", "\u00a0€"]}
LANGUAGES = {"en": {"flag": "gb", "name": "English"}}
APP_NAME = "Tukiverkko"
# What a chart shows is written into a file by its own button; nobody loads files into the warehouse.
ALLOWED_EXTENSIONS: set[str] = set()
ROW_LIMIT = 10_000
SQL_MAX_ROW = 10_000
SUPERSET_WEBSERVER_TIMEOUT = 60
