/* The inside of a connection, for the files it is made of: broker.c keeps it, intake.c reads, outlet.c writes, helm.c lets threads change places. */
#ifndef OSLO_MESSAGING_RABBIT_CONNECTION_H
#define OSLO_MESSAGING_RABBIT_CONNECTION_H

#include "oslo/messaging/drivers/rabbit/gather.h"
#include "oslo/messaging/drivers/rabbit/login.h"
#include "oslo/messaging/drivers/rabbit/rabbit.h"

struct broker {
    const struct transport *transport;
    const struct rabbit_options *options;
    const char *name;
    pthread_t threads[2];            /* the owner and, where a channel works, its deputy; they change places */
    int n_threads;
    void (*steer)(struct broker *);  /* what the owner does */
    int wake;                        /* eventfd */
    int alarm;                       /* timerfd, which the deputy waits for */
    pthread_mutex_t lock;            /* guards all below */
    pthread_cond_t changed;          /* a flush has ended, a channel has closed, an op that runs unlocked has returned */
    struct link *link;               /* NULL: down */
    struct login tuned;
    struct buf out, sending;         /* what is to be written, and what is being written */
    size_t sent;                     /* of sending */
    bool flushing;                   /* somebody writes, without the lock */
    bool broken;                     /* a write has failed: errno in broken_errno */
    int broken_errno;
    _Atomic bool stopping;
    bool napping;
    int64_t held_until;              /* what is written waits for more; 0: it does not */
    GPtrArray *channels;             /* of struct channel; index number - 1, NULL where one has gone */
    struct channel *in_op;           /* whose content or round runs */
    pthread_t owner;
    bool owned;                      /* it has one */
    struct channel *at_work;         /* which the owner works for */
    bool has_deputy;
    int64_t written_at;
    /* The owner's alone: */
    unsigned *order;                 /* of the hosts */
    unsigned host, tries;
    bool said;                       /* that it is down */
    int64_t read_at, looked_at;
    struct buf in;
    size_t in_at;
    bool readable;
    int n_read;                      /* messages, of those that are read together */
    size_t bytes_read;
    struct habit habit;              /* of how many those are */
    int least;                       /* bytes that the kernel waits for */
    amqp_pool_t pool;
};

/* intake.c: takes what has come; false where the connection cannot be used any more. */
bool broker_read(struct broker *, char why[WHY_SIZE]);
/* Has the kernel been told not to speak of a few bytes? Then they are read a moment later. */
bool broker_waits_for_many(const struct broker *);
/* helm.c: the first thread is the owner, and does what steer says; it returns where the other has taken over, or all is over. */
bool helm_add_thread(struct broker *);
/* Lets the channel work, whose op has returned. False where the other thread is the owner now. */
bool helm_work(struct broker *, struct channel *);
void helm_join(struct broker *);
/* outlet.c: writes until all is out or the socket takes no more. Locked. */
void broker_flush(struct broker *);

#endif
