#include "net/tls_settings.h"

#include <openssl/err.h>

#include <new>

#include "base/openssl.h"

namespace starling::net {

base::Result<SslContext> make_ssl_context(const SSL_METHOD* method, const std::string& ciphers) {
    SslContext context(SSL_CTX_new(method), &SSL_CTX_free);
    if (!context) throw std::bad_alloc();
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    // Without this OpenSSL asks for the passphrase of an encrypted key on the terminal.
    SSL_CTX_set_default_passwd_cb(context.get(), base::openssl::no_password);
    ERR_clear_error();
    if (SSL_CTX_set_cipher_list(context.get(), ciphers.c_str()) != 1)
        return openssl_failure("no cipher is named by '" + ciphers + "'");
    return context;
}

base::Result<void> use_certificate(SSL_CTX& context, const CertificateFiles& files) {
    ERR_clear_error();
    const std::string& chain = files.certificate_chain_path;
    if (SSL_CTX_use_certificate_chain_file(&context, chain.c_str()) != 1)
        return openssl_failure(chain + ": not a usable certificate");
    const std::string& key = files.private_key_path;
    if (SSL_CTX_use_PrivateKey_file(&context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(&context) != 1)
        return openssl_failure(key + ": not the certificate's private key");
    return {};
}

base::Failure<std::string> openssl_failure(const std::string& what) {
    char text[256] = "unknown error";
    if (const auto code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return base::Failure(what + ": " + text);
}

}  // namespace starling::net
