/* Payloads of Fernet tokens in msgpack: the few types that Keystone's payload classes use, written as Python's msgpack
 * writes them and read in every form it may choose. Ids that are UUIDs travel as [true, 16 bytes], others as [false, text].
 */
#include "keystone/token/payload.h"

#include <string.h>

#include "oslo/base/text.h"

/* -- writing ------------------------------------------------------------------------------------------------------- */

static void write_big_endian(struct buf *to, uint64_t value, int bytes)
{
    while (bytes--)
        buf_putc(to, (char)(value >> (8 * bytes)));
}

static void write_array(struct buf *to, unsigned n)
{
    if (n < 16) {
        buf_putc(to, (char)(0x90 | n));
        return;
    }
    buf_putc(to, (char)0xdc);
    write_big_endian(to, n, 2);
}

/* In the shortest of its forms. */
static void write_unsigned(struct buf *to, uint64_t value)
{
    int form = value < 128 ? -1 : value < 256 ? 0 : value < 65536 ? 1 : value <= UINT32_MAX ? 2 : 3;

    if (form >= 0)
        buf_putc(to, (char)(0xcc + form));
    write_big_endian(to, value, form < 0 ? 1 : 1 << form);
}

static void write_real(struct buf *to, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    buf_putc(to, (char)0xcb);
    write_big_endian(to, bits, 8);
}

static void write_binary(struct buf *to, const void *bytes, size_t n)
{
    buf_putc(to, (char)0xc4);
    buf_putc(to, (char)n);
    buf_add(to, bytes, n);
}

static void write_text(struct buf *to, const char *text)
{
    size_t n = strlen(text);

    if (n < 32) {
        buf_putc(to, (char)(0xa0 | n));
    } else if (n < 256) {
        buf_putc(to, (char)0xd9);
        buf_putc(to, (char)n);
    } else {
        buf_putc(to, (char)0xda);
        write_big_endian(to, n, 2);
    }
    buf_add(to, text, n);
}

/* The 16 bytes of an id of 32 hex digits. */
static bool id_bytes(const char *id, unsigned char ret_bytes[16])
{
    return strlen(id) == 32 && hex_read(id, ret_bytes, 16);
}

static void write_id(struct buf *to, const char *id)
{
    unsigned char bytes[16];

    write_array(to, 2);
    if (id_bytes(id, bytes)) {
        buf_putc(to, (char)0xc3);
        write_binary(to, bytes, sizeof bytes);
    } else {
        buf_putc(to, (char)0xc2);
        write_text(to, id);
    }
}

/* Domains and trusts travel without the mark. */
static void write_bare_id(struct buf *to, const char *id)
{
    unsigned char bytes[16];

    if (id_bytes(id, bytes))
        write_binary(to, bytes, sizeof bytes);
    else
        write_text(to, id);
}

static void write_audit_ids(struct ctx *c, struct buf *to, const struct payload *p)
{
    write_array(to, p->audit_ids[1] ? 2 : 1);
    for (int i = 0; i < 2 && p->audit_ids[i]; i++) {
        void *bytes;
        size_t n;

        if (base64_read(c, ctx_printf(c, "%s==", p->audit_ids[i]), &bytes, &n))
            write_binary(to, bytes, n);
        else
            write_binary(to, "", 0);
    }
}

static void write_federation(struct buf *to, const struct payload *p)
{
    unsigned n = 0;

    while (p->group_ids && p->group_ids[n])
        n++;
    write_array(to, n);
    for (unsigned i = 0; i < n; i++)
        write_id(to, p->group_ids[i]);
    write_id(to, p->idp_id);
    write_text(to, p->protocol_id);
}

void payload_write(struct ctx *c, const struct payload *p, struct buf *to)
{
    static const unsigned char lengths[] = { 5, 6, 6, 7, 8, 9, 9, 7, 6, 7 };

    write_array(to, lengths[p->version]);
    write_unsigned(to, p->version);
    write_id(to, p->user_id);
    write_unsigned(to, auth_methods_pack(p->methods));
    switch (p->version) {
    case PAYLOAD_UNSCOPED: case PAYLOAD_FEDERATED_UNSCOPED:
        break;
    case PAYLOAD_DOMAIN:
        write_bare_id(to, p->domain_id);
        break;
    case PAYLOAD_FEDERATED_DOMAIN:
        write_id(to, p->domain_id);
        break;
    case PAYLOAD_SYSTEM:
        write_text(to, p->system);
        break;
    case PAYLOAD_OAUTH:
        write_id(to, p->project_id);
        write_id(to, p->access_token_id);
        break;
    case PAYLOAD_PROJECT: case PAYLOAD_TRUST: case PAYLOAD_APPLICATION_CREDENTIAL: case PAYLOAD_FEDERATED_PROJECT:
        write_id(to, p->project_id);
        break;
    }
    if (payload_is_federated(p->version))
        write_federation(to, p);
    write_real(to, (double)p->expires_s);
    write_audit_ids(c, to, p);
    if (p->version == PAYLOAD_TRUST)
        write_bare_id(to, p->trust_id);
    if (p->version == PAYLOAD_APPLICATION_CREDENTIAL)
        write_id(to, p->app_cred_id);
}

/* -- reading ------------------------------------------------------------------------------------------------------- */

struct reader {
    struct ctx *c;
    const unsigned char *at, *end;
};

static bool read_big_endian(struct reader *r, int bytes, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (r->end - r->at < bytes)
        return false;
    while (bytes--)
        value = value << 8 | *r->at++;
    *ret_value = value;
    return true;
}

static bool read_array(struct reader *r, uint64_t *ret_n)
{
    if (r->at == r->end)
        return false;
    unsigned char type = *r->at++;
    if ((type & 0xf0) == 0x90) {
        *ret_n = type & 0x0f;
        return true;
    }
    return type == 0xdc && read_big_endian(r, 2, ret_n);
}

static bool read_unsigned(struct reader *r, uint64_t *ret_value)
{
    if (r->at == r->end)
        return false;
    unsigned char type = *r->at++;
    if (type < 128) {
        *ret_value = type;
        return true;
    }
    return type >= 0xcc && type <= 0xcf && read_big_endian(r, 1 << (type - 0xcc), ret_value);
}

#define TIME_END 1000000000000       /* seconds: what is later is no time of a token */

/* A time: a float, or an integer where somebody wrote one. */
static bool read_time(struct reader *r, int64_t *ret_seconds)
{
    uint64_t bits;
    double value;

    if (r->at < r->end && *r->at != 0xcb) {
        if (!read_unsigned(r, &bits) || bits >= TIME_END)
            return false;
        *ret_seconds = (int64_t)bits;
        return true;
    }
    if (r->at == r->end)
        return false;
    r->at++;
    if (!read_big_endian(r, 8, &bits))
        return false;
    memcpy(&value, &bits, sizeof value);
    if (!(value >= 0 && value < TIME_END))
        return false;
    *ret_seconds = (int64_t)value;
    return true;
}

/* A text or binary. */
static bool read_bytes(struct reader *r, const unsigned char **ret_bytes, uint64_t *ret_n)
{
    uint64_t n;

    if (r->at == r->end)
        return false;
    unsigned char type = *r->at++;
    if ((type & 0xe0) == 0xa0)
        n = type & 0x1f;
    else if (type == 0xc4 || type == 0xd9 ? !read_big_endian(r, 1, &n) : type == 0xc5 || type == 0xda ? !read_big_endian(r, 2, &n) : true)
        return false;
    if ((uint64_t)(r->end - r->at) < n)
        return false;
    *ret_bytes = r->at;
    *ret_n = n;
    r->at += n;
    return true;
}

static bool read_text(struct reader *r, const char **ret_text)
{
    const unsigned char *bytes;
    uint64_t n;

    if (!read_bytes(r, &bytes, &n) || !text_is_utf8((const char *)bytes, n))
        return false;
    *ret_text = ctx_strndup(r->c, (const char *)bytes, n);
    return true;
}

static bool read_bare_id(struct reader *r, const char **ret_id)
{
    const unsigned char *start = r->at, *bytes;
    uint64_t n;

    if (r->at < r->end && *r->at == 0xc4 && read_bytes(r, &bytes, &n) && n == 16) {
        *ret_id = hex_write(r->c, bytes, n);
        return true;
    }
    r->at = start;
    return read_text(r, ret_id);
}

static bool read_id(struct reader *r, const char **ret_id)
{
    const unsigned char *bytes;
    uint64_t n;

    if (!read_array(r, &n) || n != 2 || r->at == r->end)
        return false;
    unsigned char mark = *r->at++;
    if (mark == 0xc2)
        return read_text(r, ret_id);
    if (mark != 0xc3 || !read_bytes(r, &bytes, &n) || n != 16)
        return false;
    *ret_id = hex_write(r->c, bytes, n);
    return true;
}

static bool read_audit_ids(struct reader *r, struct payload *p)
{
    const unsigned char *bytes;
    uint64_t count, n;

    if (!read_array(r, &count) || count < 1 || count > 2)
        return false;
    for (uint64_t i = 0; i < count; i++) {
        if (!read_bytes(r, &bytes, &n) || n > 64)
            return false;
        char *text = base64url_write(r->c, bytes, n);
        text[strcspn(text, "=")] = '\0';
        p->audit_ids[i] = text;
    }
    return true;
}

static bool read_scope(struct reader *r, struct payload *p)
{
    switch (p->version) {
    case PAYLOAD_UNSCOPED: case PAYLOAD_FEDERATED_UNSCOPED:
        return true;
    case PAYLOAD_DOMAIN:
        return read_bare_id(r, &p->domain_id);
    case PAYLOAD_FEDERATED_DOMAIN:
        return read_id(r, &p->domain_id);
    case PAYLOAD_SYSTEM:
        return read_text(r, &p->system);
    case PAYLOAD_OAUTH:
        return read_id(r, &p->project_id) && read_id(r, &p->access_token_id);
    case PAYLOAD_PROJECT: case PAYLOAD_TRUST: case PAYLOAD_APPLICATION_CREDENTIAL: case PAYLOAD_FEDERATED_PROJECT:
        return read_id(r, &p->project_id);
    }
    return false;
}

static bool read_federation(struct reader *r, struct payload *p)
{
    uint64_t n;

    if (!read_array(r, &n) || n > PAYLOAD_GROUPS_MAX)
        return false;
    const char **ids = ctx_new_n(r->c, const char *, n + 1);
    for (uint64_t i = 0; i < n; i++)
        if (!read_id(r, &ids[i]))
            return false;
    p->group_ids = ids;
    return read_id(r, &p->idp_id) && read_text(r, &p->protocol_id);
}

bool payload_read(struct ctx *c, const void *bytes, size_t n, struct payload *ret_payload)
{
    struct reader r = { .c = c, .at = bytes, .end = (const unsigned char *)bytes + n };
    struct payload p = {};
    uint64_t length, version, methods;

    if (!read_array(&r, &length) || !read_unsigned(&r, &version) || version > PAYLOAD_APPLICATION_CREDENTIAL)
        return false;
    p.version = (enum payload_version)version;
    if (!read_id(&r, &p.user_id) || !read_unsigned(&r, &methods) || !read_scope(&r, &p) ||
        (payload_is_federated((enum payload_version)version) && !read_federation(&r, &p)) || !read_time(&r, &p.expires_s) || !read_audit_ids(&r, &p))
        return false;
    p.methods = auth_methods_unpack(methods);
    if (p.version == PAYLOAD_TRUST && !read_bare_id(&r, &p.trust_id))
        return false;
    if (p.version == PAYLOAD_APPLICATION_CREDENTIAL && !read_id(&r, &p.app_cred_id))
        return false;
    *ret_payload = p;
    return true;
}

void receipt_write(const struct receipt *receipt, struct buf *to)
{
    write_array(to, 3);
    write_id(to, receipt->user_id);
    write_unsigned(to, auth_methods_pack(receipt->methods));
    write_real(to, (double)receipt->expires_s);
}

bool receipt_read(struct ctx *c, const void *bytes, size_t n, struct receipt *ret_receipt)
{
    struct reader r = { .c = c, .at = bytes, .end = (const unsigned char *)bytes + n };
    uint64_t length, methods;

    if (!read_array(&r, &length) || length != 3 || !read_id(&r, &ret_receipt->user_id) || !read_unsigned(&r, &methods) ||
        !read_time(&r, &ret_receipt->expires_s))
        return false;
    ret_receipt->methods = auth_methods_unpack(methods);
    return true;
}

char *audit_id_new(struct ctx *c)
{
    unsigned char bytes[16];

    random_bytes(bytes, sizeof bytes);
    char *text = base64url_write(c, bytes, sizeof bytes);
    text[strcspn(text, "=")] = '\0';
    return text;
}
