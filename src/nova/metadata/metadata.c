/* The tree of metadata: /openstack/<version>/<file> and, for everything else, EC2's /<version>/meta-data/... */
#include "nova/metadata/metadata.h"

#include "nova/model/host.h"
#include "nova/options.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HTML_JSON "application/json"
#define TEXT "text/plain"

static const char *const ec2_versions[] = {
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01", "2009-04-04", NULL
};
enum release { FOLSOM, GRIZZLY, HAVANA, LIBERTY, NEWTON_ONE, NEWTON_TWO, OCATA, ROCKY, VICTORIA, RELEASES };
static const char *const openstack_versions[] = {
    "2012-08-10", "2013-04-04", "2013-10-17", "2015-10-15", "2016-06-30", "2016-10-06", "2017-02-22", "2018-08-27", "2020-10-14", NULL
};

struct file {
    const char *name;
    enum release since;
    char *(*write)(struct ctx *, const struct metadata *, enum release);
    const char *content_type;
};
static char *write_meta_data(struct ctx *, const struct metadata *, enum release);
static char *write_vendor_data(struct ctx *, const struct metadata *, enum release);
static char *write_vendor_data2(struct ctx *, const struct metadata *, enum release);
static char *write_network_data(struct ctx *, const struct metadata *, enum release);
/* In the order of a version's listing, where user_data comes second. */
static const struct file files[] = {
    { "meta_data.json", FOLSOM, write_meta_data, HTML_JSON },
    { "password", GRIZZLY, NULL, TEXT },
    { "vendor_data.json", HAVANA, write_vendor_data, HTML_JSON },
    { "network_data.json", LIBERTY, write_network_data, TEXT },
    { "vendor_data2.json", NEWTON_TWO, write_vendor_data2, HTML_JSON },
};

/* --- gathering ------------------------------------------------------------------------------------------------ */

static json_t *vendor_data_read(struct ctx *c)
{
    const char *path = nova_options()->vendor_data;
    g_autofree char *text = NULL;
    json_t *tree = NULL;

    if (path && g_file_get_contents(path, &text, NULL, NULL))
        tree = json_loads(text, 0, NULL);
    return ctx_json(c, tree ? tree : json_object());
}

struct metadata *metadata_of(struct ctx *c, const struct instance *inst, const char *address)
{
    struct metadata *m = ctx_new(c, struct metadata);
    const char *domain = nova_options()->instance_name_domain;
    json_t *given = json_object_get(json_of(c, inst->request), "files"), *one;
    void *bytes = NULL;
    size_t i;

    m->inst = inst;
    m->address = address;
    m->hostname = domain && *domain ? ctx_printf(c, "%s.%s", inst->hostname, domain) : inst->hostname;
    if (inst->user_data && base64_read(c, inst->user_data, &bytes, &m->user_data_size))
        m->user_data = ctx_strndup(c, bytes, m->user_data_size);
    m->vifs = json_of(c, inst->network_info);
    m->vendor_data = vendor_data_read(c);
    m->files = ctx_json(c, json_array());
    json_array_foreach(given, i, one)
        json_array_append_new(m->files, json_pack("{s:s?, s:s}", "path", json_get_string(one, "path"), "content_path",
                                                  ctx_printf(c, "/content/%04zu", i)));
    m->network_data = metadata_network(c, m->vifs);
    return m->network_data ? m : NULL;
}

/* The first fixed or floating IPv4 address; "" for none. */
static const char *first_ip(const struct metadata *m, bool floating)
{
    json_t *vif, *ip, *found;
    size_t i, j;

    json_array_foreach(m->vifs, i, vif)
        json_array_foreach(json_object_get(vif, "ips"), j, ip) {
            found = floating ? json_array_get(json_object_get(ip, "floating_ips"), 0) : json_object_get(ip, "address");
            if (json_get_int(ip, "version", 4) == 4 && json_is_string(found))
                return json_string_value(found);
        }
    return "";
}

const char *metadata_password(struct ctx *c, const struct instance *inst)
{
    json_t *kept = json_of(c, inst->system_metadata);
    const char *part[4];

    for (int i = 0; i < 4; i++)
        part[i] = json_get_string(kept, ctx_printf(c, "password_%d", i)) ?: "";
    return ctx_printf(c, "%s%s%s%s", part[0], part[1], part[2], part[3]);
}

static const char *zone_of(const struct metadata *m)
{
    return m->inst->availability_zone && *m->inst->availability_zone ? m->inst->availability_zone : DEFAULT_AVAILABILITY_ZONE;
}

/* --- OpenStack ------------------------------------------------------------------------------------------------ */

static char *dumped(struct ctx *c, json_t *owned)
{
    char *text = json_dumps(owned, JSON_ENCODE_ANY), *kept = ctx_strdup(c, text);

    free(text);
    json_decref(owned);
    return kept;
}

/* Interfaces with a tag are named to the guest. */
static json_t *devices(const struct metadata *m, enum release release)
{
    json_t *list = json_array(), *vif, *device;
    size_t i;

    json_array_foreach(m->vifs, i, vif) {
        const char *tag = json_get_string(vif, "tag");

        if (!tag)
            continue;
        device = json_object();
        if (release >= ROCKY)
            json_object_set_new(device, "vf_trusted", json_false());
        json_object_update_new(device, json_pack("{s:s, s:s?, s:s, s:s, s:[s]}", "type", "nic", "mac", json_get_string(vif, "address"),
                                                 "bus", "none", "address", "none", "tags", tag));
        json_array_append_new(list, device);
    }
    return list;
}

static char *write_meta_data(struct ctx *c, const struct metadata *m, enum release release)
{
    const struct instance *inst = m->inst;
    json_t *meta = json_pack("{s:s}", "uuid", inst->uuid), *user = json_of(c, inst->metadata);
    unsigned char seed[512];

    if (json_object_size(user))
        json_object_set(meta, "meta", user);
    if (json_array_size(m->files))
        json_object_set(meta, "files", m->files);
    if (inst->key_name && inst->key_data) {
        const char *type = g_str_has_prefix(inst->key_data, "-----BEGIN CERT") ? "x509" : "ssh";

        json_object_set_new(meta, "public_keys", json_pack("{s:s}", inst->key_name, inst->key_data));
        json_object_set_new(meta, "keys", json_pack("[{s:s, s:s, s:s}]", "name", inst->key_name, "type", type, "data", inst->key_data));
    }
    json_object_set_new(meta, "hostname", json_string(m->hostname));
    json_object_set_new(meta, "name", json_string(inst->name));
    json_object_set_new(meta, "launch_index", json_integer(inst->launch_index));
    json_object_set_new(meta, "availability_zone", json_string(zone_of(m)));
    if (release >= GRIZZLY) {
        random_bytes(seed, sizeof seed);
        json_object_set_new(meta, "random_seed", json_string(base64_write(c, seed, sizeof seed)));
    }
    if (release >= LIBERTY)
        json_object_set_new(meta, "project_id", json_string(inst->project_id));
    if (release >= NEWTON_ONE)
        json_object_set_new(meta, "devices", devices(m, release));
    if (release >= VICTORIA)
        json_object_set_new(meta, "dedicated_cpus", json_array());
    return dumped(c, meta);
}

static char *write_vendor_data(struct ctx *c, const struct metadata *m, enum release release)
{
    return dumped(c, json_incref(m->vendor_data));
}

static char *write_vendor_data2(struct ctx *c, const struct metadata *m, enum release release)
{
    return dumped(c, json_pack("{s:O}", "static", m->vendor_data));
}

static char *write_network_data(struct ctx *c, const struct metadata *m, enum release release)
{
    return dumped(c, json_incref(m->network_data));
}

static int version_find(const char *const *versions, const char *asked)
{
    int i = 0;

    while (versions[i] && strcmp(versions[i], asked))
        i++;
    return versions[i] ? i : !strcmp(asked, "latest") ? i - 1 : -1;
}

static char *listing(struct ctx *c, const struct metadata *m, enum release release)
{
    char *text = ctx_strdup(c, "meta_data.json");

    if (m->user_data)
        text = ctx_printf(c, "%s\nuser_data", text);
    for (size_t i = 1; i < G_N_ELEMENTS(files); i++)
        if (release >= files[i].since)
            text = ctx_printf(c, "%s\n%s", text, files[i].name);
    return text;
}

static struct metadata_body text_body(const char *text, const char *content_type)
{
    return (struct metadata_body){ .content_type = content_type, .bytes = text, .size = strlen(text) };
}

/* "/content/0000": a file that was given at the build. */
static bool lookup_content(struct ctx *c, const struct metadata *m, const char *id, struct metadata_body *ret_body)
{
    json_t *one = json_array_get(json_object_get(json_of(c, m->inst->request), "files"), id ? (size_t)atoi(id) : (size_t)-1);
    const char *text = json_get_string(one, "contents");
    void *bytes = NULL;
    size_t n = 0;

    if (!text || !base64_read(c, text, &bytes, &n))
        return false;
    *ret_body = (struct metadata_body){ .content_type = TEXT, .bytes = bytes, .size = n };
    return true;
}

static bool lookup_openstack(struct ctx *c, const struct metadata *m, char **token, struct metadata_body *ret_body)
{
    int release;

    if (!strcmp(token[0], "content"))
        return token[1] && !token[2] && lookup_content(c, m, token[1], ret_body);
    release = version_find(openstack_versions, token[0]);
    if (release < 0 || (token[1] && token[2]))
        return false;
    if (!token[1]) {
        *ret_body = text_body(listing(c, m, (enum release)release), TEXT);
        return true;
    }
    if (!strcmp(token[1], "user_data") && m->user_data) {
        *ret_body = (struct metadata_body){ .content_type = TEXT, .bytes = m->user_data, .size = m->user_data_size };
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(files); i++) {
        const struct file *f = &files[i];

        if (strcmp(f->name, token[1]) || (release < (int)f->since && f->since != LIBERTY))
            continue;
        *ret_body = f->write ? text_body(f->write(c, m, (enum release)release), f->content_type)
                             : (struct metadata_body){ .content_type = TEXT, .password = true };
        return true;
    }
    return false;
}

/* --- EC2 ------------------------------------------------------------------------------------------------------ */

static json_t *block_mapping(struct ctx *c, const struct instance *inst)
{
    const char *root = inst->root_device_name && *inst->root_device_name ? inst->root_device_name : "/dev/vda";
    json_t *mapping = json_pack("{s:s, s:s}", "ami", g_str_has_prefix(root, "/dev/") ? root + 5 : root, "root", root);
    char next = 'b';

    if (inst->ephemeral_gb)
        json_object_set_new(mapping, "ephemeral0", json_string(ctx_printf(c, "/dev/vd%c", next++)));
    if (inst->swap_mb)
        json_object_set_new(mapping, "swap", json_string(ctx_printf(c, "/dev/vd%c", next)));
    return mapping;
}

/* Members that came with a version of EC2's metadata. The ids are short forms of ours. */
static json_t *ec2_meta_data(struct ctx *c, const struct metadata *m, int version)
{
    const struct instance *inst = m->inst;
    const char *fixed = first_ip(m, false);
    json_t *groups = json_array(), *group, *meta;
    size_t i;

    json_t *parsed = json_of(c, inst->security_groups);

    json_array_foreach(parsed, i, group)
        json_array_append(groups, json_object_get(group, "name"));
    meta = json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:s?, s:o}", "ami-id", ctx_printf(c, "ami-%.8s", inst->image_ref && *inst->image_ref ? inst->image_ref : "00000000"),
                     "ami-launch-index", (json_int_t)inst->launch_index, "ami-manifest-path", "FIXME",
                     "instance-id", ctx_printf(c, "i-%08" PRIx64, (uint64_t)inst->number), "hostname", m->hostname,
                     "local-ipv4", *fixed ? fixed : m->address ? m->address : "", "reservation-id", inst->reservation_id, "security-groups", groups);
    if (inst->key_name)
        json_object_set_new(meta, "public-keys", json_pack("{s:{s:s, s:s?}}", "0", "_name", ctx_printf(c, "0=%s", inst->key_name), "openssh-key", inst->key_data));
    if (version >= 1) {
        json_object_set_new(meta, "local-hostname", json_string(m->hostname));
        json_object_set_new(meta, "public-hostname", json_string(m->hostname));
        json_object_set_new(meta, "public-ipv4", json_string(first_ip(m, true)));
    }
    if (version >= 3)
        json_object_set_new(meta, "instance-type", json_string(inst->flavor_name));
    if (version >= 5) {
        json_object_set_new(meta, "block-device-mapping", block_mapping(c, inst));
        if (inst->kernel_id && *inst->kernel_id)
            json_object_set_new(meta, "kernel-id", json_string(ctx_printf(c, "aki-%.8s", inst->kernel_id)));
        if (inst->ramdisk_id && *inst->ramdisk_id)
            json_object_set_new(meta, "ramdisk-id", json_string(ctx_printf(c, "ari-%.8s", inst->ramdisk_id)));
    }
    if (version >= 6)
        json_object_set_new(meta, "placement", json_pack("{s:s}", "availability-zone", zone_of(m)));
    if (version >= 7)
        json_object_set_new(meta, "instance-action", json_string("none"));
    return meta;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A node as EC2 writes it: an object as its sorted names (those with something below end with a slash), a list as lines. */
static char *ec2_text(struct ctx *c, json_t *node)
{
    const char **names, *key;
    char *text = NULL;
    json_t *value;
    size_t i = 0, n;

    if (json_is_string(node))
        return ctx_strdup(c, json_string_value(node));
    if (json_is_integer(node))
        return ctx_printf(c, "%" JSON_INTEGER_FORMAT, json_integer_value(node));
    if (json_is_array(node)) {
        json_array_foreach(node, i, value)
            text = text ? ctx_printf(c, "%s\n%s", text, json_string_value(value)) : ctx_strdup(c, json_string_value(value));
        return text ? text : ctx_strdup(c, "");
    }
    names = ctx_new_n(c, const char *, json_object_size(node) + 1);
    json_object_foreach(node, key, value)
        if (strcmp(key, "_name"))
            names[i++] = key;
    n = i;
    qsort(names, n, sizeof *names, by_name);
    for (i = 0; i < n; i++) {
        const char *line = names[i], *own;

        value = json_object_get(node, line);
        own = json_get_string(value, "_name");
        line = own ? own : json_is_object(value) ? ctx_printf(c, "%s/", line) : line;
        text = text ? ctx_printf(c, "%s\n%s", text, line) : ctx_strdup(c, line);
    }
    return text ? text : ctx_strdup(c, "");
}

static bool lookup_ec2(struct ctx *c, const struct metadata *m, char **token, struct metadata_body *ret_body)
{
    int version = version_find(ec2_versions, token[0]);
    json_t *node;

    if (version < 0)
        return false;
    if (token[1] && !token[2] && !strcmp(token[1], "user-data") && m->user_data) {
        *ret_body = (struct metadata_body){ .content_type = TEXT, .bytes = m->user_data, .size = m->user_data_size };
        return true;
    }
    node = ctx_json(c, json_pack("{s:o}", "meta-data", ec2_meta_data(c, m, version)));
    if (m->user_data)
        json_object_set_new(node, "user-data", json_string(""));
    for (token++; *token && node; token++)
        node = json_object_get(node, *token);
    if (node)
        *ret_body = text_body(ec2_text(c, node), TEXT);
    return node != NULL;
}

/* --- paths ---------------------------------------------------------------------------------------------------- */

static char *versions_text(struct ctx *c, const char *const *versions)
{
    g_autofree char *joined = g_strjoinv("\n", (char **)(uintptr_t)versions);

    return ctx_printf(c, "%s\nlatest", joined);
}

const char *metadata_versions(struct ctx *c)
{
    return versions_text(c, ec2_versions);
}

bool metadata_lookup(struct ctx *c, const struct metadata *m, const char *path, struct metadata_body *ret_body)
{
    char **token = text_split(c, path, '/'), **kept = token;
    bool openstack;

    /* Empty pieces and "." are nothing, as in a path of files. */
    for (char **t = token; *t; t++)
        if (**t && strcmp(*t, "."))
            *kept++ = *t;
    *kept = NULL;
    openstack = *token && !strcmp(*token, "openstack");
    if (openstack || (*token && !strcmp(*token, "ec2")))
        token++;
    if (!*token) {
        *ret_body = text_body(versions_text(c, openstack ? openstack_versions : ec2_versions), TEXT);
        return true;
    }
    return openstack ? lookup_openstack(c, m, token, ret_body) : lookup_ec2(c, m, token, ret_body);
}

/* --- the config drive ------------------------------------------------------------------------------------------- */

void metadata_each_file(struct ctx *c, const struct metadata *m, void (*visit)(void *, const char *, const char *, size_t), void *data)
{
    struct metadata_body body;
    size_t i;
    json_t *one;

    for (int v = 0; v <= (int)G_N_ELEMENTS(ec2_versions) - 1; v++) {
        bool latest = !ec2_versions[v];
        const char *name = latest ? "latest" : ec2_versions[v], *text;
        json_t *meta = ec2_meta_data(c, m, latest ? v - 1 : v);

        /* Only the service and the latest versions are looked at by guests: the older ones would be copies. */
        json_object_del(json_object_get(json_object_get(meta, "public-keys"), "0"), "_name");
        text = dumped(c, meta);
        if (!latest && v < (int)G_N_ELEMENTS(ec2_versions) - 2)
            continue;
        if (m->user_data)
            visit(data, ctx_printf(c, "ec2/%s/user-data", name), m->user_data, m->user_data_size);
        visit(data, ctx_printf(c, "ec2/%s/meta-data.json", name), text, strlen(text));
    }
    for (int v = 0; v <= RELEASES; v++) {
        enum release release = MIN(v, VICTORIA);
        const char *name = v == RELEASES ? "latest" : openstack_versions[v];

        if (m->user_data)
            visit(data, ctx_printf(c, "openstack/%s/user_data", name), m->user_data, m->user_data_size);
        for (i = 0; i < G_N_ELEMENTS(files); i++)
            if (files[i].write && release >= files[i].since) {
                const char *text = files[i].write(c, m, release);

                visit(data, ctx_printf(c, "openstack/%s/%s", name, files[i].name), text, strlen(text));
            }
    }
    json_array_foreach(m->files, i, one)
        if (lookup_content(c, m, ctx_printf(c, "%zu", i), &body))
            visit(data, ctx_printf(c, "openstack/content/%04zu", i), body.bytes, body.size);
}
