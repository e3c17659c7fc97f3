/* Servers as the API has them: finding one, showing some. */
#ifndef NOVA_API_SERVERS_H
#define NOVA_API_SERVERS_H

#include "nova/api/api.h"
#include "nova/model/host.h"
#include "nova/model/instance.h"

/* The live server of the request's {id}, if it is of the requester's project (or of any, for admins). NULL with 404. */
struct instance *server_get(struct ctx *, struct request *);

/* How servers are shown to c->who: what needs a rule or a query is found out once for a page. */
struct server_view {
    bool plain;                      /* what an update's and a rebuild's answer is before 2.75: without the extensions */
    bool in_list;
    bool rebuilt;                    /* a rebuild's answer: user_data stands beside, if at all */
    bool extra_specs, extended;
    bool host_status, host_status_unknown;           /* may see any; may see that it is unknown */
    struct zones *zones;
    GHashTable *tags;                /* uuid -> GPtrArray of char * */
    GHashTable *services;            /* host -> struct service_row of its nova-compute */
};
struct server_view server_view_of(struct ctx *, struct instance *const *page, size_t n);
/* The members of one server, no braces. */
void server_write(struct ctx *, struct out *, const struct server_view *, const struct instance *);
void server_write_groups(struct out *, const struct instance *);      /* "server_groups": since 2.71 of one server */
/* "addresses": {label: [{"version": 4, "addr": ...}]}; one network of it. */
void server_write_addresses(struct ctx *, struct out *, const struct instance *);
void server_write_network(struct out *, const char *label, const json_t *list);
/* {"server": {...}} */
bool server_answer(struct ctx *, struct reply *, struct instance *, bool plain);

handler servers_list, servers_detail, server_create;

/* The root of a server's URL, for Location. */
char *server_url(struct ctx *, const char *uuid);

#endif
