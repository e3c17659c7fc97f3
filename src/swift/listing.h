/* Listings as text, JSON and XML, written as rows come; and which of the three a request wants. */
#ifndef SWIFT_LISTING_H
#define SWIFT_LISTING_H

#include "swift/broker/broker.h"

enum listing_format { LISTING_TEXT, LISTING_JSON, LISTING_XML };

/* accept_listing_type(), and what it means. */
const char *listing_content_type(struct ctx *, const struct swift_request *, enum listing_format *ret, struct swift_response *);

struct listing_writer {
    struct ctx *c;
    enum listing_format format;
    bool of_containers;              /* an account's listing */
    struct buf text;
    size_t n;
    bool hides;                      /* a row has parameters in its hash, or a reserved name (swift_response.plain_listing) */
};
void listing_begin(struct listing_writer *, struct ctx *, enum listing_format, bool of_containers, const char *base_name);
bool listing_add(void *listing_writer, const struct listing_entry *);        /* for broker_list() */
void listing_end(struct listing_writer *);

#endif
