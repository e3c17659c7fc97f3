/* Bodies as oslo.messaging writes them: an envelope that holds the message as text, and that text. */
#ifndef OSLO_MESSAGING_ENVELOPE_H
#define OSLO_MESSAGING_ENVELOPE_H

#include "oslo/messaging/drivers/driver.h"
#include "oslo/record/plain.h"

enum { ENVELOPE_WHY = 256, MESSAGE_ID_SIZE = 33 };
#define ENVELOPE_CONTEXT "_context_"         /* before the names of the context's members */
#define ENVELOPE_BEFORE "{\"oslo.version\": \"2.0\", \"oslo.message\": \""
#define ENVELOPE_AFTER "\"}"

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

/* A message that came: what is in its body. For envelope_read_* alone. */
struct envelope_member {
    const char *key, *text;                  /* text NULL: a tree */
    size_t key_n, n;
    json_t *tree;
};
enum { ENVELOPE_MEMBERS = 64 };
struct envelope {
    json_t *object;                          /* NULL: its members are these */
    char *text;
    int n;
    struct envelope_member members[ENVELOPE_MEMBERS];
};
/* False with the reason: then there is nothing to close. */
bool envelope_open(struct envelope *, const char *body, size_t n, char why[ENVELOPE_WHY]);
void envelope_close(struct envelope *);

/* A request or a notification, whichever it is read as; strings are borrowed from the envelope. */
struct envelope_request {
    struct message *message;                 /* new */
    const char *message_id, *reply_queue;    /* NULL: none expected */
    int64_t monitor;                         /* seconds the caller waits for a sign; 0: any */
    const char *unique_id;                   /* NULL: not said */
};
bool envelope_read_request(const struct envelope *, struct envelope_request *ret, char why[ENVELOPE_WHY]);
bool envelope_read_notification(const struct envelope *, struct envelope_request *ret, char why[ENVELOPE_WHY]);

struct envelope_reply {
    const char *message_id;
    bool ending;
    json_t *result, *failure;                /* own references; failure NULL where there is none */
};
bool envelope_read_reply(const struct envelope *, struct envelope_reply *ret, char why[ENVELOPE_WHY]);
void envelope_reply_clear(struct envelope_reply *);

#endif
