/* The strings of an identity, copied so that they outlive the ctx that read them. */
#include "oslo/auth/validation.h"

#include <string.h>

struct validation {
    struct cached cached;
    bool good;
    struct identity who;
    char *strings[];                 /* g_malloc'd, NULL-terminated */
};

static void validation_release(struct cached *cached)
{
    struct validation *v = (struct validation *)cached;

    for (char **s = v->strings; *s; s++)
        g_free(*s);
    g_free(v);
}

static const char *const *keep_list(GPtrArray *strings, const char *const *list)
{
    GPtrArray *copy = g_ptr_array_new();

    for (; list && *list; list++) {
        g_ptr_array_add(strings, g_strdup(*list));
        g_ptr_array_add(copy, strings->pdata[strings->len - 1]);
    }
    g_ptr_array_add(copy, NULL);
    g_ptr_array_add(strings, copy->pdata);
    return (const char *const *)g_ptr_array_free(copy, FALSE);
}

static void keep(GPtrArray *strings, struct identity *who)
{
    const char **fields[] = { &who->user_id, &who->user_name, &who->user_domain_id, &who->user_domain_name,
                              &who->project_id, &who->project_name, &who->project_domain_id, &who->project_domain_name,
                              &who->domain_id, &who->domain_name, &who->token, &who->access_rules };

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++)
        if (*fields[i]) {
            g_ptr_array_add(strings, g_strdup(*fields[i]));
            *fields[i] = strings->pdata[strings->len - 1];
        }
    who->roles = keep_list(strings, who->roles);
    who->service_roles = NULL;
}

struct validation *validation_new(const struct identity *who, int64_t expires_us, int64_t stale_us)
{
    GPtrArray *strings = g_ptr_array_new();
    struct identity kept = {};

    if (who) {
        kept = *who;
        keep(strings, &kept);
    }
    g_ptr_array_add(strings, NULL);
    struct validation *v = g_malloc0(sizeof *v + strings->len * sizeof(char *));
    v->cached = (struct cached){ .references = 1, .expires_us = expires_us, .stale_us = stale_us, .release = validation_release };
    v->good = who != NULL;
    v->who = kept;
    memcpy(v->strings, strings->pdata, strings->len * sizeof(char *));
    g_ptr_array_free(strings, TRUE);
    return v;
}

const struct identity *validation_who(const struct validation *v)
{
    return v->good ? &v->who : NULL;
}
