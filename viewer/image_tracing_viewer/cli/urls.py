"""Connection strings of libpq in their two forms."""

from urllib.parse import quote, urlencode

from psycopg.conninfo import conninfo_to_dict


def url_of(conninfo: str) -> str:
    """The same connection as a `postgresql://` URL; a URL is given back as it is."""
    if conninfo.startswith(("postgresql://", "postgres://")):
        return conninfo
    parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    user, password = parts.pop("user", ""), parts.pop("password", "")
    database = quote(parts.pop("dbname", ""), safe="")
    login = quote(user, safe="") + (f":{quote(password, safe='')}" if password else "")
    # Host and port go into the query: a socket's folder or several hosts do not fit the URL's own place.
    rest = urlencode(parts, quote_via=quote)
    return f"postgresql://{login}{'@' if login else ''}/{database}{'?' if rest else ''}{rest}"
