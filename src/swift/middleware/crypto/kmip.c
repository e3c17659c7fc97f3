/* TTLV: written and read. */
#include "swift/middleware/crypto/kmip.h"

#include <glib.h>
#include <string.h>

enum type { STRUCTURE = 1, INTEGER = 2, ENUMERATION = 5, TEXT = 7, BYTES = 8 };
enum tag {
    AUTHENTICATION = 0x42000c, BATCH_COUNT = 0x42000d, BATCH_ITEM = 0x42000f, CREDENTIAL = 0x420023, CREDENTIAL_TYPE = 0x420024, CREDENTIAL_VALUE = 0x420025,
    ALGORITHM = 0x420028, BITS = 0x42002a, KEY_BLOCK = 0x420040, KEY_FORMAT = 0x420042, KEY_MATERIAL = 0x420043, KEY_VALUE = 0x420045,
    KEY_WRAPPING_DATA = 0x420046, OPERATION = 0x42005c, VERSION = 0x420069, VERSION_MAJOR = 0x42006a, VERSION_MINOR = 0x42006b, REQUEST_HEADER = 0x420077,
    REQUEST = 0x420078, REQUEST_PAYLOAD = 0x420079, RESPONSE = 0x42007b, RESPONSE_PAYLOAD = 0x42007c, RESULT_MESSAGE = 0x42007d, RESULT_REASON = 0x42007e,
    RESULT_STATUS = 0x42007f, UNIQUE_ID = 0x420094, USER_NAME = 0x420099, PASSWORD = 0x4200a1,
};
enum { GET = 10, USER_AND_PASSWORD = 1, MAJOR = 1, MINOR = 2 };

/* --- writing ------------------------------------------------------------------------------------------------------------ */

static void put_32(struct buf *b, uint32_t value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_putc(b, (char)(value >> shift & 0xff));
}

static void put_head(struct buf *b, enum tag tag, enum type type, size_t n)
{
    put_32(b, (uint32_t)tag << 8 | type);
    put_32(b, (uint32_t)n);
}

static void put_number(struct buf *b, enum tag tag, enum type type, uint32_t value)
{
    put_head(b, tag, type, 4);
    put_32(b, value);
    put_32(b, 0);
}

static void put_text(struct buf *b, enum tag tag, const char *text)
{
    size_t n = strlen(text);

    put_head(b, tag, TEXT, n);
    buf_add(b, text, n);
    buf_add(b, "\0\0\0\0\0\0\0", (8 - n % 8) % 8);
}

/* Where a structure begins; put_end() says how long it became. */
static size_t put_begin(struct buf *b, enum tag tag)
{
    put_head(b, tag, STRUCTURE, 0);
    return b->len;
}

static void put_end(struct buf *b, size_t begun)
{
    uint32_t n = GUINT32_TO_BE((uint32_t)(b->len - begun));

    memcpy(b->data + begun - 4, &n, 4);
}

static void put_credential(struct buf *b, const char *user, const char *password)
{
    size_t authentication = put_begin(b, AUTHENTICATION), credential = put_begin(b, CREDENTIAL), value;

    put_number(b, CREDENTIAL_TYPE, ENUMERATION, USER_AND_PASSWORD);
    value = put_begin(b, CREDENTIAL_VALUE);
    put_text(b, USER_NAME, user);
    if (password)
        put_text(b, PASSWORD, password);
    put_end(b, value);
    put_end(b, credential);
    put_end(b, authentication);
}

void kmip_put_get(struct buf *b, const char *user, const char *password, const char *id)
{
    size_t request = put_begin(b, REQUEST), header = put_begin(b, REQUEST_HEADER), version = put_begin(b, VERSION), item, payload;

    put_number(b, VERSION_MAJOR, INTEGER, MAJOR);
    put_number(b, VERSION_MINOR, INTEGER, MINOR);
    put_end(b, version);
    if (user)
        put_credential(b, user, password);
    put_number(b, BATCH_COUNT, INTEGER, 1);
    put_end(b, header);
    item = put_begin(b, BATCH_ITEM);
    put_number(b, OPERATION, ENUMERATION, GET);
    payload = put_begin(b, REQUEST_PAYLOAD);
    put_text(b, UNIQUE_ID, id);
    put_end(b, payload);
    put_end(b, item);
    put_end(b, request);
}

/* --- reading ------------------------------------------------------------------------------------------------------------ */

struct item { uint32_t tag, type; const uint8_t *value; size_t n; };
struct items { const uint8_t *at, *end; };

static uint32_t get_32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

uint32_t kmip_length(const uint8_t head[KMIP_HEAD])
{
    return get_32(head + 4);
}

/* The next one; false: there are no more, or what follows is none. */
static bool next(struct items *items, struct item *ret)
{
    size_t left = (size_t)(items->end - items->at), room;

    if (left < KMIP_HEAD)
        return false;
    *ret = (struct item){ get_32(items->at) >> 8, items->at[3], items->at + KMIP_HEAD, kmip_length(items->at) };
    room = (ret->n + 7) / 8 * 8;
    if (room > left - KMIP_HEAD)
        return false;
    items->at += KMIP_HEAD + room;
    return true;
}

/* The first of that tag and type in a structure. */
static bool find(const struct item *in, enum tag tag, enum type type, struct item *ret)
{
    struct items items = { in->value, in->value + in->n };

    while (next(&items, ret))
        if (ret->tag == (uint32_t)tag && ret->type == (uint32_t)type)
            return true;
    return false;
}

static bool find_number(const struct item *in, enum tag tag, enum type type, uint32_t *ret)
{
    struct item item;

    if (!find(in, tag, type, &item) || item.n != 4)
        return false;
    *ret = get_32(item.value);
    return true;
}

/* Whatever the object is called: that which has a key block in it. */
static bool find_key_block(const struct item *payload, struct item *ret)
{
    struct items items = { payload->value, payload->value + payload->n };
    struct item object;

    while (next(&items, &object))
        if (object.type == STRUCTURE && find(&object, KEY_BLOCK, STRUCTURE, ret))
            return true;
    return false;
}

static void read_key(const struct item *payload, struct kmip_answer *to)
{
    struct item block, value, material;
    uint32_t bits = 0;

    if (!find_key_block(payload, &block))
        return;
    find_number(&block, KEY_FORMAT, ENUMERATION, &to->format);
    find_number(&block, ALGORITHM, ENUMERATION, &to->algorithm);
    find_number(&block, BITS, INTEGER, &bits);
    to->bits = (int32_t)bits;
    to->wrapped = find(&block, KEY_WRAPPING_DATA, STRUCTURE, &value);
    if (find(&block, KEY_VALUE, STRUCTURE, &value) && find(&value, KEY_MATERIAL, BYTES, &material)) {
        to->key = material.value;
        to->key_n = material.n;
    }
}

bool kmip_read(const void *message, size_t n, struct kmip_answer *ret)
{
    struct items items = { message, (const uint8_t *)message + n };
    struct item response, batch, payload, text;

    *ret = (struct kmip_answer){ 0 };
    if (!next(&items, &response) || response.tag != RESPONSE || response.type != STRUCTURE || !find(&response, BATCH_ITEM, STRUCTURE, &batch) ||
        !find_number(&batch, RESULT_STATUS, ENUMERATION, &ret->status))
        return false;
    find_number(&batch, RESULT_REASON, ENUMERATION, &ret->reason);
    if (find(&batch, RESULT_MESSAGE, TEXT, &text)) {
        ret->text = (const char *)text.value;
        ret->text_n = text.n;
    }
    if (find(&batch, RESPONSE_PAYLOAD, STRUCTURE, &payload))
        read_key(&payload, ret);
    return true;
}

/* --- names -------------------------------------------------------------------------------------------------------------- */

static const char *const statuses[] = { "SUCCESS", "OPERATION_FAILED", "OPERATION_PENDING", "OPERATION_UNDONE" };
static const char *const reasons[] = {
    [1] = "ITEM_NOT_FOUND", "RESPONSE_TOO_LARGE", "AUTHENTICATION_NOT_SUCCESSFUL", "INVALID_MESSAGE", "OPERATION_NOT_SUPPORTED", "MISSING_DATA", "INVALID_FIELD",
    "FEATURE_NOT_SUPPORTED", "OPERATION_CANCELED_BY_REQUESTER", "CRYPTOGRAPHIC_FAILURE", "ILLEGAL_OPERATION", "PERMISSION_DENIED", "OBJECT_ARCHIVED",
    "INDEX_OUT_OF_BOUNDS", "APPLICATION_NAMESPACE_NOT_SUPPORTED", "KEY_FORMAT_TYPE_NOT_SUPPORTED", "KEY_COMPRESSION_TYPE_NOT_SUPPORTED",
    "ENCODING_OPTION_ERROR", "KEY_VALUE_NOT_PRESENT", "ATTESTATION_REQUIRED", "ATTESTATION_FAILED", "SENSITIVE", "NOT_EXTRACTABLE", "OBJECT_ALREADY_EXISTS",
    [256] = "GENERAL_FAILURE",
};
static const char *const algorithms[] = {
    [1] = "DES", "TRIPLE_DES", "AES", "RSA", "DSA", "ECDSA", "HMAC_SHA1", "HMAC_SHA224", "HMAC_SHA256", "HMAC_SHA384", "HMAC_SHA512", "HMAC_MD5", "DH", "ECDH",
    "ECMQV", "BLOWFISH", "CAMELLIA", "CAST5", "IDEA", "MARS", "RC2", "RC4", "RC5", "SKIPJACK", "TWOFISH", "EC", "ONE_TIME_PAD", "CHACHA20", "POLY1305",
    "CHACHA20_POLY1305",
};

static const char *name_of(const char *const *names, size_t n, uint32_t value)
{
    return value < n && names[value] ? names[value] : "UNKNOWN";
}

const char *kmip_status_name(uint32_t status)
{
    return name_of(statuses, G_N_ELEMENTS(statuses), status);
}

const char *kmip_reason_name(uint32_t reason)
{
    return name_of(reasons, G_N_ELEMENTS(reasons), reason);
}

const char *kmip_algorithm_name(uint32_t algorithm)
{
    return name_of(algorithms, G_N_ELEMENTS(algorithms), algorithm);
}
