/* Encryption at rest: keys, crypto meta and values as the original makes them, parts of bodies. */
#include "oslo/base/text.h"
#include "swift/conf.h"
#include "swift/middleware/crypto/crypto.h"
#include "swift/middleware/middlewares.h"

#include <string.h>

static struct ctx c;
static uint8_t key[CRYPTO_KEY], iv[CRYPTO_IV];

static void test_cipher(void)
{
    uint8_t bytes[100], zeros[64] = { 0 }, last[CRYPTO_IV];

    memset(last, 0xff, sizeof(last));
    last[15] = 0xfe;
    for (int i = 0; i < 100; i++)
        bytes[i] = (uint8_t)i;
    for (size_t from = 0; from < 100; from += 7) {           /* from anywhere, in pieces of any length */
        uint8_t part[100];
        struct cipher *cipher = cipher_new(key, iv, from);

        memcpy(part, bytes, 100);
        cipher_apply(cipher, part + from, MIN(5, 100 - from));
        if (from + 5 < 100)
            cipher_apply(cipher, part + from + 5, 100 - from - 5);
        cipher_free(cipher);
        g_assert_true(g_str_has_suffix("e9c2ed89b63155e1f87d96dd3aeaa681e9d05989ef81d2f6aeeb8a5841362ecc06395e3113e1c958cd355cd90010fd2a5788850de7e1ac6e918b8f0d"
                                       "c1347d6512ff33f8370366d305d506dd0a2464b48b5d43b5ba5e359d4d600f42f25bb3f9b8b01e9c",
                                       hex_write(&c, part + from, 100 - from)));
    }
    struct cipher *cipher = cipher_new(key, last, 20);        /* the counter goes round */
    cipher_apply(cipher, zeros, 44);
    cipher_free(cipher);
    g_assert_true(g_str_has_suffix("63e5b402b51e48ddfaedf9de99cc2744e999e41d4ca770da5387117b5d8f57eef29000b62a499fd0a9f39a6add2e7780f05d76ae4ab99fe5a6f69b3148c2363d",
                                   hex_write(&c, zeros, 44)));
    g_assert_cmpstr(crypto_mac(&c, key, "d41d8cd98f00b204e9800998ecf8427e"), ==, "dtudF9Rw+ljMHySY5m6E/oUU9c0BNnYDT/afIWL7B9o=");
}

static void test_meta(void)
{
    static const char *const value = "OK2t; swift_meta=%7B%22cipher%22%3A+%22AES_CTR_256%22%2C+%22iv%22%3A+%22AAECAwQFBgcICQoLDA0ODw%3D%3D%22%2C+%22key_id%22%3A+%7B"
                                     "%22path%22%3A+%22%2FAUTH_t%2Fc%2F%5Cu00c3%5Cu00a9+o%22%2C+%22secret_id%22%3A+%22two%22%2C+%22v%22%3A+%222%22%7D%7D";
    static const char *const body = "%7B%22body_key%22%3A+%7B%22iv%22%3A+%22AAECAwQFBgcICQoLDA0ODw%3D%3D%22%2C+%22key%22%3A+%22Wm4EVwj7cZbwLlU9AsOmkmDzENXDhVhdVRb7UXLlIM8"
                                    "%3D%22%7D%2C+%22cipher%22%3A+%22AES_CTR_256%22%2C+%22iv%22%3A+%22EBESExQVFhcYGRobHB0eHw%3D%3D%22%7D";
    static const char *const broken[] = { "", "x", "%7B", "[]", "%7B%22cipher%22%3A+%22AES_CTR_256%22%7D", "%7B%22cipher%22%3A+%22AES_CBC_256%22%2C+%22iv%22%3A+%22AAECAwQFBgcICQoLDA0ODw%3D%3D%22%7D",
                                          "%7B%22cipher%22%3A+%22AES_CTR_256%22%2C+%22iv%22%3A+%22AAECAwQFBgcICQoLDA0O%22%7D" };
    struct crypto_meta meta;
    const char *text;
    json_t *json;

    g_assert_true(crypto_value_split(&c, value, &text, &json));
    g_assert_true(crypto_meta_read(&c, json, &meta));
    g_assert_cmpstr(crypto_value_read(&c, text, &meta, key), ==, "b\xc3\xa9");
    g_assert_cmpstr(json_string_value(json_object_get(meta.key_id, "secret_id")), ==, "two");
    g_assert_true(crypto_value_split(&c, crypto_value_write(&c, "some text", 9, key, meta.key_id), &text, &json));
    g_assert_true(crypto_meta_read(&c, json, &meta));
    g_assert_cmpstr(crypto_value_read(&c, text, &meta, key), ==, "some text");

    json = crypto_meta_parse(&c, body);
    g_assert_true(crypto_meta_read(&c, json, &meta) && meta.wraps);
    g_assert_cmpstr(crypto_meta_write(&c, &meta, true), ==, body);
    g_assert_true(crypto_value_split(&c, "d41d8cd98f00b204e9800998ecf8427e; slo_etag=1", &text, &json) && !json);
    for (size_t i = 0; i < G_N_ELEMENTS(broken); i++) {
        json = crypto_meta_parse(&c, broken[i]);
        g_assert_false(json && crypto_meta_read(&c, json, &meta));
    }
}

/* --- the keymaster ------------------------------------------------------------------------------------------------------- */

#define SECTION "[filter:keymaster]\n"
#define ONE "encryption_root_secret = MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDA=\n"
#define TWO "encryption_root_secret_two = MjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMg==\n"

static bool opens(struct step *step, const char *text)
{
    const struct middleware *m = &middleware_keymaster;

    *step = (struct step){ .middleware = m, .word = "keymaster", .section = "filter:keymaster", .conf = conf_parse(&c, "proxy-server.conf", text) };
    step->options = conf_options(&c, step->conf, step->section, m->options, m->options_size);
    bool well = m->open(&c, step);
    fault_clear(&c);
    return well;
}

static const char *hex(const uint8_t *bytes)
{
    return hex_write(&c, bytes, CRYPTO_KEY);
}

static enum crypto_found keys_by(const struct step *step, const char *container, const char *object, const char *id, struct crypto_keys *keys)
{
    struct key_source source = { step, "AUTH_t", container, object, NULL };

    return keymaster_keys(&c, &source, id ? ctx_json(&c, json_loads(id, 0, NULL)) : NULL, keys);
}

static void test_keys(void)
{
    struct crypto_keys keys;
    struct step step;

    g_assert_true(opens(&step, SECTION ONE TWO "active_root_secret_id = two\n"));
    g_assert_cmpint(keys_by(&step, "c", "\xc3\xa9/o", NULL, &keys), ==, CRYPTO_FOUND);
    g_assert_cmpstr(hex(keys.container), ==, "0410619357b79e2342fe5adf791adf2e48f71ddb5f74217b138e7eeb2ffb0377");
    g_assert_cmpstr(hex(keys.object), ==, "91474e1daed533e5df6e148e0df0aaa60c65c70b7ed7ad9494012fc0a0b3ccfd");
    g_assert_cmpstr(json_string_value(json_object_get(keys.id, "path")), ==, "/AUTH_t/c/\xc3\x83\xc2\xa9/o");     /* the bytes as Latin-1 */
    g_assert_cmpint((int)json_array_size(keys.all_ids), ==, 2);
    char *id = json_dumps(keys.id, 0);
    g_assert_cmpint(keys_by(&step, "c", "\xc3\xa9/o", id, &keys), ==, CRYPTO_FOUND);
    g_assert_cmpstr(hex(keys.object), ==, "91474e1daed533e5df6e148e0df0aaa60c65c70b7ed7ad9494012fc0a0b3ccfd");
    g_assert_cmpint(keys_by(&step, "c", NULL, id, &keys), ==, CRYPTO_FOUND);           /* a row of its container's listing */
    g_assert_cmpstr(hex(keys.container), ==, "0410619357b79e2342fe5adf791adf2e48f71ddb5f74217b138e7eeb2ffb0377");
    g_assert_false(keys.has_object);
    free(id);
    /* another path than the request's: that of the id */
    g_assert_cmpint(keys_by(&step, "c", "x", "{\"v\": \"1\", \"path\": \"/AUTH_t/c/o\"}", &keys), ==, CRYPTO_FOUND);
    g_assert_cmpstr(hex(keys.object), ==, "aa7b16eb3f25ba4af06db6777d2fba0003e44899b47e3758957f66b49b63dc72");
    g_assert_cmpint(keys_by(&step, "c", "/o", "{\"v\": \"1\", \"path\": \"/o\"}", &keys), ==, CRYPTO_FOUND);
    g_assert_cmpstr(hex(keys.object), ==, "df602cfea67113fa84a96e23e8a3382308728e27c0dd65716b70dbd5a1f29804");
    g_assert_cmpint(keys_by(&step, "c", "o", "{\"v\": \"2\", \"path\": \"/AUTH_t/c/o\", \"secret_id\": \"three\"}", &keys), ==, CRYPTO_UNKNOWN_SECRET);
    g_assert_cmpint(keys_by(&step, "c", "o", "{\"v\": \"4\", \"path\": \"/AUTH_t/c/o\"}", &keys), ==, CRYPTO_NO_KEYS);
    g_assert_cmpint(keys_by(&step, "c", "o", "{\"v\": \"2\", \"path\": 7}", &keys), ==, CRYPTO_NO_KEYS);
    g_assert_cmpint(keys_by(&step, "c", "o", "{\"v\": \"2\", \"path\": \"/\"}", &keys), ==, CRYPTO_NO_KEYS);
    middleware_keymaster.close(&step);
}

static void test_refused(void)
{
    static const char *const refused[] = { SECTION, SECTION "encryption_root_secret = c2hvcnQ=\n", SECTION "encryption_root_secretx" TWO, SECTION TWO,
                                           SECTION ONE "active_root_secret_id = two\n", SECTION ONE "meta_version_to_write = 4\n",
                                           SECTION ONE "keymaster_config_path = /nowhere\n", SECTION "keymaster_config_path = /nowhere\n" };
    struct step step;

    for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_assert_false(opens(&step, refused[i]));
        middleware_keymaster.close(&step);
    }
}

/* --- parts ------------------------------------------------------------------------------------------------------------------ */

static void test_parts(void)
{
    char body[100], *text, *plain;
    struct decryption d;
    struct cipher *cipher = cipher_new(key, iv, 0);

    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (char)('0' + i % 10);
    cipher_apply(cipher, body, sizeof(body));
    cipher_free(cipher);
    struct buf b = { 0 };
    buf_puts(&b, "--x\r\nContent-Type: a/b\r\nContent-Range: bytes 37-52/100\r\n\r\n");
    buf_add(&b, body + 37, 16);
    buf_puts(&b, "\r\n--x\r\nContent-Type: a/b\r\nContent-Range: bytes 0-0/100\r\n\r\n");
    buf_add(&b, body, 1);
    buf_puts(&b, "\r\n--x--");
    plain = ctx_printf(&c, "--x\r\nContent-Type: a/b\r\nContent-Range: bytes 37-52/100\r\n\r\n7890123456789012\r\n--x\r\nContent-Type: a/b\r\n"
                           "Content-Range: bytes 0-0/100\r\n\r\n0\r\n--x--");
    for (size_t piece = 1; piece < b.len; piece += 3) {
        text = ctx_strndup(&c, b.data, b.len);
        decryption_begin(&d, key, iv, 0, true);
        for (size_t at = 0; at < b.len; at += piece)
            decryption_apply(&d, text + at, MIN(piece, b.len - at));
        decryption_end(&d);
        g_assert_cmpstr(text, ==, plain);
    }
    buf_clear(&b);
}

int main(int argc, char **argv)
{
    int failures;

    g_test_init(&argc, &argv, NULL);
    ctx_init(&c, NULL, "");
    for (int i = 0; i < CRYPTO_KEY; i++)
        key[i] = (uint8_t)i;
    for (int i = 0; i < CRYPTO_IV; i++)
        iv[i] = (uint8_t)(16 + i);
    g_test_add_func("/swift/crypto/cipher", test_cipher);
    g_test_add_func("/swift/crypto/meta", test_meta);
    g_test_add_func("/swift/crypto/keys", test_keys);
    g_test_add_func("/swift/crypto/refused", test_refused);
    g_test_add_func("/swift/crypto/parts", test_parts);
    failures = g_test_run();
    ctx_clear(&c);
    return failures;
}
