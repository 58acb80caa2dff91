/** A certificate for 127.0.0.1 that is its own authority, made at the start of the tests. */
#define _GNU_SOURCE

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "check.h"
#include "server.h"

static char paths[2][192];

static void add_extension(X509 *certificate, int id, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, id, value);
  if (extension == NULL || X509_add_ext(certificate, extension, -1) != 1) abort();
  X509_EXTENSION_free(extension);
}

static void write_files(X509 *certificate, EVP_PKEY *key) {
  FILE *file = fopen(paths[0], "we");
  if (file == NULL || PEM_write_X509(file, certificate) != 1 || fclose(file) != 0) abort();
  file = fopen(paths[1], "we");
  if (file == NULL || PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 || fclose(file) != 0) abort();
}

static void make(void) {
  snprintf(paths[0], sizeof paths[0], "%s", in_scratch("certificate.pem"));
  snprintf(paths[1], sizeof paths[1], "%s", in_scratch("key.pem"));
  EVP_PKEY *key = EVP_EC_gen("P-256");
  X509 *certificate = X509_new();
  if (key == NULL || certificate == NULL) abort();
  X509_NAME *name = X509_get_subject_name(certificate);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_set_version(certificate, 2);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"escluster test", -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509_set_pubkey(certificate, key);
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
  if (X509_sign(certificate, key, EVP_sha256()) == 0) abort();
  write_files(certificate, key);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

const char *certificate_path(void) {
  if (paths[0][0] == '\0') make();
  return paths[0];
}

const char *key_path(void) {
  (void)certificate_path();
  return paths[1];
}
