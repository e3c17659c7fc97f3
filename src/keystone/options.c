/* Keystone's options, and those whose default depends on where the cloud lives. */
#include "keystone/auth/hash.h"
#include "keystone/keystone.h"
#include "keystone/token/methods.h"

#include <string.h>

const struct attr keystone_option_attrs[] = {
    ATTR(struct keystone_options, fernet_keys, 0, .help = "Directory of the keys of tokens, as keystone-manage lays it out; state_dir/fernet-keys when unset."),
    ATTR(struct keystone_options, credential_keys, 0, .help = "Directory of the keys that stored credentials are sealed with; state_dir/credential-keys when unset."),
    ATTR(struct keystone_options, max_active_keys, 0, .unset = "3", .min = 1, .max = 60, .help = "How many keys of tokens a rotation leaves."),
    ATTR(struct keystone_options, fernet_rotation, 0, .unset = "0", .help = "Rotate the keys of tokens every so many seconds; 0: only on command."),
    ATTR(struct keystone_options, token_expiration, 0, .unset = "3600", .min = 1, .max = 31536000, .help = "How many seconds a token is good."),
    ATTR(struct keystone_options, allow_expired_window, 0, .unset = "172800", .help = "How many seconds after its end a token may still finish work that a service does for it."),
    ATTR(struct keystone_options, password_rounds, 0, .unset = "0", .max = 10000000, .help = "The cost of password_hash_algorithm: of bcrypt and scrypt as a power of two; 0: its usual one, and 4 of bcrypt with simulated drivers."),
    ATTR(struct keystone_options, max_password_length, 0, .unset = "4096", .min = 1, .max = 4096, .help = "The longest password taken."),
    ATTR(struct keystone_options, max_project_tree_depth, 0, .unset = "5", .min = 1, .max = 100, .help = "How deep projects may nest."),
    ATTR(struct keystone_options, user_limit_application_credentials, 0, .unset = "-1", .help = "How many application credentials a user may have; -1: any number."),
    ATTR(struct keystone_options, list_limit, 0, .unset = "0", .min = 0, .help = "How many things a list holds at most, \"truncated\" beside them where there are more; 0: all."),
    ATTR(struct keystone_options, enforcement_model, 0, .unset = "flat", ONE_OF("flat", "strict_two_level"), .help = "How limits of projects and their domains go together."),
    ATTR(struct keystone_options, max_redelegation_count, 0, .unset = "3", .help = "How often a trust may be passed on."),
    ATTR(struct keystone_options, auth_methods, 0, .unset = AUTH_METHODS, .help = "The ways to sign in, in the order of their bits in tokens: the same on every node, and in an original that reads these tokens."),
    ATTR(struct keystone_options, request_token_duration, 0, .unset = "28800", .help = "How many seconds a request token of OAuth1 is good; 0: for ever."),
    ATTR(struct keystone_options, access_token_duration, 0, .unset = "86400", .help = "How many seconds an access token of OAuth1 is good; 0: for ever."),
    ATTR(struct keystone_options, credential_ttl, 0, .unset = "15", .help = "How many minutes a request signed with an EC2 key is good."),
    ATTR(struct keystone_options, trusted_proxies, 0, .help = "Addresses of web servers in front, separated by commas, whose headers are believed as what an identity provider says; none when unset."),
    ATTR(struct keystone_options, proxy_header_prefix, 0, .unset = "X-Env-", .help = "A trusted proxy's header of that beginning is the attribute named after it, as an environment variable is behind Apache."),
    ATTR(struct keystone_options, assertion_prefix, 0, .help = "Only attributes whose names begin so reach the mappings; all when unset."),
    ATTR(struct keystone_options, remote_id_attribute, 0, .help = "The attribute that names the identity provider, where its protocol has none of its own."),
    ATTR(struct keystone_options, trusted_dashboard, 0, .help = "Dashboards that may be sent tokens by web single sign-on, as URLs separated by commas."),
    ATTR(struct keystone_options, sso_callback_template, 0, .help = "An HTML page that brings the token ($token) to the dashboard ($host); one of its own when unset."),
    ATTR(struct keystone_options, default_authorization_ttl, 0, .unset = "0", .help = "For how many minutes memberships that a mapping gave stay good, where the identity provider does not say."),
    ATTR(struct keystone_options, oidc_audience, 0, .help = "Audiences, separated by commas, one of which a bearer token of OpenID Connect must be for; *: any; no bearer tokens when unset."),
    ATTR(struct keystone_options, oidc_client_id, 0, .help = "As whom identity providers are asked about tokens that are not signed."),
    ATTR(struct keystone_options, oidc_client_secret, SECRET, .help = "The secret of oidc_client_id."),
    ATTR(struct keystone_options, saml_keyfile, 0, .help = "The RSA key (PEM) that assertions for other clouds are signed with."),
    ATTR(struct keystone_options, saml_certfile, 0, .help = "Its certificate (PEM)."),
    ATTR(struct keystone_options, saml_idp_entity_id, 0, .help = "What this cloud is called as an identity provider, an URL."),
    ATTR(struct keystone_options, saml_idp_sso_endpoint, 0, .help = "Where this cloud signs users in, as its metadata says."),
    ATTR(struct keystone_options, saml_idp_metadata_path, 0, .help = "A file that is the metadata of this identity provider; made of the other options when unset."),
    ATTR(struct keystone_options, saml_assertion_expiration_time, 0, .unset = "3600", .min = 1, .help = "How many seconds an assertion is good."),
    ATTR(struct keystone_options, oidc_ca_file, 0, .help = "The certificates that identity providers are known by; the system's when unset."),
    ATTR(struct keystone_options, receipt_keys, 0, .help = "Directory of the keys of receipts; state_dir/receipt-keys when unset."),
    ATTR(struct keystone_options, receipt_expiration, 0, .unset = "300", .min = 1, .help = "How many seconds a receipt for some of the methods asked of a user is good."),
    ATTR(struct keystone_options, totp_previous_windows, 0, .unset = "1", .max = 10, .help = "How many codes before the one of now are taken, each of 30 seconds."),
    ATTR(struct keystone_options, password_hash_algorithm, 0, .unset = "bcrypt", .help = "How passwords are kept: bcrypt, bcrypt_sha256, scrypt, pbkdf2_sha512 or sha512_crypt. All are read."),
    ATTR(struct keystone_options, scrypt_block_size, 0, .unset = "0", .max = 64, .help = "Of scrypt; 0: 8."),
    ATTR(struct keystone_options, scrypt_parallelism, 0, .unset = "0", .max = 64, .help = "Of scrypt; 0: 1."),
    ATTR(struct keystone_options, salt_bytesize, 0, .unset = "0", .max = 96, .help = "Bytes of salt of scrypt and pbkdf2_sha512; 0: 16."),
    ATTR(struct keystone_options, strict_password_check, 0, .unset = "false", .help = "Refuse passwords that are longer than what counts, instead of cutting them."),
    ATTR(struct keystone_options, lockout_failure_attempts, 0, .unset = "0", .help = "After how many wrong passwords in a row an account takes none; 0: never."),
    ATTR(struct keystone_options, lockout_duration, 0, .unset = "1800", .help = "For how many seconds; 0: until an administrator changes the password."),
    ATTR(struct keystone_options, disable_user_account_days_inactive, 0, .unset = "0", .help = "After how many days without signing in an account is off; 0: never."),
    ATTR(struct keystone_options, password_expires_days, 0, .unset = "0", .help = "How many days a password lasts; 0: for ever."),
    ATTR(struct keystone_options, unique_last_password_count, 0, .unset = "0", .max = 100, .help = "How many of the last passwords a new one must differ from, the one of now among them."),
    ATTR(struct keystone_options, minimum_password_age, 0, .unset = "0", .help = "How many days users keep a password before they may change it again."),
    ATTR(struct keystone_options, password_regex, 0, .help = "What a password must match from its start; unset: nothing."),
    ATTR(struct keystone_options, password_regex_description, 0, .help = "Said to who chose a password that does not."),
    ATTR(struct keystone_options, change_password_upon_first_use, 0, .unset = "false", .help = "A password set by an administrator only serves to set another."),
    ATTR(struct keystone_options, token_provider, 0, .unset = "fernet", .help = "What tokens are: fernet, or jws (signed JSON that all can read). Those of the other kind that are still good are read on."),
    ATTR(struct keystone_options, jws_private_keys, 0, .help = "Directory of private.pem, which signs tokens; state_dir/jws-keys/private when unset."),
    ATTR(struct keystone_options, jws_public_keys, 0, .help = "Directory of the public keys of all that sign tokens; state_dir/jws-keys/public when unset."),
    ATTR(struct keystone_options, allow_rescope_scoped_token, 0, .unset = "true", .help = "A token of a project or a domain may be changed for one of another scope."),
    {}
};

static struct keystone_options options;          /* written at the start */

const struct keystone_options *keystone_options(void)
{
    return &options;
}

static void in_state_dir(char **path, const char *name)
{
    if (!*path)
        *path = g_strconcat(common_options->state_dir, "/", name, NULL);
}

bool keystone_options_read(struct ctx *c)
{
    options = *(const struct keystone_options *)service_options(&keystone_service);
    in_state_dir(&options.fernet_keys, "fernet-keys");
    in_state_dir(&options.credential_keys, "credential-keys");
    in_state_dir(&options.receipt_keys, "receipt-keys");
    in_state_dir(&options.jws_private_keys, "jws-keys/private");
    in_state_dir(&options.jws_public_keys, "jws-keys/public");
    options.token_jws = !strcmp(options.token_provider, "jws");
    if (!options.token_jws && strcmp(options.token_provider, "fernet"))
        return fail(c, BAD_REQUEST, ctx_printf(c, "token_provider: there is no \"%s\"", options.token_provider));
    if (!hash_known(options.password_hash_algorithm))
        return fail(c, BAD_REQUEST, ctx_printf(c, "password_hash_algorithm: there is no \"%s\"", options.password_hash_algorithm));
    return auth_methods_set(c, options.auth_methods);
}
