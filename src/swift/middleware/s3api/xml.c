/* Documents of the S3 API: written piece by piece as lxml writes them, read by libxml2 (no entities, no network). */
#include "swift/middleware/s3api/s3.h"

#include "swift/markup.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <limits.h>
#include <string.h>

#define NAMESPACE "http://s3.amazonaws.com/doc/2006-03-01/"
#define XSI "http://www.w3.org/2001/XMLSchema-instance"
#define DECLARATION "<?xml version='1.0' encoding='UTF-8'?>\n"
enum { DEPTH_MAX = 32 };             /* of a document that is read: the deepest of the API has five levels */

void xml_begin(struct xml *x, const char *root)
{
    buf_puts(&x->text, DECLARATION);
    xml_open_with(x, root, " xmlns=\"" NAMESPACE "\"");
}

void xml_begin_plain(struct xml *x, const char *root, bool declaration)
{
    if (declaration)
        buf_puts(&x->text, DECLARATION);
    xml_open(x, root);
}

void xml_open(struct xml *x, const char *name)
{
    xml_open_with(x, name, "");
}

void xml_open_with(struct xml *x, const char *name, const char *attributes)
{
    g_assert(x->depth < (int)G_N_ELEMENTS(x->open));
    x->open[x->depth++] = name;
    buf_printf(&x->text, "<%s%s>", name, attributes);
}

void xml_close(struct xml *x)
{
    const char *name = x->open[--x->depth];
    size_t n = strlen(name);

    /* an element with nothing in it is written as one */
    if (x->text.len > n + 1 && x->text.data[x->text.len - 1] == '>') {
        const char *start = memrchr(x->text.data, '<', x->text.len);

        if (start && !strncmp(start + 1, name, n) && strchr(" >", start[1 + n])) {
            x->text.len--;
            buf_puts(&x->text, "/>");
            return;
        }
    }
    buf_printf(&x->text, "</%s>", name);
}

void s3_xml_text(struct xml *x, const char *name, const char *text)
{
    if (!text) {
        buf_printf(&x->text, "<%s/>", name);
        return;
    }
    buf_printf(&x->text, "<%s>", name);
    markup_escape(&x->text, text, MARKUP_S3);
    buf_printf(&x->text, "</%s>", name);
}

void xml_int(struct xml *x, const char *name, int64_t value)
{
    buf_printf(&x->text, "<%s>%lld</%s>", name, (long long)value, name);
}

void xml_end(struct ctx *c, struct xml *x, struct swift_response *response, const char *content_type)
{
    while (x->depth)
        xml_close(x);
    response_clear(response);
    response->status = 200;
    response->length = (int64_t)x->text.len;
    response->body = x->text;
    x->text = (struct buf){ 0 };
    headers_set(c, &response->headers, "Content-Type", content_type);
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static bool too_deep(const xmlNode *node, int depth)
{
    if (depth > DEPTH_MAX)
        return true;
    for (; node; node = node->next)
        if (node->children && node->type == XML_ELEMENT_NODE && too_deep(node->children, depth + 1))
            return true;
    return false;
}

static void document_free(void *document)
{
    xmlFreeDoc(document);
}

s3_node *xml_read(struct ctx *c, const char *text, size_t n, const char *root)
{
    xmlDoc *document = n && n < INT_MAX ? xmlReadMemory(text, (int)n, NULL, NULL, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA) : NULL;

    if (!document)
        return NULL;
    ctx_own(c, document, document_free);
    xmlNode *node = xmlDocGetRootElement(document);
    if (!node || too_deep(node, 0) || (root && !xml_is(node, root)))
        return NULL;
    return node;
}

s3_node *xml_first(s3_node *parent)
{
    xmlNode *node = parent ? parent->children : NULL;

    while (node && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

s3_node *xml_next(s3_node *node)
{
    do
        node = node->next;
    while (node && node->type != XML_ELEMENT_NODE);
    return node;
}

/* The S3 namespace and the default one count as none. */
bool xml_is(s3_node *node, const char *name)
{
    return !strcmp((const char *)node->name, name) && (!node->ns || !node->ns->prefix || !strcmp((const char *)node->ns->href, NAMESPACE));
}

s3_node *xml_child(s3_node *parent, const char *name)
{
    for (s3_node *node = xml_first(parent); node; node = xml_next(node))
        if (xml_is(node, name))
            return node;
    return NULL;
}

/* What stands before an entity's reference counts, the entity does not: none is ever looked at. */
const char *xml_value(struct ctx *c, s3_node *node)
{
    struct buf text = { 0 };

    for (const xmlNode *child = node ? node->children : NULL; child && child->type == XML_TEXT_NODE; child = child->next)
        buf_puts(&text, (const char *)child->content);
    const char *value = text.len ? ctx_strdup(c, text.data) : NULL;
    buf_clear(&text);
    return value;
}

const char *xml_xsi_type(struct ctx *c, s3_node *node)
{
    xmlChar *text = node ? xmlGetNsProp(node, BAD_CAST "type", BAD_CAST XSI) : NULL;
    const char *value = ctx_strdup(c, (const char *)text);

    xmlFree(text);
    return value;
}

bool xml_only(s3_node *parent, ...)
{
    struct { const char *name; bool needed, seen; } known[8];
    size_t n = 0;
    va_list names;

    va_start(names, parent);
    for (const char *name; n < G_N_ELEMENTS(known) && (name = va_arg(names, const char *)); n++) {
        known[n].needed = *name == '!';
        known[n].name = name + known[n].needed;
        known[n].seen = false;
    }
    va_end(names);
    for (s3_node *node = xml_first(parent); node; node = xml_next(node)) {
        size_t i = 0;

        while (i < n && !xml_is(node, known[i].name))
            i++;
        if (i == n || known[i].seen)
            return false;
        known[i].seen = true;
    }
    for (size_t i = 0; i < n; i++)
        if (known[i].needed && !known[i].seen)
            return false;
    return true;
}
