// net/tls.h: TLS 1.2 and 1.3 over bytes in memory (OpenSSL 3): no socket, no loop.
//
// The context of a server is here, that of a client in net/tls_client.h; TlsSession has both roles.
//
// TlsContext: certificates and settings, immutable, shared by workers; a reload makes a new one.
// TlsSession: one connection. The owner feeds it ciphertext that arrived, and sends the ciphertext
// that collects in output(). An idle connection holds no buffer for a record. On the server's side of
// TLS 1.3 the SSL object of OpenSSL is freed after the handshake: see net/tls_records.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/tls_records.h"

struct ssl_st;
struct ssl_ctx_st;
struct ssl_session_st;
struct x509_store_ctx_st;

namespace starling::net {

struct CertificateFiles {
    std::string certificate_chain_path;  // PEM, leaf first.
    std::string private_key_path;        // PEM.
    // Lower case: "example.com", or "*.example.com" for all names beneath. Clients that ask for one of
    // these get the certificate, whatever names it holds itself.
    std::vector<std::string> hosts = {};
};

class TlsClientContext;

// Why TLS has failed.
struct TlsFailure {
    enum class Kind : uint8_t {
        expired,    // A certificate is not valid at this time.
        host,       // The certificate names other hosts.
        untrusted,  // The certificate is self-signed, or its issuer is not known.
        other,
    };
    Kind kind = Kind::other;
    std::string text;  // For people.
};

class TlsContext {
public:
    struct Loaded {
        std::shared_ptr<const TlsContext> context;  // Never null.
        // Why some certificates were taken over from `previous`, separated by "; ". Empty: all
        // certificates are new.
        std::string kept = {};
    };
    // Clients that name a host get the certificate with exactly this name, or else with a wildcard
    // for it; names in `hosts` go before those that certificates hold. The first certificate serves
    // clients that name no host, or a host that no certificate names.
    // `ciphers`: the suites of TLS 1.2, in OpenSSL's format. The error names the unusable file. If
    // `previous` has the same number of certificates, an unusable certificate is no error: the
    // certificate at the same position in `previous` takes its place.
    [[nodiscard]] static base::Result<Loaded> load(
        const std::vector<CertificateFiles>& certificates, const std::string& ciphers,
        const TlsContext* previous = nullptr);
    ~TlsContext();

private:
    friend class TlsSession;
    struct Certificate;
    TlsContext() = default;
    [[nodiscard]] const Certificate* certificate_for(const char* server_name) const noexcept;
    [[nodiscard]] static base::Result<Certificate> make(const CertificateFiles& files,
                                                        const std::string& ciphers);
    static int on_client_hello(ssl_st* ssl, int* alert, void*) noexcept;
    static int on_server_name(ssl_st* ssl, int* alert, void*) noexcept;
    static void on_secret(const ssl_st* ssl, const char* line) noexcept;

    std::vector<Certificate> certificates_;
};

class TlsSession {
public:
    using Status = TlsRecords::Status;
    static constexpr size_t record_bytes_max = TlsRecords::plaintext_bytes_max;
    // read() needs no memory of its own for a record if it gets this many bytes of memory.
    static constexpr size_t read_bytes_min = TlsRecords::inner_bytes_max;
    // Limits on the peer's KeyUpdate messages and on ciphertext in output(). Beyond them the
    // session fails.
    static constexpr uint32_t key_updates_per_minute_max = 32;
    static constexpr size_t output_bytes_max = 64 * 1024;

    explicit TlsSession(std::shared_ptr<const TlsContext> context);  // The server's side.
    // The client's side. The certificate must name `host`, a name or a numeric address without
    // brackets; a session of the same host and port may be resumed. The first message is in
    // output().
    TlsSession(std::shared_ptr<const TlsClientContext> context, std::string_view host,
               uint16_t port);
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    // Passes ciphertext that arrived. Before the next call, call read() until it returns 0, or call
    // feed() without ciphertext, which drops the ciphertext that was not read. `now_ms` is from a
    // clock that never goes back; the limit per minute needs it.
    void feed(std::span<const std::byte> ciphertext, uint64_t now_ms = 0) noexcept;
    // The calls below throw std::bad_alloc if there is no memory; the session has failed then.
    // Continues the handshake with what was fed. Call read() afterwards, even if the session has
    // failed. True: the handshake is complete.
    [[nodiscard]] bool shake_hands();
    // Reads as much plaintext as is available and fits. 0 with `ok`: all ciphertext is consumed.
    [[nodiscard]] size_t read(std::span<std::byte> plaintext, Status& status);
    // Encrypts all of `plaintext` and appends the ciphertext to output(). False: the session has
    // failed, or the handshake is not finished.
    [[nodiscard]] bool write(std::span<const std::byte> plaintext);
    [[nodiscard]] bool established() const noexcept;
    void send_close_notify();
    // Frees what only makes the next records cheaper.
    void rest() noexcept;
    // Whether the SSL object is gone, and with it nearly all memory of the session.
    [[nodiscard]] bool is_small() const noexcept { return records_ != nullptr; }

    // Of the client's side alone: why the session has failed, or null.
    [[nodiscard]] const TlsFailure* failure() const noexcept;
    // Of the server's side: the name that the client asked for (SNI), or "".
    [[nodiscard]] std::string_view server_name() const noexcept;
    // Of both sides, once established: the protocol chosen by ALPN, or ""; "TLSv1.3"; whether a
    // session was resumed.
    [[nodiscard]] std::string_view alpn() const noexcept;
    [[nodiscard]] std::string_view version() const noexcept;
    [[nodiscard]] bool resumed() const noexcept;

    // Ciphertext to be sent; the owner removes it from the front.
    [[nodiscard]] std::string& output() noexcept { return output_; }

private:
    friend class TlsContext;
    friend class TlsClientContext;
    struct Bio;
    struct Client;
    // What the server's side keeps of a handshake of TLS 1.3 until it ends.
    struct Secrets;
    TlsSession(std::shared_ptr<const void> context, std::unique_ptr<Client> client, ssl_st* ssl);
    void throw_if_out_of_memory();
    void note_failure();
    [[nodiscard]] size_t read_ssl(std::span<std::byte> plaintext, Status& status);
    void become_small();
    static int on_new_session(ssl_st* ssl, ssl_session_st* session) noexcept;
    static int on_verify(int valid, x509_store_ctx_st* verification) noexcept;

    const std::shared_ptr<const void> context_;  // Kept alive. A TlsContext or TlsClientContext.
    const std::unique_ptr<Client> client_;       // Null: the server's side.
    ssl_st* ssl_ = nullptr;                      // Null: `records_` has taken over.
    std::unique_ptr<Secrets> secrets_;
    std::unique_ptr<TlsRecords> records_;
    std::string server_name_;  // These two belong to `records_`.
    bool has_alpn_ = false, resumed_ = false;
    std::span<const std::byte> input_;
    std::string output_;
    uint32_t key_updates_ = 0;  // The peer's KeyUpdates in `minute_`.
    uint32_t minute_ = 0;
    bool handshake_failed_ = false;
    // A callback ran out of memory; its exception must not pass through OpenSSL's functions.
    bool out_of_memory_ = false;
};

}  // namespace starling::net
