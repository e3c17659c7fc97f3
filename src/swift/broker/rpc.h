/* What replicas of a database say to each other: the JSON bodies of REPLICATE. */
#ifndef SWIFT_BROKER_RPC_H
#define SWIFT_BROKER_RPC_H

#include "swift/broker/broker.h"

/* Answers REPLICATE /device/partition/hash: sync, merge_items, merge_syncs, rsync_then_merge, complete_rsync. */
void broker_rpc(struct ctx *, enum broker_kind, struct swift_request *, struct swift_response *);

/* Rows of a JSON list, as merge_items and UPDATE carry them. False: the response says what is wrong (400). */
bool broker_rows_read(struct ctx *, enum broker_kind, struct swift_request *, struct swift_response *, struct broker_row **ret, size_t *ret_n);
bool broker_rows_from_json(struct ctx *, enum broker_kind, json_t *list, struct broker_row **ret, size_t *ret_n);
json_t *broker_rows_to_json(struct ctx *, enum broker_kind, const struct broker_row *, size_t n);
/* What `sync` sends and answers. */
json_t *broker_info_to_json(struct ctx *, enum broker_kind, const struct broker_info *);

/* Metadata as that JSON text says it, merged with what is there: of each name the newest. */
bool broker_merge_metadata(struct ctx *, struct broker *, const char *text);

/* Would the user's metadata be too much with these? 400 in the response. */
bool broker_meta_fits(struct ctx *, struct broker *, const struct broker_meta *, size_t n, struct swift_response *);

#endif
