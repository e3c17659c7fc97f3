/* Every error Nova can answer, one line each: status, the original's class, what the user reads. */
#ifndef NOVA_FAULTS_H
#define NOVA_FAULTS_H

#include <inttypes.h>

/* requests */
#define VALIDATION_ERROR 400, "ValidationError", "%s"
#define NOT_FOUND 404, "NotFound", "%s %s could not be found."
#define NOT_FOUND_TEXT 404, "NotFound", "%s"
#define FORBIDDEN_TEXT 403, "HTTPForbidden", "%s"
#define BAD_PROJECT 400, "HTTPBadRequest", "Project ID %s is not a valid project."
#define MARKER_NOT_FOUND 400, "MarkerNotFound", "Marker %s could not be found."
#define MARKER_NOT_FOUND_SHORT 400, "MarkerNotFound", "marker [%s] not found"
#define INVALID_FILTER 400, "HTTPBadRequest", "Invalid %s filter [%s]"
#define INVALID_INPUT 400, "InvalidInput", "Invalid input received: %s"
#define NOT_IMPLEMENTED 501, "HTTPNotImplemented", "%s"
#define UNPROCESSABLE 422, "HTTPUnprocessableEntity", "%s"
#define INVALID_PORT_RANGE 400, "InvalidPortRange", "Invalid port range %" PRId64 ":%" PRId64 ". %s"
#define GONE 410, "HTTPGone", "This resource is no longer available. No forwarding address is given."

/* instances */
#define INSTANCE_NOT_FOUND 404, "InstanceNotFound", "Instance %s could not be found."
#define INSTANCE_NOT_READY 409, "InstanceNotReady", "Instance %s is not ready"
#define INSTANCE_IS_LOCKED 409, "InstanceIsLocked", "Instance %s is locked"
#define INSTANCE_INVALID_STATE 409, "InstanceInvalidState", "Cannot '%s' instance %s while it is in %s %s"

#define NO_TAG 404, "NotFound", "Server %s has no tag '%s'"
#define INSTANCE_TAG_NOT_FOUND 404, "InstanceTagNotFound", "Instance %s has no tag '%s'"
#define INVALID_TAG 400, "HTTPBadRequest", \
    "Tag '%s' is invalid. It must be a non empty string without characters '/' and ','. Validation error message: %s"
#define TOO_MANY_INSTANCES 403, "TooManyInstances", "Quota exceeded for %s: Requested %s, but already used %s of %s %s"

#define QUOTA_BELOW_USE 400, "HTTPBadRequest", \
    "Quota limit %" PRId64 " for %s must be greater than or equal to already used and reserved %" PRId64 "."
#define QUOTA_ABOVE_PROJECT 400, "HTTPBadRequest", "Quota limit %" PRId64 " for %s must be less than or equal to %" PRId64 "."

/* flavors */
#define FLAVOR_NOT_FOUND 404, "FlavorNotFound", "Flavor %s could not be found."
#define FLAVOR_EXISTS 409, "FlavorExists", "Flavor with name %s already exists."
#define FLAVOR_ID_EXISTS 409, "FlavorIdExists", "Flavor with ID %s already exists."
#define FLAVOR_IS_PUBLIC 404, "FlavorIsPublic", "Access list not available for public flavors."
#define FLAVOR_ACCESS_OF_PUBLIC 409, "HTTPConflict", "Can not add access to a public flavor."
#define FLAVOR_ACCESS_EXISTS 409, "FlavorAccessExists", "Flavor access already exists for flavor %s and project %s combination."
#define FLAVOR_ACCESS_NOT_FOUND 404, "FlavorAccessNotFound", "Flavor access not found for %s / %s combination."
#define FLAVOR_NO_EXTRA_SPEC 404, "FlavorExtraSpecsNotFound", "Flavor %s has no extra specs with key %s."

/* key pairs */
#define KEYPAIR_NOT_FOUND 404, "KeypairNotFound", "Keypair %s not found for user %s"
#define KEYPAIR_EXISTS 409, "KeyPairExists", "Key pair '%s' already exists."
#define INVALID_KEYPAIR 400, "InvalidKeypair", "Keypair data is invalid: %s"
#define KEYPAIR_LIMIT 403, "KeypairLimitExceeded", "Quota exceeded, too many key pairs."

#define CONSOLE_UNAVAILABLE 400, "ConsoleTypeUnavailable", "Unavailable console type %s."
#define PORT_NOT_FOUND 404, "PortNotFound", "Port id %s could not be found."
#define PORT_NOT_OF_SERVER 404, "NotFound", "Instance %s does not have a port with id %s"
#define ATTACHED_NETWORK_NOT_FOUND 404, "NetworkNotFound", "Network %s could not be found."
#define GROUP_NOT_FOUND 404, "SecurityGroupNotFoundForProject", "Security group %s is not found for project %s"
#define GROUP_NOT_OF_SERVER 404, "SecurityGroupNotExistsForInstance", "Security group %s is not associated with the instance %s"
#define MIGRATION_NOT_IN_PROGRESS 404, "MigrationNotFoundForInstance", "In-progress live migration %s is not found for server %s."

#define VOLUME_NOT_FOUND 404, "VolumeNotFound", "Volume %s could not be found."
#define VOLUME_NOT_ATTACHED 404, "NotFound", "Instance %s is not attached to volume %s"

/* hosts */
#define HYPERVISOR_NOT_FOUND 404, "ComputeHostNotFound", "Hypervisor with ID '%s' could not be found."
#define NO_HYPERVISOR_MATCHES 404, "NotFound", "No hypervisor matching '%s' could be found."
#define INVALID_UUID 400, "HTTPBadRequest", "Invalid uuid %s"
#define SERVICE_NOT_FOUND 404, "ServiceNotFound", "Service %s not found."
#define SERVICE_NOT_FOUND_TO_UPDATE 404, "ServiceNotFound", "Service %s could not be found."
#define SERVICE_NOT_UPDATABLE 400, "HTTPBadRequest", \
    "Updating a %s service is not supported. Only nova-compute services can be updated."
#define HOST_BINARY_NOT_FOUND 404, "HostBinaryNotFound", "Could not find binary %s on host %s."
#define HOST_MAPPING_NOT_FOUND 404, "HostMappingNotFound", "Host '%s' is not mapped to any cell"
#define SERVICE_HAS_INSTANCES 409, "HTTPConflict", \
    "Unable to delete compute service that is hosting instances. Migrate or delete the instances first."
#define COMPUTE_HOST_NOT_FOUND 404, "ComputeHostNotFound", "Compute host %s could not be found."
#define AGGREGATE_NOT_FOUND 404, "AggregateNotFound", "Aggregate %s could not be found."
#define AGGREGATE_EXISTS 409, "AggregateNameExists", "Aggregate %s already exists."
#define AGGREGATE_HAS_HOST 409, "AggregateHostExists", "Aggregate %s already has host %s."
#define AGGREGATE_HOST_NOT_REMOVED 404, "AggregateHostNotFound", "Cannot remove host %s in aggregate %s"
#define AGGREGATE_NOT_EMPTY 400, "InvalidAggregateActionDelete", \
    "Cannot remove aggregate %s. Reason: Host aggregate is not empty."
#define AGGREGATE_IN_ZONE 409, "InvalidAggregateActionAdd", \
    "Cannot add host to aggregate %s. Reason: One or more hosts already in availability zone(s) %s."
#define AGGREGATE_HAS_INSTANCES 400, "InvalidAggregateActionUpdate", \
    "Cannot update aggregate %s. Reason: One or more hosts contain instances in this zone."
#define NOT_AN_INTEGER 400, "InvalidInput", "Invalid input received: %s must be an integer"

/* what a server is made of */
#define CREATE_IMAGE_NOT_FOUND 400, "ImageNotFound", "Can not find requested image"
#define IMAGE_NOT_ACTIVE 400, "ImageNotActive", "Image %s is not active."
#define IMAGE_NOT_AUTHORIZED 400, "ImageNotAuthorized", "Not authorized for image %s."
#define FLAVOR_MEMORY_TOO_SMALL 400, "FlavorMemoryTooSmall", "Flavor's memory is too small for requested image."
#define FLAVOR_DISK_BELOW_IMAGE 400, "FlavorDiskSmallerThanImage", \
    "Flavor's disk is too small for requested image. Flavor disk is %" PRId64 " bytes, image is %" PRId64 " bytes."
#define FLAVOR_DISK_BELOW_MIN_DISK 400, "FlavorDiskSmallerThanMinDisk", \
    "Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is %" PRId64 " bytes, minimum size is %" PRId64 " bytes."
#define ZERO_DISK_NEEDS_VOLUME 403, "BootFromVolumeRequiredForZeroDiskFlavor", \
    "Only volume-backed servers are allowed for flavors with zero disk."
#define CREATE_FLAVOR_NOT_FOUND 400, "FlavorNotFound", "Flavor %s could not be found."
#define NETWORK_AMBIGUOUS 409, "NetworkAmbiguous", "Multiple possible networks found, use a Network ID to be more specific."
#define CREATE_NETWORK_NOT_FOUND 400, "NetworkNotFound", "Network %s could not be found."
#define NETWORK_REQUIRES_SUBNET 400, "NetworkRequiresSubnet", "Network %s requires a subnet in order to boot instances on."
#define NETWORK_BAD_UUID 400, "HTTPBadRequest", "Bad networks format: network uuid is not in proper format (%s)"
#define NO_AUTO_NETWORK 400, "UnableToAutoAllocateNetwork", "Unable to automatically allocate a network for project %s"
#define CREATE_PORT_NOT_FOUND 400, "PortNotFound", "Port id %s could not be found."
#define PORT_IN_USE 409, "PortInUse", "Port %s is still in use."
#define PORT_REQUIRES_FIXED_IP 400, "PortRequiresFixedIP", "Port %s requires a FixedIP in order to be used."
#define PORT_TWICE 400, "HTTPBadRequest", "Port ID '%s' was specified twice: you cannot attach a port multiple times."
#define PORT_WITH_FIXED_IP 400, "HTTPBadRequest", \
    "Specified Fixed IP '%s' cannot be used with port '%s': the two cannot be specified together."
#define FIXED_IP_IN_USE 400, "FixedIpAlreadyInUse", "Fixed IP address %s is already in use on instance %s."
#define CREATE_GROUP_NOT_FOUND 400, "SecurityGroupNotFound", "Unable to find security_group with name or id '%s'"
#define GROUP_NOT_UNIQUE 409, "NoUniqueMatch", \
    "Multiple security_group matches found for name '%s', use an ID to be more specific."
#define LAUNCH_FAILED 400, "MultiplePortsNotApplicable", "Failed to launch instances: %s"
#define HOSTNAME_AMBIGUOUS 400, "AmbiguousHostnameForMultipleInstances", "Unable to allocate a single hostname to multiple instances"
#define CREATE_SERVER_GROUP_NOT_FOUND 400, "InstanceGroupNotFound", "Instance group %s could not be found."
#define SERVER_GROUP_NOT_FOUND 404, "InstanceGroupNotFound", "Instance group %s could not be found."
#define SERVER_GROUP_FULL 403, "GroupMemberLimitExceeded", "Quota exceeded, too many servers in group"
#define SERVER_GROUP_LIMIT 403, "ServerGroupLimitExceeded", "Quota exceeded, too many server groups."
#define CREATE_HOST_NOT_FOUND 400, "ComputeHostNotFound", "Compute host %s could not be found."
#define METADATA_LIMIT 403, "MetadataLimitExceeded", "Maximum number of metadata items exceeds %" PRId64
#define FILES_LIMIT 403, "OnsetFileLimitExceeded", "Personality file limit exceeded"
#define FILE_PATH_LIMIT 403, "OnsetFilePathLimitExceeded", "Personality file path exceeds maximum %" PRId64
#define FILE_CONTENT_LIMIT 403, "OnsetFileContentLimitExceeded", "Personality file content exceeds maximum %" PRId64
#define BDM_VOLUME 400, "InvalidBDMVolume", "Block Device Mapping is Invalid: failed to get volume %s."
#define BDM_SNAPSHOT 400, "InvalidBDMSnapshot", "Block Device Mapping is Invalid: failed to get snapshot %s."
#define BDM_BOOT_SEQUENCE 400, "InvalidBDMBootSequence", "Block Device Mapping is Invalid: Boot sequence for the instance and image/block" \
    " device mapping combination is not valid."
#define BDM_FORMAT 400, "InvalidBDMFormat", "Block Device Mapping is Invalid: %s"

#endif
