/** Options: their rules and defaults. */
#ifndef ESC_OPTIONS_H
#define ESC_OPTIONS_H

#include "cluster.h"

/** The rule that the options break; NULL: none. */
const char *esc_broken_option(const escluster_options *o);

/** The rule that "Name: value" lines break; NULL: none. */
const char *esc_broken_header(const char *const *headers);

/** Copies the options into the cluster and reads the credentials. False with the reason in `error`. */
bool esc_apply_options(escluster *c, const escluster_options *o, char *error, size_t size);

#endif
