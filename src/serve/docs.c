/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/docs.h"

const char docs_page[] = "<!doctype html><title>curfew serve</title>";
const char docs_page_policy[] = "default-src 'none'";
