/* The inside of a connection, for the files it is made of: broker.c keeps it, intake.c reads, outlet.c writes. */
#ifndef OSLO_MESSAGING_RABBIT_CONNECTION_H
#define OSLO_MESSAGING_RABBIT_CONNECTION_H

#include "oslo/messaging/drivers/rabbit/login.h"
#include "oslo/messaging/drivers/rabbit/rabbit.h"

struct broker {
    const struct transport *transport;
    const struct rabbit_options *options;
    const char *name;
    pthread_t thread;
    int wake;                        /* eventfd */
    pthread_mutex_t lock;            /* guards all below */
    pthread_cond_t changed;          /* a flush has ended, a channel has closed, a content op has returned */
    struct link *link;               /* NULL: down */
    struct login tuned;
    struct buf out, sending;         /* what is to be written, and what is being written */
    size_t sent;                     /* of sending */
    bool flushing;                   /* somebody writes, without the lock */
    bool broken;                     /* a write has failed: errno in broken_errno */
    int broken_errno;
    bool stopping, napping;
    GPtrArray *channels;             /* of struct channel; index number - 1, NULL where one has gone */
    struct channel *in_content;
    int64_t written_at;
    /* The owner's alone: */
    unsigned *order;                 /* of the hosts */
    unsigned host, tries;
    bool said;                       /* that it is down */
    int64_t read_at, looked_at;
    struct buf in;
    size_t in_at;
    amqp_pool_t pool;
};

/* intake.c: takes what has come; false where the connection cannot be used any more. */
bool broker_read(struct broker *, char why[WHY_SIZE]);
/* outlet.c: writes until all is out or the socket takes no more. Locked. */
void broker_flush(struct broker *);

#endif
