/* Sockets that stand in namespaces, each known by a name, and one thread that waits at all of them. */
#ifndef NEUTRON_AGENT_DOORS_H
#define NEUTRON_AGENT_DOORS_H

#include "oslo/privsep/privsep.h"

struct door {
    char *name;
    char **about;                    /* what else its owner knows of it, NULL-terminated */
    int fd;                          /* does not block */
};
void door_free(struct door *);       /* closes it */

/* A static one says thread and knock; all else begins as zero. */
struct doors {
    const char *thread;              /* its name */
    void (*knock)(struct door *);    /* somebody is there. A copy, with a descriptor of its own: the door may close meanwhile. Takes it */
    struct open_doors *open;         /* NULL: none has been opened */
};

/* Opens the socket at a name; what is open already stays, and about takes the place of what was said of it. False with a fault. */
bool doors_open(struct ctx *, struct doors *, const char *name, const char *const *about, const struct privsep_socket *);
void doors_close(struct doors *, const char *name);      /* one that is not open is fine */
/* Closes all and waits for the thread. */
void doors_end(struct doors *);

#endif
