/* Messages that come together are mostly followed by messages sent together: calls that were answered at once are made again, requests that
 * were read at once are answered. These are the guesses of how many, so that many are read, and written, at once: the broker, the
 * kernel and the other end then do for all of them what they would do for each.
 */
#ifndef OSLO_MESSAGING_RABBIT_GATHER_H
#define OSLO_MESSAGING_RABBIT_GATHER_H

#include <stdbool.h>
#include <stdint.h>

/* A moment: nothing waits longer for others to come. A long one is for what has come time after time. */
enum { MOMENT_US = 200, LONG_MOMENT_US = 1000 };

/* How many come together, lately. */
struct habit {
    int usual;                       /* the most of them, which fades */
    int kept;                        /* how often nearly as many came since it was last otherwise */
};
void habit_saw(struct habit *, int n);
bool habit_is_firm(const struct habit *);

/* What is sent. */
struct gather {
    struct habit habit;
    int64_t until;                   /* of the moment that is looked at; 0: none yet */
    int came;                        /* in it */
    int wanted;                      /* before it goes out; 0: it goes as it comes */
    bool met;                        /* they came */
};
/* Something came that may lead to at_most messages. True: they wait for each other, until the moment is over or gather_add says so. */
bool gather_begin(struct gather *, int at_most, int64_t now);
/* One is being sent. True: it need not wait for others. */
bool gather_add(struct gather *, int64_t now);

#endif
