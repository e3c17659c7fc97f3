/* The file store: state_dir/images/<id>, and state_dir/images/staging/<id> for what is not imported yet.
 *
 * Data are written to a temporary file, synced and renamed: nothing half made is ever under its name.
 */
#ifndef GLANCE_MODEL_STORE_H
#define GLANCE_MODEL_STORE_H

#include "glance/faults.h"
#include "glance/glance.h"

struct stored {
    int64_t size, virtual_size;      /* virtual_size 0: not known */
    char *checksum, *os_hash_value;  /* hex, of the ctx */
};

/* Where bytes come from: > 0, 0 at the end, -1 with a fault. */
typedef ssize_t store_reader(struct ctx *, void *data, void *bytes, size_t n);

bool store_open(struct ctx *);                               /* makes the directories */
/* Reads to the end and keeps it under the id. format: the disk format, for the virtual size; NULL: not asked. False with a fault
 * and nothing kept. */
bool store_write(struct ctx *, const char *id, const char *format, store_reader *, void *data, struct stored *ret_stored);
/* An open file and its size; -1 without a fault if there is none. */
int store_read(struct ctx *, const char *id, int64_t *ret_size);
void store_remove(struct ctx *, const char *id);             /* the data and what is staged; what is not there is fine */
/* Forgets what no image has: temporary files, data and stagings whose keep() is false. For the start. */
void store_sweep(struct ctx *, bool (*keep)(struct ctx *, const char *id, bool staged));

bool stage_write(struct ctx *, const char *id, store_reader *, void *data, int64_t *ret_size);
/* The same where bytes are pushed: put() until all is there, then end(). ok false: nothing is kept. */
struct staging;
struct staging *staging_new(struct ctx *, const char *id);
bool staging_put(struct ctx *, struct staging *, const void *bytes, size_t n);
bool staging_end(struct ctx *, struct staging *, bool ok);
int stage_read(struct ctx *, const char *id);                /* -1 if there is none */
void stage_remove(struct ctx *, const char *id);

const char *store_directory(struct ctx *);

#endif
