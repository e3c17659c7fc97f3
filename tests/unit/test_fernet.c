/* Tokens: the Fernet format by its own vectors, payloads byte for byte as Keystone writes them, and the key repository. */
#include <glib/gstdio.h>
#include <string.h>

#include "keystone/token/fernet.h"
#include "keystone/token/payload.h"
#include "oslo/base/text.h"

static struct fernet_key spec_key(struct ctx *c)
{
    struct fernet_key key;
    void *bytes;
    size_t n;

    g_assert_true(base64_read(c, "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=", &bytes, &n));
    g_assert_cmpint(n, ==, sizeof key);
    memcpy(&key, bytes, n);
    return key;
}

static void test_spec(void)
{
    static const char *const token =
        "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
    struct ctx c;
    void *bytes;
    size_t n;
    int64_t time;

    ctx_init(&c, NULL, NULL);
    struct fernet_key key = spec_key(&c);
    g_assert_true(fernet_open(&c, &key, token, &bytes, &n, &time));
    g_assert_cmpmem(bytes, n, "hello", 5);
    g_assert_cmpint(time, ==, 499162800);
    ctx_clear(&c);
}

static void test_seal(void)
{
    struct ctx c;
    void *bytes;
    size_t n;
    int64_t time;

    ctx_init(&c, NULL, NULL);
    struct fernet_key key = spec_key(&c), other = key;
    char text[100] = "";
    for (size_t size = 0; size < sizeof text; size++) {
        char *token = fernet_seal(&c, &key, 1700000000, text, size);

        g_assert_null(strchr(token, '='));
        g_assert_true(fernet_open(&c, &key, token, &bytes, &n, &time));
        g_assert_cmpmem(bytes, n, text, size);
        g_assert_cmpint(time, ==, 1700000000);
        token[40] = token[40] == 'A' ? 'B' : 'A';
        g_assert_false(fernet_open(&c, &key, token, &bytes, &n, &time));
    }
    other.sign[0] ^= 1;
    g_assert_false(fernet_open(&c, &other, fernet_seal(&c, &key, 1, "x", 1), &bytes, &n, &time));
    g_assert_false(fernet_open(&c, &key, "", &bytes, &n, &time));
    g_assert_false(fernet_open(&c, &key, "gAAAAA", &bytes, &n, &time));
    ctx_clear(&c);
}

/* What Keystone's payload classes pack for these values. */
static void test_payload_bytes(void)
{
    const struct payload written = {
        .version = PAYLOAD_PROJECT, .user_id = "a77a23ab239245278fb96e803ca1e237", .methods = METHOD_PASSWORD,
        .project_id = "911aaa10e68045deb37e3c30b2b293bd", .expires_s = 1764543308, .audit_ids = { "pcgZOpBTTc6JDEGXzvO0IQ" },
    };
    struct buf packed = {};
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    payload_write(&c, &written, &packed);
    char *hex = hex_write(&c, packed.data, packed.len);
    g_assert_true(g_str_has_prefix(hex, "960292c3c410a77a23ab239245278fb96e803ca1e2370292c3c410911aaa10e68045deb37e3c30b2b293bdcb41da4b"));
    g_assert_true(g_str_has_suffix(hex, "91c410a5c8193a90534dce890c4197cef3b421"));
    buf_clear(&packed);
    ctx_clear(&c);
}

static void check_round(const struct payload *p)
{
    struct payload read = {};
    struct buf packed = {};
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    payload_write(&c, p, &packed);
    g_assert_true(payload_read(&c, packed.data, packed.len, &read));
    g_assert_cmpint(read.version, ==, p->version);
    g_assert_cmpstr(read.user_id, ==, p->user_id);
    g_assert_cmpstr(read.project_id, ==, p->project_id);
    g_assert_cmpstr(read.domain_id, ==, p->domain_id);
    g_assert_cmpstr(read.system, ==, p->system);
    g_assert_cmpstr(read.trust_id, ==, p->trust_id);
    g_assert_cmpstr(read.app_cred_id, ==, p->app_cred_id);
    g_assert_cmpstr(read.audit_ids[1], ==, p->audit_ids[1]);
    g_assert_cmpstr(read.idp_id, ==, p->idp_id);
    g_assert_cmpstr(read.protocol_id, ==, p->protocol_id);
    for (size_t i = 0; p->group_ids && (i == 0 || p->group_ids[i - 1]); i++)
        g_assert_cmpstr(read.group_ids[i], ==, p->group_ids[i]);
    g_assert_cmpint(read.expires_s, ==, p->expires_s);
    g_assert_cmpint(read.methods, ==, p->methods);
    for (size_t n = 0; n < packed.len; n++)
        g_assert_false(payload_read(&c, packed.data, n, &read));
    buf_clear(&packed);
    ctx_clear(&c);
}

#define USER .user_id = "a77a23ab239245278fb96e803ca1e237", .expires_s = 1764543308, .audit_ids = { "pcgZOpBTTc6JDEGXzvO0IQ" }
#define PROJECT .project_id = "911aaa10e68045deb37e3c30b2b293bd"

static void test_payloads(void)
{
    check_round(&(struct payload){ .version = PAYLOAD_UNSCOPED, USER, .methods = METHOD_TOKEN | METHOD_PASSWORD });
    check_round(&(struct payload){ .version = PAYLOAD_UNSCOPED, .user_id = "a-user-of-elsewhere-with-a-rather-long-name-0123456789",
                                   .expires_s = 1, .audit_ids = { "pcgZOpBTTc6JDEGXzvO0IQ", "AAAAOpBTTc6JDEGXzvO0IQ" } });
    check_round(&(struct payload){ .version = PAYLOAD_DOMAIN, USER, .domain_id = "default" });
    check_round(&(struct payload){ .version = PAYLOAD_DOMAIN, USER, .domain_id = "aba8a630f28d4d74b6762c54710f86cb" });
    check_round(&(struct payload){ .version = PAYLOAD_PROJECT, USER, PROJECT });
    check_round(&(struct payload){ .version = PAYLOAD_TRUST, USER, PROJECT, .trust_id = "aba8a630f28d4d74b6762c54710f86cb" });
    check_round(&(struct payload){ .version = PAYLOAD_SYSTEM, USER, .system = "all" });
    check_round(&(struct payload){ .version = PAYLOAD_OAUTH, USER, PROJECT, .access_token_id = "aba8a630f28d4d74b6762c54710f86cb" });
    check_round(&(struct payload){ .version = PAYLOAD_APPLICATION_CREDENTIAL, USER, PROJECT, .methods = METHOD_APPLICATION_CREDENTIAL,
                                   .app_cred_id = "aba8a630f28d4d74b6762c54710f86cb" });
}

/* What the original's payload classes of federation pack, each in the order of its members. */
static void test_federated_payloads(void)
{
    static const char *const none[] = { NULL }, *const groups[] = { "aba8a630f28d4d74b6762c54710f86cb", "engineers", NULL };
    const struct payload unscoped = { .version = PAYLOAD_FEDERATED_UNSCOPED, USER, .methods = METHOD_MAPPED, .idp_id = "idp", .protocol_id = "mapped",
                                      .group_ids = groups };
    const char *many[21] = {};
    struct buf packed = {};
    struct ctx c;

    check_round(&unscoped);
    check_round(&(struct payload){ .version = PAYLOAD_FEDERATED_PROJECT, USER, PROJECT, .methods = METHOD_SAML2 | METHOD_TOKEN, .idp_id = "idp",
                                   .protocol_id = "saml2", .group_ids = none });
    check_round(&(struct payload){ .version = PAYLOAD_FEDERATED_DOMAIN, USER, .domain_id = "default", .idp_id = "911aaa10e68045deb37e3c30b2b293bd",
                                   .protocol_id = "openid", .group_ids = none });
    for (size_t i = 0; i < G_N_ELEMENTS(many) - 1; i++)
        many[i] = "911aaa10e68045deb37e3c30b2b293bd";
    check_round(&(struct payload){ .version = PAYLOAD_FEDERATED_UNSCOPED, USER, .idp_id = "idp", .protocol_id = "mapped", .group_ids = many });

    ctx_init(&c, NULL, NULL);
    payload_write(&c, &unscoped, &packed);
    const char *hex = hex_write(&c, packed.data, packed.len);
    g_assert_true(g_str_has_prefix(hex, "980492c3c410a77a23ab239245278fb96e803ca1e237109292c3c410aba8a630f28d4d74b6762c54710f86cb92c2a9656e67696e65657273"
                                   "92c2a3696470a66d6170706564cb"));
    buf_clear(&packed);
    ctx_clear(&c);
}

static bool has_key(const char *directory, const char *name)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);

    return g_file_test(path, G_FILE_TEST_IS_REGULAR);
}

static void test_rotation(void)
{
    g_autofree char *directory = g_dir_make_tmp("fernet-XXXXXX", NULL);
    struct fernet_keys first, second;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    g_assert_true(fernet_setup(&c, directory) && fernet_setup(&c, directory));
    g_assert_true(fernet_keys_read(&c, directory, &first));
    g_assert_cmpint(first.n, ==, 2);
    g_assert_true(fernet_rotate(&c, directory, 3));
    g_assert_true(fernet_keys_read(&c, directory, &second));
    g_assert_cmpint(second.n, ==, 3);
    g_assert_cmpmem(&second.keys[0], sizeof second.keys[0], &first.keys[1], sizeof first.keys[1]);   /* staged, now primary */
    g_assert_cmpmem(&second.keys[1], sizeof second.keys[1], &first.keys[0], sizeof first.keys[0]);   /* primary, now secondary */
    g_assert_true(has_key(directory, "0") && has_key(directory, "1") && has_key(directory, "2"));
    g_assert_true(fernet_rotate(&c, directory, 3));
    g_assert_true(has_key(directory, "0") && !has_key(directory, "1") && has_key(directory, "2") && has_key(directory, "3"));
    for (int i = 0; i < 4; i++)
        g_unlink(ctx_printf(&c, "%s/%d", directory, i));
    g_rmdir(directory);
    g_assert_false(fernet_keys_read(&c, directory, &first));
    ctx_clear(&c);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fernet/spec", test_spec);
    g_test_add_func("/fernet/seal", test_seal);
    g_test_add_func("/payload/bytes", test_payload_bytes);
    g_test_add_func("/payload/versions", test_payloads);
    g_test_add_func("/payload/federated", test_federated_payloads);
    g_test_add_func("/keys/rotation", test_rotation);
    return g_test_run();
}
