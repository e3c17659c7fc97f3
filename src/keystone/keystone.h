/* What Keystone's files share: its table, its options and the small functions that all its resources use. */
#ifndef KEYSTONE_KEYSTONE_H
#define KEYSTONE_KEYSTONE_H

#include "keystone/faults.h"
#include "oslo/base/text.h"
#include "oslo/rest/resource.h"
#include "oslo/service/service.h"

struct keystone_options {
    char *fernet_keys, *credential_keys, *receipt_keys, *password_hash_algorithm, *password_regex, *password_regex_description;
    char *token_provider, *jws_private_keys, *jws_public_keys;
    bool token_jws;                  /* token_provider is "jws" */
    char *auth_methods;
    int64_t max_active_keys, fernet_rotation, token_expiration, allow_expired_window, password_rounds, max_password_length,
        max_project_tree_depth, user_limit_application_credentials, max_redelegation_count, request_token_duration,
        access_token_duration, credential_ttl, receipt_expiration, totp_previous_windows, scrypt_block_size, scrypt_parallelism, salt_bytesize,
        lockout_failure_attempts, lockout_duration, disable_user_account_days_inactive, password_expires_days, unique_last_password_count,
        minimum_password_age;
    bool strict_password_check, change_password_upon_first_use, allow_rescope_scoped_token;
    int64_t list_limit;
    char *enforcement_model;
    /* federation/ */
    char *trusted_proxies, *proxy_header_prefix, *assertion_prefix, *remote_id_attribute, *trusted_dashboard, *sso_callback_template, *oidc_audience,
        *oidc_client_id, *oidc_client_secret, *oidc_ca_file, *saml_keyfile, *saml_certfile, *saml_idp_entity_id, *saml_idp_sso_endpoint, *saml_idp_metadata_path;
    int64_t default_authorization_ttl, saml_assertion_expiration_time;
};

extern const struct service keystone_service;
extern const struct rest_style keystone_style;
extern const struct policy keystone_policies[];
extern const struct attr keystone_option_attrs[];
const struct keystone_options *keystone_options(void);
bool keystone_options_read(struct ctx *);            /* at the start */

#define DEFAULT_DOMAIN "default"

/* -- resources (api/verbs.c) ---------------------------------------------------------------------------------------
 * The verbs of a resource of Keystone: its rules are asked about members by the names "target.<name>.<member>", unknown
 * members of a body are kept in the attr "extra" if the table has it, immutable resources are left alone. */
handler keystone_create, keystone_show, keystone_list, keystone_update, keystone_remove;
handler keystone_put;                /* creates under the id of the path */
#define KEYSTONE_VERBS \
    .create = keystone_create, .show = keystone_show, .list = keystone_list, .update = keystone_update, .remove = keystone_remove

/* Reads the object under the resource's name, moves unknown members to "extra", judges what attr tables cannot. On update
 * old is the record as it is. NULL with a fault. */
json_t *keystone_body(struct ctx *, const struct resource *, struct request *, const void *old);
/* The record by id if "identity:<verb>_<name>" allows it; who is not allowed learns nothing of what there is. */
void *keystone_subject(struct ctx *, const struct resource *, const char *verb, const char *id);
/* The second half of create and update: stores what keystone_body() read, and answers. */
bool keystone_insert(struct ctx *, const struct resource *, struct request *, json_t *object, struct reply *);
bool keystone_change(struct ctx *, const struct resource *, struct request *, void *old, json_t *object, struct reply *);
/* One list without asking a rule: {"users": [...], "links": {...}}. where appends further conditions, or is NULL. */
bool keystone_list_where(struct ctx *, const struct resource *, struct request *, struct reply *,
                         bool (*where)(struct ctx *, struct sql *, const void *data), const void *data);
bool rule_check(struct ctx *, const char *rule, ...) G_GNUC_NULL_TERMINATED;         /* name, value, ..., NULL: the target */

/* -- schema.c: bodies against schemas.json -------------------------------------------------------------------------- */
bool keystone_schemas_load(struct ctx *);    /* once, while the process starts */
/* False with fault 400 in the original's words where value does not fit the schema of that name; one that is not there fits all. */
bool keystone_schema_judge(struct ctx *, const char *name, const json_t *value);

/* The row with that id, or NULL with the not-found fault of the resource's kind. */
void *keystone_get(struct ctx *, const struct resource *, const char *id);

/* One statement in a transaction of its own. */
bool keystone_exec_values(struct ctx *, const char *sql, const struct value *values);
#define keystone_exec(c, sql, ...) keystone_exec_values((c), (sql), VALUES(__VA_ARGS__))
/* How many rows it changed; -1 with a fault. */
int64_t keystone_changed_values(struct ctx *, const char *sql, const struct value *values);
#define keystone_changed(c, sql, ...) keystone_changed_values((c), (sql), VALUES(__VA_ARGS__))

/* For the write hooks: members kept in extra, and "links": {"self": ...}. */
void write_extra(struct ctx *, struct out *, raw_json extra);
void write_self(struct ctx *, struct out *, const char *path, const char *id);
/* {"links": {"next": null, "self": url, "previous": null}} without braces, for lists written by hand. */
void write_list_links(struct ctx *, struct out *, const struct request *);

/* options: what was asked laid over what there is; null takes one away. */
raw_json options_merge(struct ctx *, raw_json old, const json_t *asked);
bool option_is(struct ctx *, raw_json options, const char *name);

/* The domain a new resource belongs to where its body names none. */
const char *default_domain_of(struct ctx *);

/* Everything cached about tokens, here and in the middleware of this process, is forgotten. After each change. */
void tokens_forget(void);
/* The same here and in every process that judges tokens or keeps what Keystone said of them: told by a fanout. */
void tokens_forget_everywhere(struct ctx *);
/* What this ctx writes from here on may change what tokens are worth: with it a generation is counted up, by which processes that the
 * fanout does not reach find out a second later. */
void tokens_will_change(struct ctx *);
bool tokens_look(struct ctx *);                      /* a worker's round: forgets if they did */
extern const struct rpc_server tokens_rpc_server;

/* -- passwords (password.c) ---------------------------------------------------------------------------------------- */
/* bcrypt, of a bounded number at a time. rounds 0: the option's. NULL with a fault. */
char *password_hash(struct ctx *, const char *password, int rounds);
/* hash NULL takes as long as a wrong password. A fault only if the house is full. */
bool password_verify(struct ctx *, const char *password, const char *hash);
/* The same of a program's secret, which is asked for often: one that was right is known for a while without being hashed again. */
bool secret_verify(struct ctx *, const char *secret, const char *hash);

bool keystone_bootstrap(struct ctx *);
/* Waits for the hash of a password that is still being worked out. Cheap when there is none. */
void keystone_bootstrap_wait(void);
void keystone_bootstrap_stop(void);

/* `nacre keystone COMMAND` (commands.c) */
struct arguments;
int command_keystone(struct ctx *, const struct arguments *);

#endif
