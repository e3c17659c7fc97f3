/* Every error Nova can answer, one line each: status, the original's class, what the user reads. */
#ifndef NOVA_FAULTS_H
#define NOVA_FAULTS_H

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
#define GONE_SINCE 410, "HTTPGone", "%s"

/* instances */
#define INSTANCE_NOT_FOUND 404, "InstanceNotFound", "Instance %s could not be found."
#define INSTANCE_NOT_READY 409, "InstanceNotReady", "Instance %s is not ready"
#define INSTANCE_IS_LOCKED 409, "InstanceIsLocked", "Instance %s is locked"
#define INSTANCE_INVALID_STATE 409, "InstanceInvalidState", "Cannot '%s' instance %s while it is in %s %s"

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

#endif
