/* Validation: the cache of tokens whose answer is written already, and behind it their decoding. */
#include "keystone/token/token.h"
#include "keystone/token/jws.h"

#include <pthread.h>
#include <string.h>

#include "oslo/auth/auth.h"
#include "oslo/base/log.h"

#define SECOND_US INT64_C(1000000)
#define KEEP_US (300 * SECOND_US)    /* so long an answer is good without looking again */

static struct token_cache *cache;
static struct token_cache *models;   /* of users, scopes and methods: what the next token of the same needs not ask for */
static pthread_once_t cache_once = PTHREAD_ONCE_INIT;

static bool decode(struct ctx *c, const char *text, struct payload *ret_payload, int64_t *ret_issued_s)
{
    void *bytes;
    size_t n;
    bool good;

    if (keystone_options()->token_jws && strchr(text, '.')) {
        if (!jws_open(c, text, ret_payload, ret_issued_s, &good))
            return false;
        return good || fail(c, NO_SUCH, "token", text);
    }
    if (!ring_open(c, RING_TOKENS, text, &bytes, &n, ret_issued_s))
        return false;
    return (bytes && payload_read(c, bytes, n, ret_payload)) || fail(c, TOKEN_NOT_RECOGNIZED);
}

/* -- validation ---------------------------------------------------------------------------------------------------- */

static void cache_make(void)
{
    cache = token_cache_new();
    models = token_cache_new();
}

/* Reads the token anew. */
static struct token *validate(struct ctx *c, const char *text, int64_t window_s)
{
    struct payload payload;
    int64_t issued_s;
    bool revoked;

    if (!decode(c, text, &payload, &issued_s))
        return NULL;
    if (clock_us() >= (payload.expires_s + window_s) * SECOND_US)
        return fail_null(c, TOKEN_NOT_FOUND);
    if (!revocation_holds(c, &payload, issued_s, &revoked))
        return NULL;
    return revoked ? fail_null(c, TOKEN_NOT_FOUND) : token_read(c, text, &payload, issued_s);
}

const struct token *token_get(struct ctx *c, const char *text, int64_t window_s)
{
    struct token_key key;

    pthread_once(&cache_once, cache_make);
    token_key_of(text, &key);
    struct token *token = token_cache_find(cache, &key);
    if (!token) {
        struct token_ticket ticket = token_cache_ticket(cache, &key);

        token = validate(c, text, window_s);
        if (!token)
            return NULL;
        token->cached.stale_us = clock_mono_us() + KEEP_US;
        token_cache_add(cache, &key, ticket, token);
    }
    return ctx_own(c, token, cached_unref);
}

const struct token *token_of_request(struct ctx *c, const struct request *request)
{
    const char *text = request_header(request, "X-Auth-Token");
    const struct token *token = text ? token_get(c, text, 0) : NULL;

    if (!token && (!failed(c) || c->fault.status == 404)) {
        fault_clear(c);
        fail(c, UNAUTHORIZED);
    }
    return token;
}

bool token_is_delegated(const struct token *token)
{
    return token->version == PAYLOAD_TRUST || token_is_lent(token);
}

bool token_is_lent(const struct token *token)
{
    return !token->methods || (token->methods & ~(unsigned)METHODS_PRIMARY);
}

bool token_judge(struct ctx *c, const char *text, struct identity *ret_who)
{
    const struct token *token = token_get(c, text, 0);

    if (!token) {
        if (c->fault.status >= 500)
            return false;
        fault_clear(c);
        return fail(c, UNAUTHORIZED);
    }
    *ret_who = token->who;
    return true;
}

bool tokens_known(const struct request *request)
{
    const char *caller = request_header(request, "X-Auth-Token"), *subject = request_header(request, "X-Subject-Token");
    struct token_key key;

    pthread_once(&cache_once, cache_make);
    if (!caller || !subject)
        return true;
    token_key_of(caller, &key);
    if (!token_cache_has(cache, &key))
        return false;
    if (!strcmp(caller, subject))
        return true;
    token_key_of(subject, &key);
    return token_cache_has(cache, &key);
}

void token_write(const struct token *token, bool catalog, struct buf *to)
{
    buf_reserve(to, token->head_size + token->catalog_size + token->tail_size + 1);
    buf_add(to, token->head, token->head_size);
    if (catalog)
        buf_add(to, token->catalog, token->catalog_size);
    buf_add(to, token->tail, token->tail_size);
}

void tokens_forget(void)
{
    pthread_once(&cache_once, cache_make);
    token_cache_forget(models, NULL);                /* first: what is made of a model is not kept once the cache is forgotten */
    token_cache_forget(cache, NULL);
    auth_forget(NULL);
}

#define FORGET_TOKENS "forget_tokens"

void tokens_forget_everywhere(struct ctx *c)
{
    const struct target others = { .exchange = "keystone", .topic = tokens_rpc_server.topic, .fanout = true };
    struct ctx own;

    tokens_forget();
    if (messaging_local())
        return;
    ctx_init_child(&own, c, c->service);
    own.deadline = clock_mono_us() + G_USEC_PER_SEC;
    if (!rpc_cast(&own, &others, FORGET_TOKENS, ctx_json(&own, json_object())))
        log_warning(&own, "other processes are not told of a change of tokens, and find out by themselves: %s", own.fault.message);
    ctx_clear(&own);
}

void tokens_will_change(struct ctx *c)
{
    if (!messaging_local())
        db_at_commit(c, "UPDATE token_generation SET value = value + 1 WHERE id = 1");
}

/* Forgets in a few rounds: in the first, another process may still say what it has not forgotten yet. */
bool tokens_look(struct ctx *c)
{
    enum { ROUNDS = 3 };
    static int64_t known = -1;       /* of the one worker */
    static int left;
    int64_t now;

    if (messaging_local())
        return true;
    now = db_count(c, "SELECT value FROM token_generation WHERE id = 1");
    if (failed(c))
        return false;
    if (known >= 0 && now != known)
        left = ROUNDS;
    known = now;
    if (left > 0) {
        left--;
        tokens_forget();
    }
    return true;
}

static bool forget_tokens(struct ctx *c, json_t *args, json_t **ret_result)
{
    tokens_forget();
    return true;
}

const struct rpc_server tokens_rpc_server = {
    .exchange = "keystone", .topic = "tokens", .role = "api", .threads = 1, .resumed = tokens_forget,
    .endpoints = (const struct rpc_endpoint[]){ { NULL, "1.0", (const struct rpc_method[]){ { FORGET_TOKENS, forget_tokens }, {} } }, {} },
};

/* -- issuing ------------------------------------------------------------------------------------------------------- */

static void model_key_of(struct ctx *c, const struct payload *p, struct token_key *ret_key)
{
    const char *ids[] = { p->user_id, p->project_id, p->domain_id, p->system, p->trust_id, p->app_cred_id, p->access_token_id, p->idp_id, p->protocol_id };
    struct buf text = {};

    buf_printf(&text, "%d %u", (int)p->version, p->methods);
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
        buf_printf(&text, "\n%s", ids[i] ? ids[i] : "");
    for (const char *const *id = p->group_ids; id && *id; id++)
        buf_printf(&text, "\n%s", *id);
    token_key_of(text.data, ret_key);
    buf_clear(&text);
}

static const char *seal(struct ctx *c, const struct payload *p, int64_t time_s)
{
    struct buf packed = {};
    const char *text;

    if (keystone_options()->token_jws)
        return jws_seal(c, p, time_s);
    payload_write(c, p, &packed);
    text = ring_seal(c, RING_TOKENS, time_s, packed.data, packed.len);
    buf_clear(&packed);
    return text;
}

static const struct token *issue_at(struct ctx *c, const struct payload *p, int64_t time_s)
{
    const char *text = seal(c, p, time_s);
    struct token_ticket ticket, model_ticket;
    struct token_key key, model_key;
    struct token *token, *model;

    if (!text)
        return NULL;
    pthread_once(&cache_once, cache_make);
    token_key_of(text, &key);
    model_key_of(c, p, &model_key);
    ticket = token_cache_ticket(cache, &key);
    model_ticket = token_cache_ticket(models, &model_key);
    model = token_cache_find(models, &model_key);
    if (model && time_s >= model->issued_s) {
        token = token_like(model, text, p, time_s);
        token->cached.stale_us = model->cached.stale_us;
        token_cache_add(cache, &key, ticket, token);
    } else if ((token = (struct token *)token_get(c, text, 0)) != NULL) {
        token_cache_add(models, &model_key, model_ticket, token);
        atomic_fetch_add(&token->cached.references, 1);
    }
    cached_unref(model);
    return token ? ctx_own(c, token, cached_unref) : NULL;
}

const struct token *token_issue(struct ctx *c, struct payload *p)
{
    int64_t now = clock_us() / SECOND_US, until;
    const struct token *token = issue_at(c, p, now);

    if (token || c->fault.status != 404)
        return token;
    /* What was revoked in this very second does not reach those who came after. */
    fault_clear(c);
    until = revoked_until(c, p->user_id);
    if (until >= now && !failed(c))
        token = issue_at(c, p, until + 1);
    if (!token && (!failed(c) || c->fault.status == 404)) {
        fault_clear(c);
        fail(c, UNAUTHORIZED);
    }
    return token;
}
