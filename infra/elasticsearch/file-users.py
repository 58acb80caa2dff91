#!/usr/bin/python3
"""Writes the users of a node's file realm and their roles. Elasticsearch rereads the files within five seconds.

Users of the file realm are known to each node by itself: they are accepted also while the security index has no primary.
Input: {"directory", "group", "users": [{"name", "role", "password"}, ...], "roles": {name: definition}}
Output: the path of each changed file. The password of a user is hashed again only when it has changed.
Uses only modules of python3-minimal, which every Debian image has.
"""

import base64
import hashlib
import importlib.util
import json
import os
import sys

# As Elasticsearch's hasher `pbkdf2_50000` (xpack.security.authc.password_hashing.algorithm) stores it.
ITERATIONS = 50000
SALT_BYTES = 32
HASH_BYTES = 32
PREFIX = "{PBKDF2}"


def derived(password, salt, iterations):
    return hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, HASH_BYTES)


def hashed(password):
    salt = os.urandom(SALT_BYTES)
    parts = [str(ITERATIONS), encoded(salt), encoded(derived(password, salt, ITERATIONS))]
    return PREFIX + "$".join(parts)


def encoded(data):
    return base64.b64encode(data).decode()


def verifies(password, stored):
    if not stored.startswith(PREFIX):
        return False
    iterations, salt, expected = stored[len(PREFIX) :].split("$")
    if int(iterations) != ITERATIONS:
        return False
    return encoded(derived(password, base64.b64decode(salt), ITERATIONS)) == expected


def stored_hashes(file):
    try:
        with open(file) as users:
            lines = [line.strip() for line in users if ":" in line and not line.startswith("#")]
    except FileNotFoundError:
        return {}
    return dict(line.split(":", 1) for line in lines)


def main():
    request = json.load(sys.stdin)
    directory, users = request["directory"], request["users"]
    before = stored_hashes(os.path.join(directory, "users"))

    def hash_of(user):
        kept = before.get(user["name"], "")
        return kept if verifies(user["password"], kept) else hashed(user["password"])

    contents = {
        # A role on a line of its own: JSON is YAML. Roles first: a user without its role is refused.
        "roles.yml": ["%s: %s" % (name, json.dumps(role)) for name, role in sorted(request["roles"].items())],
        "users_roles": ["%s:%s" % (user["role"], user["name"]) for user in users],
        "users": ["%s:%s" % (user["name"], hash_of(user)) for user in users],
    }
    files = [
        {
            "path": os.path.join(directory, name),
            "content": "\n".join(["# Rendered by `pulumi up`.", *lines, ""]),
            "mode": "0640",
            "group": request["group"],
        }
        for name, lines in contents.items()
    ]
    installer().install_all(files)


def installer():
    """install-files.py, which is no name for a module."""
    here = os.path.dirname(os.path.realpath(__file__))
    spec = importlib.util.spec_from_file_location("install_files", here + "/../provision/install-files.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
