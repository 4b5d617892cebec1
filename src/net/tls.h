// net/tls.h: TLS 1.2 and 1.3 over bytes in memory (OpenSSL 3): no socket, no loop.
//
// TlsContext: certificates and settings, immutable, shared by workers; a reload makes a new one.
// TlsSession: one connection. Ciphertext goes in as it arrives; ciphertext to send is collected in
// output(). Nothing of a record's size is held while the connection is idle.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

struct ssl_st;
struct ssl_ctx_st;
struct bio_method_st;

namespace starling::net {

struct CertificateFiles {
    std::string certificate_chain_path;  // PEM, leaf first.
    std::string private_key_path;        // PEM.
};

class TlsContext {
public:
    // The first certificate serves clients that name no host, or a host that no certificate names.
    // `ciphers`: those of TLS 1.2, in OpenSSL's format. `error` names each file that cannot be used.
    // With `previous`, made of as many certificates, such a certificate stays what it was there.
    // Null: no certificate can be used.
    [[nodiscard]] static std::shared_ptr<const TlsContext> load(
        const std::vector<CertificateFiles>& certificates, const std::string& ciphers,
        std::string& error, const TlsContext* previous = nullptr);
    ~TlsContext();

private:
    friend class TlsSession;
    struct Certificate;
    TlsContext() = default;
    [[nodiscard]] ssl_ctx_st* context_for(const char* server_name) const noexcept;
    [[nodiscard]] static ssl_ctx_st* make(const CertificateFiles& files, const std::string& ciphers,
                                          std::string& error);
    static int on_client_hello(ssl_st* ssl, int* alert, void*) noexcept;
    static int on_server_name(ssl_st* ssl, int* alert, void*) noexcept;

    std::vector<Certificate> certificates_;
    bio_method_st* bio_method_ = nullptr;
};

class TlsSession {
public:
    enum class Status : uint8_t { ok, ended, failed };
    static constexpr size_t record_bytes_max = 16 * 1024;
    // Beyond these the session fails: KeyUpdate messages of the peer, and ciphertext that waits.
    static constexpr uint32_t key_updates_per_minute_max = 32;
    static constexpr size_t output_bytes_max = 64 * 1024;

    explicit TlsSession(std::shared_ptr<const TlsContext> context);  // Server side.
    ~TlsSession();
    TlsSession(const TlsSession&) = delete;
    TlsSession& operator=(const TlsSession&) = delete;

    // Gives the session ciphertext that arrived. It is read by read(), until read() gives nothing.
    // `now_ms`: of a clock that never goes back; for limits on what the peer asks in a minute.
    void feed(std::span<const std::byte> ciphertext, uint64_t now_ms = 0) noexcept;
    // Plaintext, as much as fits and is there; 0 with `ok`: all that was fed is consumed.
    [[nodiscard]] size_t read(std::span<std::byte> plaintext, Status& status);
    // Encrypts all of it; the ciphertext is appended to output(). False: the session has failed, or
    // the handshake is not finished.
    [[nodiscard]] bool write(std::span<const std::byte> plaintext);
    [[nodiscard]] bool established() const noexcept;
    void send_close_notify();

    // Ciphertext to send; the owner takes it from the front.
    [[nodiscard]] std::string& output() noexcept { return output_; }

private:
    friend class TlsContext;
    struct Bio;
    std::shared_ptr<const TlsContext> context_;
    ssl_st* ssl_ = nullptr;
    std::span<const std::byte> input_;
    std::string output_;
    uint32_t key_updates_ = 0;  // Of the peer, in the minute of its last bytes.
    uint32_t minute_ = 0;
};

}  // namespace starling::net
