/* See saml.h. The signature is over the exclusive canonical form (xml-exc-c14n) of the assertion and of SignedInfo; both are written in that
 * form in the first place: no blanks between elements, attributes in order, no empty-element tags, each namespace where it is first used.
 */
#include "keystone/federation/saml.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#define SECOND_US INT64_C(1000000)
#define ASSERTION_NS "urn:oasis:names:tc:SAML:2.0:assertion"
#define PROTOCOL_NS "urn:oasis:names:tc:SAML:2.0:protocol"
#define DSIG_NS "http://www.w3.org/2000/09/xmldsig#"
#define SIGNING 500, "SAMLSigningError", "Unable to sign SAML assertion: %s"

/* -- XML ----------------------------------------------------------------------------------------------------------- */

/* %s of the format, each escaped as canonical text; characters XML cannot have are left out. */
static const char *quoted(struct ctx *c, const char *text)
{
    static const struct { char plain; const char *xml; } escapes[] = {
        { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" }, { '"', "&quot;" }, { '\r', "&#xD;" }, { '\n', "&#xA;" }, { '\t', "&#x9;" },
    };
    struct buf to = {};

    for (; *text; text++) {
        size_t i = 0;

        while (i < G_N_ELEMENTS(escapes) && escapes[i].plain != *text)
            i++;
        if (i < G_N_ELEMENTS(escapes))
            buf_puts(&to, escapes[i].xml);
        else if ((unsigned char)*text >= ' ')
            buf_putc(&to, *text);
    }
    const char *copy = ctx_strndup(c, to.data ? to.data : "", to.len);
    buf_clear(&to);
    return copy;
}

/* Text between tags keeps quotes, tabs and line ends as they are in the canonical form: none are let in. */
static const char *text_of(struct ctx *c, const char *text)
{
    char *plain = ctx_strdup(c, text);
    const char *escaped;

    for (char *p = plain; *p; p++)
        if (strchr("\r\n\t", *p))
            *p = ' ';
    escaped = quoted(c, plain);
    if (!strstr(escaped, "&quot;"))
        return escaped;
    g_auto(GStrv) pieces = g_strsplit(escaped, "&quot;", -1);
    g_autofree char *joined = g_strjoinv("\"", pieces);
    return ctx_strdup(c, joined);
}

static const char *instant(struct ctx *c, int64_t us)
{
    char text[TIME_TEXT_SIZE];

    return ctx_strdup(c, time_write(text, (utc_time){ us }, TIME_ISO_Z));
}

static const char *id_new(struct ctx *c)
{
    return ctx_printf(c, "_%s", uuid_new_hex(c));
}

/* -- the key ------------------------------------------------------------------------------------------------------- */

static char *file_read(struct ctx *c, const char *path)
{
    char *text = NULL;

    if (path && g_file_get_contents(path, &text, NULL, NULL))
        return ctx_own(c, text, g_free);
    return fail_null(c, SIGNING, path ? ctx_printf(c, "%s cannot be read", path) : "no key or certificate is configured");
}

static void key_free(void *key)
{
    EVP_PKEY_free(key);
}

static EVP_PKEY *key_read(struct ctx *c)
{
    const char *pem = file_read(c, keystone_options()->saml_keyfile);
    BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : NULL;
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL) : NULL;

    BIO_free(bio);
    if (key && EVP_PKEY_base_id(key) == EVP_PKEY_RSA)
        return ctx_own(c, key, key_free);
    EVP_PKEY_free(key);
    return fail_null(c, SIGNING, "the key is no RSA key in PEM");
}

/* The certificate without its first and last line. */
static const char *certificate_read(struct ctx *c)
{
    static const char begin[] = "-----BEGIN CERTIFICATE-----", end[] = "-----END CERTIFICATE-----";
    char *pem = file_read(c, keystone_options()->saml_certfile), *from = pem ? strstr(pem, begin) : NULL, *to = from ? strstr(from, end) : NULL;
    char *text;
    size_t n = 0;

    if (!to)
        return fail_null(c, SIGNING, "the certificate is none in PEM");
    text = ctx_new_n(c, char, to - from + 1);
    for (from += strlen(begin); from < to; from++)
        if (!g_ascii_isspace(*from))
            text[n++] = *from;
    return text;
}

static const char *digest_of(struct ctx *c, const char *text)
{
    unsigned char digest[32];

    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL);
    return base64_write(c, digest, sizeof digest);
}

static const char *signature_of(struct ctx *c, EVP_PKEY *key, const char *text)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    unsigned char signature[1024];
    size_t n = sizeof signature;
    bool ok = context && EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key) == 1 &&
        EVP_DigestSign(context, signature, &n, (const unsigned char *)text, strlen(text)) == 1;

    EVP_MD_CTX_free(context);
    return ok ? base64_write(c, signature, n) : fail_null(c, SIGNING, "the key does not sign");
}

/* -- the assertion ------------------------------------------------------------------------------------------------- */

static void attribute_add(struct ctx *c, struct buf *to, const char *name, const char *const *values)
{
    buf_printf(to, "<saml:Attribute Name=\"%s\">", name);
    for (; *values; values++)
        buf_printf(to, "<saml:AttributeValue xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"xs:string\">%s</saml:AttributeValue>",
                   text_of(c, *values));
    buf_puts(to, "</saml:Attribute>");
}

#define ONE(text) ((const char *const[]){ text, NULL })

/* What follows the issuer (and the signature). */
static void statements_add(struct ctx *c, struct buf *to, const char *issuer, const char *recipient, const struct saml_subject *s)
{
    int64_t now = clock_us(), end = now + keystone_options()->saml_assertion_expiration_time * SECOND_US;

    buf_printf(to, "<saml:Subject><saml:NameID>%s</saml:NameID><saml:SubjectConfirmation Method=\"urn:oasis:names:tc:SAML:2.0:cm:bearer\">"
               "<saml:SubjectConfirmationData NotOnOrAfter=\"%s\" Recipient=\"%s\"></saml:SubjectConfirmationData></saml:SubjectConfirmation></saml:Subject>",
               text_of(c, s->user), instant(c, end), quoted(c, recipient));
    buf_printf(to, "<saml:AuthnStatement AuthnInstant=\"%s\" SessionIndex=\"%s\" SessionNotOnOrAfter=\"%s\"><saml:AuthnContext>"
               "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>"
               "<saml:AuthenticatingAuthority>%s</saml:AuthenticatingAuthority></saml:AuthnContext></saml:AuthnStatement>",
               instant(c, now), uuid_new_hex(c), instant(c, end), text_of(c, issuer));
    buf_puts(to, "<saml:AttributeStatement>");
    attribute_add(c, to, "openstack_user", ONE(s->user));
    attribute_add(c, to, "openstack_roles", s->roles);
    attribute_add(c, to, "openstack_project", ONE(s->project));
    attribute_add(c, to, "openstack_project_domain", ONE(s->project_domain));
    attribute_add(c, to, "openstack_user_domain", ONE(s->user_domain));
    if (*s->groups)
        attribute_add(c, to, "openstack_groups", s->groups);
    buf_puts(to, "</saml:AttributeStatement></saml:Assertion>");
}

/* The element Signature for an assertion of that id and text. */
static const char *signature_element(struct ctx *c, const char *id, const char *assertion)
{
    EVP_PKEY *key = key_read(c);
    const char *certificate = key ? certificate_read(c) : NULL, *info, *value;

    if (!certificate)
        return NULL;
    info = ctx_printf(c, "<ds:CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:CanonicalizationMethod>"
                      "<ds:SignatureMethod Algorithm=\"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256\"></ds:SignatureMethod>"
                      "<ds:Reference URI=\"#%s\"><ds:Transforms><ds:Transform Algorithm=\"" DSIG_NS "enveloped-signature\"></ds:Transform>"
                      "<ds:Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"></ds:Transform></ds:Transforms>"
                      "<ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"></ds:DigestMethod>"
                      "<ds:DigestValue>%s</ds:DigestValue></ds:Reference></ds:SignedInfo>", id, digest_of(c, assertion));
    value = signature_of(c, key, ctx_printf(c, "<ds:SignedInfo xmlns:ds=\"" DSIG_NS "\">%s", info));
    return value ? ctx_printf(c, "<ds:Signature xmlns:ds=\"" DSIG_NS "\"><ds:SignedInfo>%s<ds:SignatureValue>%s</ds:SignatureValue>"
                              "<ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>",
                              info, value, certificate) : NULL;
}

/* -- what is handed out -------------------------------------------------------------------------------------------- */

char *saml_response(struct ctx *c, const char *recipient, const struct saml_subject *s)
{
    const char *issuer = keystone_options()->saml_idp_entity_id, *id = id_new(c), *now = instant(c, clock_us()), *head, *signature;
    struct buf rest = {};

    if (!issuer)
        return fail_null(c, SIGNING, "saml_idp_entity_id is not set");
    head = ctx_printf(c, "<saml:Assertion xmlns:saml=\"" ASSERTION_NS "\" ID=\"%s\" IssueInstant=\"%s\" Version=\"2.0\">"
                      "<saml:Issuer Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\">%s</saml:Issuer>", id, now, text_of(c, issuer));
    statements_add(c, &rest, issuer, recipient, s);
    const char *tail = ctx_strndup(c, rest.data, rest.len);
    buf_clear(&rest);
    signature = signature_element(c, id, ctx_printf(c, "%s%s", head, tail));
    if (!signature)
        return NULL;
    return ctx_printf(c, "<samlp:Response xmlns:samlp=\"" PROTOCOL_NS "\" xmlns:xs=\"http://www.w3.org/2001/XMLSchema\" Destination=\"%s\" ID=\"%s\""
                      " IssueInstant=\"%s\" Version=\"2.0\"><saml:Issuer xmlns:saml=\"" ASSERTION_NS "\""
                      " Format=\"urn:oasis:names:tc:SAML:2.0:nameid-format:entity\">%s</saml:Issuer>"
                      "<samlp:Status><samlp:StatusCode Value=\"urn:oasis:names:tc:SAML:2.0:status:Success\"></samlp:StatusCode></samlp:Status>%s%s%s"
                      "</samlp:Response>", quoted(c, recipient), id_new(c), now, text_of(c, issuer), head, signature, tail);
}

char *saml_envelope(struct ctx *c, const char *response, const char *relay_state)
{
    return ctx_printf(c, "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Header>"
                      "<ecp:RelayState xmlns:ecp=\"urn:oasis:names:tc:SAML:2.0:profiles:SSO:ecp\""
                      " soap:actor=\"http://schemas.xmlsoap.org/soap/actor/next\" soap:mustUnderstand=\"1\">%s</ecp:RelayState>"
                      "</soap:Header><soap:Body>%s</soap:Body></soap:Envelope>", text_of(c, relay_state), response);
}

char *saml_metadata(struct ctx *c)
{
    const struct keystone_options *o = keystone_options();
    const char *certificate;

    if (o->saml_idp_metadata_path)
        return file_read(c, o->saml_idp_metadata_path);
    if (!o->saml_idp_entity_id || !o->saml_idp_sso_endpoint)
        return fail_null(c, 500, "MetadataFileError", "saml_idp_entity_id and saml_idp_sso_endpoint are not set");
    certificate = certificate_read(c);
    return certificate ? ctx_printf(c, "<md:EntityDescriptor xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"%s\">"
                                    "<md:IDPSSODescriptor protocolSupportEnumeration=\"" PROTOCOL_NS "\"><md:KeyDescriptor use=\"signing\">"
                                    "<ds:KeyInfo xmlns:ds=\"" DSIG_NS "\"><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
                                    "</md:KeyDescriptor><md:NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</md:NameIDFormat>"
                                    "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:URI\" Location=\"%s\"></md:SingleSignOnService>"
                                    "</md:IDPSSODescriptor></md:EntityDescriptor>", quoted(c, o->saml_idp_entity_id), certificate,
                                    quoted(c, o->saml_idp_sso_endpoint)) : NULL;
}
