/* Bodies as oslo.messaging writes them: an envelope that holds the message as text, and that text. */
#ifndef OSLO_MESSAGING_ENVELOPE_H
#define OSLO_MESSAGING_ENVELOPE_H

#include "oslo/messaging/drivers/driver.h"

enum { ENVELOPE_WHY = 256, MESSAGE_ID_SIZE = 33 };

/* What stands in a request beside the message. */
struct delivery_facts {
    char message_id[MESSAGE_ID_SIZE];        /* made by envelope_request() */
    const char *reply_queue;                 /* NULL: no reply is expected */
    int64_t monitor;                         /* seconds; 0: null */
};

/* All return text to be freed with free(). The message's trees are only read. */
char *envelope_request(const struct message *, struct delivery_facts *, size_t *ret_n);
char *envelope_reply(const char *message_id, const struct rpc_reply *, bool ending, size_t *ret_n);
char *envelope_notification(const struct message *, bool wrapped, size_t *ret_n);       /* wrapped: 2.0, else 1.0 */

/* The message within a body: a new reference to an object; NULL with the reason. */
json_t *envelope_open(const char *body, size_t n, char why[ENVELOPE_WHY]);

/* A request or a notification, whichever it is read as; strings are borrowed from the object. */
struct envelope_request {
    struct message *message;                 /* new; its trees are taken out of the object */
    const char *message_id, *reply_queue;    /* NULL: none expected */
    int64_t monitor;                         /* seconds the caller waits for a sign; 0: any */
    const char *unique_id;                   /* NULL: not said */
};
bool envelope_read_request(json_t *object, struct envelope_request *ret, char why[ENVELOPE_WHY]);
bool envelope_read_notification(json_t *object, struct envelope_request *ret, char why[ENVELOPE_WHY]);

struct envelope_reply {
    const char *message_id;
    bool ending;
    json_t *result, *failure;                /* own references; failure NULL where there is none */
};
bool envelope_read_reply(json_t *object, struct envelope_reply *ret, char why[ENVELOPE_WHY]);
void envelope_reply_clear(struct envelope_reply *);

#endif
