/* http: and https: checks: a server of the operator's says yes by answering True. It is told the rule, the target and who asks,
 * as a form or as JSON ([<service>] remote_content_type).
 */
#include "oslo/auth/policy_tree.h"

#include <string.h>

#include "oslo/base/log.h"
#include "oslo/http/fetch.h"
#include "oslo/record/record.h"

static json_t *target_json(struct ctx *c, const struct policy_target *target)
{
    json_t *all = ctx_json(c, json_object());
    struct scratch scratch;

    for (const char *const *pair = target->pairs; pair && *pair; pair += 2)
        json_object_set_new(all, pair[0], pair[1] ? json_string(pair[1]) : json_null());
    for (const struct attr *a = target->attrs; a && a->name; a++)
        if (!(a->flags & SECRET))
            json_object_set_new(all, attr_json(a), json_string(field_text(a, target->record, &scratch)));
    return all;
}

static const char *form_of(struct ctx *c, const json_t *body)
{
    g_autoptr(GString) text = g_string_new(NULL);
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)body, name, value) {
        const char *said = json_text(c, value).text;
        g_autofree char *quoted = g_uri_escape_string(said ? said : "null", NULL, false);

        g_string_append_printf(text, "%s%s=%s", text->len ? "&" : "", name, quoted);
    }
    return ctx_strdup(c, text->str);
}

static bool says_true(const char *reply)
{
    while (*reply == '"')
        reply++;
    return g_str_has_prefix(reply, "True") && strspn(reply + 4, "\"") == strlen(reply + 4);
}

bool remote_allows(const struct node *node, const struct question *q)
{
    static const struct policy_settings none;
    const struct policy_settings *settings = q->policies && q->policies->settings ? q->policies->settings : &none;
    bool as_json = settings->remote_content_type && !strcmp(settings->remote_content_type, "application/json"), allowed = false;
    const char *match;
    struct ctx c;

    ctx_init(&c, NULL, NULL);
    if ((match = match_text(&c, node->match, q->target)) != NULL) {
        json_t *body = ctx_json(&c, json_pack("{s:s?, s:O, s:o}", "rule", q->rule, "target", target_json(&c, q->target),
                                              "credentials", credentials_json(q->who)));
        const char *text = as_json ? json_text(&c, body).text : form_of(&c, body);
        struct fetch f = {
            .method = "POST", .url = ctx_printf(&c, "%s:%s", node->word, match), .body = text, .body_size = strlen(text),
            .headers = (const struct pair[]){ { "Content-Type", as_json ? "application/json" : "application/x-www-form-urlencoded" }, {} },
            .ca_file = settings->remote_ssl_ca_crt_file, .insecure = !settings->remote_ssl_verify_server_crt,
            .certificate = settings->remote_ssl_client_crt_file, .key = settings->remote_ssl_client_key_file,
        };

        if (!fetch(&c, &f))
            log_error(&c, "policy: %s does not answer about %s: %s", f.url, q->rule ? q->rule : "a rule", c.fault.message);
        else
            allowed = f.reply && says_true(f.reply);
    }
    ctx_clear(&c);
    return allowed;
}
