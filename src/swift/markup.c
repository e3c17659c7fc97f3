/* Escaping, by a table of who escapes what. */
#include "swift/markup.h"

#define ALL (MARKUP_TEXT | MARKUP_ATTRIBUTE | MARKUP_PAGE | MARKUP_S3)

static const struct { char c; unsigned where; const char *entity; } entities[] = {
    { '&', ALL, "&amp;" },
    { '<', ALL, "&lt;" },
    { '>', ALL, "&gt;" },
    { '"', MARKUP_ATTRIBUTE | MARKUP_PAGE, "&quot;" },
    { '\'', MARKUP_PAGE, "&#x27;" },
    { '\n', MARKUP_ATTRIBUTE, "&#10;" },
    { '\r', MARKUP_ATTRIBUTE | MARKUP_S3, "&#13;" },
    { '\t', MARKUP_ATTRIBUTE, "&#09;" },
};

static const char *entity_of(char c, enum markup where)
{
    for (size_t i = 0; i < G_N_ELEMENTS(entities); i++)
        if (entities[i].c == c && entities[i].where & where)
            return entities[i].entity;
    return NULL;
}

void markup_escape(struct buf *to, const char *text, enum markup where)
{
    for (; *text; text++) {
        const char *entity = entity_of(*text, where);

        if (entity)
            buf_puts(to, entity);
        else
            buf_putc(to, *text);
    }
}
