/* Work that needs root, done by one small helper process with a fixed table of commands. */
#ifndef OSLO_PRIVSEP_PRIVSEP_H
#define OSLO_PRIVSEP_PRIVSEP_H

#include "oslo/base/run.h"

/* Forks the helper. To be called first thing, before any thread; a process without root starts none. */
bool privsep_start(void);
void privsep_stop(void);
bool privsep_available(void);

/* As run_argv(), by the helper: argv[0] must be in its table ("ip", "nft", "sysctl", "tc", "bridge", ...). netns NULL: the host's. */
bool privsep_run(struct ctx *, struct run *, const char *netns, const char *const argv[]);
#define PRIV(c, ...) privsep_run((c), NULL, NULL, (const char *const[]){ __VA_ARGS__, NULL })
#define PRIV_IN(c, netns, ...) privsep_run((c), NULL, (netns), (const char *const[]){ __VA_ARGS__, NULL })

#endif
