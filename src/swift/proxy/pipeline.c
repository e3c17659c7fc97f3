/* The pipeline: built once from its words, walked by every request. */
#include "swift/proxy/pipeline.h"

#include "oslo/base/text.h"
#include "swift/faults.h"
#include "swift/proxy/proxy.h"

#include <string.h>

static struct step *steps;               /* in order; the last is the proxy. Fixed while requests are served */
static size_t n_steps;

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

bool pipeline_open(struct ctx *c, const struct conf *conf, const char *override)
{
    const char *text = override && *override ? override : conf_get(conf, "pipeline:main", "pipeline");
    char **words = g_strsplit_set(text ? text : "proxy-server", " \t\n", -1);
    bool well = true;

    steps = g_new0(struct step, g_strv_length(words) + 1);
    for (size_t i = 0; words[i] && well; i++)
        if (*words[i])
            well = step_open(c, &steps[n_steps++], conf, words[i]);
    g_strfreev(words);
    if (well && (!n_steps || steps[n_steps - 1].middleware != &proxy_server))
        well = fail(c, PIPELINE_INVALID, "its last word must be that of the proxy server");
    for (size_t i = 0; well && i + 1 < n_steps; i++)
        steps[i].next = &steps[i + 1];
    for (size_t i = n_steps; well && i-- > 0;)               /* the last first, as each may ask what stands behind it */
        well = !steps[i].middleware->open || steps[i].middleware->open(c, &steps[i]);
    return well;
}

void pipeline_close(void)
{
    for (size_t i = 0; i < n_steps; i++) {
        if (steps[i].middleware && steps[i].middleware->close)
            steps[i].middleware->close(&steps[i]);
        g_free((char *)steps[i].word);
        g_free((char *)steps[i].section);
    }
    g_free(steps);
    steps = NULL;
    n_steps = 0;
}

void step_next(struct ctx *c, const struct step *step, struct swift_request *request, struct swift_response *response)
{
    step->next->middleware->run(c, step->next, request, response);
}

void pipeline_run(struct ctx *c, struct swift_request *request, struct swift_response *response)
{
    steps->middleware->run(c, steps, request, response);
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
    for (size_t i = 0; i < n_steps; i++)
        if (!strcmp(steps[i].middleware->name, name))
            return &steps[i];
    return NULL;
}

bool pipeline_has(const char *name)
{
    return pipeline_find(name) != NULL;
}
