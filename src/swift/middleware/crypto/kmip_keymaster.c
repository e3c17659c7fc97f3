/* kmip_keymaster: root secrets that a KMIP server keeps, fetched over TLS with a certificate of one's own. The options name their ids there. */
#include "swift/middleware/crypto/kmip.h"
#include "swift/middleware/crypto/secrets.h"
#include "swift/middleware/middlewares.h"

#include "oslo/base/text.h"
#include "oslo/http/tls.h"
#include "swift/faults.h"

#include <openssl/crypto.h>
#include <string.h>

#define CONNECT_US (30 * G_USEC_PER_SEC)
#define ANSWER_US (30 * G_USEC_PER_SEC)
#define MOST_ANSWER (1 << 20)
#define BITS 256
#define RAW 1

#define NO_SERVER "the KMIP server breaks off, or does not answer in time"

/* --- the connection ------------------------------------------------------------------------------------------------------ */

/* To the first of the hosts that answers. */
static struct tls *dial(struct ctx *c, const struct secret_place *place)
{
    const char *hosts = secret_option(place, "host"), *port = secret_option(place, "port");
    const struct tls_options options = { .ca_file = secret_option(place, "ca_certs"), .certificate = secret_option(place, "certfile"),
                                         .key = secret_option(place, "keyfile"), .connect_us = CONNECT_US, .any_name = true };
    int64_t number = 5696;
    struct tls *tls = NULL;

    if (port && (!text_to_int(port, &number) || number < 1 || number > 65535))
        return fail_null(c, PIPELINE_INVALID, ctx_printf(c, "kmip_keymaster: %s is no port", port));
    for (char **host = text_split(c, hosts ? hosts : "127.0.0.1", ','); *host && !tls; host++) {
        fault_clear(c);
        tls = tls_connect(c, *host, number, &options);
    }
    return tls;
}

static bool read_all(struct tls *tls, uint8_t *to, size_t n)
{
    while (n) {
        ssize_t got = tls_read(tls, to, n, ANSWER_US);

        if (got <= 0)
            return false;
        to += got;
        n -= (size_t)got;
    }
    return true;
}

/* Of the ctx; NULL with a fault. */
static uint8_t *read_message(struct ctx *c, struct tls *tls, size_t *ret_n)
{
    uint8_t head[KMIP_HEAD], *message;
    uint32_t n;

    if (!read_all(tls, head, sizeof(head)))
        return fail_null(c, UNAVAILABLE, NO_SERVER);
    n = kmip_length(head);
    if (n > MOST_ANSWER)
        return fail_null(c, PIPELINE_INVALID, "kmip_keymaster: what answers is no KMIP server");
    message = ctx_alloc(c, sizeof(head) + n);
    memcpy(message, head, sizeof(head));
    if (!read_all(tls, message + sizeof(head), n))
        return fail_null(c, UNAVAILABLE, NO_SERVER);
    *ret_n = sizeof(head) + n;
    return message;
}

static bool ask(struct tls *tls, const struct secret_place *place, const char *id)
{
    struct buf b = {};
    bool well;

    kmip_put_get(&b, secret_option(place, "username"), secret_option(place, "password"), id);
    well = tls_write(tls, b.data, b.len, ANSWER_US);
    OPENSSL_cleanse(b.data, b.len);
    buf_clear(&b);
    return well;
}

/* --- secrets ------------------------------------------------------------------------------------------------------------- */

static bool judge(struct ctx *c, const char *id, const struct kmip_answer *a)
{
    if (a->status)
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "%s: %s - %.*s", kmip_status_name(a->status), kmip_reason_name(a->reason), (int)a->text_n,
                                                    a->text ? a->text : ""));
    if (a->algorithm != KMIP_AES || a->bits != BITS)
        return fail(c, PIPELINE_INVALID, ctx_printf(c, "Expected key %s to be an AES-256 key, not %s-%d", id, kmip_algorithm_name(a->algorithm), a->bits));
    return (a->format == RAW && !a->wrapped && a->key_n == BITS / 8) ||
           fail(c, PIPELINE_INVALID, ctx_printf(c, "Expected key %s to be an AES-256 key, not one that is wrapped, or of another length", id));
}

static bool fetch_secret(struct ctx *c, struct tls *tls, const struct secret_place *place, struct named_secret *to)
{
    struct kmip_answer answer;
    uint8_t *message;
    size_t n = 0;
    bool well;

    if (!ask(tls, place, to->value))
        return fail(c, UNAVAILABLE, NO_SERVER);
    if (!(message = read_message(c, tls, &n)))
        return false;
    well = kmip_read(message, n, &answer) ? judge(c, to->value, &answer) : fail(c, PIPELINE_INVALID, "kmip_keymaster: what answers is no KMIP server");
    if (well) {
        to->bytes = memcpy(ctx_alloc(c, answer.key_n), answer.key, answer.key_n);
        to->n = answer.key_n;
    }
    OPENSSL_cleanse(message, n);
    return well;
}

/* One that has been fetched under another id. */
static const struct named_secret *same(const struct named_secret *secrets, size_t n, const char *value)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(secrets[i].value, value))
            return &secrets[i];
    return NULL;
}

static bool find_secrets(struct ctx *c, const struct secret_place *place, struct named_secret *secrets, size_t n)
{
    struct tls *tls = dial(c, place);
    bool well = tls != NULL;

    for (size_t i = 0; well && i < n; i++) {
        const struct named_secret *known = same(secrets, i, secrets[i].value);

        if (known) {
            secrets[i].bytes = known->bytes;
            secrets[i].n = known->n;
        } else {
            well = fetch_secret(c, tls, place, &secrets[i]);
        }
    }
    if (tls)
        tls_close(tls);
    return well;
}

static const char *const names[] = { "host", "port", "certfile", "keyfile", "ca_certs", "username", "password", "active_root_secret_id", NULL };
static const struct secret_source kmip = { .section = "kmip_keymaster", .prefix = "key_id", .names = names, .find = find_secrets };

static bool open_kmip(struct ctx *c, struct step *step)
{
    return keymaster_open(c, step, &kmip);
}

const struct middleware middleware_kmip_keymaster = {
    .name = "kmip_keymaster", .options = keymaster_option_rows, .options_size = sizeof(struct keymaster_options), .open = open_kmip, .run = keymaster_run,
    .close = keymaster_close,
};
