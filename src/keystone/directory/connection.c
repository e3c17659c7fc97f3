/* See connection.h. A connection is kept for who configures the same: idle ones wait in a list, youngest first, and are closed when their
 * life is over. One that fails is not kept, and the search is tried once more on a fresh one.
 */
#include "keystone/directory/connection.h"
#include "oslo/base/log.h"

#include <ldap.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#define SECOND_US INT64_C(1000000)

enum { IDLE_MAX = 64, TIMEOUT_S = 10 };

struct connection {
    LDAP *ldap;
    char *key;                       /* what it was made of */
    int64_t made_us;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct connection *idle[IDLE_MAX];        /* guarded by lock */
static int n_idle;                               /* guarded by lock */

static void connection_end(struct connection *k)
{
    ldap_unbind_ext_s(k->ldap, NULL, NULL);
    g_free(k->key);
    g_free(k);
}

/* -- making one ---------------------------------------------------------------------------------------------------- */

static int number_of(const char *word, const char *const *words, const int *numbers, int otherwise)
{
    for (size_t i = 0; words[i]; i++)
        if (word && !strcmp(words[i], word))
            return numbers[i];
    return otherwise;
}

static void tls_set(LDAP *ldap, const struct directory *d)
{
    static const char *const words[] = { "demand", "never", "allow", NULL };
    static const int numbers[] = { LDAP_OPT_X_TLS_DEMAND, LDAP_OPT_X_TLS_NEVER, LDAP_OPT_X_TLS_ALLOW };
    int require = number_of(d->tls_req_cert, words, numbers, LDAP_OPT_X_TLS_DEMAND), server = 0;

    if (d->tls_cacertfile)
        ldap_set_option(ldap, LDAP_OPT_X_TLS_CACERTFILE, d->tls_cacertfile);
    if (d->tls_cacertdir)
        ldap_set_option(ldap, LDAP_OPT_X_TLS_CACERTDIR, d->tls_cacertdir);
    ldap_set_option(ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &require);
    ldap_set_option(ldap, LDAP_OPT_X_TLS_NEWCTX, &server);
}

static void options_set(LDAP *ldap, const struct directory *d)
{
    static const char *const words[] = { "never", "searching", "always", "finding", NULL };
    static const int numbers[] = { LDAP_DEREF_NEVER, LDAP_DEREF_SEARCHING, LDAP_DEREF_ALWAYS, LDAP_DEREF_FINDING };
    int version = LDAP_VERSION3, deref = number_of(d->alias_dereferencing, words, numbers, -1);
    struct timeval patience = { .tv_sec = d->connection_timeout > 0 ? (time_t)d->connection_timeout : TIMEOUT_S };

    ldap_set_option(ldap, LDAP_OPT_PROTOCOL_VERSION, &version);
    ldap_set_option(ldap, LDAP_OPT_REFERRALS, d->chase_referrals ? LDAP_OPT_ON : LDAP_OPT_OFF);
    ldap_set_option(ldap, LDAP_OPT_RESTART, LDAP_OPT_ON);
    ldap_set_option(ldap, LDAP_OPT_NETWORK_TIMEOUT, &patience);
    ldap_set_option(ldap, LDAP_OPT_TIMEOUT, &patience);
    if (deref >= 0)
        ldap_set_option(ldap, LDAP_OPT_DEREF, &deref);
    if (d->use_tls || strstr(d->url, "ldaps://"))
        tls_set(ldap, d);
}

static int bind_simply(LDAP *ldap, const char *dn, const char *password)
{
    struct berval secret = { .bv_val = (char *)(password ? password : ""), .bv_len = password ? strlen(password) : 0 };

    return ldap_sasl_bind_s(ldap, dn, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

static bool no_answer(struct ctx *c, const struct directory *d, const char *what, int code)
{
    log_warning(c, "the directory of a domain does not answer domain=%s url=%s %s=%s", d->domain_id, d->url, what, ldap_err2string(code));
    return fail(c, NO_DIRECTORY, d->url);
}

static const char *key_of(struct ctx *c, const struct directory *d)
{
    return ctx_printf(c, "%s\n%s\n%s\n%s\n%s\n%s\n%s\n%s\n%d", d->domain_id, d->url, d->user ? d->user : "", d->password ? d->password : "",
                      d->alias_dereferencing, d->tls_cacertfile ? d->tls_cacertfile : "", d->tls_cacertdir ? d->tls_cacertdir : "", d->tls_req_cert,
                      d->use_tls);
}

/* Connected, not bound. */
static struct connection *connect_to(struct ctx *c, const struct directory *d)
{
    LDAP *ldap = NULL;
    int code = ldap_initialize(&ldap, d->url);

    if (code == LDAP_SUCCESS) {
        options_set(ldap, d);
        code = d->use_tls ? ldap_start_tls_s(ldap, NULL, NULL) : LDAP_SUCCESS;
    }
    if (code != LDAP_SUCCESS) {
        if (ldap)
            ldap_unbind_ext_s(ldap, NULL, NULL);
        no_answer(c, d, "connect", code);
        return NULL;
    }
    struct connection *k = g_new0(struct connection, 1);
    *k = (struct connection){ ldap, g_strdup(key_of(c, d)), clock_mono_us() };
    return k;
}

/* -- keeping them -------------------------------------------------------------------------------------------------- */

static struct connection *idle_take(const struct directory *d, const char *key)
{
    struct connection *found = NULL, *over[IDLE_MAX];
    int n_over = 0;

    pthread_mutex_lock(&lock);
    for (int i = n_idle - 1; i >= 0; i--) {
        bool ended = clock_mono_us() - idle[i]->made_us > d->pool_connection_lifetime * SECOND_US, same = !strcmp(idle[i]->key, key);

        if (!same || (found && !ended))
            continue;
        if (ended)
            over[n_over++] = idle[i];
        else
            found = idle[i];
        memmove(&idle[i], &idle[i + 1], (size_t)(--n_idle - i) * sizeof *idle);
    }
    pthread_mutex_unlock(&lock);
    while (n_over > 0)
        connection_end(over[--n_over]);
    return found;
}

/* Connected, and bound as the directory's own user. */
static struct connection *take(struct ctx *c, const struct directory *d, bool fresh)
{
    struct connection *k = d->use_pool && !fresh ? idle_take(d, key_of(c, d)) : NULL;
    int code;

    if (k)
        return k;
    k = connect_to(c, d);
    if (!k)
        return NULL;
    code = bind_simply(k->ldap, d->user, d->password);
    if (code == LDAP_SUCCESS)
        return k;
    connection_end(k);
    no_answer(c, d, "bind", code);
    return NULL;
}

static void give_back(const struct directory *d, struct connection *k)
{
    bool kept = false;
    int same = 0;

    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_idle; i++)
        same += !strcmp(idle[i]->key, k->key);
    if (d->use_pool && n_idle < IDLE_MAX && same < d->pool_size) {
        idle[n_idle++] = k;
        kept = true;
    }
    pthread_mutex_unlock(&lock);
    if (!kept)
        connection_end(k);
}

void directory_connections_end(void)
{
    pthread_mutex_lock(&lock);
    while (n_idle > 0)
        connection_end(idle[--n_idle]);
    pthread_mutex_unlock(&lock);
}

/* -- searching ----------------------------------------------------------------------------------------------------- */

struct search {
    const struct directory *d;
    const char *base, *filter;
    int scope;
    char **attributes;
    GArray *entries;                 /* struct entry */
};

static struct entry entry_read(struct ctx *c, LDAP *ldap, LDAPMessage *message)
{
    g_autoptr(GArray) pairs = g_array_new(true, true, sizeof(struct pair));
    char *dn = ldap_get_dn(ldap, message);
    struct entry entry = { .dn = ctx_strdup(c, dn ? dn : "") };
    BerElement *ber = NULL;

    ldap_memfree(dn);
    for (char *name = ldap_first_attribute(ldap, message, &ber); name; name = ldap_next_attribute(ldap, message, ber)) {
        struct berval **values = ldap_get_values_len(ldap, message, name);

        for (int i = 0; values && values[i]; i++) {
            struct pair pair = { ctx_strdup(c, name), ctx_strndup(c, values[i]->bv_val, values[i]->bv_len) };

            if (text_is_utf8(values[i]->bv_val, values[i]->bv_len))
                g_array_append_val(pairs, pair);
        }
        ldap_value_free_len(values);
        ldap_memfree(name);
    }
    if (ber)
        ber_free(ber, 0);
    struct pair *copy = ctx_new_n(c, struct pair, pairs->len + 1);
    if (pairs->len)
        memcpy(copy, pairs->data, pairs->len * sizeof *copy);
    entry.values = copy;
    return entry;
}

static void entries_take(struct ctx *c, LDAP *ldap, LDAPMessage *result, GArray *entries)
{
    for (LDAPMessage *m = ldap_first_entry(ldap, result); m; m = ldap_next_entry(ldap, m)) {
        struct entry entry = entry_read(c, ldap, m);

        g_array_append_val(entries, entry);
    }
}

/* The cookie of the next page; empty after the last. */
static struct berval *cookie_of(LDAP *ldap, LDAPMessage *result)
{
    struct berval *cookie = ber_memalloc(sizeof *cookie);
    LDAPControl **controls = NULL, *page;
    ber_int_t estimate;
    int code;

    *cookie = (struct berval){};
    ldap_parse_result(ldap, result, &code, NULL, NULL, NULL, &controls, 0);
    page = controls ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL) : NULL;
    if (page)
        ldap_parse_pageresponse_control(ldap, page, &estimate, cookie);
    ldap_controls_free(controls);
    return cookie;
}

/* All pages, one where page_size is 0. The library's code. */
static int run(struct ctx *c, LDAP *ldap, const struct search *s)
{
    struct berval *cookie = NULL;
    int code;

    do {
        LDAPControl *page = NULL;
        LDAPMessage *result = NULL;

        if (s->d->page_size > 0)
            ldap_create_page_control(ldap, (ber_int_t)s->d->page_size, cookie, 0, &page);
        code = ldap_search_ext_s(ldap, s->base, s->scope, s->filter, s->attributes, 0, (LDAPControl *[]){ page, NULL }, NULL, NULL, LDAP_NO_LIMIT, &result);
        ldap_control_free(page);
        ber_bvfree(cookie);
        cookie = NULL;
        if (code == LDAP_SUCCESS) {
            entries_take(c, ldap, result, s->entries);
            cookie = cookie_of(ldap, result);
        }
        ldap_msgfree(result);
    } while (code == LDAP_SUCCESS && s->d->page_size > 0 && cookie->bv_len);
    ber_bvfree(cookie);
    return code;
}

static bool is_broken(int code)
{
    return code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR || code == LDAP_TIMEOUT || code == LDAP_UNAVAILABLE || code == LDAP_BUSY;
}

static bool search_try(struct ctx *c, const struct search *s, bool fresh, int *ret_code)
{
    struct connection *k = take(c, s->d, fresh);

    if (!k)
        return false;
    g_array_set_size(s->entries, 0);
    *ret_code = run(c, k->ldap, s);
    if (is_broken(*ret_code))
        connection_end(k);
    else
        give_back(s->d, k);
    return true;
}

const struct entry *directory_search(struct ctx *c, const struct directory *d, const char *base, enum scope scope, const char *filter,
                                     const char *const *attributes)
{
    g_autoptr(GArray) entries = g_array_new(true, true, sizeof(struct entry));
    int below = !strcmp(d->query_scope, "sub") ? LDAP_SCOPE_SUBTREE : LDAP_SCOPE_ONELEVEL, code;
    const struct search s = { d, base, filter, scope == SCOPE_ITSELF ? LDAP_SCOPE_BASE : below, (char **)(void *)attributes, entries };

    if (!search_try(c, &s, false, &code) || (is_broken(code) && !search_try(c, &s, true, &code)))
        return NULL;
    if (code != LDAP_SUCCESS && code != LDAP_NO_SUCH_OBJECT && code != LDAP_SIZELIMIT_EXCEEDED) {
        no_answer(c, d, "search", code);
        return NULL;
    }
    struct entry *copy = ctx_new_n(c, struct entry, entries->len + 1);
    if (entries->len)
        memcpy(copy, entries->data, entries->len * sizeof *copy);
    return copy;
}

bool directory_bind(struct ctx *c, const struct directory *d, const char *dn, const char *password)
{
    struct connection *k = *dn && password && *password ? connect_to(c, d) : NULL;       /* without a password anybody may bind */
    int code;

    if (!k)
        return false;
    code = bind_simply(k->ldap, dn, password);
    connection_end(k);
    return is_broken(code) ? no_answer(c, d, "bind", code) : code == LDAP_SUCCESS;
}

const char *entry_get(const struct entry *e, const char *attribute)
{
    for (const struct pair *p = e->values; attribute && p->name; p++)
        if (!strcasecmp(p->name, attribute))
            return p->value;
    return NULL;
}

const char *filter_quote(struct ctx *c, const char *value)
{
    struct buf text = {};

    for (; *value; value++) {
        if (strchr("*()\\", *value))
            buf_printf(&text, "\\%02x", (unsigned char)*value);
        else
            buf_putc(&text, *value);
    }
    const char *copy = ctx_strndup(c, text.data ? text.data : "", text.len);
    buf_clear(&text);
    return copy;
}
