/* Which watchers of the object auditor there are, and which of them a pass has. */
#include "swift/daemon/audit_watcher.h"

#include "oslo/base/text.h"

#include <string.h>

#define SECTION "object-auditor"
#define MOST 8

static const struct audit_watcher *const known[] = { &dark_data_watcher, NULL };

struct watchers {
    struct { const struct audit_watcher *watcher; void *self; } all[MOST];
    size_t n;
};

const char *watcher_option(const struct watcher_conf *w, const char *name)
{
    const char *text = conf_has_section(w->conf, w->section) ? conf_get(w->conf, w->section, name) : NULL;

    return text ? text : conf_get(w->conf, SECTION, name);
}

/* "dark_data", "swift#dark_data", "egg:swift#dark_data": those that come with it. */
static const struct audit_watcher *find(const char *name)
{
    const char *hash = strchr(name, '#');

    if (hash && !g_str_has_prefix(name, "swift#") && !g_str_has_prefix(name, "egg:swift#"))
        return NULL;
    for (size_t i = 0; known[i]; i++)
        if (!strcmp(hash ? hash + 1 : name, known[i]->name))
            return known[i];
    return NULL;
}

struct watchers *watchers_start(struct ctx *c, const struct round *round, const char *names)
{
    struct watchers *w = ctx_new(c, struct watchers);
    const struct conf *conf = daemon_conf(c, round->daemon);

    for (char **name = text_split(c, names, ','); conf && *name; name++) {
        const char *word = g_strstrip(*name);
        const struct audit_watcher *watcher = *word ? find(word) : NULL;

        if (!*word)
            continue;
        if (!watcher || w->n == MOST)
            return fail_null(c, INTERNAL_ERROR, ctx_printf(c, "object-auditor: there is no watcher %s", word));
        w->all[w->n].watcher = watcher;
        w->all[w->n].self = watcher->start(c, round, &(struct watcher_conf){ conf, ctx_printf(c, SECTION ":watcher:%s", word) });
        if (!w->all[w->n++].self)
            return NULL;
    }
    return conf ? w : NULL;
}

bool watchers_see(struct ctx *c, struct watchers *w, const struct disk_place *place, const struct disk_object *o)
{
    bool stays = true;

    for (size_t i = 0; stays && i < w->n; i++)
        stays = w->all[i].watcher->see(c, w->all[i].self, place, o);
    return stays;
}

void watchers_end(struct ctx *c, struct watchers *w)
{
    for (size_t i = 0; i < w->n; i++)
        w->all[i].watcher->end(c, w->all[i].self);
}
