/* The root secrets that a keymaster's keys are made of: which its section names, and where they come from. Each keymaster is a struct
 * secret_source; all else is the same of all.
 */
#ifndef SWIFT_MIDDLEWARE_CRYPTO_SECRETS_H
#define SWIFT_MIDDLEWARE_CRYPTO_SECRETS_H

#include "swift/proxy/pipeline.h"

/* Where a keymaster's options stand. */
struct secret_place { const struct conf *conf; const char *section, *file; };
const char *secret_option(const struct secret_place *, const char *name);            /* NULL: not said, or "" */

/* An option that names a secret: "key_id_<id>" (id NULL: the one without). bytes are the source's to find. */
struct named_secret { const char *option, *id, *value; void *bytes; size_t n; };

struct secret_source {
    const char *section;             /* of the file that keymaster_config_path names: "keymaster" */
    const char *prefix;              /* what the options of its secrets begin with */
    const char *const *names;        /* its other options; ends with NULL */
    /* Finds the bytes (of the ctx; they are wiped). False with a fault; its status is 503 or 504 where nobody answers yet: then requests that need
     * keys fail until somebody does. */
    bool (*find)(struct ctx *, const struct secret_place *, struct named_secret *, size_t n);
};

struct root_secret { char *id; uint8_t *bytes; size_t n; };          /* id NULL: the one without */

struct keymaster;
struct keymaster_options { char *keymaster_config_path; };
extern const struct attr keymaster_option_rows[];

bool keymaster_open(struct ctx *, struct step *, const struct secret_source *);
void keymaster_close(struct step *);
void keymaster_run(struct ctx *, const struct step *, struct swift_request *, struct swift_response *);      /* keymaster.c */

/* Its secrets, by id; NULL: nobody could say them yet. */
const GArray *keymaster_secrets(struct ctx *, struct keymaster *);
const struct root_secret *keymaster_active(const struct keymaster *);
const struct root_secret *keymaster_secret(const struct keymaster *, const char *id);        /* NULL: not known */
const char *keymaster_version(const struct keymaster *);                                     /* how paths in key ids are written: "1", "2", "3" */

#endif
