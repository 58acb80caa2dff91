#!/usr/bin/python3
"""Writes the files of a JSON document on standard input, each atomically and only if it differs.

Input: {"files": [{"path", "content", "mode": "0640", "owner": "root", "group": "root"}, ...]}
Output: the path of each changed file, one per line. Contents may be secret and are never printed.
Uses only modules of python3-minimal, which every Debian image has.
"""

import grp
import json
import os
import pwd
import sys


def is_current(path, content, mode, uid, gid):
    try:
        status = os.lstat(path)
        if os.path.islink(path) or (status.st_uid, status.st_gid, status.st_mode & 0o7777) != (uid, gid, mode):
            return False
        with open(path, "rb") as existing:
            return existing.read() == content
    except FileNotFoundError:
        return False


def install(path, content, mode, uid, gid):
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    scratch = path + ".new"
    try:
        os.unlink(scratch)
    except FileNotFoundError:
        pass
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as target:
        target.write(content)
        os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, mode)
        target.flush()
        os.fsync(descriptor)
    os.rename(scratch, path)


def install_all(files):
    for entry in files:
        content = entry["content"].encode()
        mode = int(entry.get("mode", "0644"), 8)
        uid = pwd.getpwnam(entry.get("owner", "root")).pw_uid
        gid = grp.getgrnam(entry.get("group", "root")).gr_gid
        if not is_current(entry["path"], content, mode, uid, gid):
            install(entry["path"], content, mode, uid, gid)
            print(entry["path"])


def main():
    install_all(json.load(sys.stdin)["files"])


if __name__ == "__main__":
    main()
