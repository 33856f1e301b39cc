/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/function.h"

#include <stdlib.h>

void function_fini(struct function *function)
{
	free(function->name);
	free(function->description);
	free(function->id);
	schema_free(function->inputs);
	schema_free(function->outputs);
	buffer_fini(&function->schema);
	buffer_fini(&function->openapi);
	*function = (struct function){.name = NULL};
}
