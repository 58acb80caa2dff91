/** Items of an answer to _bulk. */
#ifndef ESC_BULK_H
#define ESC_BULK_H

#include "public.h"

/** True for /_bulk and /index/_bulk, with or without a query. */
bool esc_is_bulk_path(const char *path);

/** Counts the items that were not carried out, and those of them that may be sent again. False: no answer to _bulk. */
bool esc_count_items(const char *answer, size_t length, unsigned *failed, unsigned *retryable);

#endif
