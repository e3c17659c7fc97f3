#!/usr/bin/env python3
"""The floors of the house, checked over #include lines: an arrow goes down, never up, never sideways between services."""
import os
import re
import sys

ROOT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'src')

# Lowest first; those on one line are neighbours and may know each other.
FLOORS = [['base'], ['privsep', 'record', 'trace'], ['registry'], ['db'], ['http', 'messaging'], ['client', 'auth'], ['rest'], ['jobs'],
          ['service']]
LEVEL = {name: level for level, names in enumerate(FLOORS) for name in names}

# A library, and the folders that may know it: one, but where a file's format is the library's.
LIBRARIES = {
    'sqlite3.h': ('oslo/db/', 'swift/broker/'), 'libpq-fe.h': 'oslo/db/', 'amqp.h': 'oslo/messaging/drivers/', 'microhttpd.h': 'oslo/http/',
    'curl/curl.h': 'oslo/http/', 'libvirt/libvirt.h': 'nova/virt/libvirt/', 'libvirt/virterror.h': 'nova/virt/libvirt/',
    'libvirt/libvirt-qemu.h': 'nova/virt/libvirt/', 'libmemcached-1.0/memcached.h': 'swift/memcache', 'libmemcachedutil-1.0/util.h': 'swift/memcache', 'ares.h': 'swift/middleware/dns',
}


def wrong(path, include):
    """What is wrong with that file's including that header, or None."""
    if include in LIBRARIES:
        return None if path.startswith(LIBRARIES[include]) else 'only %s knows it' % (LIBRARIES[include],)
    floor = re.match(r'oslo/(\w+)/', include)
    mine = re.match(r'oslo/(\w+)/', path)
    if floor and floor.group(1) not in LEVEL:
        return 'no such floor'
    if floor and mine:
        if LEVEL[floor.group(1)] <= LEVEL[mine.group(1)]:
            return None
        return 'an arrow upwards'
    if '/' not in include or floor or '/' not in path:
        return None
    other = include.split('/')[0]
    if not os.path.isdir(os.path.join(ROOT, other)):
        return None                     # a system header
    if mine:
        return 'a floor knows no service'
    return None if other == path.split('/')[0] else 'services meet only at their public APIs'


def main():
    files = bad = 0
    for folder, _, names in os.walk(ROOT):
        for name in sorted(names):
            if not name.endswith(('.c', '.h')):
                continue
            files += 1
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            for number, line in enumerate(open(os.path.join(folder, name)), 1):
                include = re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line)
                why = include and wrong(path, include.group(1))
                if why:
                    bad += 1
                    print('not ok - src/%s:%d: %s: %s' % (path, number, include.group(1), why))
    print('%d passed, %d failed' % (files - min(bad, files), bad))
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
