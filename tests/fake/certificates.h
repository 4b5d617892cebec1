// tests/fake/certificates.h: makes self-signed certificates.
#pragma once

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

#include "net/tls.h"

namespace starling::fake {

// A directory that is deleted with this object.
class TemporaryDirectory {
public:
    TemporaryDirectory() : path_((std::filesystem::temp_directory_path() / "starling-XXXXXX")) {
        if (!::mkdtemp(path_.data())) throw std::runtime_error("mkdtemp");
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

// `names` is written as in subjectAltName: "DNS:a.example,DNS:*.b.example". `file_stem` begins the
// file names. A passphrase encrypts the key.
inline net::CertificateFiles make_certificate(const TemporaryDirectory& directory,
                                              const std::string& file_stem,
                                              const std::string& names,
                                              const char* passphrase = nullptr, bool rsa = false,
                                              long serial = 1) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    X509* const x509 = certificate.get();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), serial);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86'400);
    X509_set_pubkey(x509, key.get());
    X509_NAME* const subject = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(file_stem.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(x509, subject);
    X509_EXTENSION* const extension =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    if (!extension) throw std::runtime_error("names of the certificate");
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
    if (X509_sign(x509, key.get(), EVP_sha256()) == 0) throw std::runtime_error("X509_sign");

    net::CertificateFiles files{directory.file(file_stem + ".crt"),
                                directory.file(file_stem + ".key")};
    const auto save = [](const std::string& path, auto&& write) {
        std::FILE* const file = std::fopen(path.c_str(), "w");
        if (!file || write(file) != 1) throw std::runtime_error(path);
        std::fclose(file);
    };
    save(files.certificate_chain_path, [&](std::FILE* f) { return PEM_write_X509(f, x509); });
    save(files.private_key_path, [&](std::FILE* f) {
        return PEM_write_PrivateKey(f, key.get(), passphrase ? EVP_aes_128_cbc() : nullptr,
                                    reinterpret_cast<const unsigned char*>(passphrase),
                                    passphrase ? int(std::string(passphrase).size()) : 0, nullptr,
                                    nullptr);
    });
    return files;
}

}  // namespace starling::fake
