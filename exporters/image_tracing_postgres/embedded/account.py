"""The operating-system account that the server runs as: PostgreSQL refuses to be root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from image_tracing_postgres.embedded.errors import AccountError

_ACCOUNTS_FOR_ROOT = ("postgres", "nobody")
_OWN_DATABASE = "set IMAGE_TRACING_DATABASE_URL to a Postgres of your own"


class Switch(TypedDict, total=False):
    """The arguments that make `subprocess` run a program as another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """Who the server is to the operating system."""

    name: str
    uid: int
    gid: int

    @property
    def is_another(self) -> bool:
        return self.uid != os.geteuid()

    @property
    def switch(self) -> Switch:
        if not self.is_another:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Hand over what this process has just made."""
        if self.is_another:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def can(self, test: str, path: Path) -> bool:
        """Whether the account, with nothing of this process's rights, passes a `test` of the shell on a path.

        Asked of the kernel rather than computed from modes: access lists and mounts count too.

        Raises:
            AccountError: this process may not become the account.
        """
        try:
            answer = subprocess.run(  # noqa: S603 - our own words and a path, no shell text
                ["/bin/sh", "-c", f'test {test} "$1"', "sh", os.fspath(path)],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                **self.switch,
            )
        except PermissionError as error:
            raise AccountError(
                f"the embedded Postgres has to run as the account {self.name!r}, because PostgreSQL refuses "
                f"to run as root, but this process may not change accounts ({error}); run as an ordinary "
                f"user, or {_OWN_DATABASE}"
            ) from error
        return answer.returncode == 0


def account_for(*folders: Path) -> Account:
    """The account to run the server of these folders as; the innermost folder, the cluster, comes first.

    An ordinary user is their own account. For root it is the owner of the first folder that is there and
    is not root's, else an unprivileged account of the system.

    Raises:
        AccountError: this uid has no name, the cluster is another user's, or the system has no account.
    """
    uid = os.geteuid()
    if uid != 0:
        own = _named(uid)
        if own is None:
            raise AccountError(
                f"the embedded Postgres needs a user with a name, but uid {uid} has no entry in the password "
                f"database (often so in containers); add one, or {_OWN_DATABASE}"
            )
        # Not the outermost: many people have folders of their own in a common one.
        for folder in folders[:-1]:
            owner = _owner(folder)
            if owner not in (None, uid):
                raise AccountError(
                    f"the Postgres in {str(folder)!r} belongs to {_name(owner)}, and this process runs as "
                    f"{own.name!r}; run as that user, set IMAGE_TRACING_DATA_DIR to another folder, "
                    f"or {_OWN_DATABASE}"
                )
        return own
    return _account_for_root(*folders)


def _account_for_root(*folders: Path) -> Account:
    for folder in folders:
        owner = _owner(folder)
        if owner:
            account = _named(owner)
            if account is not None:
                return account
        if owner is not None and folder is folders[0]:
            raise AccountError(
                f"the Postgres in {str(folder)!r} belongs to {_name(owner)}, as whom no server can run; "
                "give it to an ordinary account (chown -R), or set IMAGE_TRACING_DATA_DIR to another folder"
            )
    for name in _ACCOUNTS_FOR_ROOT:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(name=name, uid=entry.pw_uid, gid=entry.pw_gid)
    raise AccountError(
        "the embedded Postgres cannot run as root and looked for an account named "
        f"{' or '.join(map(repr, _ACCOUNTS_FOR_ROOT))}, but the system has neither; make one "
        f"(useradd --system postgres), run as an ordinary user, or {_OWN_DATABASE}"
    )


def _named(uid: int) -> Account | None:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return None
    return Account(name=entry.pw_name, uid=uid, gid=entry.pw_gid)


def _name(uid: int | None) -> str:
    account = None if uid is None else _named(uid)
    return f"uid {uid}" if account is None else repr(account.name)


def _owner(folder: Path) -> int | None:
    try:
        return folder.stat().st_uid
    except (FileNotFoundError, PermissionError):
        # Out of sight: then a folder further out tells whose it is, or making one fails and says so.
        return None


def inherit_owner(path: Path) -> None:
    """Let what root has made in a user's folder be the user's; without effect for anyone but root."""
    if os.geteuid() == 0:
        around = path.parent.stat()
        os.chown(path, around.st_uid, around.st_gid, follow_symlinks=False)
