#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/text.h"

namespace starling::net {

struct TlsContext::Certificate {
    explicit Certificate(SSL_CTX* c) noexcept : context(c, &SSL_CTX_free) {}
    std::unique_ptr<SSL_CTX, void (*)(SSL_CTX*)> context;
};

// OpenSSL's I/O: it reads from input_ and writes to output_.
struct TlsSession::Bio {
    static TlsSession& session(BIO* bio) noexcept {
        return *static_cast<TlsSession*>(BIO_get_data(bio));
    }
    static int read(BIO* bio, char* out, size_t size, size_t* done) noexcept {
        auto& input = session(bio).input_;
        BIO_clear_retry_flags(bio);
        *done = 0;
        if (session(bio).key_updates_ > key_updates_per_minute_max) return -1;
        *done = std::min(size, input.size());
        if (*done == 0) {
            BIO_set_retry_read(bio);
            return 0;
        }
        std::memcpy(out, input.data(), *done);
        input = input.subspan(*done);
        return 1;
    }
    static int write(BIO* bio, const char* bytes, size_t size, size_t* done) noexcept {
        *done = 0;
        // The owner sends one record before it writes the next. So output_ grows beyond a few
        // records only by answers to a peer that does not read them.
        if (session(bio).output_.size() > output_bytes_max) return -1;
        try {
            session(bio).output_.append(bytes, size);
        } catch (const std::bad_alloc&) {
            // An exception must not pass through OpenSSL's functions.
            session(bio).out_of_memory_ = true;
            return -1;
        }
        *done = size;
        return 1;
    }
    // RFC 8446 section 4.6.3: each KeyUpdate costs both sides a key derivation, and one that asks
    // for an answer costs an answer.
    static void on_protocol_message(int written, int, int content_type, const void* bytes,
                                    size_t size, SSL*, void* session) noexcept {
        constexpr int handshake = 22;
        constexpr unsigned char key_update = 24;
        if (!written && content_type == handshake && size > 0 &&
            *static_cast<const unsigned char*>(bytes) == key_update)
            ++static_cast<TlsSession*>(session)->key_updates_;
    }
    static long control(BIO*, int command, long, void*) noexcept {
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }
    static int create(BIO* bio) noexcept {
        BIO_set_init(bio, 1);
        return 1;
    }
};

namespace {

// RFC 7301. A client that offers protocols without http/1.1 is refused.
int select_alpn(SSL*, const unsigned char** out, unsigned char* out_size,
                const unsigned char* offered, unsigned offered_size, void*) noexcept {
    static constexpr std::string_view http11 = "http/1.1";
    for (unsigned at = 0; at < offered_size; at += 1u + offered[at]) {
        const std::string_view name(reinterpret_cast<const char*>(offered + at + 1), offered[at]);
        if (name != http11) continue;
        *out = offered + at + 1;
        *out_size = offered[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

std::string openssl_error() {
    char text[256] = "unknown error";
    if (const auto code = ERR_get_error()) ERR_error_string_n(code, text, sizeof text);
    ERR_clear_error();
    return text;
}

}  // namespace

base::Result<TlsContext::Certificate> TlsContext::make(const CertificateFiles& files,
                                                       const std::string& ciphers) {
    Certificate made(SSL_CTX_new(TLS_server_method()));
    const auto& context = made.context;
    SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                           SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
    // Sessions resume by tickets only: the client holds the state, the server none.
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context.get(), 1);
    SSL_CTX_set_alpn_select_cb(context.get(), &select_alpn, nullptr);
    SSL_CTX_set_client_hello_cb(context.get(), &TlsContext::on_client_hello, nullptr);
    SSL_CTX_set_tlsext_servername_callback(context.get(), &TlsContext::on_server_name);
    // Without this OpenSSL asks for the passphrase of an encrypted key on the terminal.
    SSL_CTX_set_default_passwd_cb(context.get(), [](char*, int, int, void*) { return -1; });
    ERR_clear_error();
    const auto fault = [](const std::string& what) {
        return base::Failure(what + ": " + openssl_error());
    };
    if (SSL_CTX_set_cipher_list(context.get(), ciphers.c_str()) != 1)
        return fault("no cipher is named by '" + ciphers + "'");
    const std::string& chain = files.certificate_chain_path;
    if (SSL_CTX_use_certificate_chain_file(context.get(), chain.c_str()) != 1)
        return fault(chain + ": not a usable certificate");
    const std::string& key = files.private_key_path;
    if (SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(context.get()) != 1)
        return fault(key + ": not the certificate's private key");
    return made;
}

base::Result<TlsContext::Loaded> TlsContext::load(const std::vector<CertificateFiles>& certificates,
                                                  const std::string& ciphers,
                                                  const TlsContext* previous) {
    if (certificates.empty()) return base::Failure("TLS needs at least one certificate");
    std::string kept;
    const std::shared_ptr<TlsContext> result(new TlsContext);
    if (previous && previous->certificates_.size() != certificates.size()) previous = nullptr;
    for (const auto& files : certificates) {
        auto made = make(files, ciphers);
        if (made) {
            result->certificates_.push_back(*std::move(made));
            continue;
        }
        if (!previous) return base::Failure(made.error());
        SSL_CTX* const old = previous->certificates_[result->certificates_.size()].context.get();
        SSL_CTX_up_ref(old);
        result->certificates_.emplace_back(old);
        if (!kept.empty()) kept += "; ";
        kept += made.error();
    }
    // Called once: OpenSSL has only 127 of these numbers, and each reload comes here.
    static const int bio_type = BIO_get_new_index() | BIO_TYPE_SOURCE_SINK;
    result->bio_method_ = BIO_meth_new(bio_type, "starling");
    BIO_meth_set_read_ex(result->bio_method_, &TlsSession::Bio::read);
    BIO_meth_set_write_ex(result->bio_method_, &TlsSession::Bio::write);
    BIO_meth_set_ctrl(result->bio_method_, &TlsSession::Bio::control);
    BIO_meth_set_create(result->bio_method_, &TlsSession::Bio::create);
    return Loaded{result, std::move(kept)};
}

TlsContext::~TlsContext() {
    if (bio_method_) BIO_meth_free(bio_method_);
}

SSL_CTX* TlsContext::context_for(const char* server_name) const noexcept {
    for (const auto& certificate : certificates_) {
        X509* leaf = SSL_CTX_get0_certificate(certificate.context.get());
        if (leaf && X509_check_host(leaf, server_name, 0, 0, nullptr) == 1)
            return certificate.context.get();
    }
    return nullptr;
}

// RFC 6066 section 3: a session must not be resumed under another server name. OpenSSL resumes only
// within one session ID context, so each name has its own: a hash of the extension.
int TlsContext::on_client_hello(SSL* ssl, int* alert, void*) noexcept {
    const unsigned char* extension = nullptr;
    size_t size = 0;
    SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size);
    std::array<unsigned char, SSL_MAX_SID_CTX_LENGTH> id{};
    static_assert(SSL_MAX_SID_CTX_LENGTH >= 32, "holds a SHA-256");
    unsigned id_size = 0;
    try {
        std::string name(reinterpret_cast<const char*>(extension), size);
        std::ranges::transform(name, name.begin(), base::lower);
        if (EVP_Digest(name.data(), name.size(), id.data(), &id_size, EVP_sha256(), nullptr) == 1 &&
            SSL_set_session_id_context(ssl, id.data(), id_size) == 1)
            return SSL_CLIENT_HELLO_SUCCESS;
    } catch (const std::bad_alloc&) {
        TlsSession::Bio::session(SSL_get_rbio(ssl)).out_of_memory_ = true;
    }
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_CLIENT_HELLO_ERROR;
}

int TlsContext::on_server_name(SSL* ssl, int*, void*) noexcept {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name) return SSL_TLSEXT_ERR_NOACK;
    // A certificate may belong to several contexts, so use the session's own context.
    const auto* context = static_cast<const TlsContext*>(SSL_get_app_data(ssl));
    if (SSL_CTX* match = context->context_for(name)) SSL_set_SSL_CTX(ssl, match);
    return SSL_TLSEXT_ERR_OK;
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context)
    : context_(std::move(context)), ssl_(SSL_new(context_->certificates_.front().context.get())) {
    BIO* bio = BIO_new(context_->bio_method_);
    BIO_set_data(bio, this);
    SSL_set_app_data(ssl_, const_cast<TlsContext*>(context_.get()));
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_accept_state(ssl_);
    SSL_set_msg_callback(ssl_, &Bio::on_protocol_message);
    SSL_set_msg_callback_arg(ssl_, this);
}

void TlsSession::feed(std::span<const std::byte> ciphertext, uint64_t now_ms) noexcept {
    STARLING_ASSERT(input_.empty() || ciphertext.empty());
    input_ = ciphertext;
    const auto minute = static_cast<uint32_t>(now_ms / 60'000);
    if (minute != minute_) key_updates_ = 0;
    minute_ = minute;
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

size_t TlsSession::read(std::span<std::byte> plaintext, Status& status) {
    STARLING_ASSERT(!plaintext.empty());
    ERR_clear_error();
    size_t done = 0;
    status = Status::ok;
    const bool got = SSL_read_ex(ssl_, plaintext.data(), plaintext.size(), &done) == 1;
    throw_if_out_of_memory();
    if (key_updates_ > key_updates_per_minute_max) {
        status = Status::failed;
        ERR_clear_error();
        return 0;
    }
    if (got) return done;
    const int error = SSL_get_error(ssl_, 0);
    if (error == SSL_ERROR_ZERO_RETURN)
        status = Status::ended;
    else if (error != SSL_ERROR_WANT_READ)
        status = Status::failed;
    ERR_clear_error();
    return 0;
}

bool TlsSession::write(std::span<const std::byte> plaintext) {
    ERR_clear_error();
    size_t done = 0;
    const bool written = SSL_write_ex(ssl_, plaintext.data(), plaintext.size(), &done) == 1 &&
                         done == plaintext.size();
    throw_if_out_of_memory();
    ERR_clear_error();
    return written;
}

bool TlsSession::established() const noexcept { return SSL_is_init_finished(ssl_) == 1; }

void TlsSession::send_close_notify() {
    if (established()) SSL_shutdown(ssl_);
    throw_if_out_of_memory();
    ERR_clear_error();
}

void TlsSession::throw_if_out_of_memory() {
    if (!std::exchange(out_of_memory_, false)) return;
    ERR_clear_error();
    throw std::bad_alloc();
}

}  // namespace starling::net
