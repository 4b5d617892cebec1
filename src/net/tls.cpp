#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/digest.h"
#include "base/text.h"
#include "net/address.h"
#include "net/tls_client.h"
#include "net/tls_failure.h"
#include "net/tls_server_settings.h"
#include "net/tls_settings.h"
#include "net/tls_tickets.h"

namespace starling::net {

struct TlsContext::Certificate {
    // `without_log` is for clients without TLS 1.3. OpenSSL writes the secrets of each session as text
    // for on_secret(), which is a tenth of what a resumed handshake of TLS 1.2 costs.
    SslContext context, without_log;
    std::vector<std::string> hosts = {};
    std::shared_ptr<TlsTicketKeys> tickets = {};  // Those of all certificates.
};

// What only the client's side has.
struct TlsSession::Client {
    const TlsClientContext& context;
    TlsClientContext::Peer peer;
    std::unique_ptr<TlsFailure> failure = {};

    static std::unique_ptr<Client> of(const TlsClientContext& context, std::string_view host,
                                      uint16_t port) {
        if (host.ends_with('.')) host.remove_suffix(1);
        const auto address = Address::numeric(host, port);
        std::string name = address ? address->ip() : std::string(host);
        std::string key = name + ":" + std::to_string(port);
        return std::make_unique<Client>(
            Client{context, {std::move(name), address.has_value(), std::move(key)}});
    }
};

struct TlsSession::Secrets {
    std::vector<std::byte> client, server;  // The application traffic secrets.
    uint64_t written = 0;                   // Records since `server` is known.
    ~Secrets() {
        for (auto* const secret : {&client, &server})
            OPENSSL_cleanse(secret->data(), secret->size());
    }
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
                                    size_t size, SSL*, void* of) noexcept {
        constexpr int handshake = 22;
        constexpr unsigned char key_update = 24;
        auto& session = *static_cast<TlsSession*>(of);
        if (written && content_type == SSL3_RT_HEADER && session.secrets_ &&
            !session.secrets_->server.empty())
            ++session.secrets_->written;
        if (!written && content_type == handshake && size > 0 &&
            *static_cast<const unsigned char*>(bytes) == key_update)
            ++session.key_updates_;
    }
    static long control(BIO*, int command, long, void*) noexcept {
        return command == BIO_CTRL_FLUSH ? 1 : 0;
    }
    static const bio_method_st* method();
    static int create(BIO* bio) noexcept {
        BIO_set_init(bio, 1);
        return 1;
    }
};

base::Result<TlsContext::Certificate> TlsContext::make(const CertificateFiles& files,
                                                       const std::string& ciphers) {
    auto made = make_server_context(ciphers);
    if (!made) return base::Failure(made.error());
    SSL_CTX& context = **made;
    SSL_CTX_set_client_hello_cb(&context, &TlsContext::on_client_hello, nullptr);
    SSL_CTX_set_tlsext_servername_callback(&context, &TlsContext::on_server_name);
    if (const auto used = use_certificate(context, files); !used)
        return base::Failure(used.error());
    auto without_log = make_server_context(ciphers);
    if (!without_log) return base::Failure(without_log.error());
    use_certificate_of(**without_log, context);
    SSL_CTX_set_keylog_callback(&context, &TlsContext::on_secret);
    return Certificate{*std::move(made), *std::move(without_log), files.hosts};
}

base::Result<TlsContext::Loaded> TlsContext::load(const std::vector<CertificateFiles>& certificates,
                                                  const std::string& ciphers,
                                                  const TlsContext* previous) {
    if (certificates.empty()) return base::Failure("TLS needs at least one certificate");
    std::string kept;
    const std::shared_ptr<TlsContext> result(new TlsContext);
    const auto tickets =
        previous ? previous->certificates_.front().tickets : std::make_shared<TlsTicketKeys>();
    if (previous && previous->certificates_.size() != certificates.size()) previous = nullptr;
    for (const auto& files : certificates) {
        auto made = make(files, ciphers);
        if (made) {
            use_tickets(*made->context, *tickets);
            use_tickets(*made->without_log, *tickets);
            made->tickets = tickets;
            result->certificates_.push_back(*std::move(made));
            continue;
        }
        if (!previous) return base::Failure(made.error());
        const Certificate& old = previous->certificates_[result->certificates_.size()];
        result->certificates_.push_back(
            {shared(old.context), shared(old.without_log), files.hosts, tickets});
        if (!kept.empty()) kept += "; ";
        kept += made.error();
    }
    return Loaded{result, std::move(kept)};
}

TlsContext::~TlsContext() = default;

// The names of `hosts`, then those of the certificates; exact names go before wildcards, and a long
// wildcard before a short one.
const TlsContext::Certificate* TlsContext::certificate_for(const char* server_name) const noexcept {
    std::string_view name(server_name);
    if (name.ends_with('.')) name.remove_suffix(1);
    const Certificate* best = nullptr;
    size_t best_size = 0;
    for (const auto& certificate : certificates_) {
        for (const std::string_view host : certificate.hosts) {
            if (base::iequals(host, name)) return &certificate;
            const bool beneath =
                host.starts_with("*.") && name.size() >= host.size() &&
                base::iequals(name.substr(name.size() - host.size() + 1), host.substr(1));
            if (!beneath || host.size() <= best_size) continue;
            best = &certificate;
            best_size = host.size();
        }
    }
    if (best) return best;
    for (const unsigned flags : {X509_CHECK_FLAG_NO_WILDCARDS, 0}) {
        for (const auto& certificate : certificates_) {
            X509* leaf = SSL_CTX_get0_certificate(certificate.context.get());
            if (leaf && X509_check_host(leaf, name.data(), name.size(), flags, nullptr) == 1)
                return &certificate;
        }
    }
    return nullptr;
}

// RFC 6066 section 3: a session must not be resumed under another server name. OpenSSL resumes only
// within one session ID context, so each name has its own: a hash of the extension.
int TlsContext::on_client_hello(SSL* ssl, int* alert, void*) noexcept {
    const auto& context = *static_cast<const TlsContext*>(SSL_get_app_data(ssl));
    if (!offers_tls13(*ssl)) SSL_set_SSL_CTX(ssl, context.certificates_.front().without_log.get());
    const unsigned char* extension = nullptr;
    size_t size = 0;
    SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &extension, &size);
    static_assert(SSL_MAX_SID_CTX_LENGTH >= base::sha256_bytes);
    try {
        std::string name(reinterpret_cast<const char*>(extension), size);
        std::ranges::transform(name, name.begin(), base::lower);
        const auto id = base::sha256(name);
        if (SSL_set_session_id_context(ssl, reinterpret_cast<const unsigned char*>(id.data()),
                                       id.size()) == 1)
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
    const bool logs = SSL_CTX_get_keylog_callback(SSL_get_SSL_CTX(ssl)) != nullptr;
    if (const Certificate* const match = context->certificate_for(name))
        SSL_set_SSL_CTX(ssl, logs ? match->context.get() : match->without_log.get());
    return SSL_TLSEXT_ERR_OK;
}

// A line in the format of SSLKEYLOGFILE: "LABEL RANDOM SECRET", both in hexadecimal. OpenSSL has no other
// call that gives the secrets of the application's records. The call comes when the key of a direction
// changes, so all records that are written later have the server's secret.
void TlsContext::on_secret(const SSL* ssl, const char* line) noexcept {
    const std::string_view text(line);
    const bool client = text.starts_with("CLIENT_TRAFFIC_SECRET_0 ");
    if (!client && !text.starts_with("SERVER_TRAFFIC_SECRET_0 ")) return;
    TlsSession& session = TlsSession::Bio::session(SSL_get_rbio(ssl));
    const std::string_view digits = text.substr(text.rfind(' ') + 1);
    try {
        if (!session.secrets_) session.secrets_ = std::make_unique<TlsSession::Secrets>();
        auto& secret = client ? session.secrets_->client : session.secrets_->server;
        secret.reserve(digits.size() / 2);
        for (size_t at = 0; at + 1 < digits.size(); at += 2)
            secret.push_back(
                std::byte(OPENSSL_hexchar2int(static_cast<unsigned char>(digits[at])) << 4 |
                          OPENSSL_hexchar2int(static_cast<unsigned char>(digits[at + 1]))));
    } catch (const std::bad_alloc&) {
        session.out_of_memory_ = true;
    }
}

// Made once and never freed: sessions may live as long as the program.
const bio_method_st* TlsSession::Bio::method() {
    static const BIO_METHOD* const made = [] {
        BIO_METHOD* const method =
            BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "starling");
        if (!method) throw std::bad_alloc();
        BIO_meth_set_read_ex(method, &Bio::read);
        BIO_meth_set_write_ex(method, &Bio::write);
        BIO_meth_set_ctrl(method, &Bio::control);
        BIO_meth_set_create(method, &Bio::create);
        return method;
    }();
    return made;
}

TlsSession::TlsSession(std::shared_ptr<const void> context, std::unique_ptr<Client> client,
                       ssl_st* ssl)
    : context_(std::move(context)),
      client_(std::move(client)),
      ssl_(client_ ? client_->context.connect(client_->peer) : ssl) {
    BIO* bio = BIO_new(Bio::method());
    BIO_set_data(bio, this);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_msg_callback(ssl_, &Bio::on_protocol_message);
    SSL_set_msg_callback_arg(ssl_, this);
}

TlsSession::TlsSession(std::shared_ptr<const TlsContext> context)
    : TlsSession(context, nullptr, SSL_new(context->certificates_.front().context.get())) {
    SSL_set_app_data(ssl_, const_cast<TlsContext*>(context.get()));
    SSL_set_accept_state(ssl_);
}

TlsSession::TlsSession(std::shared_ptr<const TlsClientContext> context, std::string_view host,
                       uint16_t port)
    : TlsSession(context, Client::of(*context, host, port), nullptr) {
    SSL_set_app_data(ssl_, this);
    SSL_set_connect_state(ssl_);
    (void)shake_hands();
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
    if (!established() && !handshake_failed_) (void)shake_hands();
    status = Status::ok;
    if (handshake_failed_) {  // OpenSSL would take the peer's alert for the end.
        status = Status::failed;
        return 0;
    }
    if (!records_) return read_ssl(plaintext, status);
    return records_->read(input_, plaintext, output_, status, key_updates_,
                          key_updates_per_minute_max);
}

size_t TlsSession::read_ssl(std::span<std::byte> plaintext, Status& status) {
    ERR_clear_error();
    size_t done = 0;
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
    if (status == Status::failed) note_failure();
    ERR_clear_error();
    return 0;
}

bool TlsSession::shake_hands() {
    if (established()) return true;
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    throw_if_out_of_memory();
    if (result == 1) {
        become_small();
        return true;
    }
    if (SSL_get_error(ssl_, result) != SSL_ERROR_WANT_READ) {
        handshake_failed_ = true;
        note_failure();
    }
    ERR_clear_error();
    return false;
}

// OpenSSL reads no byte beyond a record, unless its configuration makes it read ahead. So input_
// begins with the first record of the application.
void TlsSession::become_small() {
    if (!secrets_) return;
    const auto secrets = std::move(secrets_);
    if (client_ || SSL_version(ssl_) != TLS1_3_VERSION || SSL_has_pending(ssl_) == 1) return;
    const SSL_CIPHER* const cipher = SSL_get_current_cipher(ssl_);
    // 1 to 4: 512 to 4096 bytes; others: there is no limit.
    const int limit = SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl_));
    const bool limited =
        limit >= TLSEXT_max_fragment_length_512 && limit <= TLSEXT_max_fragment_length_4096;
    auto records = TlsRecords::make(
        {SSL_CIPHER_get_protocol_id(cipher), secrets->client, secrets->server, secrets->written,
         limited ? size_t{256} << limit : TlsRecords::plaintext_bytes_max});
    if (!records) return;
    server_name_ = server_name();
    has_alpn_ = !alpn().empty();
    resumed_ = resumed();
    records_ = std::move(records);
    SSL_free(std::exchange(ssl_, nullptr));
}

void TlsSession::rest() noexcept {
    if (records_) records_->rest();
}

// The first failure says why; what follows is about a connection that has failed.
void TlsSession::note_failure() {
    if (!client_ || client_->failure) return;
    client_->failure = std::make_unique<TlsFailure>(describe_tls_failure());
}

const TlsFailure* TlsSession::failure() const noexcept {
    return client_ ? client_->failure.get() : nullptr;
}

std::string_view TlsSession::alpn() const noexcept {
    if (records_) return has_alpn_ ? http11 : std::string_view();
    const unsigned char* name = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_, &name, &size);
    return {reinterpret_cast<const char*>(name), size};
}

std::string_view TlsSession::server_name() const noexcept {
    if (records_) return server_name_;
    const char* const name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name);
    return name ? std::string_view(name) : std::string_view();
}

std::string_view TlsSession::version() const noexcept {
    return records_ ? "TLSv1.3" : SSL_get_version(ssl_);
}

bool TlsSession::resumed() const noexcept {
    return records_ ? resumed_ : SSL_session_reused(ssl_) == 1;
}

int TlsSession::on_verify(int valid, X509_STORE_CTX* verification) noexcept {
    if (valid) return valid;
    const auto* const ssl = static_cast<const SSL*>(
        X509_STORE_CTX_get_ex_data(verification, SSL_get_ex_data_X509_STORE_CTX_idx()));
    auto& session = *static_cast<TlsSession*>(SSL_get_app_data(ssl));
    if (SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE) return valid;  // OpenSSL goes on.
    try {
        session.client_->failure = std::make_unique<TlsFailure>(
            describe_certificate_failure(*verification, session.client_->peer.host));
    } catch (const std::bad_alloc&) {
        session.out_of_memory_ = true;
    }
    return valid;
}

int TlsSession::on_new_session(SSL* ssl, SSL_SESSION* session) noexcept {
    const auto& client = *static_cast<const TlsSession*>(SSL_get_app_data(ssl))->client_;
    try {
        client.context.keep(client.peer, *session);
    } catch (const std::bad_alloc&) {
        // The next connection makes a whole handshake.
    }
    return 0;  // OpenSSL keeps its own reference.
}

bool TlsSession::write(std::span<const std::byte> plaintext) {
    if (records_) return records_->write(plaintext, output_);
    ERR_clear_error();
    size_t done = 0;
    const bool written = SSL_write_ex(ssl_, plaintext.data(), plaintext.size(), &done) == 1 &&
                         done == plaintext.size();
    throw_if_out_of_memory();
    ERR_clear_error();
    return written;
}

bool TlsSession::established() const noexcept {
    return records_ || SSL_is_init_finished(ssl_) == 1;
}

void TlsSession::send_close_notify() {
    if (records_) return records_->close(output_);
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
