/* Versioned objects: agents pull them, the server pushes what changed. Both ends include this.
 *
 * On q-plugin: bulk_pull {resource_type: "Port", version, filter_kwargs: {id: [..]}} -> [primitive]
 *              pull {resource_type, version, resource_id} -> primitive or null
 * From the server, fanout on "neutron-vo-<Type>-<version>": push {resource_list: [primitive], event_type: "updated" | "deleted"}
 * A primitive is {"versioned_object.name", "versioned_object.namespace": "versionedobjects", "versioned_object.version",
 * "versioned_object.data": {...}, "versioned_object.changes": [..]}.
 */
#ifndef NEUTRON_RPC_RESOURCES_H
#define NEUTRON_RPC_RESOURCES_H

#include "neutron/rpc/topics.h"

#define RESOURCES_VERSION           "1.1"
#define RESOURCES_PULL              "pull"
#define RESOURCES_BULK_PULL         "bulk_pull"
#define RESOURCES_PUSH              "push"
#define TOPIC_RESOURCES             "neutron-vo-%s-%s"       /* type, version */

#endif
