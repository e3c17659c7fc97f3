/* Every fault of Placement. Its type is the error code clients see from microversion 1.23 on. */
#ifndef PLACEMENT_FAULTS_H
#define PLACEMENT_FAULTS_H

#define UNDEFINED_CODE "placement.undefined_code"
#define CODE_CONCURRENT "placement.concurrent_update"
#define CODE_INVENTORY_INUSE "placement.inventory.inuse"
#define CODE_DUPLICATE_NAME "placement.duplicate_name"
#define CODE_BAD_VALUE "placement.query.bad_value"

#define BAD_JSON               400, UNDEFINED_CODE, "Malformed JSON: %s"
#define NO_CONTENT_TYPE        400, UNDEFINED_CODE, "content-type header required when content-length > 0"
#define NOT_ACCEPTABLE         406, UNDEFINED_CODE, "Only application/json is provided"
#define UNSUPPORTED_MEDIA      415, UNDEFINED_CODE, "The media type %s is not supported, use application/json"
#define INVALID                400, UNDEFINED_CODE, "%s"
#define POLICY_REFUSED         403, UNDEFINED_CODE, "Policy does not allow %s to be performed."

#define PROVIDER_NOT_FOUND     404, UNDEFINED_CODE, "No resource provider with uuid %s found"
#define PROVIDER_NOT_FOUND_IN  404, UNDEFINED_CODE, "No resource provider with uuid %s found%s: No resource provider with uuid %s found"
#define PROVIDER_NO_ALLOCATIONS 404, UNDEFINED_CODE, "Resource provider '%s' not found: No resource provider with uuid %s found"
#define PROVIDER_NOT_DELETED   404, UNDEFINED_CODE, "No resource provider with uuid %s found for delete"
#define PROVIDER_EXISTS        409, CODE_DUPLICATE_NAME, "Conflicting resource provider %s: %s already exists."
#define PROVIDER_NAME_TAKEN    409, CODE_DUPLICATE_NAME, "Conflicting resource provider %s already exists."
#define PROVIDER_NOT_CREATED   400, UNDEFINED_CODE, "Unable to create resource provider \"%s\", %s: Object action create failed because: %s"
#define PROVIDER_NOT_SAVED     400, UNDEFINED_CODE, "Unable to save resource provider %s: Object action %s failed because: %s"
#define PROVIDER_IN_USE        409, "placement.resource_provider.inuse", "Unable to delete resource provider %s: Resource provider has allocations."
#define PROVIDER_IS_PARENT     409, "placement.resource_provider.cannot_delete_parent", \
                               "Unable to delete parent resource provider %s: It has child resource providers."
#define GENERATION_CHANGED     409, CODE_CONCURRENT, "Resource provider's generation already changed. Please update the generation and try again."
#define GENERATION_CONFLICT    409, CODE_CONCURRENT, "resource provider generation conflict"
#define CONCURRENT_UPDATE      409, CODE_CONCURRENT, "update conflict: Another thread concurrently updated the resource provider data. " \
                               "Please retry your update"

#define INVENTORY_NOT_FOUND    404, UNDEFINED_CODE, "No inventory of class %s for %s"
#define INVENTORY_NOT_DELETED  404, UNDEFINED_CODE, "No inventory of class %s found for delete: %s"
#define INVENTORY_EXISTS       409, CODE_CONCURRENT, "Update conflict: The inventory of class %s is there already."
#define INVENTORY_NOT_CREATED  400, UNDEFINED_CODE, "Unable to create inventory for resource provider %s: %s"
#define INVENTORY_NOT_UPDATED  400, UNDEFINED_CODE, "Unable to update inventory for resource provider %s: %s"
#define INVENTORY_NO_CLASS     400, UNDEFINED_CODE, "Unknown resource class in inventory for resource provider %s: No such resource class %s."
#define INVENTORY_NO_RECORD    400, UNDEFINED_CODE, "No inventory record with resource class for resource provider %s: No inventory of class %s found."
#define INVENTORY_IN_USE       409, CODE_INVENTORY_INUSE, "update conflict: Inventory for '%s' on resource provider '%s' in use."
#define INVENTORIES_IN_USE     409, CODE_INVENTORY_INUSE, "Inventory for '%s' on resource provider '%s' in use."
#define INVENTORY_NOT_DELETABLE 409, CODE_CONCURRENT, "Unable to delete inventory of class %s: Inventory for '%s' on resource provider '%s' in use."

#define CLASS_NOT_FOUND        404, UNDEFINED_CODE, "No such resource class %s."
#define CLASS_EXISTS           409, UNDEFINED_CODE, "Conflicting resource class already exists: %s"
#define CLASS_NAME_TAKEN       409, UNDEFINED_CODE, "Resource class already exists: %s"
#define CLASS_STANDARD         400, UNDEFINED_CODE, "Error in delete resource class: Cannot delete standard resource class %s."
#define CLASS_NOT_RENAMED      400, UNDEFINED_CODE, "Cannot update standard resource class %s"
#define CLASS_IN_USE           409, UNDEFINED_CODE, "Error in delete resource class: Cannot delete resource class %s. Class is in use in inventory."

#define TRAIT_NOT_FOUND        404, UNDEFINED_CODE, "No such trait(s): %s."
#define TRAIT_INVALID          400, UNDEFINED_CODE, "The trait is invalid. A valid trait must be no longer than 255 characters, start with the " \
                               "prefix \"CUSTOM_\" and use following characters: \"A\"-\"Z\", \"0\"-\"9\" and \"_\""
#define TRAIT_STANDARD         400, UNDEFINED_CODE, "Cannot delete standard trait %s."
#define TRAIT_IN_USE           409, UNDEFINED_CODE, "The trait %s is in use by a resource provider."
#define TRAITS_UNKNOWN         400, UNDEFINED_CODE, "No such trait %s"
#define TRAITS_QUERY           400, UNDEFINED_CODE, "Badly formatted name parameter. Expected name query string parameter in form: " \
                               "?name=[in|startswith]:[name1,name2|prefix]. Got: \"%s\""
#define TRAITS_ASSOCIATED      400, UNDEFINED_CODE, "The query parameter \"associated\" only accepts \"true\" or \"false\""

#define CONSUMER_MALFORMED     400, UNDEFINED_CODE, "Malformed consumer_uuid: %s"
#define CONSUMER_GENERATION    409, CODE_CONCURRENT, "consumer generation conflict - expected %s but got %s"
#define CONSUMER_NONE          404, UNDEFINED_CODE, "No allocations for consumer '%s'"
#define ALLOCATION_NO_PROVIDER 400, UNDEFINED_CODE, "Allocation for resource provider '%s' that does not exist."
#define ALLOCATION_NO_CLASS    400, UNDEFINED_CODE, "%sNo such resource class %s."
#define ALLOCATION_INVALID     409, UNDEFINED_CODE, "Unable to allocate inventory: Inventory for '%s' on resource provider '%s' invalid."
#define ALLOCATION_CONSTRAINT  409, UNDEFINED_CODE, "Unable to allocate inventory: Unable to create allocation for '%s' on resource provider '%s'. " \
                               "The requested amount would violate inventory constraints."
#define ALLOCATION_CAPACITY    409, UNDEFINED_CODE, "Unable to allocate inventory: Unable to create allocation for '%s' on resource provider '%s'. " \
                               "The requested amount would exceed the capacity."

#define RESHAPE_NO_PROVIDER    400, "placement.resource_provider.not_found", \
                               "Resource provider %s in inventories not found: No resource provider with uuid %s found"
#define RESHAPE_GENERATION     409, CODE_CONCURRENT, "resource provider generation conflict for provider %s: actual: %" G_GINT64_FORMAT ", given: %" G_GINT64_FORMAT
#define RESHAPE_NO_CLASS       400, UNDEFINED_CODE, "malformed reshaper data: No such resource class %s."

#define QUERY_CLASS            400, UNDEFINED_CODE, "Invalid resource class in resources parameter: No such resource class %s."
#define QUERY_TRAIT            400, UNDEFINED_CODE, "Invalid trait(s) in \"required\" parameter: No such trait(s): %s."
#define QUERY_BAD_VALUE        400, CODE_BAD_VALUE, "%s"
#define QUERY_MISSING          400, "placement.query.missing_value", "There must be at least one resources or resources[$S] parameter."
#define QUERY_DUPLICATE        400, "placement.query.duplicate_key", "Query parameter '%s' may be specified only once."

#endif
