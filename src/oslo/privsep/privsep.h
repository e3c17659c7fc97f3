/* Work that needs root, done by one small helper process with a fixed table of commands. */
#ifndef OSLO_PRIVSEP_PRIVSEP_H
#define OSLO_PRIVSEP_PRIVSEP_H

#include "oslo/privsep/run.h"

/* Forks the helper. To be called first thing, before any thread; a process without root starts none (false). */
bool privsep_start(void);
void privsep_stop(void);
bool privsep_available(void);

/* As run_argv(), by the helper: argv[0] must be in its table ("ip", "nft", "sysctl", "tc", "bridge", ...). netns NULL: the
 * host's. Many changes at once are one command with input: "ip -batch -", "nft -f -". May be called from any thread. */
bool privsep_run(struct ctx *, struct run *, const char *netns, const char *const argv[]);
#define PRIV(c, ...) privsep_run((c), NULL, NULL, (const char *const[]){ __VA_ARGS__, NULL })
#define PRIV_IN(c, netns, ...) privsep_run((c), NULL, (netns), (const char *const[]){ __VA_ARGS__, NULL })

/* A socket made, bound and set up in a network namespace, which it stays in wherever it is used. */
struct privsep_socket {
    const char *netns;               /* NULL: the host's */
    int family, type, protocol;      /* AF_INET, AF_INET6 or AF_PACKET (protocol then an ETH_P_*, in host order) */
    const char *address;             /* to bind to, or NULL */
    int port;                        /* likewise; 0 with no address: not bound */
    const char *device;              /* SO_BINDTODEVICE; of AF_PACKET the interface it is bound to. NULL: none */
    int backlog;                     /* > 0: listens */
    bool broadcast, packet_info;     /* SO_BROADCAST; IP_PKTINFO */
};
/* The descriptor (close-on-exec), or -1 with a fault. */
int privsep_socket(struct ctx *, const struct privsep_socket *);

#endif
