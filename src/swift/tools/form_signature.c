/* form-signature: what a form for the formpost middleware needs, and a form that has it. */
#include "swift/tools/tools.h"

#include "oslo/base/text.h"

#include <string.h>

struct form { const char *path, *redirect, *key; int64_t max_file_size, max_file_count, expires; };

/* "/v1/account/container", maybe with a prefix of objects behind it. */
static bool names_container(const char *path)
{
    g_auto(GStrv) parts = g_strsplit(path, "/", 5);

    return g_strv_length(parts) >= 4 && !*parts[0] && !strcmp(parts[1], "v1") && *parts[2] && *parts[3];
}

static int wrong(const char *text)
{
    say("%s\n", text);
    return 1;
}

static void say_form(const struct form *f)
{
    say("<form action=\"%s\" method=\"POST\" enctype=\"multipart/form-data\">\n", f->path);
    if (*f->redirect)
        say("  <input type=\"hidden\" name=\"redirect\" value=\"%s\" />\n", f->redirect);
    say("  <input type=\"hidden\" name=\"max_file_size\" value=\"%" G_GINT64_FORMAT "\" />\n", f->max_file_size);
    say("  <input type=\"hidden\" name=\"max_file_count\" value=\"%" G_GINT64_FORMAT "\" />\n", f->max_file_count);
    say("  <input type=\"hidden\" name=\"expires\" value=\"%" G_GINT64_FORMAT "\" />\n", f->expires);
}

static void say_all(const struct form *f, const char *signature)
{
    say("  Expires: %" G_GINT64_FORMAT "\nSignature: %s\n\nSample form:\n\n", f->expires, signature);
    say("NOTE: the <form> tag's \"action\" attribute does not contain the Swift cluster's hostname.\nYou should manually add it before using the form.\n\n");
    say_form(f);
    say("  <input type=\"hidden\" name=\"signature\" value=\"%s\" />\n", signature);
    say("  <!-- This signature allows for at most %" G_GINT64_FORMAT " files, -->\n  <!-- but it may also have any smaller number. -->\n"
        "  <!-- Remove file inputs as needed. -->\n", f->max_file_count);
    for (int64_t i = 0; i < f->max_file_count; i++)
        say("  <input type=\"file\" name=\"file%" G_GINT64_FORMAT "\" />\n  <br />\n", i);
    say("  <input type=\"submit\" />\n</form>\n");
}

int tool_form_signature(struct ctx *c, char **words)
{
    struct form f = {};
    int64_t seconds;
    const char *text;

    if (g_strv_length(words) != 6) {
        tool_usage(c, "form-signature");
        return 1;
    }
    f = (struct form){ .path = words[0], .redirect = words[1], .key = words[5] };
    if (!text_to_int(words[2], &f.max_file_size) || f.max_file_size < 0)
        return wrong("Please use a <max_file_size> value greater than or equal to 0.");
    if (!text_to_int(words[3], &f.max_file_count) || f.max_file_count < 1)
        return wrong("Please use a positive <max_file_count> value.");
    if (!text_to_int(words[4], &seconds) || seconds > INT32_MAX || (f.expires = clock_us() / G_USEC_PER_SEC + seconds) < 1)
        return wrong("Please use a positive <seconds> value.");
    if (!names_container(f.path))
        return wrong("<path> must point to a container at least.\nFor example: /v1/account/container\n         Or: /v1/account/container/object_prefix");
    text = ctx_printf(c, "%s\n%s\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT "\n%" G_GINT64_FORMAT, f.path, f.redirect, f.max_file_size, f.max_file_count, f.expires);
    g_autofree char *signature = g_compute_hmac_for_string(G_CHECKSUM_SHA1, (const guchar *)f.key, strlen(f.key), text, -1);
    say_all(&f, signature);
    return 0;
}
