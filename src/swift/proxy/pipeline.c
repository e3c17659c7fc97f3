/* The pipelines, of clients and of this process's own requests: built once from their words, walked by every request. */
#include "swift/proxy/pipeline.h"

#include "oslo/base/text.h"
#include "swift/faults.h"
#include "swift/proxy/proxy.h"

#include <string.h>

/* Steps in order; the last is the proxy. Fixed while requests are served. */
struct pipeline {
    struct step *steps;
    size_t n;
};
static struct pipeline clients, internal;

static const struct middleware *middleware_named(const char *name)
{
    if (!strcmp(name, proxy_server.name))
        return &proxy_server;
    for (size_t i = 0; middlewares[i]; i++)
        if (!strcmp(middlewares[i]->name, name))
            return middlewares[i];
    return NULL;
}

/* "egg:swift#tempauth" and "egg:keystonemiddleware#..." of `use`, or the section's word itself. */
static const char *name_of(const struct conf *conf, const char *section, const char *word)
{
    const char *use = conf_get(conf, section, "use"), *hash = use ? strrchr(use, '#') : NULL, *factory = conf_get(conf, section, "paste.filter_factory");

    if (hash)
        return hash + 1;
    if (factory && strstr(factory, "auth_token"))
        return "authtoken";
    return word;
}

static bool step_open(struct ctx *c, struct step *step, const struct conf *conf, const char *word)
{
    const char *filter = ctx_printf(c, "filter:%s", word), *app = ctx_printf(c, "app:%s", word);

    step->word = g_strdup(word);
    step->section = g_strdup(conf_has_section(conf, app) ? app : filter);
    step->conf = conf;
    step->middleware = middleware_named(name_of(conf, step->section, word));
    if (!step->middleware)
        return fail(c, PIPELINE_UNKNOWN, word);
    if (step->middleware->options && !(step->options = conf_options(c, conf, step->section, step->middleware->options, step->middleware->options_size)))
        return false;
    return true;
}

/* Names the words' middlewares and reads their options; opens nothing. */
static bool pipeline_fill(struct ctx *c, struct pipeline *p, const struct conf *conf, const char *text)
{
    char **words = g_strsplit_set(text ? text : "proxy-server", " \t\n", -1);
    bool well = true;

    p->steps = g_new0(struct step, g_strv_length(words) + 1);
    for (size_t i = 0; words[i] && well; i++)
        if (*words[i])
            well = step_open(c, &p->steps[p->n++], conf, words[i]);
    g_strfreev(words);
    if (well && (!p->n || p->steps[p->n - 1].middleware != &proxy_server))
        well = fail(c, PIPELINE_INVALID, "its last word must be that of the proxy server");
    for (size_t i = 0; well && i + 1 < p->n; i++)
        p->steps[i].next = &p->steps[i + 1];
    return well;
}

/* The last first, as each may ask what stands behind it. */
static bool steps_open(struct ctx *c, struct pipeline *p, size_t n)
{
    while (n-- > 0)
        if (p->steps[n].middleware->open && !p->steps[n].middleware->open(c, &p->steps[n]))
            return false;
    return true;
}

bool pipeline_open(struct ctx *c, const struct conf *conf, const char *override)
{
    const char *text = override && *override ? override : conf_get(conf, "pipeline:main", "pipeline");

    return pipeline_fill(c, &clients, conf, text) && steps_open(c, &clients, clients.n);
}

/* Both pipelines end at one proxy. */
bool pipeline_open_internal(struct ctx *c, const struct conf *conf)
{
    bool shared = clients.n > 0;

    if (!pipeline_fill(c, &internal, conf, conf_get(conf, "pipeline:main", "pipeline")))
        return false;
    if (shared && internal.n > 1)
        internal.steps[internal.n - 2].next = &clients.steps[clients.n - 1];
    return steps_open(c, &internal, internal.n - shared);
}

static void close_one(struct pipeline *p, bool last_is_shared)
{
    for (size_t i = 0; i < p->n; i++) {
        if (p->steps[i].middleware && p->steps[i].middleware->close && !(last_is_shared && i + 1 == p->n))
            p->steps[i].middleware->close(&p->steps[i]);
        g_free((char *)p->steps[i].word);
        g_free((char *)p->steps[i].section);
    }
    g_free(p->steps);
    *p = (struct pipeline){};
}

void pipeline_close(void)
{
    close_one(&internal, clients.n > 0);
    close_one(&clients, false);
}

void step_next(struct ctx *c, const struct step *step, struct swift_request *request, struct swift_response *response)
{
    step->next->middleware->run(c, step->next, request, response);
}

void pipeline_run(struct ctx *c, struct swift_request *request, struct swift_response *response)
{
    clients.steps->middleware->run(c, clients.steps, request, response);
}

void pipeline_run_internal(struct ctx *c, struct swift_request *request, struct swift_response *response)
{
    const struct step *first = internal.n > 1 || !clients.n ? internal.steps : &clients.steps[clients.n - 1];

    first->middleware->run(c, first, request, response);
}

void pipeline_from(struct ctx *c, const struct step *self, struct swift_request *request, struct swift_response *response)
{
    if (self)
        step_next(c, self, request, response);
    else
        pipeline_run(c, request, response);
}

const struct step *pipeline_find(const char *name)
{
    for (size_t i = 0; i < clients.n; i++)
        if (!strcmp(clients.steps[i].middleware->name, name))
            return &clients.steps[i];
    return NULL;
}

bool pipeline_has(const char *name)
{
    return pipeline_find(name) != NULL;
}
