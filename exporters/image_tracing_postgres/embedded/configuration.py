"""The server's configuration: local and private, modest with memory, silent about content."""

from image_tracing_postgres.embedded.sockets import PORT

ROLE = "image_tracing"

_FILE = "image_tracing.conf"
INCLUDE = f"\ninclude = '{_FILE}'\n"

_SETTINGS = """\
# Written by image-tracing at each start. Your own settings: ALTER SYSTEM SET ..., they win over these.
listen_addresses = ''
port = {port}
unix_socket_directories = {socket_folder}
unix_socket_permissions = 0700
# /dev/shm is as small as 64 MB, or absent, in containers.
dynamic_shared_memory_type = mmap
shared_buffers = 64MB
max_connections = 100
max_wal_size = 256MB
min_wal_size = 32MB
wal_compression = on
max_logical_replication_workers = 0
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
# A refused statement is told to its client; here its text and values would be content nobody asked to keep.
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
"""

_CONNECTIONS = f"""\
# Written by image-tracing at each start.
local all all peer map={ROLE}
"""


def configuration(listening: str, account: str) -> dict[str, str]:
    """Names and texts of the files to be written into the cluster's folder at each start.

    `listening` is the folder of the socket, `account` the operating-system account of the server: it and root
    may connect, proved by the kernel, as the one database role.
    """
    users = dict.fromkeys((account, "root"))
    return {
        _FILE: _SETTINGS.format(port=PORT, socket_folder=_quoted(_listed(listening))),
        "pg_hba.conf": _CONNECTIONS,
        "pg_ident.conf": "".join(f'{ROLE} "{user}" {ROLE}\n' for user in users),
    }


def _listed(item: str) -> str:
    """One item of a list that PostgreSQL splits at commas."""
    return '"' + item.replace('"', '""') + '"'


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''").replace("\n", "\\n")
    return f"'{escaped}'"
