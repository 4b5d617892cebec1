// tests/fake/authority.h: an authority that signs certificates for tests.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "net/tls.h"
#include "tests/fake/certificates.h"

namespace starling::fake {

struct CertificateOptions {
    std::string names;  // As in subjectAltName: "DNS:a.example,IP:127.0.0.1".
    long valid_from_s = -3600, valid_until_s = 86'400;  // Relative to now.
};

class Authority {
public:
    explicit Authority(const TemporaryDirectory& directory, const std::string& name = "authority")
        : directory_(directory), key_(new_key()), certificate_(new_certificate(name, {})) {
        add_extension(*certificate_, NID_basic_constraints, "critical,CA:TRUE");
        add_extension(*certificate_, NID_key_usage, "critical,keyCertSign");
        sign(*certificate_, *key_);
        path_ = directory.file(name + ".pem");
        save(path_, [&](std::FILE* f) { return PEM_write_X509(f, certificate_.get()); });
    }

    // PEM, for TlsClientOptions::ca_path.
    [[nodiscard]] const std::string& path() const { return path_; }

    // `stem` begins the names of the two files.
    [[nodiscard]] net::CertificateFiles issue(const std::string& stem,
                                              const CertificateOptions& options) const {
        const Key key = new_key();
        const Certificate made = new_certificate(stem, options);
        X509_set_pubkey(made.get(), key.get());
        X509_set_issuer_name(made.get(), X509_get_subject_name(certificate_.get()));
        add_extension(*made, NID_subject_alt_name, options.names);
        X509_sign(made.get(), key_.get(), EVP_sha256());
        net::CertificateFiles files{directory_.file(stem + ".crt"), directory_.file(stem + ".key")};
        save(files.certificate_chain_path,
             [&](std::FILE* f) { return PEM_write_X509(f, made.get()); });
        save(files.private_key_path, [&](std::FILE* f) {
            return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
        return files;
    }

private:
    using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
    using Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

    static Key new_key() { return {EVP_EC_gen("P-256"), &EVP_PKEY_free}; }
    static Certificate new_certificate(const std::string& name, const CertificateOptions& options) {
        static long serial = 1;
        Certificate made(X509_new(), &X509_free);
        X509_set_version(made.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made.get()), ++serial);
        X509_gmtime_adj(X509_getm_notBefore(made.get()), options.valid_from_s);
        X509_gmtime_adj(X509_getm_notAfter(made.get()), options.valid_until_s);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
        return made;
    }
    static void add_extension(X509& x509, int id, const std::string& value) {
        X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
        if (!extension) throw std::runtime_error("extension: " + value);
        X509_add_ext(&x509, extension, -1);
        X509_EXTENSION_free(extension);
    }
    static void sign(X509& x509, EVP_PKEY& key) {
        X509_set_pubkey(&x509, &key);
        X509_set_issuer_name(&x509, X509_get_subject_name(&x509));
        if (X509_sign(&x509, &key, EVP_sha256()) == 0) throw std::runtime_error("X509_sign");
    }
    template <class Write>
    static void save(const std::string& path, Write&& write) {
        std::FILE* const file = std::fopen(path.c_str(), "w");
        if (!file || write(file) != 1) throw std::runtime_error(path);
        std::fclose(file);
    }

    const TemporaryDirectory& directory_;
    Key key_;
    Certificate certificate_;
    std::string path_;
};

}  // namespace starling::fake
