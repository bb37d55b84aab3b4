// A certificate authority made for one test run, with GnuTLS.
#include "test_ca.h"
#include "fail.h"
#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S (24 * 60 * 60)

// A key and the certificate for it.
typedef struct identity {
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
} identity;

static void identity_clean(identity *self)
{
    if (self->certificate != NULL) {
        gnutls_x509_crt_deinit(self->certificate);
    }
    if (self->key != NULL) {
        gnutls_x509_privkey_deinit(self->key);
    }
}

// The first failure of a sequence of GnuTLS calls is kept in *first.
static void note(int *first, int result)
{
    if (*first >= 0 && result < 0) {
        *first = result;
    }
}

static int identity_make(identity *self, const char *name, unsigned char serial, time_t until)
{
    int first = gnutls_x509_privkey_init(&self->key);
    note(&first, gnutls_x509_crt_init(&self->certificate));
    if (first < 0) {
        return first;
    }
    unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    note(&first, gnutls_x509_privkey_generate(self->key, GNUTLS_PK_ECDSA, bits, 0));
    note(&first, gnutls_x509_crt_set_key(self->certificate, self->key));
    note(&first, gnutls_x509_crt_set_version(self->certificate, 3));
    note(&first, gnutls_x509_crt_set_serial(self->certificate, &serial, 1));
    note(&first,
         gnutls_x509_crt_set_activation_time(self->certificate, time(NULL) - (time_t)(2 * DAY_S)));
    note(&first, gnutls_x509_crt_set_expiration_time(self->certificate, until));
    note(&first, gnutls_x509_crt_set_dn_by_oid(self->certificate, GNUTLS_OID_X520_COMMON_NAME, 0,
                                               name, (unsigned)strlen(name)));
    unsigned char id[32];
    size_t id_len = sizeof id;
    note(&first, gnutls_x509_crt_get_key_id(self->certificate, 0, id, &id_len));
    note(&first, gnutls_x509_crt_set_subject_key_id(self->certificate, id, id_len));
    return first;
}

static int add_names(gnutls_x509_crt_t certificate, const char *host)
{
    if (host != NULL) {
        return gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, host,
                                                    (unsigned)strlen(host), GNUTLS_FSAN_SET);
    }
    struct in_addr v4 = {.s_addr = htonl(INADDR_LOOPBACK)};
    struct in6_addr v6 = IN6ADDR_LOOPBACK_INIT;
    int first = gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_DNSNAME, "localhost",
                                                     strlen("localhost"), GNUTLS_FSAN_SET);
    note(&first, gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, &v4,
                                                      sizeof v4, GNUTLS_FSAN_APPEND));
    note(&first, gnutls_x509_crt_set_subject_alt_name(certificate, GNUTLS_SAN_IPADDRESS, &v6,
                                                      sizeof v6, GNUTLS_FSAN_APPEND));
    return first;
}

static int make_ca(identity *ca)
{
    int first = identity_make(ca, "kk test authority", 1, time(NULL) + (time_t)(10 * DAY_S));
    if (first < 0) {
        return first;
    }
    note(&first, gnutls_x509_crt_set_basic_constraints(ca->certificate, 1, 0));
    note(&first, gnutls_x509_crt_set_key_usage(ca->certificate, GNUTLS_KEY_KEY_CERT_SIGN));
    note(&first,
         gnutls_x509_crt_sign2(ca->certificate, ca->certificate, ca->key, GNUTLS_DIG_SHA256, 0));
    return first;
}

static int make_server(identity *server, const identity *ca, const test_ca_options *options)
{
    time_t until = time(NULL) + (time_t)(options->expired ? -DAY_S : 10 * DAY_S);
    const char *name = options->host != NULL ? options->host : "localhost";
    int first = identity_make(server, name, 2, until);
    if (first < 0) {
        return first;
    }
    note(&first, add_names(server->certificate, options->host));
    note(&first, gnutls_x509_crt_set_basic_constraints(server->certificate, 0, -1));
    note(&first, gnutls_x509_crt_set_key_usage(server->certificate, GNUTLS_KEY_DIGITAL_SIGNATURE));
    note(&first,
         gnutls_x509_crt_set_key_purpose_oid(server->certificate, GNUTLS_KP_TLS_WWW_SERVER, 0));
    const identity *signer = options->self_signed ? server : ca;
    note(&first, gnutls_x509_crt_sign2(server->certificate, signer->certificate, signer->key,
                                       GNUTLS_DIG_SHA256, 0));
    return first;
}

static kk_code write_pem(const char *dir, const char *name, gnutls_datum_t *pem, kk_error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "w");
    bool written = file != NULL && fwrite(pem->data, 1, pem->size, file) == pem->size;
    if (file != NULL && fclose(file) != 0) {
        written = false;
    }
    gnutls_free(pem->data);
    pem->data = NULL;
    return written ? KK_OK
                   : kk_fail(err, KK_ERR_INTERNAL, "cannot write '%s': %s", path, strerror(errno));
}

static kk_code write_identity(const char *dir, const identity *from, const char *certificate_name,
                              const char *key_name, kk_error *err)
{
    gnutls_datum_t pem = {NULL, 0};
    int result = gnutls_x509_crt_export2(from->certificate, GNUTLS_X509_FMT_PEM, &pem);
    kk_code code = result < 0 ? KK_ERR_INTERNAL : write_pem(dir, certificate_name, &pem, err);
    if (code != KK_OK || key_name == NULL) {
        return code;
    }
    result = gnutls_x509_privkey_export2(from->key, GNUTLS_X509_FMT_PEM, &pem);
    return result < 0 ? KK_ERR_INTERNAL : write_pem(dir, key_name, &pem, err);
}

kk_code test_ca_write(const char *dir, const test_ca_options *options, kk_error *err)
{
    const test_ca_options usual = {.host = NULL};
    identity ca = {NULL, NULL};
    identity server = {NULL, NULL};
    int result = make_ca(&ca);
    if (result >= 0) {
        result = make_server(&server, &ca, options != NULL ? options : &usual);
    }
    kk_code code = KK_OK;
    if (result < 0) {
        code = kk_fail(err, KK_ERR_INTERNAL, "no test certificate: %s", gnutls_strerror(result));
        goto done;
    }
    code = write_identity(dir, &ca, "ca.pem", NULL, err);
    if (code == KK_OK) {
        code = write_identity(dir, &server, "server.pem", "server.key", err);
    }
done:
    identity_clean(&server);
    identity_clean(&ca);
    return code;
}
