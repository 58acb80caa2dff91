/** The handler for SIGHUP (option handle_sighup). */
#ifndef ESC_SIGHUP_H
#define ESC_SIGHUP_H

#include "cluster.h"

/** Installs the handler. False with the reason in `error` when another cluster of this process has it. */
bool esc_install_sighup(escluster *c, char *error, size_t size);

/** Restores the previous handler, if this cluster had installed one. */
void esc_restore_sighup(escluster *c);

#endif
