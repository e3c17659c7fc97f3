#!/usr/bin/python3
"""Ports of a test's own: whoever takes one holds a name of the kernel's (an abstract Unix socket, seen as far as the port is) until it ends, so
that no two tests that run at once take the same.

    tests/ports.py COMMAND...      runs it with $OFFSET, a cloud's --port-offset, and $PORT, a single port, both its own

Those of clouds lie below those of the engines (packaging/engines.sh) and of single servers, all of them below those the kernel gives away.
"""
import os
import random
import socket
import sys

CLOUD = (5000, 6080, 6200, 6201, 6202, 8080, 8774, 8775, 8778, 9292, 9696)
OFFSETS = range(8000, 15000)
SINGLE = range(31000, 32700)
held = []


def free_offset():
    """An offset at which every port of a cloud is free."""
    return next(o for o in random.sample(OFFSETS, len(OFFSETS)) if take([port + o for port in CLOUD]))


def free_port():
    return next(p for p in random.sample(SINGLE, len(SINGLE)) if take([p]))


def take(ports):
    """All of them or none."""
    names = []
    for port in ports:
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        names.append(name)
        try:
            name.bind('\0nacre-test-port-%d' % port)
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(('127.0.0.1', port))
        except OSError:
            for name in names:
                name.close()
            return False
    held.extend(names)
    return True


if __name__ == '__main__':
    os.environ.update(OFFSET=str(free_offset()), PORT=str(free_port()))
    for name in held:
        name.set_inheritable(True)
    os.execvp(sys.argv[1], sys.argv[1:])
