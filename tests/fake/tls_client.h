// tests/fake/tls_client.h: the client's side of TLS, in memory.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

namespace starling::fake {

struct TlsClientOptions {
    int version_min = TLS1_2_VERSION;
    int version_max = TLS1_3_VERSION;
    std::string server_name;
    std::string alpn;     // As in the protocol: a length byte before each name.
    std::string ciphers;  // For TLS 1.2; "": OpenSSL's default.
    SSL_SESSION* session = nullptr;
};

class TlsClient {
public:
    explicit TlsClient(const TlsClientOptions& options = {})
        : context_(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free),
          session_(nullptr, &SSL_SESSION_free),
          ssl_(nullptr, &SSL_free) {
        SSL_CTX* const context = context_.get();
        SSL_CTX_set_security_level(context, 0);  // Allows TLS 1.1.
        SSL_CTX_set_min_proto_version(context, options.version_min);
        SSL_CTX_set_max_proto_version(context, options.version_max);
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT);
        SSL_CTX_sess_set_new_cb(context, &TlsClient::on_session);
        if (!options.ciphers.empty()) SSL_CTX_set_cipher_list(context, options.ciphers.c_str());
        ssl_.reset(SSL_new(context));
        SSL_set_app_data(ssl_.get(), this);
        in_ = BIO_new(BIO_s_mem());
        out_ = BIO_new(BIO_s_mem());
        BIO_set_mem_eof_return(in_, -1);
        SSL_set_bio(ssl_.get(), in_, out_);
        if (!options.server_name.empty())
            SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str());
        if (!options.alpn.empty())
            SSL_set_alpn_protos(ssl_.get(),
                                reinterpret_cast<const unsigned char*>(options.alpn.data()),
                                unsigned(options.alpn.size()));
        if (options.session) SSL_set_session(ssl_.get(), options.session);
        SSL_set_connect_state(ssl_.get());
    }
    TlsClient(const TlsClient&) = delete;
    TlsClient& operator=(const TlsClient&) = delete;

    // Takes ciphertext from the server; continues the handshake or reads.
    void feed(std::string_view ciphertext) {
        if (!ciphertext.empty()) BIO_write(in_, ciphertext.data(), int(ciphertext.size()));
        ERR_clear_error();
        char buffer[16 * 1024];
        while (error_.empty() && !ended_) {
            const int size = SSL_read(ssl_.get(), buffer, sizeof buffer);
            if (size > 0) {
                plaintext_.append(buffer, size_t(size));
                continue;
            }
            const int error = SSL_get_error(ssl_.get(), size);
            if (error == SSL_ERROR_WANT_READ) break;
            if (error == SSL_ERROR_ZERO_RETURN) {
                ended_ = true;
                break;
            }
            const char* const reason = ERR_reason_error_string(ERR_peek_error());
            error_ = reason ? reason : "failed";
        }
    }
    // Ciphertext for the server.
    [[nodiscard]] std::string output() {
        std::string bytes(BIO_ctrl_pending(out_), '\0');
        if (!bytes.empty()) BIO_read(out_, bytes.data(), int(bytes.size()));
        return bytes;
    }
    bool write(std::string_view text) {
        return SSL_write(ssl_.get(), text.data(), int(text.size())) == int(text.size());
    }
    void close() { SSL_shutdown(ssl_.get()); }

    [[nodiscard]] bool established() const { return SSL_is_init_finished(ssl_.get()) == 1; }
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] const std::string& error() const { return error_; }
    [[nodiscard]] std::string& plaintext() { return plaintext_; }
    [[nodiscard]] std::string version() const { return SSL_get_version(ssl_.get()); }
    [[nodiscard]] bool resumed() const { return SSL_session_reused(ssl_.get()) == 1; }
    [[nodiscard]] SSL* ssl() const { return ssl_.get(); }
    [[nodiscard]] SSL_SESSION* session() const { return session_.get(); }
    [[nodiscard]] std::string alpn() const {
        const unsigned char* name = nullptr;
        unsigned size = 0;
        SSL_get0_alpn_selected(ssl_.get(), &name, &size);
        return {reinterpret_cast<const char*>(name), size};
    }
    [[nodiscard]] std::string certificate_name() const {
        X509* const certificate = SSL_get0_peer_certificate(ssl_.get());
        if (!certificate) return "none";
        char name[256] = "";
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name,
                                  sizeof name);
        return name;
    }

private:
    static int on_session(SSL* ssl, SSL_SESSION* session) {
        static_cast<TlsClient*>(SSL_get_app_data(ssl))->session_.reset(session);
        return 1;
    }

    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<SSL_SESSION, decltype(&SSL_SESSION_free)> session_;
    std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
    BIO* in_ = nullptr;   // Owned by ssl_.
    BIO* out_ = nullptr;  // Owned by ssl_.
    std::string plaintext_, error_;
    bool ended_ = false;
};

}  // namespace starling::fake
