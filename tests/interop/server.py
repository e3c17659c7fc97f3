#!/usr/bin/python3
"""The Python side of the messaging tests, on Debian's python3-oslo.messaging: the methods of peer.c.

    server.py URL TOPIC NAME     serves until it is ended; says "ready"
"""
import logging
import sys
import time
import warnings

warnings.filterwarnings('ignore')
import oslo_messaging as om  # noqa: E402
from oslo_config import cfg  # noqa: E402
from oslo_messaging.rpc import dispatcher  # noqa: E402


def transport(url, notifications=False):
    """A transport with the options of the URL's query."""
    conf = cfg.CONF
    conf([], project='interop')
    om.set_transport_defaults('interop')
    return (om.get_notification_transport if notifications else om.get_rpc_transport)(conf, url=url)


class NetworkInUse(Exception):
    def __init__(self, id):
        super().__init__('Unable to complete operation on network %s.' % id)
        self.kwargs = {'code': 409}


class Endpoint:
    target = om.Target(version='1.3')

    def __init__(self):
        self.n = 0

    def echo(self, ctxt, payload=None):
        return payload

    def add(self, ctxt, a, b):
        return a + b

    def sink(self, ctxt):
        self.n += 1

    def stats(self, ctxt):
        return {'count': self.n}

    def reset(self, ctxt):
        self.n = 0

    def fail(self, ctxt, text):
        raise ValueError(text)

    @om.expected_exceptions(NetworkInUse)
    def conflict(self, ctxt, id):
        raise NetworkInUse(id)

    def context(self, ctxt):
        return {key: value for key, value in ctxt.items() if key not in ('reply_q', 'msg_id', 'client_timeout')}

    def slow(self, ctxt, seconds):
        time.sleep(seconds)
        return 'done'


class Space:
    target = om.Target(namespace='space', version='2.1')

    def where(self, ctxt):
        return 'space 2.1'


def main(url, topic, name):
    logging.basicConfig(level=logging.CRITICAL)
    t = transport(url)
    cfg.CONF.register_opts(dispatcher._dispatcher_opts)      # it asks the global options
    cfg.CONF.set_override('rpc_ping_enabled', True)
    server = om.get_rpc_server(t, om.Target(topic=topic, server=name, exchange='interop'), [Endpoint(), Space()], executor='threading')
    server.start()
    print('ready', flush=True)
    while True:
        time.sleep(3600)


if __name__ == '__main__':
    main(*sys.argv[1:])
